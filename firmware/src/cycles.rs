//! The cycle counter of the DWT, where there is one.

const DEMCR: *mut u32 = 0xE000_EDFC as *mut u32;
const DWT_CTRL: *mut u32 = 0xE000_1000 as *mut u32;
const DWT_CYCCNT: *mut u32 = 0xE000_1004 as *mut u32;
const DWT_LAR: *mut u32 = 0xE000_1FB0 as *mut u32;

/// Starts it; false if it does not count (QEMU has none).
pub fn start() -> bool {
    // SAFETY: registers of the core's own debug unit, at these addresses on all of ARMv7-M and ARMv8-M; they read as zero where
    // they are not implemented.
    unsafe {
        DEMCR.write_volatile(DEMCR.read_volatile() | 1 << 24);
        // Cortex-M7 locks it.
        DWT_LAR.write_volatile(0xC5AC_CE55);
        DWT_CYCCNT.write_volatile(0);
        DWT_CTRL.write_volatile(DWT_CTRL.read_volatile() | 1);
    }
    let first = now();
    (0..64).for_each(|_| core::hint::spin_loop());
    now() != first
}

/// Cycles, modulo 2³².
pub fn now() -> u32 {
    // SAFETY: as in `start`.
    unsafe { DWT_CYCCNT.read_volatile() }
}
