//! int8 depthwise convolution on 16 channels: two taps are multiplied and added in 16 bits, then added to 32.

use core::arch::aarch64::*;

use super::requant::{Acc, F32Even, codes_slowly, is_f32_even, load_f32, load_i32};
use crate::arch::rows::{Row, for_each_row};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::window::Window;
use crate::span::view_mut;

/// Channels of a block.
const BLOCK: usize = 16;
/// Pixels of a tile.
const TILE: usize = 4;
/// Taps of the largest kernel that has code here.
const TAPS: usize = 64;

/// Whether the portable kernel runs.
fn is_odd(s: &ConvShape) -> bool {
    s.in_c != s.out_c || s.k_h * s.k_w > TAPS
}

/// Bytes of scratch space: the ring of lines.
pub(in crate::arch) fn scratch_len(s: &ConvShape) -> usize {
    if is_odd(s) { 0 } else { Window::new(s, 1).bytes() }
}

/// Bytes of the tables.
pub(in crate::arch) fn tables_len(s: &ConvShape) -> usize {
    if is_odd(s) { 0 } else { 64 }
}

/// The first byte of the tables says whether no weight is −128.
pub(in crate::arch) fn tables(_: &ConvShape, weights: &[i8], _: (&RequantData<'_>, i8), to: &mut [u8]) {
    to.fill(0);
    to[0] = u8::from(!weights.contains(&i8::MIN));
}

/// Scales, zero point and limits of a block.
pub(in crate::arch) struct Finish<'a> {
    pub(in crate::arch) requant: &'a RequantData<'a>,
    pub(in crate::arch) even: F32Even,
    /// Empty unless the rule is [`crate::arith::Rounding::F32Even`].
    pub(in crate::arch) scale: &'a [f32],
}

impl<'a> Finish<'a> {
    pub(in crate::arch) fn new(requant: &'a RequantData<'a>) -> Finish<'a> {
        let scale = if is_f32_even(requant) { crate::span::view(requant.multiplier) } else { &[] };
        Finish { requant, even: F32Even::new(requant.rule), scale }
    }

    /// Bias of 16 channels.
    #[inline(always)]
    pub(in crate::arch) fn bias(&self, channel: usize) -> [Acc; 2] {
        // The numbers are padded to a multiple of 64.
        [0, 8].map(|i| load_i32(self.requant.bias, channel + i, 8))
    }

    /// Scales of 16 channels; zeros where there are none.
    #[inline(always)]
    pub(in crate::arch) fn scales(&self, channel: usize) -> [[float32x4_t; 2]; 2] {
        [0, 8].map(|i| load_f32(self.scale, channel + i, 8))
    }

    /// Writes the codes of up to 16 channels from `channel` on to the beginning of `to`.
    #[inline(always)]
    pub(in crate::arch) fn write(&self, acc: [Acc; 2], scale: [[float32x4_t; 2]; 2], channel: usize, to: &mut [i8]) {
        if self.scale.is_empty() {
            let (low, high) = to.split_at_mut(to.len().min(8));
            codes_slowly(self.requant, channel, acc[0], low);
            return codes_slowly(self.requant, channel + 8, acc[1], high);
        }
        let codes = self.even.codes(acc, scale);
        // SAFETY: the slices are 16 codes.
        unsafe {
            if let Some(to) = to.first_chunk_mut::<BLOCK>() {
                vst1q_s8(to.as_mut_ptr(), codes);
            } else {
                let mut bytes = [0_i8; BLOCK];
                vst1q_s8(bytes.as_mut_ptr(), codes);
                to.copy_from_slice(&bytes[..to.len()]);
            }
        }
    }
}

/// What the tiles of a block of channels share.
struct Block<'a> {
    ring: &'a [i8],
    /// Where each tap of the first pixel lies in the ring.
    taps: &'a [usize],
    /// Elements from pixel to pixel.
    pitch: usize,
    /// First channel.
    channel: usize,
    /// Weights of the first tap; those of the next are `row_len` further on.
    weights: &'a [i8],
    row_len: usize,
    /// No weight is −128, so that two products fit in 16 bits.
    pairs: bool,
}

#[inline(always)]
fn add_wide(acc: &mut [Acc; 2], low: int16x8_t, high: int16x8_t) {
    // SAFETY: NEON is always there.
    unsafe {
        for (acc, sum) in acc.iter_mut().zip([low, high]) {
            *acc = [vaddw_s16(acc[0], vget_low_s16(sum)), vaddw_high_s16(acc[1], sum)];
        }
    }
}

