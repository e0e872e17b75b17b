//! The inner loops of `mve`: in assembly where the CPU has the instructions, else the same sums in portable Rust.
//!
//! The compiler knows Helium on no stable target, so the functions are whole in assembly, and the rest of the program is built for
//! Cortex-M33, whose registers and calls are the same.

pub(super) use imp::{add, codes, depthwise, depthwise_two, one, two, two_flat};

#[cfg(all(feature = "mve", target_arch = "arm", target_os = "none"))]
mod imp {
    use core::arch::global_asm;

    use super::super::Tiles;
    use crate::ops::binary::AddRow;

    unsafe extern "C" {
        #[link_name = "edgebench_mve_two"]
        pub(in super::super) unsafe fn two(tiles: &mut Tiles);
        #[link_name = "edgebench_mve_two_flat"]
        pub(in super::super) unsafe fn two_flat(tiles: &mut Tiles);
        #[link_name = "edgebench_mve_one"]
        pub(in super::super) unsafe fn one(tiles: &mut Tiles);
        #[link_name = "edgebench_mve_depthwise"]
        pub(in super::super) unsafe fn depthwise(tiles: &mut Tiles);
        #[link_name = "edgebench_mve_depthwise_two"]
        pub(in super::super) unsafe fn depthwise_two(tiles: &mut Tiles);
        fn edgebench_mve_add(rule: &[i32; 7], a: *const i8, b: *const i8, out: *mut i8, count: usize);
        fn edgebench_mve_codes(sums: *const i32, scales: *const f32, limits: *const i32, codes: *mut i8, count: usize);
    }

