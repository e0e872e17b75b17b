//! ARG_MAX: index of the first maximum along one axis.

use crate::isa::Kernels;
use crate::ops::cast::NumberKind;
use crate::span::{Memory, Number, Span, view, view_mut};
use crate::step::{Access, Run};

/// `output[o, i]` = the smallest `k` with the largest `input[o, k, i]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArgMax {
    /// `[outer, count, inner]` elements of type `kind`.
    pub input: Span,
    /// `[outer, inner]`, `i64` if `wide`, else `i32`.
    pub output: Span,
    /// Type of the input: `F32`, `I8`, `U8` (held flipped, which keeps the order), `I16` or `I32`.
    pub kind: NumberKind,
    /// Elements along the axis, at least 1.
    pub count: usize,
    /// Elements after the axis.
    pub inner: usize,
    /// Whether indices are `i64`.
    pub wide: bool,
}

impl Run for ArgMax {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input], [output]) = memory.split([self.input], [self.output]);
        match self.kind {
            NumberKind::F32 => self.search::<f32>(view(input), output),
            NumberKind::I16 => self.search::<i16>(view(input), output),
            NumberKind::I32 => self.search::<i32>(view(input), output),
            _ => self.search::<i8>(view(input), output),
        }
    }
}

impl ArgMax {
    fn search<T: Number + PartialOrd>(&self, input: &[T], output: &mut [u8]) {
        let group = self.count * self.inner;
        let found = input.chunks_exact(group.max(1)).flat_map(|group| {
            (0..self.inner).map(move |i| {
                let mut best = 0;
                for k in 1..self.count {
                    if group[k * self.inner + i] > group[best * self.inner + i] {
                        best = k;
                    }
                }
                best
            })
        });
        if self.wide {
            view_mut::<i64>(output).iter_mut().zip(found).for_each(|(y, k)| *y = k as i64);
        } else {
            view_mut::<i32>(output).iter_mut().zip(found).for_each(|(y, k)| *y = k as i32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    #[test]
    fn the_first_of_equals_wins_along_an_inner_axis() {
        let mut arena = [Block::ZERO; 2];
        // [2, 3, 2]
        let codes = [1, 9, 5, 9, 5, 0, 255, 128, 255, 129, 254, 127];
        arena[0].0[..12].copy_from_slice(&codes);
        let span = |offset, len| Span { place: Place::Arena, offset, len };
        let step =
            ArgMax { input: span(0, 12), output: span(64, 16), kind: NumberKind::I8, count: 3, inner: 2, wide: false };
        step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], &mut arena));
        assert_eq!(view::<i32>(&arena[1].0[..16]), [1, 0, 0, 2]);
    }
}
