//! int8 convolution of 3×3 kernels over three channels ([`PackSpec::joined`](crate::isa::PackSpec::joined)): the 27 codes that a pixel sees are
//! brought together in two registers (`tbl`), as seven dot products. Tiles of 4 pixels × 16 channels.

use core::arch::asm;

use crate::arch::neon::driver::{Finish, Rule};
use crate::ops::conv::{Conv, ConvData, ConvShape, JOINED_LINES, joined_line};
use crate::span::view_mut;

/// Channels and pixels of a tile.
const NR: usize = 16;
const MR: usize = 4;
/// Bytes of the weights of a tile's channels.
const WEIGHTS: usize = 28 * NR;

/// Where each code of a pixel lies in three registers, one a line; zeros fill up.
static PLACES: [u8; 32] = {
    let mut places = [0xFF; 32];
    let mut i = 0;
    while i < 27 {
        places[i] = (i / 9 * 16 + i % 9) as u8;
        i += 1;
    }
    places
};

/// What is known of some tiles of a line.
struct Tiles {
    /// The lines that the first pixel sees, from its first column on.
    lines: [*const i8; 3],
    /// Codes from pixel to pixel.
    step: usize,
    /// Of 16 channels, as are bias and scale.
    weights: *const i8,
    bias: *const i32,
    scale: *const f32,
    constants: *const u8,
    /// How many, at least one.
    count: usize,
    to: *mut i8,
    to_pitch: usize,
}

/// The codes of a pixel in registers `x` and `y`.
macro_rules! gather {
    ($($x:literal $y:literal)*) => {
        concat!($(
            "ld1 {{v24.16b}}, [{l0}], {step}\nld1 {{v25.16b}}, [{l1}], {step}\nld1 {{v26.16b}}, [{l2}], {step}\n",
            "tbl v", $x, ".16b, {{v24.16b, v25.16b, v26.16b}}, v27.16b\ntbl v", $y, ".16b, {{v24.16b, v25.16b, v26.16b}}, v28.16b\n",
        )* "")
    };
}

/// A dot product for each pixel of a channel: weights in register `w`, the codes at place `lane`.
macro_rules! dots {
    ($w:literal $lane:literal; $($acc:literal $x:literal)*) => {
        concat!($("sdot v", $acc, ".4s, v", $w, ".16b, v", $x, ".4b[", $lane, "]\n",)* "")
    };
}

/// The sums of 8 channels: registers of their halves for each pixel.
macro_rules! eight {
    ($a:literal $b:literal $c:literal $d:literal; $e:literal $f:literal $g:literal $h:literal) => {
        concat!(
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{w}], #64\n",
            dots!(24 0; $a 16 $b 18 $c 20 $d 22), dots!(25 0; $e 16 $f 18 $g 20 $h 22),
            dots!(26 1; $a 16 $b 18 $c 20 $d 22), dots!(27 1; $e 16 $f 18 $g 20 $h 22),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{w}], #64\n",
            dots!(24 2; $a 16 $b 18 $c 20 $d 22), dots!(25 2; $e 16 $f 18 $g 20 $h 22),
            dots!(26 3; $a 16 $b 18 $c 20 $d 22), dots!(27 3; $e 16 $f 18 $g 20 $h 22),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{w}], #64\n",
            dots!(24 0; $a 17 $b 19 $c 21 $d 23), dots!(25 0; $e 17 $f 19 $g 21 $h 23),
            dots!(26 1; $a 17 $b 19 $c 21 $d 23), dots!(27 1; $e 17 $f 19 $g 21 $h 23),
            "ldp q24, q25, [{w}], #32\n",
            dots!(24 2; $a 17 $b 19 $c 21 $d 23), dots!(25 2; $e 17 $f 19 $g 21 $h 23)
        )
    };
}

/// Some tiles of a line.
///
/// # Safety
/// The CPU has dot products; all that `tiles` names is there, and 16 codes from the first column of each pixel.
unsafe fn run(finish: Finish, tiles: &Tiles) {
    macro_rules! go {
        ($way:ident) => {
            asm!(
                ".arch_extension dotprod",
                "2:",
                "ldp q27, q28, [{places}]",
                gather!(16 17 18 19 20 21 22 23),
                "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{bias}]",
                "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{bias}]",
                "ld1 {{v8.4s, v9.4s, v10.4s, v11.4s}}, [{bias}]",
                "ld1 {{v12.4s, v13.4s, v14.4s, v15.4s}}, [{bias}]",
                "mov {w}, {weights}",
                eight!(0 4 8 12; 1 5 9 13),
                eight!(2 6 10 14; 3 7 11 15),
                load_constants!($way "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{scale}]"),
                finish_four!($way 0 1 2 3 16 17 18 19),
                finish_four!($way 4 5 6 7 16 17 18 19),
                finish_four!($way 8 9 10 11 16 17 18 19),
                finish_four!($way 12 13 14 15 16 17 18 19),
                "subs {n}, {n}, #1",
                "b.ne 2b",
                l0 = inout(reg) tiles.lines[0] => _,
                l1 = inout(reg) tiles.lines[1] => _,
                l2 = inout(reg) tiles.lines[2] => _,
                step = in(reg) tiles.step,
                places = in(reg) PLACES.as_ptr(),
                weights = in(reg) tiles.weights,
                w = out(reg) _,
                bias = in(reg) tiles.bias,
                scale = in(reg) tiles.scale,
                constants = in(reg) tiles.constants,
                n = inout(reg) tiles.count => _,
                to = inout(reg) tiles.to => _,
                to_pitch = in(reg) tiles.to_pitch,
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _,
                options(nostack)
            )
        };
    }
    // SAFETY: as this function's.
    unsafe {
        match finish {
            Finish::Quick => go!(quick),
            Finish::Any => go!(any),
            Finish::Sums => go!(sums),
        }
    }
}

