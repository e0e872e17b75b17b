//! A plan as Rust source: what a microcontroller runs without a parser and without a heap.
//!
//! The result is one source file, which needs `edgebench-kernels` and nothing else, and the bytes that it includes. Steps are plain
//! data, so they are written as they stand; each is a `static` of its own type, and the list holds them as `dyn Run`, so that the
//! linker keeps the code of the step kinds that the network has and drops that of all others.

mod source;

use std::fmt::Write as _;

use edgebench_kernels::{Block, Place, Span};

use crate::error::Error;
use crate::graph::{DType, Graph};
use crate::plan::{Plan, Port};

/// Name of the source file.
pub const SOURCE: &str = "plan.rs";
/// Name of the file that it includes.
pub const WEIGHTS: &str = "weights.bin";

/// A plan in the form of files.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// [`SOURCE`].
    pub source: String,
    /// [`WEIGHTS`]: the constants, a multiple of 64 bytes.
    pub weights: Vec<u8>,
    /// For each output of each operator, and at last for each output of the network: whether the device tells its digest.
    pub layers: Vec<bool>,
}

/// Where and when the bytes of a layer can be read.
#[derive(Clone, Copy, Debug)]
struct Layer {
    /// Steps that have run by then.
    after: usize,
    span: Span,
    flip: bool,
}

/// Writes `plan`, which was lowered from `graph`, as source. `name` and `sha256` say what it was made of.
///
/// # Errors
/// A plan for several threads, or a step kind that this does not know.
pub fn emit(graph: &Graph, plan: &Plan, name: &str, sha256: &str) -> Result<Emitted, Error> {
    if plan.threads > 1 || plan.images > 1 {
        return Err(Error::UnsupportedFile { what: "firmware for several threads or images at once".into() });
    }
    let used = plan.steps.iter().map(const_end).chain(plan.outputs.iter().map(|port| end_of(&port.span))).max();
    // A block to spare for loads that run past the last constant.
    let len = used.unwrap_or(0).next_multiple_of(Block::SIZE) + Block::SIZE;
    let mut weights = plan.consts.bytes()[..len.min(plan.consts.bytes().len())].to_vec();
    weights.resize(len, 0);
    let layers = layers(graph, plan);
    let mut text = head(plan, name, sha256);
    ports(&mut text, "INPUTS", "What the network is given.", &plan.inputs);
    ports(&mut text, "OUTPUTS", "What it answers.", &plan.outputs);
    steps(&mut text, plan)?;
    list_layers(&mut text, &layers);
    let _ = write!(
        text,
        "\n#[repr(C, align(64))]\npub struct Weights(pub [u8; {len}]);\n\
         /// Weights and tables.\npub static WEIGHTS: Weights = Weights(*include_bytes!({WEIGHTS:?}));\n"
    );
    Ok(Emitted { source: text, weights, layers: layers.iter().map(Option::is_some).collect() })
}

/// First byte behind the constants of a step.
fn const_end(step: &edgebench_kernels::Step) -> usize {
    let (mut step, mut end) = (*step, 0);
    step.spans(&mut |span, _| end = end.max(end_of(span)));
    end
}

fn end_of(span: &Span) -> usize {
    if span.place == Place::Const { span.offset + span.len } else { 0 }
}

fn head(plan: &Plan, name: &str, sha256: &str) -> String {
    let (isa, arena) = (plan.isa, plan.arena_len.next_multiple_of(Block::SIZE));
    format!(
        "// Made by `edgebench emit` of {name}, {arithmetic} arithmetic, instruction set {isa}. Do not edit.\n\n\
         use edgebench_kernels::step::Run;\nuse edgebench_kernels::{{Isa, Place, Span}};\n\n\
         /// Name of the model's file.\npub const NAME: &str = {name:?};\n\
         /// SHA-256 of the model's file.\npub const SHA256: &str = {sha256:?};\n\
         /// Whose integers.\npub const ARITHMETIC: &str = \"{arithmetic}\";\n\
         /// What the weights are packed for.\npub const ISA: Isa = Isa::{isa:?};\n\
         /// Bytes of activations and scratch space.\npub const ARENA: usize = {arena};\n\n\
         /// An input or output.\n#[derive(Clone, Copy, Debug)]\npub struct Port {{\n    \
         /// Where it lies.\n    pub span: Span,\n    \
         /// Whether its codes lie there with the top bit flipped.\n    pub flip: bool,\n}}\n\n\
         /// Where a tensor lies after so many steps.\n#[derive(Clone, Copy, Debug)]\npub struct Layer {{\n    \
         /// Steps that have run.\n    pub after: usize,\n    /// Its bytes.\n    pub span: Span,\n    \
         /// Whether its codes lie there with the top bit flipped.\n    pub flip: bool,\n}}\n\n",
        arithmetic = plan.arithmetic,
    )
}

fn span(span: &Span) -> String {
    format!("Span {{ place: Place::{:?}, offset: {}, len: {} }}", span.place, span.offset, span.len)
}

fn ports(text: &mut String, list: &str, about: &str, ports: &[Port]) {
    let _ = writeln!(text, "/// {about}\npub static {list}: [Port; {}] = [", ports.len());
    for port in ports {
        let _ = writeln!(text, "    Port {{ span: {}, flip: {} }},", span(&port.span), port.dtype == DType::U8);
    }
    text.push_str("];\n");
}

fn steps(text: &mut String, plan: &Plan) -> Result<(), Error> {
    for (at, step) in plan.steps.iter().enumerate() {
        text.push_str(&source::of_step(at, step)?);
    }
    let _ = writeln!(text, "\n/// What to do.\npub static STEPS: [&(dyn Run + Sync); {}] = [", plan.steps.len());
    for at in 0..plan.steps.len() {
        let _ = writeln!(text, "    &STEP_{at},");
    }
    text.push_str("];\n");
    Ok(())
}

/// In the order of `edgebench parity`: the outputs of all operators, then those of the network.
fn layers(graph: &Graph, plan: &Plan) -> Vec<Option<Layer>> {
    let mut layers: Vec<Option<Layer>> = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let last = plan.origins.iter().rposition(|origin| origin.node == at);
        for &id in &node.outputs {
            let flip = graph.tensors[id].dtype == DType::U8;
            let place = plan.tensors[id].filter(|span| span.place == Place::Arena);
            let layer = place.and_then(|span| {
                // What no step computes is another tensor under another shape.
                let same = || layers.iter().rev().flatten().find(|layer| layer.span == span).map(|layer| layer.after);
                let given = || plan.inputs.iter().any(|port| port.span == span).then_some(0);
                let after = last.map(|step| step + 1).or_else(same).or_else(given)?;
                Some(Layer { after, span, flip })
            });
            layers.push(layer);
        }
    }
    let outputs = plan.outputs.iter();
    layers.extend(outputs.map(|port| {
        let (after, span, flip) = (plan.steps.len(), port.span, port.dtype == DType::U8);
        Some(Layer { after, span, flip })
    }));
    layers
}

fn list_layers(text: &mut String, layers: &[Option<Layer>]) {
    let _ = writeln!(
        text,
        "\n/// Tensors whose digests are told: the outputs of all operators, then those of the network; `None` where one has no \
         place of its own.\npub static LAYERS: [Option<Layer>; {}] = [",
        layers.len()
    );
    for layer in layers {
        let _ = match layer {
            Some(l) => {
                writeln!(text, "    Some(Layer {{ after: {}, span: {}, flip: {} }}),", l.after, span(&l.span), l.flip)
            }
            None => writeln!(text, "    None,"),
        };
    }
    text.push_str("];\n");
}
