//! What must hold between the tables of a model before anybody relies on it.

use super::model::Model;
use super::schema::{Operator, SubGraph, Tensor};
use super::{BuiltinOperator, QuantizationDetails, TensorType, sparse};
use crate::Error;

/// Checks everything; see [`Model::check`].
pub(super) fn verify(model: &Model) -> Result<(), Error> {
    for (i, entry) in model.metadata.iter().enumerate() {
        below(|| format!("metadata entry {i} ({}): buffer index", entry.name), entry.buffer, model.buffers.len())?;
    }
    for (i, code) in model.operator_codes.iter().enumerate() {
        if code.builtin_code.0 < 0 {
            return Err(wrong(format!("operator code {i}"), "0 or more", code.builtin_code.0));
        }
    }
    for (i, graph) in model.subgraphs.iter().enumerate() {
        for (list, what) in [(&graph.inputs, "input"), (&graph.outputs, "output")] {
            for &id in list {
                below(|| format!("subgraph {i}: tensor index of an {what}"), id, graph.tensors.len())?;
            }
        }
        for (index, tensor) in graph.tensors.iter().enumerate() {
            verify_tensor(model, index, tensor)?;
        }
        verify_operators(model, graph)?;
    }
    for signature in &model.signature_defs {
        let what = || format!("signature {}: subgraph index", signature.signature_key);
        below(what, signature.subgraph_index, model.subgraphs.len())?;
        let tensors = model.subgraphs[signature.subgraph_index as usize].tensors.len();
        for map in signature.inputs.iter().chain(&signature.outputs) {
            let what = || format!("signature {}: tensor index of {}", signature.signature_key, map.name);
            below(what, map.tensor_index, tensors)?;
        }
    }
    Ok(())
}

fn wrong(what: String, expected: impl ToString, got: impl ToString) -> Error {
    Error::Model { what, expected: expected.to_string(), got: got.to_string() }
}

/// Refuses an index that is not below `count`.
fn below(what: impl FnOnce() -> String, index: impl Into<i64>, count: usize) -> Result<(), Error> {
    let index = index.into();
    match usize::try_from(index) {
        Ok(index) if index < count => Ok(()),
        _ => Err(wrong(what(), format!("below {count}"), index)),
    }
}

/// The data of a constant tensor.
fn constant<'a>(model: &'a Model, tensor: &Tensor) -> Option<&'a [u8]> {
    model.buffers.get(tensor.buffer as usize).map(|data| &data[..]).filter(|data| !data.is_empty())
}

fn verify_tensor(model: &Model, index: usize, tensor: &Tensor) -> Result<(), Error> {
    let wrong = |what: &str, expected: String, got: String| Error::Tensor {
        name: format!("{index} ({})", tensor.name),
        what: what.to_owned(),
        expected,
        got,
    };
    if tensor.external_buffer != 0 {
        let what = format!("tensor {index} ({}) with its data in another file", tensor.name);
        return Err(Error::UnsupportedFile { what });
    }
    if tensor.buffer as usize >= model.buffers.len() {
        let expected = format!("below {}", model.buffers.len());
        return Err(wrong("buffer index", expected, tensor.buffer.to_string()));
    }
    let elements = tensor.shape.iter().try_fold(1_u32, |n, &d| n.checked_mul(u32::try_from(d).ok()?));
    let Some(elements) = elements.and_then(|n| usize::try_from(n).ok()) else {
        return Err(wrong("shape", "sizes whose product fits 32 bits".to_owned(), format!("{:?}", tensor.shape)));
    };
    verify_quantization(tensor, &wrong)?;
    let Some(data) = constant(model, tensor) else { return Ok(()) };
    let stored = match &tensor.sparsity {
        None => elements,
        Some(sparsity) => sparse::stored(sparsity, &tensor.shape)
            .map_err(|what| wrong("sparsity", "well-formed levels".to_owned(), what.to_owned()))?,
    };
    let expected = match tensor.dtype {
        TensorType::STRING => {
            return verify_strings(data).map_err(|what| wrong("strings", what, "otherwise".to_owned()));
        }
        TensorType::RESOURCE | TensorType::VARIANT => {
            return Err(wrong("constant", "a type with values".to_owned(), tensor.dtype.to_string()));
        }
        dtype => dtype.bytes(stored),
    };
    match expected {
        Some(expected) if expected != data.len() => {
            Err(wrong("bytes of the constant", expected.to_string(), data.len().to_string()))
        }
        Some(_) => Ok(()),
        None => Err(wrong("element type", "one of the schema".to_owned(), tensor.dtype.to_string())),
    }
}

