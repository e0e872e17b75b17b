//! Networks that were not born here: from a float32 `.tflite` to layers and numbers that train.
//!
//! ```text
//! tflite::Model ─► Graph ─► Walk: operator by operator ─► Net with affine steps as batch normalisation ─► fold ─► Net, Params
//! ```
//!
//! | operator | layer |
//! |---|---|
//! | CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED | convolution (groups by channel counts, dilation), depthwise, dense; a fused RELU or RELU6 behind |
//! | ADD of two values | addition |
//! | ADD, SUB, MUL, DIV with a constant, one number or one per channel | into the layer before, or a depthwise 1×1 convolution |
//! | RELU, RELU6, HARD_SWISH | activation |
//! | MAX_POOL_2D, AVERAGE_POOL_2D, MEAN and REDUCE_MAX over the image | pools, global average pooling |
//! | PAD, PADV2 with zeros; RESIZE_NEAREST_NEIGHBOR by a whole factor | padding, up-sampling |
//! | RESHAPE, SQUEEZE, EXPAND_DIMS to a vector or sizes of 1; what computes their sizes | flattening, or nothing |
//! | SOFTMAX at the end | [`Head::Softmax`] |
//! | DEQUANTIZE and DENSIFY of weights | their numbers |
//! | QUANTIZE and DEQUANTIZE in pairs | simulated quantisation; of weights, rounded numbers |
//!
//! What has no layer to say it is refused by operator number, name and tensor: integer files, dynamic-range files (int8 weights under float
//! activations), branches that are joined by CONCATENATION, gates (MUL of two values), other activations.

mod constants;
mod finish;
mod names;
mod ops;
mod products;
mod walk;

use edgebench_models::Graph;
use edgebench_models::tflite::Model;

use crate::{Error, Net, Params};

/// What a file computes behind the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing.
    Logits,
    /// A softmax; it is not part of the network.
    Softmax,
}

/// A network out of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Layers, without batch normalisation: the file has it folded, or it was folded while importing.
    pub net: Net,
    /// Numbers. Kernels whose quantisation the file simulates are rounded as the file rounds them.
    pub params: Params,
    /// What the file has behind the logits.
    pub head: Head,
    /// Whether the file simulates quantisation (QUANTIZE and DEQUANTIZE in pairs); the network then holds
    /// [`Op::FakeQuant`](crate::net::Op::FakeQuant) layers with the file's ranges.
    pub simulated: bool,
}

/// The network of a float32 file under the name `name`. Weights may be float16, sparse, or simulate quantisation; the batch is 1 or open.
///
/// # Errors
/// [`Error::Operator`] for the first operator that no layer can say, [`Error::Model`] for a file that contradicts itself,
/// [`Error::Net`] and [`Error::Params`] for shapes and numbers that nothing can be trained with.
pub fn import(model: &Model, name: &str) -> Result<Imported, Error> {
    let graph = Graph::from_model(model)?;
    let walk = walk::Walk::through(&graph, name)?;
    finish::finish(walk, &graph)
}
