//! What quantisation lost, layer by layer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::correct::dequantised;
use super::network::Network;
use super::{Error, Quantised};
use crate::graph::{DType, Graph};
use crate::lower::{LowerOptions, lower};
use crate::session::Session;
use crate::tflite::Model;

/// The loss of one operator of the float model.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerLoss {
    /// Its position in the float model.
    pub operator: usize,
    /// Its name in the schema.
    pub op: &'static str,
    /// Name of its result.
    pub output: String,
    /// Signal to quantisation noise of its weights, in dB; infinite if all are exact. `None` without weights.
    pub weights_db: Option<f64>,
    /// The same of its result over the samples, all errors up to there included.
    pub output_db: Option<f64>,
}

/// Sums of squares of numbers and of their errors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loss {
    signal: f64,
    noise: f64,
}

impl Loss {
    /// Adds numbers and what stands for them.
    pub fn add(&mut self, exact: &[f32], rounded: &[f32]) {
        for (&a, &b) in exact.iter().zip(rounded) {
            let (a, error) = (f64::from(a), f64::from(a) - f64::from(b));
            self.signal += a * a;
            self.noise += error * error;
        }
    }

    /// Signal to noise in dB; infinite without noise, and `None` without a signal.
    #[must_use]
    pub fn db(self) -> Option<f64> {
        (self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }
}

/// A model that runs with every tensor kept.
struct Runner {
    session: Session,
    graph: Graph,
}

impl Runner {
    fn new(model: &Model, options: &LowerOptions) -> Result<Runner, Error> {
        let graph = Graph::from_model(model)?;
        let plan = lower(&graph, &LowerOptions { keep_all: true, ..*options })?;
        Ok(Runner { session: Session::new(Arc::new(plan))?, graph })
    }

    /// Sets the inputs, quantised as the ports ask for it.
    fn run(&mut self, sample: &[f32]) -> Result<(), Error> {
        let plan = Arc::clone(self.session.plan());
        let mut rest = sample;
        for (at, port) in plan.inputs.iter().enumerate() {
            let (values, behind) = rest.split_at(port.shape.iter().product::<usize>().min(rest.len()));
            rest = behind;
            let bytes: Vec<u8> = match (&port.quant, port.dtype) {
                (Some(quant), DType::I8 | DType::U8) => {
                    let (inverse, zero) = (1.0 / quant.scale[0], quant.zero_point[0] as f32);
                    let (low, high) = if port.dtype == DType::I8 { (-128.0, 127.0) } else { (0.0, 255.0) };
                    let code = |&v: &f32| ((v * inverse).round_ties_even() + zero).clamp(low, high) as i16;
                    values.iter().map(|v| code(v).to_le_bytes()[0]).collect()
                }
                _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            };
            self.session.set_input(at, &bytes)?;
        }
        self.session.run();
        Ok(())
    }

    /// The numbers that a tensor stands for.
    fn reals(&mut self, tensor: usize) -> Option<Vec<f32>> {
        let of = &self.graph.tensors[tensor];
        let bytes = self.session.tensor(tensor, of.dtype)?;
        match (&of.quant, of.dtype) {
            (_, DType::F32) => Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            (Some(quant), DType::I8) => {
                let (scale, zero) = (quant.scale[0], quant.zero_point[0] as f32);
                Some(bytes.iter().map(|b| (f32::from(b.cast_signed()) - zero) * scale).collect())
            }
            _ => None,
        }
    }
}

/// Compares a float model with what [`super::quantise_traced`] made of it: weights at rest, results on samples.
///
/// # Errors
/// If a model cannot be run, or a sample does not fit.
pub fn measure<S: AsRef<[f32]>>(
    float: &Model,
    quantised: &Quantised,
    samples: impl IntoIterator<Item = S>,
    options: &LowerOptions,
) -> Result<Vec<LayerLoss>, Error> {
    let network = Network::new(float)?;
    let (mut exact, mut rounded) = (Runner::new(float, options)?, Runner::new(&quantised.model, options)?);
    let mut outputs: BTreeMap<usize, Loss> = BTreeMap::new();
    let results: Vec<usize> = network.nodes.iter().filter_map(|node| node.outputs.first().copied()).collect();
    for sample in samples {
        exact.run(sample.as_ref())?;
        rounded.run(sample.as_ref())?;
        for &tensor in &results {
            let Some(int8) = quantised.activations[tensor] else { continue };
            let (Some(a), Some(b)) = (exact.reals(tensor), rounded.reals(int8)) else { continue };
            outputs.entry(tensor).or_default().add(&a, &b);
        }
    }
    let mut layers = Vec::new();
    for (operator, node) in network.nodes.iter().enumerate() {
        let weights = quantised.weights.iter().find(|(at, _, _)| *at == operator).map(|&(_, float, int8)| {
            let mut loss = Loss::default();
            loss.add(&network.values(float), &dequantised(&quantised.model, int8));
            loss
        });
        let tensor = node.outputs.first().copied();
        let output = tensor.and_then(|tensor| outputs.get(&tensor).copied());
        if weights.is_none() && output.is_none() {
            continue;
        }
        layers.push(LayerLoss {
            operator,
            op: node.kind.name(),
            output: tensor.map_or_else(String::new, |tensor| network.name(tensor)),
            weights_db: weights.and_then(Loss::db),
            output_db: output.and_then(Loss::db),
        });
    }
    Ok(layers)
}
