//! What lowering knows while it goes through the graph: where tensors lie, which are constant, the steps so far.

use std::collections::HashMap;
use std::sync::Arc;

use edgebench_kernels::arith::{Requant, RequantData};
use edgebench_kernels::span::view;
use edgebench_kernels::{Block, Kernels, Place, Span, Step};

use crate::error::Error;
use crate::graph::{Graph, Node, Quant, Tensor, TensorId};
use crate::lower::compact::Compact;
use crate::lower::{Arithmetic, LowerOptions};
use crate::memory::Zeroed;
use crate::plan::Origin;
use crate::session::flip;
use crate::tflite::Bytes;

/// Constants of a plan, each at a multiple of 64 bytes; equal ones are stored once.
#[derive(Debug, Default)]
pub(crate) struct ConstPool {
    memory: Zeroed,
    /// Bytes in use, a multiple of 64.
    used: usize,
    known: HashMap<Arc<[u8]>, Span>,
}

impl ConstPool {
    /// With room for the graph's constants, so that it does not move while it grows.
    fn for_graph(graph: &Graph) -> ConstPool {
        const MOST: usize = 1 << 28;
        let bytes: usize = graph.tensors.iter().filter_map(|t| t.data.as_ref()).map(|data| data.len() + 128).sum();
        ConstPool { memory: Zeroed::new((bytes + bytes / 8).min(MOST)), used: 0, known: HashMap::new() }
    }

    fn add(&mut self, bytes: &[u8]) -> Span {
        if bytes.is_empty() {
            return Span::EMPTY;
        }
        // Large constants are not worth a second copy in the index, nor the hashing.
        let small = bytes.len() <= 4096;
        if let Some(&span) = small.then(|| self.known.get(bytes)).flatten() {
            return span;
        }
        let span = self.fill(bytes.len(), |target| target.copy_from_slice(bytes));
        if small {
            self.known.insert(bytes.into(), span);
        }
        span
    }

    /// The bytes of a constant, in memory of their own.
    fn copy(&self, span: Span) -> Zeroed {
        let mut copy = Zeroed::new(span.len);
        copy.bytes_mut()[..span.len].copy_from_slice(&self.memory.bytes()[span.offset..][..span.len]);
        copy
    }

    /// A constant of `len` bytes that `write` makes in its place; it finds zeros there.
    fn fill(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Span {
        let offset = self.used;
        self.used += len.next_multiple_of(Block::SIZE);
        self.hold(self.used);
        write(&mut self.memory.bytes_mut()[offset..offset + len]);
        Span { place: Place::Const, offset, len }
    }

    /// Moves to larger memory if there is no room for `len` bytes.
    fn hold(&mut self, len: usize) {
        let held = self.memory.bytes().len();
        if len > held {
            let mut larger = Zeroed::new(len.max(2 * held));
            larger.bytes_mut()[..held].copy_from_slice(self.memory.bytes());
            self.memory = larger;
        }
    }

    /// The memory, with a block to spare for vector loads that run past the last constant.
    pub(crate) fn finish(mut self) -> Zeroed {
        self.hold(self.used + Block::SIZE);
        self.memory
    }
}

/// Most bytes of constants in a plan, and most bytes of folded values: far above any network for a device, so that a small file
/// (whose operators may share one buffer) cannot fill the memory.
const CONST_LIMIT: usize = 1 << 31;

/// State of a lowering.
pub(crate) struct Cx<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) arithmetic: Arithmetic,
    pub(crate) kernels: &'static Kernels,
    pub(crate) steps: Vec<Step>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) consts: ConstPool,
    /// Bytes of each virtual buffer.
    pub(crate) buffers: Vec<usize>,
    /// Where each tensor lies, once it is computed.
    pub(crate) places: Vec<Option<Span>>,
    /// Tensors that are held compact, whether or not they have been made whole too.
    pub(crate) compacts: HashMap<TensorId, Compact>,
    /// Values of tensors that are constant or have been folded; user's representation (`uint8` not flipped).
    pub(crate) values: Vec<Option<Bytes>>,
    /// Which values XNNPACK accepts as weights: the file's own, made dense or widened from float16 at most.
    pub(crate) fixed: Vec<bool>,
    /// Bytes of all folded values.
    pub(crate) folded: usize,
    pub(crate) warnings: Vec<String>,
    node: usize,
}

impl<'g> Cx<'g> {
    pub(crate) fn new(graph: &'g Graph, options: &LowerOptions) -> Result<Self, Error> {
        let kernels = options.isa.kernels().ok_or_else(|| Error::IsaUnavailable { isa: options.isa.name() })?;
        Ok(Self {
            graph,
            arithmetic: options.arithmetic,
            kernels,
            steps: Vec::new(),
            origins: Vec::new(),
            consts: ConstPool::for_graph(graph),
            buffers: Vec::new(),
            places: vec![None; graph.tensors.len()],
            compacts: HashMap::new(),
            values: graph.tensors.iter().map(|t| t.data.clone()).collect(),
            fixed: graph.tensors.iter().map(|t| t.data.is_some()).collect(),
            folded: 0,
            warnings: Vec::new(),
            node: 0,
        })
    }