impl Block<'_> {
    /// Accumulators of `P` pixels from `x` on.
    #[inline(always)]
    fn tile<const P: usize>(&self, bias: [Acc; 2], x: usize) -> [[Acc; 2]; P] {
        let mut acc = [bias; P];
        let first = x * self.pitch + self.channel;
        let last = self.taps.iter().max().map_or(0, |tap| tap + first + (P - 1) * self.pitch + BLOCK);
        assert!(last <= self.ring.len() && self.channel + BLOCK <= self.row_len, "the ring ends before a tap");
        assert!(self.weights.len() >= self.taps.len() * self.row_len, "taps without weights");
        // SAFETY: all taps of all pixels lie in the ring, and all weights there (asserted above).
        unsafe {
            let (mut codes, mut weights) = (self.ring.as_ptr().add(first), self.weights.as_ptr().add(self.channel));
            let (pairs, rest) = self.taps.split_at(if self.pairs { self.taps.len() / 2 * 2 } else { 0 });
            for taps in pairs.chunks_exact(2) {
                let w = [vld1q_s8(weights), vld1q_s8(weights.add(self.row_len))];
                weights = weights.add(2 * self.row_len);
                let at = codes;
                for acc in &mut acc {
                    let x = [vld1q_s8(codes.add(taps[0])), vld1q_s8(codes.add(taps[1]))];
                    let low = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
                    let high = vmull_high_s8(x[0], w[0]);
                    let low = vmlal_s8(low, vget_low_s8(x[1]), vget_low_s8(w[1]));
                    add_wide(acc, low, vmlal_high_s8(high, x[1], w[1]));
                    codes = codes.wrapping_add(self.pitch);
                }
                codes = at;
            }
            for &tap in rest {
                let w = vld1q_s8(weights);
                weights = weights.wrapping_add(self.row_len);
                for (p, acc) in acc.iter_mut().enumerate() {
                    let x = vld1q_s8(codes.add(p * self.pitch + tap));
                    add_wide(acc, vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
                }
            }
        }
        acc
    }

    /// A line of the block's channels.
    #[target_feature(enable = "neon")]
    fn line(&self, finish: &Finish<'_>, count: usize, output: &mut [i8]) {
        let (bias, scale) = (finish.bias(self.channel), finish.scales(self.channel));
        let channels = output.len() / count;
        let valid = (channels - self.channel).min(BLOCK);
        let mut write = |x: usize, acc: [Acc; 2]| {
            finish.write(acc, scale, self.channel, &mut output[x * channels + self.channel..][..valid]);
        };
        let mut x = 0;
        while x < count {
            if count < TILE {
                let [acc] = self.tile::<1>(bias, x);
                write(x, acc);
                x += 1;
                continue;
            }
            // The last tile may begin inside the one before.
            x = x.min(count - TILE);
            for (p, acc) in self.tile::<TILE>(bias, x).into_iter().enumerate() {
                write(x + p, acc);
            }
            x += TILE;
        }
    }
}

/// Where each tap of a line's first pixel lies in the ring.
pub(in crate::arch) fn tap_places(s: &ConvShape, window: &Window, row: &Row, places: &mut [usize]) {
    for (i, place) in places.iter_mut().enumerate() {
        let (ky, kx) = (i / s.k_w, i % s.k_w);
        let line = (row.slot + ky * s.dilation_h) % window.lines;
        *place = line * window.line_len() + kx * s.dilation_w * s.in_c;
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "neon")]
pub(in crate::arch) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if is_odd(s) {
        return scalar::depthwise(step, data);
    }
    let window = &Window::new(s, 1);
    let DepthwiseData { input, output, weights, requant, tables, scratch, .. } = data;
    let pairs = tables.first() == Some(&1);
    let finish = Finish::new(&requant);
    let ring = (view_mut::<i8>(scratch), step.pad_value);
    let copy = |from: &[i8], to: &mut [i8]| to.copy_from_slice(from);
    let mut places = [0; TAPS];
    let taps = &mut places[..s.k_h * s.k_w];
    for_each_row((s, window), input, ring, copy, |ring: &[i8], row: Row| {
        tap_places(s, window, &row, taps);
        let output = &mut output[row.pixel * s.out_c..][..row.count * s.out_c];
        for channel in (0..s.out_c).step_by(BLOCK) {
            let row_len = s.out_c.next_multiple_of(64);
            let block = Block { ring, taps, pitch: s.stride_w * s.in_c, channel, weights, row_len, pairs };
            block.line(&finish, row.count, output);
        }
    });
}
