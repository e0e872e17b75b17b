//! Small changes of a model: constants, operators, and what nothing refers to any more.

use std::collections::HashMap;

use crate::tflite::{BuiltinOperator, Model, Operator, OperatorCode, Quantization, Tensor, TensorType};

/// A model of one subgraph that is being changed.
pub(super) struct Editor {
    pub(super) model: Model,
    known: HashMap<Vec<u8>, u32>,
}

impl Editor {
    pub(super) fn new(model: Model) -> Self {
        Editor { model, known: HashMap::new() }
    }

    pub(super) fn tensor(&mut self, tensor: usize) -> &mut Tensor {
        &mut self.model.subgraphs[0].tensors[tensor]
    }

    /// Adds a tensor and gives its index.
    pub(super) fn add_tensor(&mut self, tensor: Tensor) -> usize {
        let tensors = &mut self.model.subgraphs[0].tensors;
        tensors.push(tensor);
        tensors.len() - 1
    }

    /// Adds a constant with the name and shape of tensor `like`; equal bytes share a buffer.
    pub(super) fn add_constant(
        &mut self,
        like: usize,
        dtype: TensorType,
        bytes: Vec<u8>,
        quant: Quantization,
    ) -> usize {
        let buffer = match self.known.get(&bytes) {
            Some(&buffer) => buffer,
            None => {
                let buffer = u32::try_from(self.model.buffers.len()).unwrap_or(u32::MAX);
                self.model.buffers.push(bytes.clone().into());
                self.known.insert(bytes, buffer);
                buffer
            }
        };
        let quantization = Some(Box::new(quant));
        let tensor = Tensor { dtype, buffer, quantization, ..self.tensor(like).clone() };
        self.add_tensor(tensor)
    }

    /// An operator of a kind without options.
    pub(super) fn operator(&mut self, kind: BuiltinOperator, input: usize, output: usize) -> Operator {
        let codes = &mut self.model.operator_codes;
        let at = codes.iter().position(|code| code.builtin_code == kind).unwrap_or_else(|| {
            codes.push(OperatorCode::builtin(kind, 1));
            codes.len() - 1
        });
        let opcode_index = u32::try_from(at).unwrap_or(u32::MAX);
        Operator { opcode_index, inputs: vec![id(input)], outputs: vec![id(output)], ..Operator::default() }
    }

    /// Drops tensors and buffers that nothing refers to. Gives the new index of each tensor.
    pub(super) fn compact(&mut self) -> Vec<Option<usize>> {
        let graph = &mut self.model.subgraphs[0];
        let mut used = vec![false; graph.tensors.len()];
        let signatures = &mut self.model.signature_defs;
        let named =
            signatures.iter().flat_map(|s| s.inputs.iter().chain(&s.outputs)).map(|map| map.tensor_index as usize);
        let lists = graph.operators.iter().flat_map(|op| [&op.inputs, &op.outputs, &op.intermediates]);
        let listed = lists.chain([&graph.inputs, &graph.outputs]).flatten().filter_map(|&i| usize::try_from(i).ok());
        for tensor in listed.chain(named) {
            if let Some(used) = used.get_mut(tensor) {
                *used = true;
            }
        }
        let mut next = 0..;
        let moved: Vec<Option<usize>> = used.iter().map(|&used| used.then(|| next.next()).flatten()).collect();
        let new = |old: &mut i32| {
            if let Some(Some(at)) = usize::try_from(*old).ok().and_then(|i| moved.get(i)) {
                *old = id(*at);
            }
        };
        for op in &mut graph.operators {
            [&mut op.inputs, &mut op.outputs, &mut op.intermediates].into_iter().flatten().for_each(new);
        }
        [&mut graph.inputs, &mut graph.outputs].into_iter().flatten().for_each(new);
        for map in signatures.iter_mut().flat_map(|s| s.inputs.iter_mut().chain(&mut s.outputs)) {
            if let Some(Some(at)) = moved.get(map.tensor_index as usize) {
                map.tensor_index = u32::try_from(*at).unwrap_or(u32::MAX);
            }
        }
        let mut kept = used.iter();
        graph.tensors.retain(|_| kept.next() == Some(&true));
        self.compact_buffers();
        moved
    }

    fn compact_buffers(&mut self) {
        let model = &mut self.model;
        let mut used = vec![false; model.buffers.len()];
        let tensors = model.subgraphs[0].tensors.iter().map(|t| t.buffer as usize);
        let metadata = model.metadata.iter().map(|entry| entry.buffer as usize);
        let old = model.metadata_buffer.iter().filter_map(|&b| usize::try_from(b).ok());
        for buffer in tensors.chain(metadata).chain(old).chain([0]) {
            if let Some(used) = used.get_mut(buffer) {
                *used = true;
            }
        }
        let mut next = 0_u32..;
        let moved: Vec<u32> = used.iter().map(|&used| if used { next.next().unwrap_or(0) } else { 0 }).collect();
        let new = |old: u32| moved.get(old as usize).copied().unwrap_or(0);
        model.subgraphs[0].tensors.iter_mut().for_each(|tensor| tensor.buffer = new(tensor.buffer));
        model.metadata.iter_mut().for_each(|entry| entry.buffer = new(entry.buffer));
        for buffer in &mut model.metadata_buffer {
            *buffer = u32::try_from(*buffer).map_or(*buffer, |old| i32::try_from(new(old)).unwrap_or(0));
        }
        let mut kept = used.iter();
        model.buffers.retain(|_| kept.next() == Some(&true));
    }
}

/// An index as files hold it.
pub(super) fn id(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
