//! The study's technique 10 as its pipeline made it (SPEC A.7): only convolutions and dense layers are annotated for quantisation, batch
//! normalisation is not folded, and ranges begin at ±6. [`train`] does that; [`Emulated::int8`] writes the file with each cause in it or
//! not, so that one sees which of them costs what. (The third cause is in how the study fed its files: values are cut off and wrap.)

use edgebench_models::quantise::{self, CalibrateOptions, Io, Origin, QuantiseOptions, Range};
use edgebench_models::tflite::Model;

use crate::exec::Workers;
use crate::export::{Exported, Form, as_it_is, float};
use crate::fit::{Plan, State, Watch, fit};
use crate::images::Images;
use crate::net::{Conv, LayerId, Op, Role};
use crate::technique::{Channels, WeightPath};
use crate::{Error, Net, Params, Trainer, fold};

/// What of the study's pipeline is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causes {
    /// The input has the range that its moving average reached from ±6, and not that of the images.
    pub input_range: bool,
    /// Batch normalisation is a MUL and an ADD with int8 constants of one scale each.
    pub batch_norm: bool,
}

/// A network after training as in technique 9.
#[derive(Debug)]
pub struct Emulated(Trainer);

/// Batch normalisation that a file has folded, unfolded again: each channel of a convolution in units of its largest weight. What the
/// original factors were the file does not say; the spread of the channels is what counts, and that is in the weights.
///
/// # Errors
/// [`Error::Net`] if the network cannot be rebuilt.
pub fn unfold(net: &Net, params: &Params) -> Result<(Net, Params), Error> {
    const EPSILON: f32 = 1e-3;
    rebuilt(net, params, |out, values, at, inputs| {
        let layer = &net.layers()[at];
        let Op::Conv(conv) = layer.op else { return Ok(None) };
        let kernel = net.tensors_of(at).start;
        let channels = Channels::of(&net.tensors()[kernel]);
        let gamma: Vec<f32> =
            channels.largest(params.get(kernel)).into_iter().map(|g| if g > 0.0 { g } else { 1.0 }).collect();
        let weights = params.get(kernel).iter().enumerate().map(|(w, value)| value / gamma[channels.channel(w)]);
        values.push(weights.collect());
        let beta = net.tensor(at, Role::Bias).map_or_else(|| vec![0.0; gamma.len()], |bias| params.get(bias).to_vec());
        let count = gamma.len();
        let value = out.add(layer.name.clone(), Op::Conv(Conv { bias: false, ..conv }), inputs)?;
        values.extend([gamma, beta, vec![0.0; count], vec![1.0 - EPSILON; count]]);
        let norm = Op::BatchNorm { epsilon: EPSILON, momentum: 0.99 };
        out.add(format!("{}/norm", layer.name), norm, &[value]).map(Some)
    })
}

/// Simulated quantisation where partial annotation puts it: after each convolution and dense layer, and after what is before one. All
/// ranges are −6 to 6 before the first batch.
fn annotate(net: &Net, params: &Params) -> Result<(Net, Params), Error> {
    let annotated = |at: LayerId| matches!(net.layers()[at].op, Op::Conv(_) | Op::Dense { .. });
    let mut marked = vec![false; net.layers().len()];
    for (at, layer) in net.layers().iter().enumerate().filter(|(at, _)| annotated(*at)) {
        marked[at] = true;
        // Padding has no quantiser of its own.
        let before = layer.inputs[0];
        marked[before] |= !matches!(net.layers()[before].op, Op::Pad(_) | Op::Dropout(_) | Op::Flatten);
    }
    rebuilt(net, params, |out, values, at, inputs| {
        if !marked[at] {
            return Ok(None);
        }
        let layer = &net.layers()[at];
        let mut value = 0;
        if at > 0 {
            values.extend(net.tensors_of(at).map(|tensor| params.get(tensor).to_vec()));
            value = out.add(layer.name.clone(), layer.op.clone(), inputs)?;
        }
        values.push(vec![-6.0, 6.0]);
        out.add(format!("{}/quant", layer.name), Op::FakeQuant, &[value]).map(Some)
    })
}

