//! Ranges of activations from samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::histogram::Histogram;
use super::network::Network;
use super::ranges::{Origin, Range};
use super::{Error, Ranges};
use crate::graph::{DType, Graph};
use crate::lower::{LowerOptions, lower};
use crate::session::Session;
use crate::tflite::Model;

/// How the range of an activation follows from its values.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Method {
    /// The smallest and the largest value, as the converter has it.
    #[default]
    MinMax,
    /// Leaves out the outermost values: this share of them, 0 to 1, stays within.
    Percentile(f64),
    /// The range with the least mean squared error of the codes.
    Mse,
}

impl Method {
    /// The share of values that stays within if none is asked for.
    pub const PERCENTILE: f64 = 0.9999;

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Method::MinMax => "minmax",
            Method::Percentile(_) => "percentile",
            Method::Mse => "mse",
        }
    }
}

/// How to calibrate.
#[derive(Clone, Copy, Debug, Default)]
pub struct CalibrateOptions {
    /// From values to a range.
    pub method: Method,
    /// What the float model is lowered for; every tensor is kept in any case.
    pub lower: LowerOptions,
}

/// What is known of one tensor so far.
struct Seen {
    min: f32,
    max: f32,
    histogram: Option<Histogram>,
    /// Sum of each channel, and elements of each.
    sums: Vec<f64>,
    count: f64,
}

/// Runs a float model on one sample after the other and notes the range of every activation.
pub struct Calibrator {
    session: Session,
    /// Inputs in order: name and number of values.
    inputs: Vec<(String, usize)>,
    /// Activations by index: name and size of the last dimension.
    names: BTreeMap<usize, (String, usize)>,
    seen: BTreeMap<usize, Seen>,
    method: Method,
    samples: usize,
}

impl Calibrator {
    /// Makes the model ready to run.
    ///
    /// # Errors
    /// If it cannot be quantised (see [`super::quantise()`]) or run.
    pub fn new(model: &Model, options: &CalibrateOptions) -> Result<Calibrator, Error> {
        if let Method::Percentile(share) = options.method
            && !(share > 0.5 && share <= 1.0)
        {
            let expected = "more than 0.5, at most 1".to_owned();
            return Err(Error::Given { what: "percentile", name: "all".into(), expected, got: share.to_string() });
        }
        let network = Network::new(model)?;
        let graph = Graph::from_model(model)?;
        let plan = lower(&graph, &LowerOptions { keep_all: true, ..options.lower })?;
        let inputs = plan.inputs.iter().map(|port| (port.name.clone(), port.shape.iter().product())).collect();
        let reached = |&tensor: &usize| network.producer[tensor].is_some() || !network.users[tensor].is_empty();
        let names = (0..graph.tensors.len()).filter(|&t| network.is_activation(t)).filter(reached);
        let names =
            names.map(|t| (t, (network.name(t), graph.tensors[t].shape.last().copied().unwrap_or(1)))).collect();
        let (seen, method) = (BTreeMap::new(), options.method);
        Ok(Calibrator { session: Session::new(Arc::new(plan))?, inputs, names, seen, method, samples: 0 })
    }

    /// Runs one sample: the values of the input, of several inputs one behind the other.
    ///
    /// # Errors
    /// If the sample has another number of values, or an activation is not finite.
    pub fn observe(&mut self, sample: &[f32]) -> Result<(), Error> {
        self.set_inputs(sample)?;
        self.session.run();
        for (&tensor, (name, channels)) in &self.names {
            // Tensors that were computed while lowering have no place, and need no range.
            let Some(bytes) = self.session.tensor(tensor, DType::F32) else { continue };
            let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::Activation { name: name.clone(), sample: self.samples, value });
            }
            let with_histogram = self.method != Method::MinMax;
            let seen = self.seen.entry(tensor).or_insert_with(|| Seen::new(*channels, with_histogram));
            seen.add(&values);
        }
        self.samples += 1;
        Ok(())
    }

    fn set_inputs(&mut self, sample: &[f32]) -> Result<(), Error> {
        let expected: usize = self.inputs.iter().map(|(_, values)| values).sum();
        if sample.len() != expected {
            let name = self.inputs.first().map_or_else(String::new, |(name, _)| name.clone());
            return Err(Error::Sample { sample: self.samples, name, expected, got: sample.len() });
        }
        let mut rest = sample;
        for (port, (_, values)) in self.inputs.iter().enumerate() {
            let (of_port, behind) = rest.split_at(*values);
            let bytes: Vec<u8> = of_port.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.session.set_input(port, &bytes)?;
            rest = behind;
        }
        Ok(())
    }

    /// The ranges, all of them calibrated.
    ///
    /// # Errors
    /// If there was no sample.
    pub fn finish(self) -> Result<Ranges, Error> {
        if self.samples == 0 {
            return Err(Error::NoSample);
        }
        let mut ranges = Ranges::new();
        for (tensor, seen) in self.seen {
            let (min, max) = match (&seen.histogram, self.method) {
                (Some(histogram), Method::Percentile(share)) => histogram.percentile(share, (seen.min, seen.max)),
                (Some(histogram), Method::Mse) => histogram.least_error((seen.min, seen.max)),
                _ => (seen.min, seen.max),
            };
            ranges.insert(tensor, Range { min, max, origin: Origin::Calibrated })?;
            ranges.set_means(tensor, seen.sums.iter().map(|sum| sum / seen.count).collect());
        }
        Ok(ranges)
    }
}

impl Seen {
    fn new(channels: usize, with_histogram: bool) -> Seen {
        let histogram = with_histogram.then(Histogram::new);
        Seen { min: f32::INFINITY, max: f32::NEG_INFINITY, histogram, sums: vec![0.0; channels.max(1)], count: 0.0 }
    }

    fn add(&mut self, values: &[f32]) {
        for &value in values {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
        for pixel in values.chunks(self.sums.len()) {
            self.sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        self.count += (values.len() / self.sums.len()) as f64;
        if let Some(histogram) = &mut self.histogram {
            histogram.add(values);
        }
    }
}

/// The ranges of all activations of a float model over samples: for each, the values of the input.
///
/// # Errors
/// As [`Calibrator`]'s methods.
pub fn calibrate<S: AsRef<[f32]>>(
    model: &Model,
    samples: impl IntoIterator<Item = S>,
    options: &CalibrateOptions,
) -> Result<Ranges, Error> {
    let mut calibrator = Calibrator::new(model, options)?;
    for sample in samples {
        calibrator.observe(sample.as_ref())?;
    }
    calibrator.finish()
}
