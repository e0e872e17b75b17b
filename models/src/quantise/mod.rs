//! From float32 to int8 after training, as TensorFlow's converter does it: same scales, same zero points, same codes.
//!
//! ```text
//! float Model ─┬─► Calibrator (observe samples) ─► Ranges ─┐
//!              └──────────────────────────────────────────┴─► quantise ─► int8 Model
//! ```
//! ```
//! use edgebench_models::build::{Builder, Kernel, Window};
//! use edgebench_models::quantise::{CalibrateOptions, Io, QuantiseOptions, calibrate, quantise};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut b = Builder::new("tiny");
//! let x = b.input("image", &[1, 4, 4, 1])?;
//! let x = b.conv_2d(x, &Kernel { shape: &[2, 3, 3, 1], values: &[0.1; 18], bias: None }, Window::default())?;
//! let float = b.finish(&[("features", x)])?;
//! let ranges = calibrate(&float, [[0.0_f32; 16], [1.0; 16]], &CalibrateOptions::default())?;
//! let int8 = quantise(&float, &ranges, &QuantiseOptions { io: Io::Uint8, ..QuantiseOptions::default() })?;
//! assert_eq!(int8.subgraphs[0].operators.len(), 3); // QUANTIZE, CONV_2D, QUANTIZE
//! # Ok(())
//! # }
//! ```
//! * [`calibrate`] runs the float model and notes the smallest and largest value of every activation;
//! * [`Ranges`] may as well come from training: ranges of activations and scales of weights that were said win;
//! * [`quantise()`] chooses the scales and makes the model; [`params`] has the formulas, for whoever simulates them;
//! * [`equalise()`] and [`correct_biases`] change the float model before that, so that it loses less;
//! * [`measure()`] says what was lost, layer by layer.
//!
//! What an int8 model looks like: weights −127..=127 with one scale for each output channel, bias int32 with the scale of the
//! products, activations with one scale and zero point, the outputs of SOFTMAX, LOGISTIC and TANH with their fixed ones, and
//! operators that only move values with one scale for operand and result (QUANTIZE goes between where that needs it). A bias of
//! zeros is kept, as the converter keeps it: it costs four bytes a channel, and every runtime takes it.

mod calibrate;
mod correct;
mod edit;
mod equalise;
mod error;
mod fuse;
mod histogram;
mod measure;
mod network;
pub mod params;
mod ports;
mod ranges;
mod rewrite;
mod scales;

pub use calibrate::{CalibrateOptions, Calibrator, Method, calibrate};
pub use correct::{BiasCorrection, correct_biases};
pub use equalise::{Equalisation, equalise};
pub use error::Error;
pub use fuse::fuse_activations;
pub use measure::{LayerLoss, Loss, measure};
pub use params::Params;
pub use ports::Io;
pub use ranges::{Origin, Range, Ranges};

use network::Network;
use rewrite::Rewriter;

use crate::tflite::Model;

/// How to quantise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantiseOptions {
    /// What the user of the model gives and gets.
    pub io: Io,
    /// One scale for each output of FULLY_CONNECTED, as the current converter has it; otherwise one for all its weights.
    pub per_channel_dense: bool,
}

impl Default for QuantiseOptions {
    fn default() -> Self {
        QuantiseOptions { io: Io::default(), per_channel_dense: true }
    }
}

/// An int8 model, and what of the float model became what.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The int8 model.
    pub model: Model,
    /// For each tensor of the float model, the activation that stands for it; `None` for constants and what was fused away.
    pub activations: Vec<Option<usize>>,
    /// For each operator of the float model with weights: its position, the float weights and the int8 ones.
    pub weights: Vec<(usize, usize, usize)>,
}

/// The int8 model of a float model.
///
/// # Errors
/// If the model is no float32 model, has an operator without an int8 form, a constant that is not finite, or an activation
/// without range.
pub fn quantise(model: &Model, ranges: &Ranges, options: &QuantiseOptions) -> Result<Model, Error> {
    quantise_traced(model, ranges, options).map(|quantised| quantised.model)
}

/// As [`quantise()`], and says what became of each tensor.
///
/// # Errors
/// As [`quantise()`].
pub fn quantise_traced(model: &Model, ranges: &Ranges, options: &QuantiseOptions) -> Result<Quantised, Error> {
    // Looked at before anything is fused, so that messages have the positions of the file.
    let original = Network::new(model)?;
    let fused = fuse_activations(model);
    let network = Network::new(&fused)?;
    let scales = scales::assign(&network, ranges)?;
    let mut rewriter = Rewriter::new(&network, &scales, ranges, options);
    rewriter.run()?;
    let constants = std::mem::take(&mut rewriter.constants);
    let mut editor = rewriter.editor;
    ports::wrap(&mut editor, options.io);
    // What it says is of the conversion to float.
    editor.model.metadata.retain(|entry| entry.name != "CONVERSION_METADATA");
    editor.model.refresh_versions();
    let moved = editor.compact();
    editor.model.check()?;
    let weights = constants.iter().filter(|((_, position), _)| *position == 1).filter_map(|(&(node, _), &constant)| {
        let (float, tensor) = (network.nodes[node].inputs[1]?, moved[constant]?);
        let operator = original.nodes.iter().position(|op| op.inputs == network.nodes[node].inputs)?;
        matches!(network.nodes[node].role, network::Role::Product { .. }).then_some((operator, float, tensor))
    });
    let weights = weights.collect();
    let activations = (0..network.float.len()).map(|t| scales.params[t].and(moved[t])).collect();
    Ok(Quantised { model: editor.model, activations, weights })
}