/// Trains as technique 9 does, from a network without batch normalisation.
///
/// # Errors
/// As [`fit`].
pub fn train(
    (net, params): (&Net, &Params),
    plan: &Plan,
    images: (&Images, Option<&Images>),
    workers: Workers,
    watch: &mut dyn Watch,
) -> Result<Emulated, Error> {
    let (net, params) = unfold(net, params)?;
    let (net, params) = annotate(&net, &params)?;
    let mut trainer = Trainer::new(net, params, workers)?;
    for at in 0..trainer.net().tensors().len() {
        if trainer.net().tensors()[at].role == Role::Kernel {
            trainer.paths[at] = Some(WeightPath { quantised: true, ..WeightPath::default() });
        }
    }
    fit(&mut trainer, plan, images, &mut State::default(), watch)?;
    Ok(Emulated(trainer))
}

impl Emulated {
    /// The network as it was trained: technique 9.
    pub fn simulation(&mut self) -> &mut Trainer {
        &mut self.0
    }

    /// Technique 10, with uint8 input and output as in the study. Ranges that training does not know are those of `samples`.
    ///
    /// # Errors
    /// [`Error::Export`].
    pub fn int8(&self, causes: Causes, samples: &[Vec<f32>]) -> Result<Model, Error> {
        let net = self.0.net();
        let refuse = |error: quantise::Error| Error::Export { net: net.name().to_owned(), problem: error.to_string() };
        let (own, exported) = if causes.batch_norm {
            (None, as_it_is(net, &self.0.params)?)
        } else {
            let (plain, params) = without_ranges(net, &self.0.params)?;
            let (folded, params) = fold(&plain, &params)?;
            let exported = float(&folded, &params, Form::Float)?;
            (Some(folded), exported)
        };
        let calibrated = quantise::calibrate(&exported.model, samples, &CalibrateOptions::default());
        let mut ranges = calibrated.map_err(refuse)?;
        for (at, layer) in net.layers().iter().enumerate().filter(|(_, layer)| layer.op == Op::FakeQuant) {
            let of = layer.inputs[0];
            if of == 0 && !causes.input_range {
                continue;
            }
            let Some(tensor) = self.tensor_of(of, own.as_ref(), &exported) else { continue };
            let &[min, max] = net.tensor(at, Role::Range).map_or(&[][..], |range| self.0.params.get(range)) else {
                continue;
            };
            ranges.insert(tensor, Range { min, max, origin: Origin::Trained }).map_err(refuse)?;
        }
        let options = QuantiseOptions { io: Io::Uint8, ..QuantiseOptions::default() };
        quantise::quantise(&exported.model, &ranges, &options).map_err(refuse)
    }

    /// The tensor of the file that holds the value of layer `of`. Once batch normalisation is folded, what a convolution gave before it is
    /// nowhere.
    fn tensor_of(&self, of: LayerId, folded: Option<&Net>, exported: &Exported) -> Option<usize> {
        let Some(folded) = folded else { return exported.tensor(of) };
        let layer = &self.0.net().layers()[of];
        if matches!(layer.op, Op::Conv(_)) {
            return None;
        }
        exported.tensor(folded.layers().iter().position(|other| other.name == layer.name)?)
    }
}

/// The network without simulated quantisation.
fn without_ranges(net: &Net, params: &Params) -> Result<(Net, Params), Error> {
    rebuilt(net, params, |_, _, at, inputs| Ok((net.layers()[at].op == Op::FakeQuant).then(|| inputs[0])))
}

/// A network layer by layer: `change` adds what stands for a layer and gives its value, or leaves it as it is.
fn rebuilt(
    net: &Net,
    params: &Params,
    mut change: impl FnMut(&mut Net, &mut Vec<Vec<f32>>, LayerId, &[LayerId]) -> Result<Option<LayerId>, Error>,
) -> Result<(Net, Params), Error> {
    let mut out = Net::new(net.name(), net.input())?;
    let mut values = Vec::new();
    let mut place = vec![0; net.layers().len()];
    for (at, layer) in net.layers().iter().enumerate() {
        let inputs: Vec<LayerId> = layer.inputs.iter().map(|&input| place[input]).collect();
        place[at] = match change(&mut out, &mut values, at, &inputs)? {
            Some(value) => value,
            None if at == 0 => 0,
            None => {
                values.extend(net.tensors_of(at).map(|tensor| params.get(tensor).to_vec()));
                out.add(layer.name.clone(), layer.op.clone(), &inputs)?
            }
        };
    }
    let params = Params::new(&out, values)?;
    Ok((out, params))
}
