//! The inner loops of `dsp`: in assembly where the CPU has the instructions, else the same sums in portable Rust.

pub(super) use imp::{codes, depthwise, one, one_odd, two, two_odd, widen};

#[cfg(all(feature = "dsp", target_arch = "arm", target_os = "none"))]
mod imp {
    use core::arch::{asm, naked_asm};

    // Functions that are whole in assembly are assembled for the architecture's least CPU unless they say otherwise; what they need is
    // in all of Cortex-M4, M7, M33 and M55.
    use super::super::Tiles;

    /// Codes as 16-bit numbers.
    #[inline(always)]
    pub(in super::super) fn widen(from: &[i8], to: &mut [i16]) {
        let (words, rest) = from.as_chunks::<4>();
        let (wide, rest_to) = to[..from.len()].as_chunks_mut::<4>();
        for (word, wide) in words.iter().zip(wide) {
            let (even, odd): (u32, u32);
            // SAFETY: arithmetic on registers: bytes 0 and 2, and bytes 1 and 3.
            unsafe {
                asm!("sxtb16 {even}, {x}", "sxtb16 {odd}, {x}, ror #8", x = in(reg) u32::from_le_bytes(word.map(i8::cast_unsigned)),
                     even = out(reg) even, odd = lateout(reg) odd, options(pure, nomem, nostack));
            }
            *wide = [even as i16, odd as i16, (even >> 16) as i16, (odd >> 16) as i16];
        }
        rest_to.iter_mut().zip(rest).for_each(|(to, &code)| *to = i16::from(code));
    }

    /// XNNPACK's rule; `limits`: zero point, smallest code, largest code.
    #[inline(always)]
    pub(in super::super) fn codes(sums: &[i32], scales: &[f32], limits: &[i32; 3], codes: &mut [i8]) {
        let count = codes.len().min(sums.len()).min(scales.len());
        let with = if limits[1..] == [-128, 127] { saturated } else { limited };
        // SAFETY: as many sums and scales are read, and as many codes written, as there are of the shortest.
        unsafe { with(sums.as_ptr(), scales.as_ptr(), limits, codes.as_mut_ptr(), count) }
    }

    macro_rules! limited {
        ($code:literal) => {
            concat!(
                "cmp ",
                $code,
                ", r10\n it lt\n movlt ",
                $code,
                ", r10\n cmp ",
                $code,
                ", r11\n it gt\n movgt ",
                $code,
                ", r11\n"
            )
        };
    }
    macro_rules! saturated {
        ($code:literal) => {
            concat!("ssat ", $code, ", #8, ", $code, "\n")
        };
    }
    // `vcvtr` rounds half to even (the mode after reset, which nothing changes) and saturates.
    macro_rules! codes {
        ($name:ident, $limit:ident) => {
            #[unsafe(naked)]
            unsafe extern "C" fn $name(
                sums: *const i32,
                scales: *const f32,
                limits: &[i32; 3],
                codes: *mut i8,
                count: usize,
            ) {
                naked_asm!(
                    ".cpu cortex-m4",
                    "ldr r12, [sp]",
                    "push {{r4-r11}}",
                    "ldr r8, [r2]",
                    "ldrd r10, r11, [r2, #4]",
                    "subs r12, r12, #4",
                    "blo 3f",
                    "2:",
                    "vldmia r0!, {{s4-s7}}",
                    "vldmia r1!, {{s0-s3}}",
                    "vcvt.f32.s32 s4, s4",
                    "vcvt.f32.s32 s5, s5",
                    "vcvt.f32.s32 s6, s6",
                    "vcvt.f32.s32 s7, s7",
                    "vmul.f32 s4, s4, s0",
                    "vmul.f32 s5, s5, s1",
                    "vmul.f32 s6, s6, s2",
                    "vmul.f32 s7, s7, s3",
                    "vcvtr.s32.f32 s4, s4",
                    "vcvtr.s32.f32 s5, s5",
                    "vcvtr.s32.f32 s6, s6",
                    "vcvtr.s32.f32 s7, s7",
                    "vmov r4, r5, s4, s5",
                    "vmov r6, r7, s6, s7",
                    "qadd r4, r4, r8",
                    "qadd r5, r5, r8",
                    "qadd r6, r6, r8",
                    "qadd r7, r7, r8",
                    $limit!("r4"),
                    $limit!("r5"),
                    $limit!("r6"),
                    $limit!("r7"),
                    "strb r5, [r3, #1]",
                    "strb r6, [r3, #2]",
                    "strb r7, [r3, #3]",
                    "strb r4, [r3], #4",
                    "subs r12, r12, #4",
                    "bhs 2b",
                    "3:",
                    "adds r12, r12, #4",
                    "beq 5f",
                    "4:",
                    "vldmia r0!, {{s4}}",
                    "vldmia r1!, {{s0}}",
                    "vcvt.f32.s32 s4, s4",
                    "vmul.f32 s4, s4, s0",
                    "vcvtr.s32.f32 s4, s4",
                    "vmov r4, s4",
                    "qadd r4, r4, r8",
                    $limit!("r4"),
                    "strb r4, [r3], #1",
                    "subs r12, r12, #1",
                    "bne 4b",
                    "5:",
                    "pop {{r4-r11}}",
                    "bx lr",
                )
            }
        };
    }
    codes!(saturated, saturated);
    codes!(limited, limited);