/// Scales along one dimension of the tensor, and as many zero points. Whether their values make sense is the graph's question.
fn verify_quantization(tensor: &Tensor, wrong: &dyn Fn(&str, String, String) -> Error) -> Result<(), Error> {
    let Some(quant) = &tensor.quantization else { return Ok(()) };
    let scales = quant.scale.len();
    if scales == 0 || quant.details != QuantizationDetails::None {
        return Ok(());
    }
    if quant.zero_point.len() != scales {
        return Err(wrong("number of zero points", scales.to_string(), quant.zero_point.len().to_string()));
    }
    if scales > 1 {
        let dim = usize::try_from(quant.quantized_dimension).ok().and_then(|d| tensor.shape.get(d));
        let Some(&dim) = dim else {
            let expected = format!("below {}", tensor.shape.len());
            return Err(wrong("quantised dimension", expected, quant.quantized_dimension.to_string()));
        };
        if usize::try_from(dim) != Ok(scales) {
            return Err(wrong("number of scales", dim.to_string(), scales.to_string()));
        }
    }
    Ok(())
}

/// Count, offsets, bytes: each offset within the data, ascending, the last one the end.
fn verify_strings(data: &[u8]) -> Result<(), String> {
    let word = |i: usize| Some(u32::from_le_bytes(*data.get(4 * i..)?.first_chunk::<4>()?) as usize);
    let count = word(0).filter(|count| count.checked_add(2).is_some_and(|words| words <= data.len() / 4));
    let count = count.ok_or("a count that fits the buffer")?;
    let mut last = 4 * (count + 2);
    for i in 0..=count {
        match word(i + 1) {
            Some(offset) if offset >= last && offset <= data.len() && (i > 0 || offset == last) => last = offset,
            _ => return Err(format!("offset {i} from {last} to {}", data.len())),
        }
    }
    if last == data.len() { Ok(()) } else { Err(format!("the last offset at {}", data.len())) }
}

/// What may be read at some point of a subgraph, and what may still be written.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Constant,
    Variable,
    Input,
    Pending,
    Computed,
}

fn verify_operators(model: &Model, graph: &SubGraph) -> Result<(), Error> {
    let mut states: Vec<State> = graph
        .tensors
        .iter()
        .map(|tensor| match () {
            () if tensor.is_variable => State::Variable,
            () if constant(model, tensor).is_some() => State::Constant,
            () => State::Pending,
        })
        .collect();
    for &id in &graph.inputs {
        // In range: `verify` has seen to that.
        states[id as usize] = State::Input;
    }
    for (index, operator) in graph.operators.iter().enumerate() {
        verify_operator(model, index, operator, &mut states)?;
    }
    Ok(())
}

fn verify_operator(model: &Model, index: usize, operator: &Operator, states: &mut [State]) -> Result<(), Error> {
    let code = model.operator_codes.get(operator.opcode_index as usize);
    let op = code.map_or("?", |code| code.name());
    let wrong = |what: &str, expected: String, got: &dyn ToString| Error::Inconsistent {
        index,
        op: op.to_owned(),
        what: what.to_owned(),
        expected,
        got: got.to_string(),
    };
    let Some(code) = code else {
        let expected = format!("below {}", model.operator_codes.len());
        return Err(wrong("operator code index", expected, &operator.opcode_index));
    };
    if code.builtin_code == BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES {
        return Err(wrong("operator code", "an operator".to_owned(), &code.name()));
    }
    let count = states.len();
    let slot = |id: i32| usize::try_from(id).ok().filter(|&id| id < count);
    let expected = || format!("a tensor index below {count}");
    for &id in operator.inputs.iter().filter(|&&id| id != -1) {
        let Some(slot) = slot(id) else { return Err(wrong("input", expected(), &id)) };
        if states[slot] == State::Pending {
            return Err(wrong("input", "a tensor that is computed before".to_owned(), &format!("tensor {id}")));
        }
    }
    for &id in operator.intermediates.iter().filter(|&&id| id != -1) {
        if slot(id).is_none() {
            return Err(wrong("intermediate", expected(), &id));
        }
    }
    for &id in &operator.outputs {
        let Some(slot) = slot(id) else { return Err(wrong("output", expected(), &id)) };
        let taken = match states[slot] {
            State::Pending => {
                states[slot] = State::Computed;
                continue;
            }
            State::Constant => "a constant",
            State::Variable => "a variable",
            State::Input => "an input",
            State::Computed => "an output of another operator",
        };
        return Err(wrong("output", "a tensor of its own".to_owned(), &format!("tensor {id}, which is {taken}")));
    }
    Ok(())
}
