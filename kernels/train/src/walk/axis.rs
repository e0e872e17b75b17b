//! One dimension of a convolution.

use core::ops::Range;

use crate::ConvShape;

/// A tap and its offset: destination position `p` sees source position `p · src_step + offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisTap {
    pub tap: usize,
    offset: isize,
}

/// Destination positions `first`, `first + step`, … and the source positions that they see.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub first: usize,
    pub step: usize,
    count: usize,
    pub src_step: usize,
    src_len: usize,
    /// By rising offset.
    pub taps: Vec<AxisTap>,
}

/// Neighbouring positions with the same taps inside.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub start: usize,
    pub count: usize,
    pub taps: Range<usize>,
}

impl Axis {
    pub(super) fn forward(s: &ConvShape, d: usize) -> Axis {
        let offset = |k: usize| (k * s.dilation[d]) as isize - s.pad[d] as isize;
        Axis {
            first: 0,
            step: 1,
            count: [s.out_h, s.out_w][d],
            src_step: s.stride[d],
            src_len: [s.in_h, s.in_w][d],
            taps: (0..s.kernel[d]).map(|tap| AxisTap { tap, offset: offset(tap) }).collect(),
        }
    }

    pub(super) fn backward(s: &ConvShape, d: usize) -> Vec<Axis> {
        let (stride, dst_len) = (s.stride[d], [s.in_h, s.in_w][d]);
        let phase = |first: usize| {
            // Input `i` is seen by output `(i + pad − k · dilation) / stride` where that is a whole number.
            let taps = (0..s.kernel[d]).rev().filter_map(|tap| {
                let at = (first + s.pad[d]) as isize - (tap * s.dilation[d]) as isize;
                let whole = at.rem_euclid(stride as isize) == 0;
                whole.then(|| AxisTap { tap, offset: at.div_euclid(stride as isize) })
            });
            Axis {
                first,
                step: stride,
                count: (dst_len - first).div_ceil(stride),
                src_step: 1,
                src_len: [s.out_h, s.out_w][d],
                taps: taps.collect(),
            }
        };
        (0..stride.min(dst_len)).map(phase).collect()
    }

    /// The source position of a tap that is inside.
    pub(super) fn source(&self, position: usize, tap: usize) -> usize {
        (position * self.src_step).wrapping_add_signed(self.taps[tap].offset)
    }

    /// Which taps are inside: neighbours, as offsets rise.
    fn inside(&self, position: usize) -> Range<usize> {
        let at = |t: &AxisTap| (position * self.src_step) as isize + t.offset;
        let start = self.taps.iter().take_while(|t| at(t) < 0).count();
        let end = self.taps.iter().take_while(|t| at(t) < self.src_len as isize).count();
        if start < end { start..end } else { 0..0 }
    }

    pub(super) fn classes(&self) -> Vec<Class> {
        let mut all: Vec<Class> = Vec::new();
        for position in 0..self.count {
            let taps = self.inside(position);
            match all.last_mut() {
                Some(last) if last.taps == taps => last.count += 1,
                _ => all.push(Class { start: position, count: 1, taps }),
            }
        }
        all
    }
}