    /// Four codes of the first pixel with the weights in r12, r2 and lr, r3.
    macro_rules! pixel {
        ($a:literal, $b:literal) => {
            concat!(
                "smlad ",
                $a,
                ", r10, r12, ",
                $a,
                "\n smlad ",
                $a,
                ", r11, r2, ",
                $a,
                "\n",
                "smlad ",
                $b,
                ", r10, lr, ",
                $b,
                "\n smlad ",
                $b,
                ", r11, r3, ",
                $b,
                "\n"
            )
        };
    }
    /// Weights of four codes of two channels: the even codes to r12 and lr, the odd ones to r2 and r3 (they were exchanged when packed).
    macro_rules! weights {
        () => {
            "ldrd r2, r3, [r1], #8\n sxtb16 r12, r2\n sxtb16 r2, r2, ror #8\n sxtb16 lr, r3\n sxtb16 r3, r3, ror #8\n"
        };
    }
    // Lines of an odd number of codes begin at odd halfwords, where words may be loaded one by one only.
    macro_rules! words {
        ($x:literal) => {
            concat!("ldr r10, [", $x, "], #4\n ldr r11, [", $x, "], #4\n")
        };
    }
    macro_rules! double_words {
        ($x:literal) => {
            concat!("ldrd r10, r11, [", $x, "], #8\n")
        };
    }
    macro_rules! dot {
        ($name:ident, $begin:literal, $block:expr, $store:literal) => {
            /// See [`super::super::Dots::dot`].
            #[unsafe(naked)]
            pub(in super::super) unsafe extern "C" fn $name(tiles: &mut Tiles) {
                naked_asm!(
                    ".cpu cortex-m4",
                    "push {{r4-r11, lr}}",
                    "sub sp, sp, #8",
                    // Kept on the stack: the tiles, and the next run's start.
                    "str r0, [sp]",
                    "mov r2, r0",
                    "ldr r1, [r2, #20]",
                    // A tile: sums begin with the bias.
                    "1:",
                    "ldr r3, [r2, #24]",
                    $begin,
                    "str r3, [r2, #24]",
                    "ldr r3, [r2]",
                    // A run: its start is a word of the list.
                    "2:",
                    "ldr r0, [r3], #4",
                    "str r3, [sp, #4]",
                    "ldr r3, [r2, #16]",
                    "add r0, r0, r3",
                    "ldrd r3, r9, [r2, #8]",
                    "add r8, r0, r3",
                    "lsrs r3, r9, #1",
                    "bcc 3f",
                    "add r9, r9, #1",
                    "b 4f",
                    "3:",
                    $block,
                    "4:",
                    $block,
                    "subs r9, r9, #2",
                    "bne 3b",
                    "ldrd r2, r3, [sp]",
                    "ldr r0, [r2, #4]",
                    "cmp r3, r0",
                    "bne 2b",
                    "ldr r3, [r2, #28]",
                    $store,
                    "ldr r0, [r2, #32]",
                    "str r3, [r2, #28]",
                    "subs r0, r0, #1",
                    "str r0, [r2, #32]",
                    "bne 1b",
                    "add sp, sp, #8",
                    "pop {{r4-r11, pc}}",
                )
            }
        };
    }
    dot!(
        two,
        "ldrd r6, r7, [r3]\n ldrd r4, r5, [r3], #8",
        concat!(weights!(), double_words!("r0"), pixel!("r4", "r5"), double_words!("r8"), pixel!("r6", "r7")),
        "strd r6, r7, [r3, #256]\n strd r4, r5, [r3], #8"
    );
    dot!(
        two_odd,
        "ldrd r6, r7, [r3]\n ldrd r4, r5, [r3], #8",
        concat!(weights!(), words!("r0"), pixel!("r4", "r5"), words!("r8"), pixel!("r6", "r7")),
        "strd r6, r7, [r3, #256]\n strd r4, r5, [r3], #8"
    );
    dot!(
        one,
        "ldrd r4, r5, [r3], #8",
        concat!(weights!(), double_words!("r0"), pixel!("r4", "r5")),
        "strd r4, r5, [r3], #8"
    );
    dot!(
        one_odd,
        "ldrd r4, r5, [r3], #8",
        concat!(weights!(), words!("r0"), pixel!("r4", "r5")),
        "strd r4, r5, [r3], #8"
    );

