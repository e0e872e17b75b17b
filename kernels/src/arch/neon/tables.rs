//! The tables of depthwise convolutions of 3×3 kernels: all that depends on weights, bias and scales only, in the order in which blocks of assembly
//! read it.

use super::columns::{Columns, Form};
use super::depthwise as neon;
use super::driver::MAGIC;
use super::one_pixel::{is_one, taps_of_one};
use super::square::Square;
use crate::arith::{RequantData, Rounding};
use crate::ops::conv::ConvShape;

/// Bytes before the tables of the blocks: those of [`neon`], then the [`Constants`].
pub(super) const HEAD: usize = 128;
/// What all blocks share, in the tables: 16 bytes that are added in rounding, 16 times the lower limit, 16 times the upper limit, then
/// whether [`is_quick`] holds.
pub(super) struct Constants;

impl Constants {
    pub(super) const AT: usize = 64;
    pub(super) const QUICK: usize = 16 * 3 + Self::AT;
    /// Whether there is what [`one_pixel`] needs.
    pub(super) const ONE: usize = Self::QUICK + 1;
}

/// Where the tables of the blocks end.
pub(super) fn blocks_end<C: Columns>(s: &ConvShape, form: Form) -> usize {
    HEAD + s.out_c.div_ceil(16) * Square::of(s).map_or(C::table(form), Square::table)
}

/// Bytes of the tables.
pub(in crate::arch) fn tables_len<C: Columns>(s: &ConvShape) -> usize {
    match Form::of(s) {
        None => neon::tables_len(s),
        Some(form) => (blocks_end::<C>(s, form) + if is_one(s) { 4 * s.out_c } else { 0 }).next_multiple_of(64),
    }
}

/// Whether the shortest way to the codes is right: all codes are allowed, sums with zero point fit in 16 bits, and the zero point is even (adding
/// it before rounding leaves what is half way between two integers at the same choice).
fn is_quick(s: &ConvShape, weights: &[i8], requant: &RequantData<'_>) -> bool {
    let scale: &[f32] = crate::span::view(requant.multiplier);
    let (rule, row_len) = (requant.rule, s.out_c.next_multiple_of(64));
    let fits = |c: usize| {
        let sum: i64 = weights[c..].iter().step_by(row_len).map(|w| i64::from(w.unsigned_abs())).sum();
        let most = sum * 128 + i64::from(requant.bias[c]).abs();
        most < 1 << 24 && most as f32 * scale[c].abs() < 32_000.0
    };
    rule.lo <= -128 && rule.hi >= 127 && rule.zero_point % 2 == 0 && (0..s.out_c).all(fits)
}

/// See [`crate::ops::depthwise::depthwise_tables`].
pub(in crate::arch) fn tables<C: Columns>(
    s: &ConvShape,
    weights: &[i8],
    (requant, pad): (&RequantData<'_>, i8),
    to: &mut [u8],
) {
    neon::tables(s, weights, (requant, pad), to);
    let Some(form) = Form::of(s).filter(|_| requant.rule.rounding == Rounding::F32Even) else {
        return;
    };
    let (rule, row_len) = (requant.rule, s.out_c.next_multiple_of(64));
    let scale: &[f32] = crate::span::view(requant.multiplier);
    let quick = is_quick(s, weights, requant);
    let (head, blocks) = to.split_at_mut(HEAD);
    head[Constants::ONE] = u8::from(is_one(s) && taps_of_one(s).iter().any(Option::is_some));
    let (blocks, one) = blocks.split_at_mut(blocks_end::<C>(s, form) - HEAD);
    if is_one(s) {
        let outside = taps_of_one(s).map(|place| place.is_none());
        for (c, to) in one.chunks_exact_mut(4).enumerate().take(s.out_c) {
            let sum: i32 = (0..9).filter(|&tap| outside[tap]).map(|tap| i32::from(weights[tap * row_len + c])).sum();
            to.copy_from_slice(&requant.bias[c].wrapping_add(sum * i32::from(pad)).to_ne_bytes());
        }
    }
    head[Constants::QUICK] = u8::from(quick);
    let zero = rule.zero_point as i16;
    for (i, to) in head[Constants::AT..][..16].iter_mut().enumerate() {
        *to = if quick { (MAGIC + f32::from(zero)).to_ne_bytes()[i % 4] } else { zero.to_ne_bytes()[i % 2] };
    }
    head[Constants::AT + 16..][..16].fill(rule.lo as i8 as u8);
    head[Constants::AT + 32..][..16].fill(rule.hi as i8 as u8);
    if let Some(square) = Square::of(s) {
        for (block, to) in blocks.chunks_exact_mut(square.table()).enumerate() {
            square.fill(s, (weights, 16 * block), (requant, pad), C::TOGETHER, to);
        }
        return;
    }
    for (block, to) in blocks.chunks_exact_mut(C::table(form)).enumerate() {
        // Numbers are padded to a multiple of 64.
        let weight = |tap: usize, c: usize| weights[tap * row_len + 16 * block + c];
        C::fill(form, weight, |c| (requant.bias[16 * block + c], scale[16 * block + c]), to);
    }
}
