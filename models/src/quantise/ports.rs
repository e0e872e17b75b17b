//! What the user of an int8 model gives and gets.

use super::edit::{Editor, id};
use crate::tflite::{BuiltinOperator as B, Tensor, TensorType};

/// Element type of a model's inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Io {
    /// The codes themselves: nothing is added.
    #[default]
    Int8,
    /// Codes 0..=255 of the same scale, the zero point 128 higher: QUANTIZE at both ends.
    Uint8,
    /// Real numbers: QUANTIZE first, DEQUANTIZE last.
    Float,
}

impl Io {
    /// All of them, the default first.
    pub const ALL: [Io; 3] = [Io::Int8, Io::Uint8, Io::Float];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Io::Int8 => "int8",
            Io::Uint8 => "uint8",
            Io::Float => "float",
        }
    }
}

/// Puts the operators at both ends. The new ports take the names that the tensors had, and their places in signatures.
pub(super) fn wrap(editor: &mut Editor, io: Io) {
    if io == Io::Int8 {
        return;
    }
    let graph = &editor.model.subgraphs[0];
    let (inputs, outputs) = (graph.inputs.clone(), graph.outputs.clone());
    let mut before = Vec::new();
    for (at, &tensor) in inputs.iter().enumerate() {
        let Ok(tensor) = usize::try_from(tensor) else { continue };
        let port = port(editor, tensor, io);
        before.push(editor.operator(B::QUANTIZE, port, tensor));
        editor.model.subgraphs[0].inputs[at] = id(port);
        for map in editor.model.signature_defs.iter_mut().flat_map(|s| &mut s.inputs) {
            rename(&mut map.tensor_index, tensor, port);
        }
    }
    let mut behind = Vec::new();
    for (at, &tensor) in outputs.iter().enumerate() {
        let Ok(tensor) = usize::try_from(tensor) else { continue };
        let port = port(editor, tensor, io);
        let kind = if io == Io::Float { B::DEQUANTIZE } else { B::QUANTIZE };
        behind.push(editor.operator(kind, tensor, port));
        editor.model.subgraphs[0].outputs[at] = id(port);
        for map in editor.model.signature_defs.iter_mut().flat_map(|s| &mut s.outputs) {
            rename(&mut map.tensor_index, tensor, port);
        }
    }
    let operators = &mut editor.model.subgraphs[0].operators;
    operators.splice(0..0, before);
    operators.extend(behind);
}

fn rename(index: &mut u32, from: usize, to: usize) {
    if *index as usize == from {
        *index = u32::try_from(to).unwrap_or(u32::MAX);
    }
}

/// The tensor that the user sees in place of `tensor`.
fn port(editor: &mut Editor, tensor: usize, io: Io) -> usize {
    let inner = editor.tensor(tensor);
    let mut port: Tensor = inner.clone();
    inner.name.push_str("_int8");
    match io {
        Io::Float => (port.dtype, port.quantization) = (TensorType::FLOAT32, None),
        _ => {
            port.dtype = TensorType::UINT8;
            if let Some(quant) = &mut port.quantization {
                quant.zero_point.iter_mut().for_each(|zero| *zero += 128);
            }
        }
    }
    editor.add_tensor(port)
}
