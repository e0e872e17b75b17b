//! Memory for a plan: inputs in, outputs out.

use std::sync::Arc;

use edgebench_kernels::{Block, Kernels, Memory, Span};

use crate::error::Error;
use crate::graph::DType;
use crate::plan::{Plan, Port};

/// A plan with an arena of its own. Sessions of one plan share its weights; use one per thread.
#[derive(Debug)]
pub struct Session {
    plan: Arc<Plan>,
    kernels: &'static Kernels,
    arena: Vec<Block>,
}

impl Session {
    /// Allocates the arena.
    ///
    /// # Errors
    /// If the plan was made for an instruction set that this CPU does not have.
    pub fn new(plan: Arc<Plan>) -> Result<Self, Error> {
        let kernels = plan.isa.kernels().ok_or_else(|| Error::IsaUnavailable { isa: plan.isa.name() })?;
        // One block more than planned: vector loads may run past the last tensor.
        let arena = vec![Block::ZERO; Block::count(plan.arena_len) + 1];
        Ok(Self { plan, kernels, arena })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Copies input `index` in: little-endian elements of the port's type.
    ///
    /// # Errors
    /// If there is no such input, or `bytes` has another length than the port.
    pub fn set_input(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let Self { plan, arena, .. } = self;
        let port = plan.inputs.get(index).ok_or(Error::NoSuchPort { index, count: plan.inputs.len() })?;
        if bytes.len() != port.span.len {
            return Err(Error::PortLength { name: port.name.clone(), expected: port.span.len, got: bytes.len() });
        }
        let target = &mut Block::bytes_mut(arena)[port.span.offset..][..port.span.len];
        target.copy_from_slice(bytes);
        flip(port.dtype, target);
        Ok(())
    }

    /// Runs all steps.
    pub fn run(&mut self) {
        let Self { plan, kernels, arena } = self;
        edgebench_kernels::run(&plan.steps, kernels, &mut Memory::new(&plan.consts, arena));
    }

    /// Runs step `index` only (for profiles).
    ///
    /// # Panics
    /// If there is no such step.
    pub fn run_step(&mut self, index: usize) {
        let Self { plan, kernels, arena } = self;
        plan.steps[index].run(kernels, &mut Memory::new(&plan.consts, arena));
    }

    /// Output `index`: little-endian elements of the port's type.
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output(&mut self, index: usize) -> Vec<u8> {
        let plan = Arc::clone(&self.plan);
        let port: &Port = &plan.outputs[index];
        self.bytes(port.span, port.dtype)
    }

    /// Any tensor of a plan that was lowered with `keep_all`.
    #[must_use]
    pub fn tensor(&mut self, id: usize, dtype: DType) -> Option<Vec<u8>> {
        let span = self.plan.tensors.get(id).copied().flatten()?;
        Some(self.bytes(span, dtype))
    }

    fn bytes(&mut self, span: Span, dtype: DType) -> Vec<u8> {
        let mut bytes = Memory::new(&self.plan.consts, &mut self.arena).read::<u8>(span).to_vec();
        flip(dtype, &mut bytes);
        bytes
    }
}

/// Between `uint8` codes and the `i8` codes that plans hold: the top bit.
pub(crate) fn flip(dtype: DType, bytes: &mut [u8]) {
    if dtype == DType::U8 {
        for b in bytes {
            *b ^= 0x80;
        }
    }
}
