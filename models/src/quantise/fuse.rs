//! RELU, RELU6 and RELU_N1_TO_1 behind an operator that can do them itself.

use super::network::constants;
use crate::tflite::{Activation, BuiltinOperator as B, Model, Operator, Options};

/// The model with such activations fused, as the converter fuses them; tensors keep their indices, those that nothing computes
/// any more included. Only the first subgraph is looked at.
#[must_use]
pub fn fuse_activations(model: &Model) -> Model {
    let mut fused = model.clone();
    let Some(graph) = fused.subgraphs.first_mut() else { return fused };
    let constant = constants(model, graph);
    let readers = |tensor: i32, ops: &[Operator], outputs: &[i32]| {
        ops.iter().flat_map(|op| &op.inputs).chain(outputs).filter(|&&input| input == tensor).count()
    };
    let mut at = 0;
    while at < graph.operators.len() {
        let op = &graph.operators[at];
        let function = match model.code_of(op).builtin_code {
            B::RELU => Activation::RELU,
            B::RELU6 => Activation::RELU6,
            B::RELU_N1_TO_1 => Activation::RELU_N1_TO_1,
            _ => {
                at += 1;
                continue;
            }
        };
        let (&[input], &[output]) = (&op.inputs[..], &op.outputs[..]) else {
            at += 1;
            continue;
        };
        let fixed = usize::try_from(input).ok().and_then(|i| constant.get(i)) != Some(&false);
        let alone = readers(input, &graph.operators, &graph.outputs) == 1;
        let producer = graph.operators.iter().position(|op| op.outputs == [input]).filter(|_| !fixed && alone);
        match producer {
            Some(producer) if fuse(&mut graph.operators[producer].options, function) => {
                graph.operators[producer].outputs = vec![output];
                graph.operators.remove(at);
            }
            _ => at += 1,
        }
    }
    fused
}

/// Gives an operator without activation this one; whether it can take it.
fn fuse(options: &mut Options, function: Activation) -> bool {
    let place = match options {
        Options::Conv2D(o) => &mut o.activation,
        Options::DepthwiseConv2D(o) => &mut o.activation,
        Options::FullyConnected(o) => &mut o.activation,
        Options::Add(o) => &mut o.activation,
        Options::Sub(o) => &mut o.activation,
        Options::Mul(o) => &mut o.activation,
        _ => return false,
    };
    if *place != Activation::NONE {
        return false;
    }
    *place = function;
    true
}
