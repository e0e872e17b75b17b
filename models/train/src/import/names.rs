//! Names of layers, from the names of tensors.
//!
//! Converters name the output of an operator after everything that was fused into it, `model/re_lu/Relu;model/conv2d/Conv2D`. The part
//! that names the operator itself is taken, without its last word and without the first word if all names share it: `conv2d`.

use edgebench_models::Graph;
use edgebench_models::graph::{Node, Op};

/// Longer names are cut.
const LONGEST: usize = 96;

/// One name per operator; not necessarily unique.
pub(super) fn of(graph: &Graph) -> Vec<String> {
    let names: Vec<String> = graph.nodes.iter().map(|node| of_node(graph, node)).collect();
    let first = names.iter().filter(|name| !is_generic(name)).filter_map(|name| name.split_once('/')).next();
    let shared = first.map(|(word, _)| format!("{word}/")).unwrap_or_default();
    let all = names.iter().filter(|name| !is_generic(name)).all(|name| name.starts_with(&shared));
    let shared = if all { &shared[..] } else { "" };
    let short = |(name, node): (&String, &Node)| {
        if is_generic(name) {
            return format!("{}{}", node.op.name().to_lowercase(), node.index);
        }
        let name = name.strip_prefix(shared).unwrap_or(name);
        clean(name.rsplit_once('/').map_or(name, |(layer, _)| layer))
    };
    names.iter().zip(&graph.nodes).map(short).collect()
}

/// Says nothing about a layer.
fn is_generic(name: &str) -> bool {
    name.trim_matches(['/', ';', ' ']).is_empty() || name.contains("PartitionedCall") || name.starts_with("Identity")
}

fn of_node(graph: &Graph, node: &Node) -> String {
    let name = node.outputs.first().map_or("", |&id| &graph.tensors[id].name[..]);
    let own: &[&str] = match node.op {
        Op::Conv2d { .. } => &["Conv2D", "convolution"],
        Op::DepthwiseConv2d { .. } => &["depthwise", "Conv2D", "convolution"],
        Op::FullyConnected { .. } => &["MatMul"],
        _ => &[],
    };
    let parts = || name.split(';').map(str::trim).filter(|part| !part.is_empty());
    let ends = |part: &str, word: &str| part.rsplit('/').next().is_some_and(|last| last.starts_with(word));
    let found = own.iter().find_map(|word| parts().rfind(|part| ends(part, word)));
    found.or_else(|| parts().next()).unwrap_or("").to_owned()
}

/// Letters, digits, `_`, `-` and `/`.
fn clean(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
    let name: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let name = name.trim_matches('/');
    if name.is_empty() { "layer".into() } else { name[..name.len().min(LONGEST)].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebench_models::graph::{Activation, DType, Padding, Tensor};

    #[test]
    fn names_are_those_of_layers() {
        let conv = Op::Conv2d {
            padding: Padding::Same,
            stride: [1; 2],
            dilation: [1; 2],
            activation: Activation::None,
            bias_i64: false,
        };
        let cases = [
            (conv.clone(), "m/re_lu/Relu;m/conv2d_13/Conv2D;m/conv2d_12/Conv2D1", "conv2d_12"),
            (conv.clone(), "StatefulPartitionedCall:0", "conv_2d1"),
            (Op::Softmax { beta: 1.0 }, "m/soft max/Softmax", "soft_max"),
            (conv, "m/dépôt/Relu", "d_p_t"),
            (Op::Densify, "", "densify4"),
        ];
        let tensor = |name: &str| Tensor {
            name: name.into(),
            dtype: DType::F32,
            shape: vec![1],
            quant: None,
            data: None,
            blocks16: false,
        };
        let node = |(index, (op, ..)): (usize, &(Op, &str, &str))| Node {
            op: op.clone(),
            inputs: Vec::new(),
            outputs: vec![index],
            index,
        };
        let graph = Graph {
            tensors: cases.iter().map(|(_, name, _)| tensor(name)).collect(),
            nodes: cases.iter().enumerate().map(node).collect(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let expected: Vec<&str> = cases.iter().map(|(.., name)| *name).collect();
        assert_eq!(of(&graph), expected);
    }
}
