//! MAX_POOL_2D on int8 codes, lines first: the maximum of the lines of a window row, then of its columns.
//!
//! Which lines and columns each window has stands in tables, so that the input may lack those that repeat others and those that
//! only pad.

use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// A maximum over windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// `[batch, in_h, in_w, channels]` codes.
    pub input: Span,
    /// `[batch, out_h, out_w, channels]` codes.
    pub output: Span,
    /// `i32`: the input lines of each output line, equally many for each; −1 is a line of `fill`.
    pub lines: Span,
    /// `i32`: the input columns of each output column; −1 is a column of `fill`.
    pub columns: Span,
    /// [`MaxPool::scratch_len`] bytes.
    pub scratch: Span,
    /// Images.
    pub batch: usize,
    /// Input lines and columns.
    pub size: [usize; 2],
    /// Output lines and columns.
    pub out: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The code outside the image.
    pub fill: i8,
    /// Smallest and largest code, activation included.
    pub limits: [i8; 2],
}

/// The operands of a [`MaxPool`], borrowed.
#[derive(Debug)]
pub struct MaxPoolData<'a> {
    /// See [`MaxPool::input`].
    pub input: &'a [i8],
    /// See [`MaxPool::output`].
    pub output: &'a mut [i8],
    /// See [`MaxPool::lines`].
    pub lines: &'a [i32],
    /// See [`MaxPool::columns`].
    pub columns: &'a [i32],
    /// See [`MaxPool::scratch`].
    pub scratch: &'a mut [i8],
}

impl MaxPool {
    /// Bytes of scratch space for lines of `columns` pixels: one line, and the pixel outside.
    #[must_use]
    pub const fn scratch_len(columns: usize, channels: usize) -> usize {
        (columns + 1) * channels
    }
}

impl Run for MaxPool {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.lines, Access::Read);
        visit(&mut self.columns, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, lines, columns], [output, scratch]) =
            memory.split([self.input, self.lines, self.columns], [self.output, self.scratch]);
        let (output, scratch) = (view_mut(output), view_mut(scratch));
        let data = MaxPoolData { input: view(input), output, lines: view(lines), columns: view(columns), scratch };
        kernels.max_pool(self, data);
    }
}

/// The whole step; inlined into a function of each instruction set, it becomes vector code.
#[inline(always)]
pub(crate) fn max_pool(step: &MaxPool, data: MaxPoolData<'_>) {
    max_pool_by(step, data, take_larger);
}

/// The same, where `take_larger` puts the larger of each two codes of two slices of one length in the first.
#[inline(always)]
pub(crate) fn max_pool_by(step: &MaxPool, data: MaxPoolData<'_>, take_larger: impl Fn(&mut [i8], &[i8])) {
    let ([in_h, in_w], [out_h, out_w], channels) = (step.size, step.out, step.channels);
    let line_len = in_w * channels;
    let (line_taps, taps) = (data.lines.len() / out_h, data.columns.len() / out_w);
    let (maxima, outside) = data.scratch.split_at_mut(line_len);
    let outside = &mut outside[..channels];
    outside.fill(step.fill);
    let mut out = data.output.chunks_exact_mut(channels);
    for image in data.input.chunks_exact(in_h * line_len) {
        for lines in data.lines.chunks_exact(line_taps) {
            for (i, &line) in lines.iter().enumerate() {
                match usize::try_from(line) {
                    Ok(line) if i == 0 => maxima.copy_from_slice(&image[line * line_len..][..line_len]),
                    // A line that a window names twice says nothing new.
                    Ok(line) if lines[i - 1] == line as i32 => {}
                    Ok(line) => take_larger(maxima, &image[line * line_len..][..line_len]),
                    Err(_) if i == 0 => maxima.fill(step.fill),
                    Err(_) => at_least(maxima, step.fill),
                }
            }
            for (columns, pixel) in data.columns.chunks_exact(taps).zip(&mut out) {
                for (i, &column) in columns.iter().enumerate() {
                    let from = match usize::try_from(column) {
                        Ok(column) => &maxima[column * channels..][..channels],
                        Err(_) => &*outside,
                    };
                    if i == 0 { pixel.copy_from_slice(from) } else { take_larger(pixel, from) }
                }
                if step.limits != [i8::MIN, i8::MAX] {
                    let [lo, hi] = step.limits;
                    for code in pixel.iter_mut() {
                        *code = (*code).clamp(lo, hi);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn take_larger(to: &mut [i8], from: &[i8]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = (*to).max(from);
    }
}

#[inline(always)]
fn at_least(to: &mut [i8], floor: i8) {
    for to in to {
        *to = (*to).max(floor);
    }
}
