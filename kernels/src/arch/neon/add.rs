//! ADD and SUB of int8 codes: sums in 32 bits.

use core::arch::aarch64::*;
use core::arch::asm;

use crate::ops::binary::{AddRow, add_row};

/// Codes `at..at + 16`; one code is broadcast.
#[inline(always)]
fn load(from: &[i8], at: usize) -> int8x16_t {
    match from {
        // SAFETY: NEON is always there.
        [one] => unsafe { vdupq_n_s8(*one) },
        // SAFETY: the slice has 16 codes.
        _ => unsafe { vld1q_s8(from[at..at + 16].as_ptr()) },
    }
}

/// The places of four codes of a vector, each in 32 bits: beyond the vector there are zeros.
static PLACES: [[u8; 16]; 4] = {
    let mut places = [[0xFF; 16]; 4];
    let mut i = 0;
    while i < 16 {
        places[i / 4][i % 4 * 4] = i as u8;
        i += 1;
    }
    places
};

/// Codes by sixteens of two operands of one length, whose sums are shifted by 16 places at least: the higher halves of the sums are all that
/// counts. Codes are widened as unsigned numbers, 128 too large.
///
/// # Safety
/// `16 · count` codes are there, `count ≥ 1`.
unsafe fn sixteens(rule: &AddRow, [a, b]: [*const i8; 2], out: *mut i8, count: usize) {
    let bias = rule.bias.wrapping_sub(rule.ma.wrapping_add(rule.mb).wrapping_mul(128));
    let bias = [bias; 16];
    macro_rules! sum {
        ($clamp:literal) => {
            asm!(
                "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{places}]",
                "2:",
                "ldr q0, [{a}], #16",
                "ldr q1, [{b}], #16",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}]",
                "eor v0.16b, v0.16b, {flip:v}.16b",
                "eor v1.16b, v1.16b, {flip:v}.16b",
                "tbl v2.16b, {{v0.16b}}, v24.16b", "tbl v3.16b, {{v0.16b}}, v25.16b",
                "tbl v4.16b, {{v0.16b}}, v26.16b", "tbl v5.16b, {{v0.16b}}, v27.16b",
                "mla v16.4s, v2.4s, {ma:v}.4s", "mla v17.4s, v3.4s, {ma:v}.4s",
                "mla v18.4s, v4.4s, {ma:v}.4s", "mla v19.4s, v5.4s, {ma:v}.4s",
                "tbl v2.16b, {{v1.16b}}, v24.16b", "tbl v3.16b, {{v1.16b}}, v25.16b",
                "tbl v4.16b, {{v1.16b}}, v26.16b", "tbl v5.16b, {{v1.16b}}, v27.16b",
                "mla v16.4s, v2.4s, {mb:v}.4s", "mla v17.4s, v3.4s, {mb:v}.4s",
                "mla v18.4s, v4.4s, {mb:v}.4s", "mla v19.4s, v5.4s, {mb:v}.4s",
                "uzp2 v16.8h, v16.8h, v17.8h", "uzp2 v18.8h, v18.8h, v19.8h",
                "sshl v16.8h, v16.8h, {shift:v}.8h", "sshl v18.8h, v18.8h, {shift:v}.8h",
                "sqadd v16.8h, v16.8h, {zero:v}.8h", "sqadd v18.8h, v18.8h, {zero:v}.8h",
                "sqxtn v16.8b, v16.8h", "sqxtn2 v16.16b, v18.8h",
                $clamp,
                "subs {n}, {n}, #1",
                "str q16, [{out}], #16",
                "b.ne 2b",
                a = inout(reg) a => _, b = inout(reg) b => _, out = inout(reg) out => _, n = inout(reg) count => _,
                bias = in(reg) bias.as_ptr(), places = in(reg) PLACES.as_ptr(),
                flip = in(vreg) vdupq_n_u8(0x80), ma = in(vreg) vdupq_n_s32(rule.ma), mb = in(vreg) vdupq_n_s32(rule.mb),
                shift = in(vreg) vdupq_n_s16(16 - rule.shift as i16), zero = in(vreg) vdupq_n_s16(rule.zero as i16),
                lo = in(vreg) vdupq_n_s8(rule.lo as i8), hi = in(vreg) vdupq_n_s8(rule.hi as i8),
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v16") _, out("v17") _,
                out("v18") _, out("v19") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                options(nostack)
            )
        };
    }
    // SAFETY: reads and writes what the caller vouches for, and the tables.
    unsafe {
        if rule.lo <= -128 && rule.hi >= 127 {
            sum!("// {lo:v} {hi:v}");
        } else {
            sum!("smax v16.16b, v16.16b, {lo:v}.16b\nsmin v16.16b, v16.16b, {hi:v}.16b");
        }
    }
}

/// See [`AddRow`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn add(rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
    if out.len() < 16 {
        return add_row(rule, a, b, out);
    }
    if rule.shift >= 16 && (a.len(), b.len()) == (out.len(), out.len()) {
        let (last, count) = (out.len() - 16, out.len() / 16);
        // SAFETY: the operands have as many codes as the output; the last sixteen may overlap those before.
        unsafe {
            sixteens(rule, [a.as_ptr(), b.as_ptr()], out.as_mut_ptr(), count);
            if last > (count - 1) * 16 {
                let at = [a, b].map(|codes| codes[last..].as_ptr());
                sixteens(rule, at, out[last..].as_mut_ptr(), 1);
            }
        }
        return;
    }
    let (ma, mb) = (vdupq_n_s32(rule.ma), vdupq_n_s32(rule.mb));
    let (bias, shift) = (vdupq_n_s32(rule.bias), vdupq_n_s32(-(rule.shift as i32)));
    let (zero, lo, hi) = (vdupq_n_s16(rule.zero as i16), vdupq_n_s8(rule.lo as i8), vdupq_n_s8(rule.hi as i8));
    let sum = |a: int16x4_t, b: int16x4_t| {
        let sum = vmlaq_s32(vmlaq_s32(bias, vmovl_s16(a), ma), vmovl_s16(b), mb);
        vqmovn_s32(vshlq_s32(sum, shift))
    };
    let words = |a: int16x8_t, b: int16x8_t| {
        let low = sum(vget_low_s16(a), vget_low_s16(b));
        vqaddq_s16(vcombine_s16(low, sum(vget_high_s16(a), vget_high_s16(b))), zero)
    };
    let last = out.len() - 16;
    for at in (0..out.len()).step_by(16) {
        // The last vector overlaps the one before it.
        let at = at.min(last);
        let (a, b) = (load(a, at), load(b, at));
        let low = vqmovn_s16(words(vmovl_s8(vget_low_s8(a)), vmovl_s8(vget_low_s8(b))));
        let codes = vqmovn_high_s16(low, words(vmovl_high_s8(a), vmovl_high_s8(b)));
        let codes = vminq_s8(vmaxq_s8(codes, lo), hi);
        // SAFETY: the slice has 16 codes.
        unsafe { vst1q_s8(out[at..at + 16].as_mut_ptr(), codes) };
    }
}