    /// Goes to a node.
    pub(crate) fn enter(&mut self, node: usize) {
        self.node = node;
    }

    /// Refuses a plan whose constants or folded values have grown too large.
    pub(crate) fn check_limits(&self) -> Result<(), Error> {
        let got = self.consts.used.max(self.folded);
        if got > CONST_LIMIT {
            return Err(Error::Limit { what: "bytes of constants".into(), limit: CONST_LIMIT, got });
        }
        Ok(())
    }

    /// Index of the current node.
    pub(crate) fn node_index(&self) -> usize {
        self.node
    }

    /// The current node.
    pub(crate) fn node(&self) -> &'g Node {
        &self.graph.nodes[self.node]
    }

    /// Whether this is the arithmetic of LiteRT's default path, on whatever CPU.
    pub(crate) fn is_litert(&self) -> bool {
        matches!(self.arithmetic, Arithmetic::Litert | Arithmetic::LitertArm64)
    }

    /// Whether this is the arithmetic of LiteRT's default path on aarch64.
    pub(crate) fn is_arm64(&self) -> bool {
        self.arithmetic == Arithmetic::LitertArm64
    }

    /// Input `i` of the current node, if it is there.
    pub(crate) fn optional(&self, i: usize) -> Option<(TensorId, &'g Tensor)> {
        let id = self.node().inputs.get(i).copied().flatten()?;
        Some((id, &self.graph.tensors[id]))
    }

    /// Input `i` of the current node.
    pub(crate) fn tensor(&self, i: usize) -> Result<&'g Tensor, Error> {
        self.optional(i).map(|(_, t)| t).ok_or_else(|| self.inconsistent("number of inputs", i + 1, i))
    }

    /// Output `i` of the current node.
    pub(crate) fn out(&self, i: usize) -> Result<&'g Tensor, Error> {
        let node = self.node();
        let id = node.outputs.get(i).ok_or_else(|| self.inconsistent("number of outputs", i + 1, i))?;
        Ok(&self.graph.tensors[*id])
    }

    /// Where input `i` lies; a constant is placed among the constants (8-bit unsigned codes flipped).
    pub(crate) fn input(&mut self, i: usize) -> Result<Span, Error> {
        match self.optional(i) {
            Some((id, _)) => self.operand(id),
            None => Err(self.inconsistent("number of inputs", i + 1, i)),
        }
    }

    /// Where tensor `id` lies.
    pub(crate) fn operand(&mut self, id: TensorId) -> Result<Span, Error> {
        if let Some(span) = self.places[id] {
            return Ok(span);
        }
        if let Some(span) = self.make_whole(id)? {
            return Ok(span);
        }
        let tensor = &self.graph.tensors[id];
        let Some(value) = self.values[id].clone() else {
            return Err(Error::NeverComputed { tensor: tensor.name.clone() });
        };
        let mut bytes = value.to_vec();
        flip(tensor.dtype, &mut bytes);
        let span = self.consts.add(&bytes);
        self.places[id] = Some(span);
        Ok(span)
    }

    /// Value of input `i` if it is known before running: little-endian elements.
    pub(crate) fn value(&self, i: usize) -> Option<&[u8]> {
        let (id, _) = self.optional(i)?;
        self.values[id].as_deref()
    }

    /// Whether XNNPACK accepts input `i` as weights. A node whose weights it does not accept runs in LiteRT's built-in kernels.
    pub(crate) fn is_fixed(&self, i: usize) -> bool {
        self.optional(i).is_some_and(|(id, _)| self.fixed[id])
    }

    /// Value of input `i` as integers (int32 or int64), which must be known before running.
    pub(crate) fn integers(&self, i: usize) -> Result<Vec<i64>, Error> {
        let tensor = self.tensor(i)?;
        let bytes = self.value(i).ok_or_else(|| self.unsupported(&format!("input {i} that is not constant")))?;
        super::quant::integers(tensor.dtype, bytes)
            .ok_or_else(|| self.inconsistent(&format!("type of input {i}"), "int32 or int64", tensor.dtype))
    }

    /// A buffer for tensor `id`.
    pub(crate) fn define(&mut self, id: TensorId) -> Span {
        let span = self.scratch(self.graph.tensors[id].bytes());
        self.places[id] = Some(span);
        span
    }

    /// A buffer for output `i` of the current node.
    pub(crate) fn output(&mut self, i: usize) -> Result<Span, Error> {
        self.out(i)?;
        let id = self.node().outputs[i];
        Ok(self.define(id))
    }

    /// A buffer of `len` bytes for the steps of the current node.
    pub(crate) fn scratch(&mut self, len: usize) -> Span {
        let id = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
        self.buffers.push(len);
        Span { place: Place::Virtual(id), offset: 0, len }
    }

    /// Makes output `i` the same memory as input `j`.
    pub(crate) fn alias(&mut self, i: usize, j: usize) -> Result<(), Error> {
        let (from, to) = (self.tensor(j)?.bytes(), self.out(i)?.bytes());
        if from != to {
            return Err(self.inconsistent("bytes of the output", from, to));
        }
        let span = self.input(j)?;
        let id = self.node().outputs[i];
        self.places[id] = Some(span);
        Ok(())
    }

    /// Bytes as a constant.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Span {
        self.consts.add(bytes)
    }

    /// A constant of `len` bytes that `write` makes in its place.
    pub(crate) fn fill(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Span {
        self.consts.fill(len, write)
    }

    /// A constant, as bytes.
    pub(crate) fn constant(&self, span: Span) -> Vec<u8> {
        self.consts.copy(span).bytes()[..span.len].to_vec()
    }

    /// What `look` finds in the constants of `rule`.
    pub(crate) fn look_at<T>(&self, rule: Requant, channels: usize, look: impl FnOnce(&RequantData<'_>) -> T) -> T {
        let (bias, multiplier) = (self.consts.copy(rule.bias), self.consts.copy(rule.multiplier));
        let bias = view(&bias.bytes()[..rule.bias.len]);
        look(&RequantData { rule: &rule, channels, bias, multiplier: &multiplier.bytes()[..rule.multiplier.len] })
    }

    /// As [`Cx::fill`], of what stands in the constants of `requant`.
    pub(crate) fn fill_from(
        &mut self,
        len: usize,
        rule: Requant,
        channels: usize,
        write: impl FnOnce(&Kernels, &RequantData<'_>, &mut [u8]),
    ) -> Span {
        if len == 0 {
            return Span::EMPTY;
        }
        let (bias, multiplier) = (self.consts.copy(rule.bias), self.consts.copy(rule.multiplier));
        let bias = view(&bias.bytes()[..rule.bias.len]);
        let multiplier = &multiplier.bytes()[..rule.multiplier.len];
        let kernels = self.kernels;
        self.consts.fill(len, |target| write(kernels, &RequantData { rule: &rule, channels, bias, multiplier }, target))
    }

    /// `i8` codes as a constant.
    pub(crate) fn codes(&mut self, codes: &[i8]) -> Span {
        let bytes: Vec<u8> = codes.iter().map(|c| c.cast_unsigned()).collect();
        self.consts.add(&bytes)
    }

    /// 32-bit integers as a constant.
    pub(crate) fn ints(&mut self, values: &[i32]) -> Span {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        self.consts.add(&bytes)
    }

    /// Binary32 numbers as a constant.
    pub(crate) fn floats(&mut self, values: &[f32]) -> Span {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        self.consts.add(&bytes)
    }

    /// Appends a step that does `macs` multiply-accumulates.
    pub(crate) fn push(&mut self, step: impl Into<Step>, macs: u64) {
        self.steps.push(step.into());
        self.origins.push(Origin { node: self.node, macs });
    }

    /// Says something to the user about the current operator.
    pub(crate) fn warn(&mut self, what: &str) {
        let node = self.node();
        self.warnings.push(format!("operator {} ({}): {what}", node.index, node.op.name()));
    }

    /// Error: well-formed, but outside what edgebench implements.
    pub(crate) fn unsupported(&self, what: &str) -> Error {
        let node = self.node();
        Error::Unsupported { index: node.index, op: node.op.name().to_owned(), what: what.to_owned() }
    }

    /// Error: the model contradicts itself.
    pub(crate) fn inconsistent(&self, what: &str, expected: impl ToString, got: impl ToString) -> Error {
        let node = self.node();
        Error::Inconsistent {
            index: node.index,
            op: node.op.name().to_owned(),
            what: what.to_owned(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    /// Per-tensor scale and zero point of a tensor, the zero point as plans hold codes (`uint8` lowered by 128).
    pub(crate) fn scale_zero(&self, tensor: &Tensor) -> Result<(f32, i32), Error> {
        let quant = self.quant(tensor)?;
        if quant.scale.len() != 1 {
            return Err(self.inconsistent(&format!("scales of {}", tensor.name), 1, quant.scale.len()));
        }
        Ok((quant.scale[0], super::quant::held_zero(tensor.dtype, quant.zero_point[0])))
    }

    /// Quantisation of a tensor, which must have one.
    pub(crate) fn quant<'t>(&self, tensor: &'t Tensor) -> Result<&'t Quant, Error> {
        let absent = || self.inconsistent(&format!("quantisation of {}", tensor.name), "scale and zero point", "none");
        tensor.quant.as_ref().ok_or_else(absent)
    }
}