    /// See [`super::super::Dots::depthwise`]: pairs of taps of four channels.
    #[unsafe(naked)]
    pub(in super::super) unsafe extern "C" fn depthwise(tiles: &mut Tiles) {
        naked_asm!(
            ".cpu cortex-m4",
            "push {{r0, r4-r11, lr}}",
            "ldrd r1, r2, [r0, #16]",
            "1:",
            "ldr r3, [r0, #24]",
            "ldrd r12, r9, [r0]",
            "ldrd r4, r5, [r3], #8",
            "ldrd r6, r7, [r3], #8",
            "str r3, [r0, #24]",
            "2:",
            "ldrd r0, r3, [r12], #8",
            "ldr r0, [r0, r1]",
            "ldr r3, [r3, r1]",
            // Channels 0 and 2 of both taps, then 1 and 3.
            "sxtb16 r8, r0",
            "sxtb16 lr, r3",
            "sxtb16 r0, r0, ror #8",
            "sxtb16 r3, r3, ror #8",
            // Both taps of a channel side by side: 0, 2, 1, 3.
            "pkhbt r10, r8, lr, lsl #16",
            "pkhtb r8, lr, r8, asr #16",
            "pkhbt lr, r0, r3, lsl #16",
            "pkhtb r3, r3, r0, asr #16",
            "ldrd r0, r11, [r2], #8",
            "smlad r4, r10, r0, r4",
            "smlad r6, r8, r11, r6",
            "ldrd r0, r11, [r2], #8",
            "smlad r5, lr, r0, r5",
            "smlad r7, r3, r11, r7",
            "cmp r12, r9",
            "bne 2b",
            "ldr r0, [sp]",
            "add r1, r1, #4",
            "ldrd r3, r12, [r0, #28]",
            "strd r4, r5, [r3], #8",
            "strd r6, r7, [r3], #8",
            "subs r12, r12, #1",
            "strd r3, r12, [r0, #28]",
            "bne 1b",
            "pop {{r0, r4-r11, pc}}",
        )
    }
}

#[cfg(not(all(feature = "dsp", target_arch = "arm", target_os = "none")))]
mod imp {
    use super::super::{CHANNELS, Tiles};

    /// Codes as 16-bit numbers.
    pub(in super::super) fn widen(from: &[i8], to: &mut [i16]) {
        to.iter_mut().zip(from).for_each(|(to, &code)| *to = i16::from(code));
    }

    /// XNNPACK's rule; `limits`: zero point, smallest code, largest code.
    pub(in super::super) fn codes(sums: &[i32], scales: &[f32], &[zero, lo, hi]: &[i32; 3], codes: &mut [i8]) {
        for ((code, &sum), &scale) in codes.iter_mut().zip(sums).zip(scales) {
            *code = crate::arith::rne(sum as f32 * scale).saturating_add(zero).clamp(lo, hi) as i8;
        }
    }

    pub(in super::super) use {one as one_odd, two as two_odd};

    /// See [`super::super::Dots::dot`].
    pub(in super::super) unsafe fn two(tiles: &mut Tiles) {
        // SAFETY: the caller's.
        unsafe {
            one(&mut Tiles { ..*tiles });
            one(&mut Tiles { pixel: tiles.pixel.add(tiles.pitch), sums: tiles.sums.add(CHANNELS), ..*tiles });
        }
    }

    /// See [`super::super::Dots::dot`].
    pub(in super::super) unsafe fn one(tiles: &mut Tiles) {
        let mut weights = tiles.weights.cast::<i8>();
        for tile in 0..tiles.tiles {
            // SAFETY: the caller vouches for runs, weights, bias and sums of each tile.
            unsafe {
                let mut sums = [*tiles.bias.add(2 * tile), *tiles.bias.add(2 * tile + 1)];
                let mut start = tiles.starts;
                while start != tiles.end {
                    let codes = tiles.pixel.add(*start as usize).cast::<i16>();
                    for block in 0..tiles.blocks {
                        for (channel, sum) in sums.iter_mut().enumerate() {
                            // Where the codes of a word stand: the second and the third have changed places.
                            for (code, at) in [0, 2, 1, 3].into_iter().enumerate() {
                                let (x, w) = (*codes.add(4 * block + code), *weights.add(4 * channel + at));
                                *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                            }
                        }
                        weights = weights.add(8);
                    }
                    start = start.add(1);
                }
                tiles.sums.add(2 * tile).cast::<[i32; 2]>().write(sums);
            }
        }
    }

    /// See [`super::super::Dots::depthwise`].
    pub(in super::super) unsafe fn depthwise(tiles: &mut Tiles) {
        let mut weights = tiles.weights;
        for first in (0..4 * tiles.tiles).step_by(4) {
            // SAFETY: the caller vouches for taps, weights, bias and sums of each tile.
            unsafe {
                let mut sums: [i32; 4] = core::array::from_fn(|channel| *tiles.bias.add(first + channel));
                let mut start = tiles.starts;
                while start != tiles.end {
                    for (channel, at) in [0, 2, 1, 3].into_iter().enumerate() {
                        for tap in 0..2 {
                            let x = *tiles.pixel.cast::<i8>().add(*start.add(tap) as usize + first + channel);
                            let pair = weights.add(4 * at + 2 * tap);
                            let w = i32::from(i16::from_le_bytes([*pair, *pair.add(1)]));
                            sums[channel] = sums[channel].wrapping_add(i32::from(x) * w);
                        }
                    }
                    weights = weights.add(16);
                    start = start.add(2);
                }
                tiles.sums.add(first).cast::<[i32; 4]>().write(sums);
            }
        }
    }
}