    /// See [`crate::ops::binary::add_row`].
    pub(in super::super) fn add(rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
        let count = out.len();
        if a.len() != count || b.len() != count {
            return crate::ops::binary::add_row(rule, a, b, out);
        }
        let AddRow { ma, mb, bias, shift, zero, lo, hi } = *rule;
        // A shift to the left by less than nothing.
        let rule = [ma, mb, bias, -(shift as i32), zero, lo, hi];
        // SAFETY: all three have `count` codes; the loop is predicated.
        unsafe { edgebench_mve_add(&rule, a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), count) }
    }

    /// XNNPACK's rule; `limits`: zero point, smallest code, largest code.
    #[inline(always)]
    pub(in super::super) fn codes(sums: &[i32], scales: &[f32], limits: &[i32; 3], codes: &mut [i8]) {
        let count = codes.len().min(sums.len()).min(scales.len());
        // SAFETY: as many sums and scales are read, and as many codes written, as there are of the shortest; the loop is predicated.
        unsafe { edgebench_mve_codes(sums.as_ptr(), scales.as_ptr(), limits.as_ptr(), codes.as_mut_ptr(), count) }
    }

    global_asm!(
        r#"
        .cpu cortex-m55
        .syntax unified
        .thumb

        .section .text.edgebench_mve_two, "ax", %progbits
        .p2align 2
        .global edgebench_mve_two
        .type edgebench_mve_two, %function
        .thumb_func
    edgebench_mve_two:
        push {{r4-r11, lr}}
        mov r11, r0
        ldr r1, [r0, #20]
        // A tile: sums begin with the bias.
    1:
        ldr r3, [r11, #24]
        ldr r9, [r11]
        ldrd r8, r10, [r3]
        ldrd r12, lr, [r3, #8]
        ldrd r0, r2, [r3], #8
        ldrd r4, r6, [r3], #8
        str r3, [r11, #24]
        // A run: its start is a word of the list.
    2:
        ldr r5, [r11, #16]
        ldr r3, [r9], #4
        add r3, r3, r5
        ldrd r5, r7, [r11, #8]
        add r5, r5, r3
    3:
        vldrb.u8 q0, [r3], #16
        vldrb.u8 q2, [r1], #16
        vldrb.u8 q1, [r5], #16
        vmladava.s8 r0, q0, q2
        vmladava.s8 r8, q1, q2
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r2, q0, q3
        vmladava.s8 r10, q1, q3
        vldrb.u8 q2, [r1], #16
        vmladava.s8 r4, q0, q2
        vmladava.s8 r12, q1, q2
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r6, q0, q3
        vmladava.s8 lr, q1, q3
        subs r7, r7, #1
        bne 3b
        ldr r5, [r11, #4]
        cmp r9, r5
        bne 2b
        ldrd r3, r5, [r11, #28]
        strd r8, r10, [r3, #256]
        strd r12, lr, [r3, #264]
        strd r0, r2, [r3], #8
        strd r4, r6, [r3], #8
        subs r5, r5, #1
        strd r3, r5, [r11, #28]
        bne 1b
        pop {{r4-r11, pc}}
        .size edgebench_mve_two, . - edgebench_mve_two

        // As above, of a single run: fewer addresses have to be found.
        .section .text.edgebench_mve_two_flat, "ax", %progbits
        .p2align 2
        .global edgebench_mve_two_flat
        .type edgebench_mve_two_flat, %function
        .thumb_func
    edgebench_mve_two_flat:
        push {{r4-r11, lr}}
        ldrd r4, r5, [r0, #8]
        ldrd r6, r1, [r0, #16]
        ldrd r9, r11, [r0, #24]
        ldr r8, [r0, #32]
        ldr r7, [r0]
        ldr r7, [r7]
        add r6, r6, r7
        add r7, r6, r4
        add r8, r9, r8, lsl #4
        push {{r5, r6, r7, r8}}
    1:
        ldrd r8, r10, [r9]
        ldrd r12, lr, [r9, #8]
        ldrd r0, r2, [r9], #8
        ldrd r4, r6, [r9], #8
        ldrd r3, r5, [sp, #4]
        ldr r7, [sp]
    3:
        vldrb.u8 q0, [r3], #16
        vldrb.u8 q2, [r1], #16
        vldrb.u8 q1, [r5], #16
        vmladava.s8 r0, q0, q2
        vmladava.s8 r8, q1, q2
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r2, q0, q3
        vmladava.s8 r10, q1, q3
        vldrb.u8 q2, [r1], #16
        vmladava.s8 r4, q0, q2
        vmladava.s8 r12, q1, q2
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r6, q0, q3
        vmladava.s8 lr, q1, q3
        subs r7, r7, #1
        bne 3b
        strd r8, r10, [r11, #256]
        strd r12, lr, [r11, #264]
        strd r0, r2, [r11], #8
        strd r4, r6, [r11], #8
        ldr r3, [sp, #12]
        cmp r9, r3
        bne 1b
        add sp, sp, #16
        pop {{r4-r11, pc}}
        .size edgebench_mve_two_flat, . - edgebench_mve_two_flat

        .section .text.edgebench_mve_one, "ax", %progbits
        .p2align 2
        .global edgebench_mve_one
        .type edgebench_mve_one, %function
        .thumb_func
    edgebench_mve_one:
        push {{r4-r11, lr}}
        mov r11, r0
        ldrd r5, r1, [r0, #16]
        ldr r8, [r0, #4]
        ldr r7, [r0, #12]
    1:
        ldr r3, [r11, #24]
        ldr r9, [r11]
        ldrd r0, r2, [r3], #8
        ldrd r4, r6, [r3], #8
        str r3, [r11, #24]
    2:
        ldr r3, [r9], #4
        add r3, r3, r5
        dls lr, r7
    3:
        vldrb.u8 q0, [r3], #16
        vldrb.u8 q2, [r1], #16
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r0, q0, q2
        vmladava.s8 r2, q0, q3
        vldrb.u8 q2, [r1], #16
        vldrb.u8 q3, [r1], #16
        vmladava.s8 r4, q0, q2
        vmladava.s8 r6, q0, q3
        le lr, 3b
        cmp r9, r8
        bne 2b
        ldrd r3, r10, [r11, #28]
        strd r0, r2, [r3], #8
        strd r4, r6, [r3], #8
        subs r10, r10, #1
        strd r3, r10, [r11, #28]
        bne 1b
        pop {{r4-r11, pc}}
        .size edgebench_mve_one, . - edgebench_mve_one

        .section .text.edgebench_mve_depthwise, "ax", %progbits
        .p2align 2
        .global edgebench_mve_depthwise
        .type edgebench_mve_depthwise, %function
        .thumb_func
    edgebench_mve_depthwise:
        push {{r4-r8, lr}}
        vpush {{d8, d9}}
        ldrd r4, r5, [r0]
        sub r5, r5, r4
        lsr r5, r5, #2
        ldrd r1, r2, [r0, #16]
        ldrd r3, r6, [r0, #24]
        ldr r7, [r0, #32]
    1:
        // Sums of the even channels, and of the odd ones.
        vld20.32 {{q0, q1}}, [r3]
        vld21.32 {{q0, q1}}, [r3]!
        mov r8, r4
        dls lr, r5
    2:
        ldr r0, [r8], #4
        vldrb.s16 q3, [r2], #8
        add r0, r0, r1
        vldrb.s16 q2, [r0]
        vmullb.s16 q4, q2, q3
        vmullt.s16 q2, q2, q3
        vadd.i32 q0, q0, q4
        vadd.i32 q1, q1, q2
        le lr, 2b
        vst20.32 {{q0, q1}}, [r6]
        vst21.32 {{q0, q1}}, [r6]!
        adds r1, r1, #8
        subs r7, r7, #1
        bne 1b
        vpop {{d8, d9}}
        pop {{r4-r8, pc}}
        .size edgebench_mve_depthwise, . - edgebench_mve_depthwise

        // As above, of two pixels.
        .section .text.edgebench_mve_depthwise_two, "ax", %progbits
        .p2align 2
        .global edgebench_mve_depthwise_two
        .type edgebench_mve_depthwise_two, %function
        .thumb_func
    edgebench_mve_depthwise_two:
        push {{r4-r10, lr}}
        vpush {{d8-d13}}
        ldrd r4, r5, [r0]
        sub r5, r5, r4
        lsr r5, r5, #2
        ldr r9, [r0, #8]
        ldrd r1, r2, [r0, #16]
        ldrd r3, r6, [r0, #24]
        ldr r7, [r0, #32]
    1:
        vld20.32 {{q0, q1}}, [r3]
        vld21.32 {{q0, q1}}, [r3]!
        vmov q4, q0
        vmov q5, q1
        mov r8, r4
        dls lr, r5
    2:
        ldr r0, [r8], #4
        vldrb.s16 q3, [r2], #8
        add r0, r0, r1
        vldrb.s16 q2, [r0]
        add r0, r0, r9
        vmullb.s16 q6, q2, q3
        vmullt.s16 q2, q2, q3
        vadd.i32 q0, q0, q6
        vadd.i32 q1, q1, q2
        vldrb.s16 q2, [r0]
        vmullb.s16 q6, q2, q3
        vmullt.s16 q2, q2, q3
        vadd.i32 q4, q4, q6
        vadd.i32 q5, q5, q2
        le lr, 2b
        add r10, r6, #256
        vst20.32 {{q4, q5}}, [r10]
        vst21.32 {{q4, q5}}, [r10]
        vst20.32 {{q0, q1}}, [r6]
        vst21.32 {{q0, q1}}, [r6]!
        adds r1, r1, #8
        subs r7, r7, #1
        bne 1b
        vpop {{d8-d13}}
        pop {{r4-r10, pc}}
        .size edgebench_mve_depthwise_two, . - edgebench_mve_depthwise_two

        .section .text.edgebench_mve_codes, "ax", %progbits
        .p2align 2
        .global edgebench_mve_codes
        .type edgebench_mve_codes, %function
        .thumb_func
    edgebench_mve_codes:
        ldr r12, [sp]
        push {{r4-r8, lr}}
        vpush {{d8-d11}}
        ldrd r4, r5, [r2]
        ldr r6, [r2, #8]
        lsrs r7, r12, #3
        beq 3f
        // Eight at a time: rounded to 32 bits, then saturated to 16, which changes no code.
        vdup.16 q4, r5
        vdup.16 q5, r6
        dls lr, r7
    2:
        vld20.32 {{q0, q1}}, [r0]
        vld21.32 {{q0, q1}}, [r0]!
        vld20.32 {{q2, q3}}, [r1]
        vld21.32 {{q2, q3}}, [r1]!
        vcvt.f32.s32 q0, q0
        vcvt.f32.s32 q1, q1
        vmul.f32 q0, q0, q2
        vmul.f32 q1, q1, q3
        vcvtn.s32.f32 q0, q0
        vcvtn.s32.f32 q1, q1
        vqmovnb.s32 q0, q0
        vqmovnt.s32 q0, q1
        vqadd.s16 q0, q0, r4
        vmax.s16 q0, q0, q4
        vmin.s16 q0, q0, q5
        vstrb.16 q0, [r3], #8
        le lr, 2b
    3:
        ands r12, r12, #7
        beq 5f
        vdup.32 q4, r5
        vdup.32 q5, r6
        dlstp.32 lr, r12
    4:
        vldrw.u32 q0, [r0], #16
        vcvt.f32.s32 q0, q0
        vldrw.u32 q1, [r1], #16
        vmul.f32 q0, q0, q1
        vcvtn.s32.f32 q0, q0
        vqadd.s32 q0, q0, r4
        vmax.s32 q0, q0, q4
        vmin.s32 q0, q0, q5
        vstrb.32 q0, [r3], #4
        letp lr, 4b
    5:
        vpop {{d8-d11}}
        pop {{r4-r8, pc}}
        .size edgebench_mve_codes, . - edgebench_mve_codes

        .section .text.edgebench_mve_add, "ax", %progbits
        .p2align 2
        .global edgebench_mve_add
        .type edgebench_mve_add, %function
        .thumb_func
    edgebench_mve_add:
        ldr r12, [sp]
        push {{r4-r8, lr}}
        ldrd r4, r5, [r0]
        ldrd r6, r7, [r0, #8]
        ldr r8, [r0, #16]
        ldr lr, [r0, #20]
        vdup.32 q2, lr
        ldr lr, [r0, #24]
        vdup.32 q3, lr
        dlstp.32 lr, r12
    2:
        vldrb.s32 q0, [r1], #4
        vldrb.s32 q1, [r2], #4
        vmul.i32 q0, q0, r4
        vmla.s32 q0, q1, r5
        vadd.i32 q0, q0, r6
        vshl.s32 q0, r7
        vadd.i32 q0, q0, r8
        vmax.s32 q0, q0, q2
        vmin.s32 q0, q0, q3
        vstrb.32 q0, [r3], #4
        letp lr, 2b
        pop {{r4-r8, pc}}
        .size edgebench_mve_add, . - edgebench_mve_add
        .text
        "#
    );
}

#[cfg(not(all(feature = "mve", target_arch = "arm", target_os = "none")))]
mod imp {
    use super::super::{CHANNELS, Tiles};

    pub(in super::super) use crate::ops::binary::add_row as add;
    pub(in super::super) use two as two_flat;

    /// XNNPACK's rule; `limits`: zero point, smallest code, largest code.
    pub(in super::super) fn codes(sums: &[i32], scales: &[f32], &[zero, lo, hi]: &[i32; 3], codes: &mut [i8]) {
        for ((code, &sum), &scale) in codes.iter_mut().zip(sums).zip(scales) {
            *code = crate::arith::rne(sum as f32 * scale).saturating_add(zero).clamp(lo, hi) as i8;
        }
    }

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
        for first in (0..4 * tiles.tiles).step_by(4) {
            // SAFETY: the caller vouches for runs, weights, bias and sums of each tile.
            unsafe {
                let mut sums: [i32; 4] = core::array::from_fn(|channel| *tiles.bias.add(first + channel));
                let mut start = tiles.starts;
                while start != tiles.end {
                    let codes = tiles.pixel.add(*start as usize).cast::<i8>();
                    for block in 0..tiles.blocks {
                        for at in 0..64 {
                            let (x, w) = (*codes.add(16 * block + at % 16), *weights.add(at));
                            sums[at / 16] = sums[at / 16].wrapping_add(i32::from(x) * i32::from(w));
                        }
                        weights = weights.add(64);
                    }
                    start = start.add(1);
                }
                tiles.sums.add(first).cast::<[i32; 4]>().write(sums);
            }
        }
    }

    /// See [`super::super::Dots::depthwise`].
    pub(in super::super) unsafe fn depthwise(tiles: &mut Tiles) {
        let mut weights = tiles.weights.cast::<i8>();
        for first in (0..8 * tiles.tiles).step_by(8) {
            // SAFETY: the caller vouches for taps, weights, bias and sums of each tile.
            unsafe {
                let mut sums: [i32; 8] = core::array::from_fn(|channel| *tiles.bias.add(first + channel));
                let mut start = tiles.starts;
                while start != tiles.end {
                    let codes = tiles.pixel.add(*start as usize + first).cast::<i8>();
                    for (channel, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.wrapping_add(i32::from(*codes.add(channel)) * i32::from(*weights.add(channel)));
                    }
                    weights = weights.add(8);
                    start = start.add(1);
                }
                tiles.sums.add(first).cast::<[i32; 8]>().write(sums);
            }
        }
    }

    /// See [`super::super::Dots::depthwise`].
    pub(in super::super) unsafe fn depthwise_two(tiles: &mut Tiles) {
        // SAFETY: the caller's.
        unsafe {
            depthwise(&mut Tiles { ..*tiles });
            depthwise(&mut Tiles { pixel: tiles.pixel.add(tiles.pitch), sums: tiles.sums.add(CHANNELS), ..*tiles });
        }
    }
}