/// A line of the output by way of a buffer: lines shorter than a tile, and other rules than the one of the codes.
///
/// # Safety
/// As [`run`]; `tiles` knows the line's first channel and its output, which is `first` and the channels after it.
#[cold]
unsafe fn by_buffer(s: &ConvShape, rule: &Rule<'_>, first: usize, tiles: &Tiles) {
    let (sums, size) = (rule.finish == Finish::Sums, if rule.finish == Finish::Sums { 4 } else { 1 });
    for x in (0..s.out_w).step_by(MR) {
        // The last tile may begin inside the one before.
        let x = x.min(s.out_w.max(MR) - MR);
        let mut buffer = [0_i32; MR * NR];
        let lines = tiles.lines.map(|line| line.wrapping_add(x * tiles.step));
        let to: *mut i8 = buffer.as_mut_ptr().cast();
        // SAFETY: as this function's; the buffer has room for the sums of a tile.
        unsafe { run(rule.finish, &Tiles { lines, count: 1, to, to_pitch: NR * size, ..*tiles }) };
        for pixel in 0..MR.min(s.out_w - x) {
            let to = tiles.to.wrapping_add((x + pixel) * s.out_c);
            for c in 0..NR {
                let i = pixel * NR + c;
                let code = if sums {
                    rule.scaled(buffer[i], first + c) as i8
                } else {
                    buffer[i / 4].to_ne_bytes()[i % 4] as i8
                };
                // SAFETY: the pixel's channels are there.
                unsafe { to.add(c).write(code) };
            }
        }
    }
}

/// The whole convolution.
///
/// # Safety
/// The CPU has dot products.
#[inline(never)]
pub(in crate::arch) unsafe fn joined(step: &Conv, data: ConvData<'_>) {
    let s = &step.shape;
    let ConvData { input, output, weights, requant, scratch } = data;
    let rule = Rule::new(&requant, step.fits_words);
    let (line_len, scratch) = (joined_line(s), view_mut::<i8>(scratch));
    assert_eq!(weights.len(), s.out_c / NR * WEIGHTS, "weights were packed for another shape or set");
    assert_eq!(output.len(), s.batch * s.out_h * s.out_w * s.out_c, "output has another shape");
    assert_eq!(input.len(), s.batch * s.in_h * s.in_w * 3, "input has another shape");
    assert!(scratch.len() >= JOINED_LINES * line_len, "scratch space is too small");
    let scales = if rule.finish == Finish::Sums { s.out_c } else { rule.scale.len() };
    assert!(requant.bias.len().min(scales) >= s.out_c, "numbers of channels are missing");
    let left = (s.pad_left * 3).min(line_len);
    let middle = (s.in_w * 3).min(line_len - left);
    let (tiles, rest) = (s.out_w / MR, s.out_w % MR);
    let buffered = tiles == 0 || rule.finish == Finish::Sums;
    // The padding columns stay as they are.
    scratch[..JOINED_LINES * line_len].fill(step.pad_value);
    let mut to = output.as_mut_ptr();
    for image in 0..s.batch {
        let mut fresh = 0;
        for y in 0..s.out_h {
            let top = y * s.stride_h;
            for line in fresh.max(top)..top + 3 {
                let held = &mut scratch[line % JOINED_LINES * line_len + left..][..middle];
                match line.checked_sub(s.pad_top).filter(|&row| row < s.in_h) {
                    Some(row) => held.copy_from_slice(&input[(image * s.in_h + row) * s.in_w * 3..][..middle]),
                    None => held.fill(step.pad_value),
                }
            }
            fresh = top + 3;
            let lines = [0, 1, 2].map(|i| scratch.as_ptr().wrapping_add((top + i) % JOINED_LINES * line_len));
            for block in 0..s.out_c / NR {
                let first = block * NR;
                let mut line = Tiles {
                    lines,
                    step: 3 * s.stride_w,
                    weights: weights.as_ptr().wrapping_add(block * WEIGHTS),
                    bias: requant.bias.as_ptr().wrapping_add(first),
                    scale: rule.scale.as_ptr().wrapping_add(first),
                    constants: rule.constants.as_ptr().cast(),
                    count: tiles,
                    to: to.wrapping_add(first),
                    to_pitch: s.out_c,
                };
                // SAFETY: lines of scratch space have what all pixels see and more (`joined_line`), or what a tile sees; weights and numbers
                // are there for all channels, the output has all pixels of the line (asserted above); the caller vouches for the CPU.
                unsafe {
                    if buffered {
                        by_buffer(s, &rule, first, &line);
                        continue;
                    }
                    run(rule.finish, &line);
                    if rest > 0 {
                        // The last tile begins inside the one before.
                        let x = s.out_w - MR;
                        line.lines = lines.map(|line| line.wrapping_add(x * 3 * s.stride_w));
                        (line.to, line.count) = (to.wrapping_add(first + x * s.out_c), 1);
                        run(rule.finish, &line);
                    }
                }
            }
            to = to.wrapping_add(s.out_w * s.out_c);
        }
    }
}
