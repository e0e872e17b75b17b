//! 1×1 convolutions that read their input where it lies: nothing is prepared but the line, because a small layer is over after some hundred
//! instructions.

use super::driver::{Cut, Finish, Line, Machine, NR, Rule};
use crate::ops::conv::{Conv, ConvData, ConvShape};

/// Aimed-at bytes of input of a piece of pixels, where weights stay in the first-level cache.
const PIECE: usize = 16 * 1024;
/// Pixels of a piece where they do not.
const MANY_PIXELS: usize = 60;

/// Whether [`pointwise`] runs.
#[inline(always)]
pub(super) fn is_pointwise<M: Machine>(s: &ConvShape) -> bool {
    s.k_h * s.k_w * s.groups * s.stride_h * s.stride_w == 1
        && s.pad_top + s.pad_left == 0
        && (s.in_h, s.in_w) == (s.out_h, s.out_w)
        && s.in_c.is_multiple_of(M::KR)
        && s.out_c.is_multiple_of(NR)
}

/// The whole convolution; its rule is not [`Finish::Sums`].
///
/// # Safety
/// The CPU has the features of `M`.
#[inline(always)]
pub(super) unsafe fn pointwise<M: Machine>(step: &Conv, data: ConvData<'_>) {
    let s = &step.shape;
    let ConvData { input, output, weights, requant, .. } = data;
    let rule = Rule::new(&requant, step.fits_words);
    let (pixels, panel_len) = (s.batch * s.out_h * s.out_w, s.in_c * NR);
    assert_eq!(weights.len(), s.in_c * s.out_c, "weights were packed for another shape or set");
    assert_eq!(output.len(), pixels * s.out_c, "output has another shape");
    assert_eq!(input.len(), pixels * s.in_c, "input has another shape");
    assert!(requant.bias.len() >= s.out_c.next_multiple_of(16), "the numbers of channels are not padded");
    assert!(rule.scale.len() >= s.out_c.next_multiple_of(16), "the numbers of channels are not padded");
    let few = weights.len() <= PIECE;
    let most = if few { (PIECE / s.in_c.max(1)).max(MANY_PIXELS) } else { MANY_PIXELS };
    // All channels of a tile, or all tiles of 16 channels.
    let wide = s.out_c / 16;
    let mut codes = input.as_ptr();
    let mut line = Line {
        segments: &raw const codes,
        count: 1,
        weights: [weights.as_ptr(); 2],
        panels_step: 2 * panel_len,
        tiles: 0,
        first: 0,
        to: output.as_mut_ptr(),
        pitch: s.in_c,
        blocks: s.in_c / M::BLOCK,
        rest: s.in_c % M::BLOCK / M::KR,
        bias: requant.bias.as_ptr(),
        scale: rule.scale.as_ptr(),
        constants: rule.constants.as_ptr().cast(),
        to_pitch: s.out_c,
        finish: rule.finish,
    };
    let (mut to, mut left) = (output.as_mut_ptr(), pixels);
    while left > 0 {
        let count = most.min(left);
        let cut = Cut::new(count, M::WIDE);
        line.segments = &raw const codes;
        let at_once = if few || cut.more == 0 { wide } else { 1 };
        let mut panel = 0;
        (line.first, line.to) = (0, to);
        line.bias = requant.bias.as_ptr();
        line.scale = rule.scale.as_ptr();
        line.weights[0] = weights.as_ptr();
        // SAFETY: input and output have all pixels, the weights all panels, bias and scales all channels (asserted above); the caller vouches
        // for the CPU.
        unsafe {
            if wide > 0 && M::resident(&mut line, count, wide) {
                panel = wide;
            } else if count == 1 {
                panel = M::one(&mut line, wide);
            }
        }
        while panel < wide {
            // The larger tiles come first.
            let (mut mr, mut tiles) = if cut.more > 0 { (cut.mr + 1, cut.more) } else { (cut.mr, cut.tiles) };
            (line.first, line.to) = (0, to.wrapping_add(16 * panel));
            line.bias = requant.bias.as_ptr().wrapping_add(16 * panel);
            line.scale = rule.scale.as_ptr().wrapping_add(16 * panel);
            let at = weights.as_ptr().wrapping_add(2 * panel * panel_len);
            loop {
                line.weights = [at, at.wrapping_add(panel_len)];
                line.tiles = tiles;
                // SAFETY: as above.
                unsafe { M::wide(&mut line, mr, at_once.min(wide - panel)) };
                if mr == cut.mr {
                    break;
                }
                line.first = tiles * mr * s.in_c;
                line.to = to.wrapping_add(16 * panel + tiles * mr * s.out_c);
                (mr, tiles) = (cut.mr, cut.tiles - cut.more);
            }
            panel += at_once;
        }
        if !s.out_c.is_multiple_of(16) {
            let cut = Cut::new(count, M::NARROW);
            let channel = 16 * wide;
            line.weights = [weights.as_ptr().wrapping_add(2 * wide * panel_len); 2];
            line.bias = requant.bias.as_ptr().wrapping_add(channel);
            line.scale = rule.scale.as_ptr().wrapping_add(channel);
            (line.first, line.to) = (0, to.wrapping_add(channel));
            let (mut mr, mut tiles) = if cut.more > 0 { (cut.mr + 1, cut.more) } else { (cut.mr, cut.tiles) };
            loop {
                line.tiles = tiles;
                // SAFETY: as above; the last panel is the only one of its tile.
                unsafe { M::narrow(&mut line, mr) };
                if mr == cut.mr {
                    break;
                }
                line.first += tiles * mr * s.in_c;
                line.to = line.to.wrapping_add(tiles * mr * s.out_c);
                (mr, tiles) = (cut.mr, cut.tiles - cut.more);
            }
        }
        codes = codes.wrapping_add(count * s.in_c);
        to = to.wrapping_add(count * s.out_c);
        left -= count;
    }
    debug_assert!(rule.finish != Finish::Sums);
}
