//! The one check of a graph: what every later stage takes for granted.

use crate::error::Error;
use crate::graph::{DType, Graph, Tensor};

/// Most operators of a graph: planning an arena takes time that grows with their square.
const MAX_NODES: usize = 1 << 15;

/// Largest tensor that is accepted, in elements.
const MAX_ELEMENTS: usize = 1 << 28;

impl Graph {
    /// Checks that every index is in range, shapes and constants agree, quantisation is usable, and operators come in an order
    /// in which they can run.
    ///
    /// # Errors
    /// Names the first operator or tensor that does not hold.
    pub fn check(&self) -> Result<(), Error> {
        if self.nodes.len() > MAX_NODES {
            let (what, got) = ("number of operators".to_owned(), self.nodes.len());
            return Err(Error::Limit { what, limit: MAX_NODES, got });
        }
        let mut ready: Vec<bool> = self.tensors.iter().map(|t| t.data.is_some()).collect();
        for tensor in &self.tensors {
            check_tensor(tensor)?;
        }
        let known = |id: usize| {
            self.tensors.get(id).map(|_| id).ok_or_else(|| Error::NeverComputed { tensor: format!("#{id}") })
        };
        for &id in &self.inputs {
            ready[known(id)?] = true;
        }
        for node in &self.nodes {
            for &id in node.inputs.iter().flatten() {
                if !ready[known(id)?] {
                    return Err(Error::NeverComputed { tensor: self.tensors[id].name.clone() });
                }
            }
            let wrong = |what: &str, expected: &str, got: String| Error::Inconsistent {
                index: node.index,
                op: node.op.name().to_owned(),
                what: what.to_owned(),
                expected: expected.to_owned(),
                got,
            };
            if node.outputs.is_empty() {
                return Err(wrong("number of outputs", "at least 1", "0".to_owned()));
            }
            for &id in &node.outputs {
                if std::mem::replace(&mut ready[known(id)?], true) {
                    let name = self.tensors[id].name.clone();
                    return Err(wrong("output", "a tensor that nothing else computes", name));
                }
            }
        }
        for &id in &self.outputs {
            if !ready[known(id)?] {
                return Err(Error::NeverComputed { tensor: self.tensors[id].name.clone() });
            }
        }
        Ok(())
    }
}

fn check_tensor(tensor: &Tensor) -> Result<(), Error> {
    let name = &tensor.name;
    let elements = tensor.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let elements = elements.filter(|&n| n <= MAX_ELEMENTS).ok_or_else(|| Error::Limit {
        what: format!("number of elements of tensor {name}"),
        limit: MAX_ELEMENTS,
        got: elements.unwrap_or(usize::MAX),
    })?;
    let wrong = |what: String, expected: String, got: String| Error::Tensor { name: name.clone(), what, expected, got };
    if let Some(data) = &tensor.data {
        let expected = elements * tensor.dtype.size();
        if data.len() != expected {
            return Err(wrong("bytes of the constant".into(), expected.to_string(), data.len().to_string()));
        }
    }
    let Some(quant) = &tensor.quant else { return Ok(()) };
    if let Some(bad) = quant.scale.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
        return Err(wrong("scale".into(), "a finite number above 0".into(), bad.to_string()));
    }
    if quant.scale.len() != quant.zero_point.len() {
        return Err(wrong("zero points".into(), quant.scale.len().to_string(), quant.zero_point.len().to_string()));
    }
    if quant.scale.len() != 1 && tensor.shape.get(quant.axis) != Some(&quant.scale.len()) {
        let expected = tensor.shape.get(quant.axis).map_or("1".into(), usize::to_string);
        return Err(wrong(format!("scales along axis {}", quant.axis), expected, quant.scale.len().to_string()));
    }
    let (lo, hi) = match tensor.dtype {
        DType::U8 => (0, 255),
        DType::I8 | DType::I4 => (-128, 127),
        DType::I16 => (-32768, 32767),
        _ => (i64::from(i32::MIN), i64::from(i32::MAX)),
    };
    if let Some(bad) = quant.zero_point.iter().find(|z| !(lo..=hi).contains(*z)) {
        return Err(wrong("zero point".into(), format!("{lo}..={hi}"), bad.to_string()));
    }
    Ok(())
}
