//! Working memory of a worker.

/// Memory that kernels use between calls of a worker; it grows to what the largest call needs and never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    memory: Vec<f32>,
}

/// Floats in a cache line.
const LINE: usize = 16;

impl Scratch {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Scratch {
        Scratch { memory: Vec::new() }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.memory.capacity() * size_of::<f32>()
    }

    /// `len` floats at a 64-byte boundary; what is in them is unspecified.
    pub(crate) fn floats(&mut self, len: usize) -> &mut [f32] {
        if self.memory.len() < len + LINE {
            self.memory = vec![0.0; len + LINE];
        }
        let start = self.start();
        &mut self.memory[start..][..len]
    }

    /// What was written to the last [`Scratch::floats`] of at least this length.
    pub(crate) fn written(&self, len: usize) -> &[f32] {
        &self.memory[self.start()..][..len]
    }

    fn start(&self) -> usize {
        self.memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE)
    }
}
