//! One of the two that are compared, sample by sample.

use edgebench_kernels::digest::digest;

use super::error::ParityError;
use super::live::Live;
use super::trace::{FORMAT, Hex, Layer, Trace, TraceSample, encode};

/// Inputs of one sample, one for each port.
pub type Inputs = Vec<Vec<u8>>;

/// Digests of the inputs of a sample, and of the layers that are computed.
pub type Digests = (Vec<Hex>, Vec<Option<Hex>>);

/// Where digests come from.
#[derive(Debug)]
pub enum Source {
    /// A network that runs here.
    Live(Box<Live>),
    /// Samples that were recorded.
    Recorded(Vec<TraceSample>),
}

/// One of the two that are compared.
#[derive(Debug)]
pub struct Side {
    /// Who it is, in words.
    pub target: String,
    /// What it computes.
    pub layers: Vec<Layer>,
    /// Where digests come from.
    pub source: Source,
    sample: usize,
}

impl Side {
    /// A network that runs here.
    #[must_use]
    pub fn live(target: String, (live, layers): (Live, Vec<Layer>)) -> Self {
        Self { target, layers, source: Source::Live(Box::new(live)), sample: 0 }
    }

    /// What another run left behind.
    #[must_use]
    pub fn recorded(trace: Trace) -> Self {
        Self { target: trace.target, layers: trace.layers, source: Source::Recorded(trace.samples), sample: 0 }
    }

    /// Goes to a sample: digests of its inputs and its layers.
    ///
    /// # Errors
    /// Inputs that are not the model's, or a sample that was not recorded.
    pub fn go_to(&mut self, sample: usize, inputs: Option<&Inputs>) -> Result<Digests, ParityError> {
        self.sample = sample;
        match (&mut self.source, inputs) {
            (Source::Live(live), Some(inputs)) => {
                live.run(inputs)?;
                Ok((inputs.iter().map(|bytes| Hex(digest(bytes))).collect(), live.digests()))
            }
            (Source::Live(_), None) => Err(ParityError::NoSample { target: self.target.clone(), sample, found: 0 }),
            (Source::Recorded(samples), _) => match samples.get(sample) {
                Some(recorded) => Ok((recorded.inputs.clone(), recorded.digests.clone())),
                None => Err(ParityError::NoSample { target: self.target.clone(), sample, found: samples.len() }),
            },
        }
    }

    /// The bytes of a layer for the sample that was gone to last; `None` where they are not known.
    pub fn bytes(&mut self, layer: usize) -> Option<Vec<u8>> {
        match &mut self.source {
            Source::Live(live) => live.bytes(layer),
            Source::Recorded(samples) => samples[self.sample].bytes(layer),
        }
    }
}

/// Which values a trace has beside digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// None.
    None,
    /// All.
    All,
    /// Those of this layer of this sample.
    One(usize, usize),
}

impl Values {
    fn has(self, sample: usize, layer: usize) -> bool {
        self == Self::All || self == Self::One(sample, layer)
    }
}

/// What a target computes for some inputs, as a trace. `about`: name and SHA-256 of the model's file, and what the inputs
/// are in words.
///
/// # Errors
/// Inputs that are not the model's.
pub fn record(
    side: &mut Side,
    samples: &[Inputs],
    about: (&str, &str, &str),
    values: Values,
) -> Result<Trace, ParityError> {
    let (file, sha256, words) = about;
    let mut recorded = Vec::new();
    for (at, inputs) in samples.iter().enumerate() {
        let (inputs, digests) = side.go_to(at, Some(inputs))?;
        let of =
            |layer: usize| if values.has(at, layer) { side.bytes(layer).map(|bytes| encode(&bytes)) } else { None };
        let values = (values != Values::None).then(|| (0..digests.len()).map(of).collect());
        recorded.push(TraceSample { inputs, digests, values });
    }
    Ok(Trace {
        schema: FORMAT.into(),
        target: side.target.clone(),
        file: file.into(),
        sha256: sha256.into(),
        inputs: words.into(),
        layers: side.layers.clone(),
        samples: recorded,
    })
}
