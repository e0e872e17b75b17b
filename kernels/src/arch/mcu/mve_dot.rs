//! The inner loops of `mve`: in assembly where the CPU has the instructions, else the same sums in portable Rust.
//!
//! The compiler knows Helium on no stable target, so the functions are whole in assembly, and the rest of the program is built for
//! Cortex-M33, whose registers and calls are the same.

pub(super) use imp::{codes, depthwise, one, two};

#[cfg(all(feature = "mve", target_arch = "arm", target_os = "none"))]
mod imp {
    use core::arch::global_asm;

    use super::super::Taps;

    unsafe extern "C" {
        #[link_name = "edgebench_mve_two"]
        pub(in super::super) unsafe fn two(taps: &Taps, pixel: *const i8, weights: *const i8, sums: *mut i32);
        #[link_name = "edgebench_mve_one"]
        pub(in super::super) unsafe fn one(taps: &Taps, pixel: *const i8, weights: *const i8, sums: *mut i32);
        #[link_name = "edgebench_mve_depthwise"]
        pub(in super::super) unsafe fn depthwise(taps: &Taps, pixel: *const i8, weights: *const u8, sums: *mut i32);
        fn edgebench_mve_codes(sums: *const i32, scales: *const f32, limits: *const i32, codes: *mut i8, count: usize);
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
        ldr r9, [r0]
        ldr r5, [r0, #4]
        ldr r7, [r0, #8]
        ldr r12, [r0, #12]
        add r5, r9, r5, lsl #2
        mov r11, r1
        push {{r3, r5, r7, r12}}
        mov r1, r2
        ldrd r0, r2, [r3]
        ldrd r4, r6, [r3, #8]
        ldrd r8, r10, [r3, #128]
        ldrd r12, lr, [r3, #136]
    2:
        ldr r3, [r9], #4
        ldr r5, [sp, #12]
        ldr r7, [sp, #8]
        add r3, r3, r11
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
        ldr r5, [sp, #4]
        cmp r9, r5
        bne 2b
        ldr r3, [sp]
        strd r0, r2, [r3]
        strd r4, r6, [r3, #8]
        strd r8, r10, [r3, #128]
        strd r12, lr, [r3, #136]
        add sp, sp, #16
        pop {{r4-r11, pc}}
        .size edgebench_mve_two, . - edgebench_mve_two

        .section .text.edgebench_mve_one, "ax", %progbits
        .p2align 2
        .global edgebench_mve_one
        .type edgebench_mve_one, %function
        .thumb_func
    edgebench_mve_one:
        push {{r3-r11, lr}}
        ldr r9, [r0]
        ldr r8, [r0, #4]
        ldr r7, [r0, #8]
        add r8, r9, r8, lsl #2
        mov r11, r1
        mov r1, r2
        ldrd r0, r2, [r3]
        ldrd r4, r6, [r3, #8]
    2:
        ldr r3, [r9], #4
        add r3, r3, r11
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
        ldr r3, [sp]
        strd r0, r2, [r3]
        strd r4, r6, [r3, #8]
        pop {{r3-r11, pc}}
        .size edgebench_mve_one, . - edgebench_mve_one

        .section .text.edgebench_mve_depthwise, "ax", %progbits
        .p2align 2
        .global edgebench_mve_depthwise
        .type edgebench_mve_depthwise, %function
        .thumb_func
    edgebench_mve_depthwise:
        push {{r4, lr}}
        vpush {{d8, d9}}
        ldrd r0, r12, [r0]
        // Sums of the even channels, and of the odd ones.
        vld20.32 {{q0, q1}}, [r3]
        vld21.32 {{q0, q1}}, [r3]
        dls lr, r12
    2:
        ldr r4, [r0], #4
        vldrb.s16 q3, [r2], #8
        add r4, r4, r1
        vldrb.s16 q2, [r4]
        vmullb.s16 q4, q2, q3
        vmullt.s16 q2, q2, q3
        vadd.i32 q0, q0, q4
        vadd.i32 q1, q1, q2
        le lr, 2b
        vst20.32 {{q0, q1}}, [r3]
        vst21.32 {{q0, q1}}, [r3]
        vpop {{d8, d9}}
        pop {{r4, pc}}
        .size edgebench_mve_depthwise, . - edgebench_mve_depthwise

        .section .text.edgebench_mve_codes, "ax", %progbits
        .p2align 2
        .global edgebench_mve_codes
        .type edgebench_mve_codes, %function
        .thumb_func
    edgebench_mve_codes:
        ldr r12, [sp]
        push {{r4, lr}}
        ldr r4, [r2]
        ldr lr, [r2, #4]
        ldr r2, [r2, #8]
        vdup.32 q2, lr
        vdup.32 q3, r2
        dlstp.32 lr, r12
    2:
        vldrw.u32 q0, [r0], #16
        vcvt.f32.s32 q0, q0
        vldrw.u32 q1, [r1], #16
        vmul.f32 q0, q0, q1
        vcvtn.s32.f32 q0, q0
        vqadd.s32 q0, q0, r4
        vmax.s32 q0, q0, q2
        vmin.s32 q0, q0, q3
        vstrb.32 q0, [r3], #4
        letp lr, 2b
        pop {{r4, pc}}
        .size edgebench_mve_codes, . - edgebench_mve_codes
        .text
        "#
    );
}

#[cfg(not(all(feature = "mve", target_arch = "arm", target_os = "none")))]
mod imp {
    use super::super::{CHANNELS, Taps};

    /// XNNPACK's rule; `limits`: zero point, smallest code, largest code.
    pub(in super::super) fn codes(sums: &[i32], scales: &[f32], &[zero, lo, hi]: &[i32; 3], codes: &mut [i8]) {
        for ((code, &sum), &scale) in codes.iter_mut().zip(sums).zip(scales) {
            *code = crate::arith::rne(sum as f32 * scale).saturating_add(zero).clamp(lo, hi) as i8;
        }
    }

    /// See [`super::super::Dots::dot`].
    pub(in super::super) unsafe fn two(taps: &Taps, pixel: *const i8, weights: *const i8, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe {
            one(taps, pixel, weights, sums);
            one(taps, pixel.add(taps.pitch), weights, sums.add(CHANNELS));
        }
    }

    /// See [`super::super::Dots::dot`].
    pub(in super::super) unsafe fn one(taps: &Taps, pixel: *const i8, mut weights: *const i8, sums: *mut i32) {
        for run in 0..taps.runs {
            for block in 0..taps.blocks {
                for at in 0..64 {
                    // SAFETY: the caller vouches for runs, weights and sums.
                    unsafe {
                        let x = *pixel.add(*taps.starts.add(run) as usize + 16 * block + at % 16);
                        let sum = sums.add(at / 16);
                        *sum = (*sum).wrapping_add(i32::from(x) * i32::from(*weights.add(at)));
                    }
                }
                weights = weights.wrapping_add(64);
            }
        }
    }

    /// See [`super::super::Dots::depthwise`].
    pub(in super::super) unsafe fn depthwise(taps: &Taps, pixel: *const i8, weights: *const u8, sums: *mut i32) {
        for tap in 0..taps.runs {
            for channel in 0..8 {
                // SAFETY: the caller vouches for taps, weights and sums.
                unsafe {
                    let x = i32::from(*pixel.add(*taps.starts.add(tap) as usize + channel));
                    let sum = sums.add(channel);
                    *sum = (*sum).wrapping_add(x * i32::from((*weights.add(8 * tap + channel)).cast_signed()));
                }
            }
        }
    }
}
