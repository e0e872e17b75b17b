//! Memory for a plan: inputs in, outputs out.

use std::hint::spin_loop;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use edgebench_kernels::{Block, Kernels, Memory, SharedArena, Span};

use crate::error::Error;
use crate::graph::DType;
use crate::memory::Zeroed;
use crate::plan::{Plan, Port};
use crate::team::Team;

/// A plan with an arena of its own. Sessions of one plan share its weights; use one per thread. A plan that was lowered for
/// several threads starts them here, and they stay as long as the session.
#[derive(Debug)]
pub struct Session {
    plan: Arc<Plan>,
    kernels: &'static Kernels,
    arena: Arena,
}

/// Activations and scratch space, and who works on them.
#[derive(Debug)]
enum Arena {
    /// The thread that calls.
    Own(Zeroed),
    /// A team: its members hold the lock for reading while they work.
    Shared(Arc<RwLock<SharedArena>>, Team),
}

impl Arena {
    fn shared(plan: &Arc<Plan>, kernels: &'static Kernels) -> Result<Arena, Error> {
        let arena = SharedArena::new(kernels, &plan.steps, &plan.groups, plan.arena_len)?;
        let arena = Arc::new(RwLock::new(arena));
        // How often a thread looks whether the others are done before it gives way to other programs.
        let looks = if thread::available_parallelism().is_ok_and(|cpus| plan.threads > cpus.get()) { 0 } else { 4000 };
        let (plan, theirs) = (Arc::clone(plan), Arc::clone(&arena));
        let team = Team::new(plan.threads, move |thread| {
            let arena = theirs.read().unwrap_or_else(PoisonError::into_inner);
            arena.work(
                thread,
                plan.consts.bytes(),
                |look| if look < looks { spin_loop() } else { thread::yield_now() },
            );
        });
        Ok(Arena::Shared(arena, team))
    }

    fn with<T>(&mut self, access: impl FnOnce(&mut [u8]) -> T) -> T {
        match self {
            Arena::Own(bytes) => access(bytes.bytes_mut()),
            Arena::Shared(arena, _) => access(arena.write().unwrap_or_else(PoisonError::into_inner).bytes_mut()),
        }
    }
}

impl Session {
    /// Allocates the arena.
    ///
    /// # Errors
    /// If the plan was made for an instruction set that this CPU does not have.
    pub fn new(plan: Arc<Plan>) -> Result<Self, Error> {
        let kernels = plan.isa.kernels().ok_or_else(|| Error::IsaUnavailable { isa: plan.isa.name() })?;
        let arena = if plan.threads > 1 {
            Arena::shared(&plan, kernels)?
        } else {
            // One block more than planned: vector loads may run past the last tensor.
            Arena::Own(Zeroed::new(plan.arena_len + Block::SIZE))
        };
        Ok(Self { plan, kernels, arena })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// One of the images of a run, of which there are [`Plan::images`].
    ///
    /// # Panics
    /// If there is no such image.
    #[must_use]
    pub fn image(&mut self, image: usize) -> Image<'_> {
        assert!(image < self.plan.images, "a run has {} images, not image {image}", self.plan.images);
        Image { session: self, image }
    }

    /// Copies input `index` (of the first image) in: little-endian elements of the port's type.
    ///
    /// # Errors
    /// If there is no such input, or `bytes` has another length than the port.
    pub fn set_input(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        self.image(0).set_input(index, bytes)
    }

    fn put(&mut self, image: usize, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let Self { plan, arena, .. } = self;
        let port = plan.inputs.get(index).ok_or(Error::NoSuchPort { index, count: plan.inputs.len() })?;
        if bytes.len() != port.span.len {
            return Err(Error::PortLength { name: port.name.clone(), expected: port.span.len, got: bytes.len() });
        }
        arena.with(|memory| {
            let target = &mut memory[port.of_image(image).offset..][..port.span.len];
            target.copy_from_slice(bytes);
            flip(port.dtype, target);
        });
        Ok(())
    }

    /// Runs all steps.
    pub fn run(&mut self) {
        let Self { plan, kernels, arena } = self;
        match arena {
            Arena::Own(memory) => {
                let memory = &mut Memory::of_bytes(plan.consts.bytes(), memory.bytes_mut());
                edgebench_kernels::run(&plan.steps, kernels, memory);
            }
            Arena::Shared(arena, team) => {
                arena.write().unwrap_or_else(PoisonError::into_inner).begin();
                team.run();
            }
        }
    }

    /// Runs step `index` only, on this thread (for profiles).
    ///
    /// # Panics
    /// If there is no such step.
    pub fn run_step(&mut self, index: usize) {
        let Self { plan, kernels, arena } = self;
        let consts = plan.consts.bytes();
        arena.with(|memory| plan.steps[index].run(kernels, &mut Memory::of_bytes(consts, memory)));
    }

    /// Output `index` (of the first image): little-endian elements of the port's type.
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output(&mut self, index: usize) -> Vec<u8> {
        self.image(0).output(index)
    }

    /// Any tensor of a plan that was lowered with `keep_all`.
    #[must_use]
    pub fn tensor(&mut self, id: usize, dtype: DType) -> Option<Vec<u8>> {
        let span = self.plan.tensors.get(id).copied().flatten()?;
        Some(self.bytes(span, dtype))
    }

    fn bytes(&mut self, span: Span, dtype: DType) -> Vec<u8> {
        let Self { plan, arena, .. } = self;
        let mut bytes = arena.with(|memory| Memory::of_bytes(plan.consts.bytes(), memory).read::<u8>(span).to_vec());
        flip(dtype, &mut bytes);
        bytes
    }
}

/// One of the images of a run.
#[derive(Debug)]
pub struct Image<'a> {
    session: &'a mut Session,
    image: usize,
}

impl Image<'_> {
    /// See [`Session::plan`].
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.session.plan
    }

    /// Copies input `index` of this image in: little-endian elements of the port's type.
    ///
    /// # Errors
    /// If there is no such input, or `bytes` has another length than the port.
    pub fn set_input(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        self.session.put(self.image, index, bytes)
    }

    /// Output `index` of this image: little-endian elements of the port's type.
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output(&mut self, index: usize) -> Vec<u8> {
        let plan = Arc::clone(&self.session.plan);
        let port: &Port = &plan.outputs[index];
        self.session.bytes(port.of_image(self.image), port.dtype)
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
