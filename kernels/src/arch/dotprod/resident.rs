//! 1×1 convolutions of 8 or 16 channels with `sdot`: the weights of 16 channels stay in registers for all pixels.

use core::arch::asm;

use crate::arch::neon::driver::{Finish, Line};

/// `sdot` of register `acc` with the codes in register `x` at place `lane`.
macro_rules! dot {
    ($acc:literal $w:literal $x:literal $lane:literal) => {
        concat!("sdot v", $acc, ".4s, v", $w, ".16b, v", $x, ".4b[", $lane, "]\n")
    };
}

/// A pixel of 8 codes, in half of register `x`: its sums, and the places of its codes.
macro_rules! pixel_of_8 {
    ($a:literal $b:literal $c:literal $d:literal; $x:literal $l:literal $m:literal) => {
        concat!(
            dot!($a 16 $x $l), dot!($b 17 $x $l), dot!($c 20 $x $l), dot!($d 21 $x $l),
            dot!($a 18 $x $m), dot!($b 19 $x $m), dot!($c 22 $x $m), dot!($d 23 $x $m)
        )
    };
}

/// A pixel of 16 codes in register `x`.
macro_rules! pixel_of_16 {
    ($a:literal $b:literal $c:literal $d:literal; $x:literal) => {
        concat!(
            dot!($a 8 $x 0), dot!($b 9 $x 0), dot!($c 16 $x 0), dot!($d 17 $x 0),
            dot!($a 10 $x 1), dot!($b 11 $x 1), dot!($c 18 $x 1), dot!($d 19 $x 1),
            dot!($a 12 $x 2), dot!($b 13 $x 2), dot!($c 20 $x 2), dot!($d 21 $x 2),
            dot!($a 14 $x 3), dot!($b 15 $x 3), dot!($c 22 $x 3), dot!($d 23 $x 3)
        )
    };
}

/// Constants before the first tile, if nothing else needs their registers; and at the end of each tile, if something does.
macro_rules! constants {
    (quick first) => { load_constants!(quick "") };
    (quick again) => { "" };
    (any first) => { "" };
    (any again) => { load_constants!(any "") };
}

/// Tiles of 32 codes, in v29 and v30: how weights are read, the bias of each pixel, the products, the ends.
macro_rules! tiles {
    ($way:ident, $line:ident, $tiles:ident, $groups:ident, $weights:expr; $($text:expr),*) => {
        asm!(
            ".arch_extension dotprod",
            constants!($way first),
            "2:",
            $weights,
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{scale}], #64",
            "mov {x}, {codes}",
            "mov {to}, {line}",
            "mov {n}, {tiles}",
            "3: // {constants}",
            $($text,)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "subs {groups}, {groups}, #1",
            "add {bias}, {bias}, #64",
            "add {line}, {line}, #16",
            "b.ne 2b",
            w = inout(reg) $line.weights[0] => _,
            bias = inout(reg) $line.bias => _,
            scale = inout(reg) $line.scale => _,
            constants = in(reg) $line.constants,
            codes = in(reg) (*$line.segments).wrapping_add($line.first),
            x = out(reg) _,
            line = inout(reg) $line.to => _,
            to = out(reg) _,
            to_pitch = in(reg) $line.to_pitch,
            tiles = in(reg) $tiles,
            n = out(reg) _,
            groups = inout(reg) $groups => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _,
            options(nostack)
        )
    };
}

/// Pixels of a tile, of 8 or 16 channels.
const fn tile(channels: usize) -> usize {
    32 / channels
}

/// Whether there is code for pixels of so many channels.
#[inline(always)]
pub(super) fn is_resident(channels: usize, pixels: usize) -> bool {
    (channels == 8 || channels == 16) && pixels >= tile(channels)
}

/// `tiles` tiles of `groups` times 16 channels.
///
/// # Safety
/// As [`resident`].
#[inline(always)]
unsafe fn run(line: &Line, tiles: usize, groups: usize) {
    macro_rules! go {
        ($way:ident) => {
            if line.pitch == 8 {
                tiles!(
                    $way, line, tiles, groups,
                    "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{w}], #64\nld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{w}], #64";
                    "ldp q29, q30, [{x}], #32",
                    "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{bias}]",
                    "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{bias}]",
                    "ld1 {{v8.4s, v9.4s, v10.4s, v11.4s}}, [{bias}]",
                    "ld1 {{v12.4s, v13.4s, v14.4s, v15.4s}}, [{bias}]",
                    pixel_of_8!(0 1 2 3; 29 0 1), pixel_of_8!(4 5 6 7; 29 2 3),
                    pixel_of_8!(8 9 10 11; 30 0 1), pixel_of_8!(12 13 14 15; 30 2 3),
                    constants!($way again),
                    finish_four!($way 0 1 2 3 24 25 26 27), finish_four!($way 4 5 6 7 24 25 26 27),
                    finish_four!($way 8 9 10 11 24 25 26 27), finish_four!($way 12 13 14 15 24 25 26 27)
                )
            } else {
                tiles!(
                    $way, line, tiles, groups,
                    "ld1 {{v8.16b, v9.16b, v10.16b, v11.16b}}, [{w}], #64\nld1 {{v12.16b, v13.16b, v14.16b, v15.16b}}, [{w}], #64
                    ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{w}], #64\nld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{w}], #64";
                    "ldp q29, q30, [{x}], #32",
                    "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{bias}]",
                    "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{bias}]",
                    pixel_of_16!(0 1 2 3; 29), pixel_of_16!(4 5 6 7; 30),
                    constants!($way again),
                    finish_four!($way 0 1 2 3 24 25 26 27), finish_four!($way 4 5 6 7 24 25 26 27)
                )
            }
        };
    }
    // SAFETY: as this function's.
    unsafe { if line.finish == Finish::Quick { go!(quick) } else { go!(any) } }
}

/// All pixels of a layer, for `groups` times 16 channels; the last tile may begin inside the one before.
///
/// # Safety
/// As of [`Machine::wide`](crate::arch::neon::driver::Machine::wide) for all pixels and channels; pixels lie one after the other, and
/// [`is_resident`] holds; the finish is not [`Finish::Sums`].
#[inline(always)]
pub(super) unsafe fn resident(line: &mut Line, pixels: usize, groups: usize) {
    let tile = tile(line.pitch);
    // SAFETY: as this function's.
    unsafe {
        run(line, pixels / tile, groups);
        if !pixels.is_multiple_of(tile) {
            line.first += (pixels - tile) * line.pitch;
            line.to = line.to.wrapping_add((pixels - tile) * line.to_pitch);
            run(line, 1, groups);
        }
    }
}
