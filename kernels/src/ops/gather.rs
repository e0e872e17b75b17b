//! GATHER with indices that are computed while running.

use crate::isa::Kernels;
use crate::span::{Memory, Number, Span, view};
use crate::step::{Access, Run};

/// `output[b, o, j] = input[b, o, indices[b, j]]`, each an item of `item` bytes. An index outside the axis is clamped to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gather {
    /// `[batch, outer, count]` items.
    pub input: Span,
    /// `[batch, picks]`, `i64` if `wide`, else `i32`.
    pub indices: Span,
    /// `[batch, outer, picks]` items.
    pub output: Span,
    /// Batches.
    pub batch: usize,
    /// Positions before the axis, within a batch.
    pub outer: usize,
    /// Length of the axis, at least 1.
    pub count: usize,
    /// Indices per batch.
    pub picks: usize,
    /// Bytes per item.
    pub item: usize,
    /// Whether indices are `i64`.
    pub wide: bool,
}

impl Run for Gather {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.indices, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, indices], [output]) = memory.split([self.input, self.indices], [self.output]);
        if self.wide {
            self.pick::<i64>(input, view(indices), output);
        } else {
            self.pick::<i32>(input, view(indices), output);
        }
    }
}

impl Gather {
    fn pick<I: Number + Into<i64>>(&self, input: &[u8], indices: &[I], output: &mut [u8]) {
        let mut out = output.chunks_exact_mut(self.item);
        for b in 0..self.batch {
            for o in 0..self.outer {
                for &index in &indices[b * self.picks..][..self.picks] {
                    let k = index.into().clamp(0, self.count as i64 - 1) as usize;
                    let from = ((b * self.outer + o) * self.count + k) * self.item;
                    if let Some(target) = out.next() {
                        target.copy_from_slice(&input[from..][..self.item]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    #[test]
    fn each_batch_has_its_own_indices_and_they_are_clamped() {
        let mut arena = [Block::ZERO; 3];
        arena[0].0[..6].copy_from_slice(&[10, 11, 12, 20, 21, 22]);
        for (b, v) in arena[1].0.chunks_exact_mut(4).zip([2_i32, 0, -5, 9]) {
            b.copy_from_slice(&v.to_ne_bytes());
        }
        let span = |offset, len| Span { place: Place::Arena, offset, len };
        let (input, indices, output) = (span(0, 6), span(64, 16), span(128, 4));
        let step = Gather { input, indices, output, batch: 2, outer: 1, count: 3, picks: 2, item: 1, wide: false };
        step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], &mut arena));
        assert_eq!(arena[2].0[..4], [12, 10, 20, 22]);
    }
}
