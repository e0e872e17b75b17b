//! From reset to `run`: vectors, coprocessors, memory.

use core::arch::naked_asm;
use core::ptr::{addr_of, addr_of_mut};

use crate::semihosting;

unsafe extern "C" {
    static mut __data_start: u32;
    static mut __data_end: u32;
    static __data_load: u32;
    static mut __bss_start: u32;
    static mut __bss_end: u32;
    static __stack_limit: u32;
    static __stack_top: u32;
    static __vectors_start: u8;
    static __vectors_end: u8;
    static __code_start: u8;
    static __code_end: u8;
    static __flash_end: u8;
}

/// What the stack is filled with before anything runs.
const PAINT: u32 = 0x5AFE_57AC;

/// A vector: the first is the stack's end, the others are addresses of code.
#[repr(C)]
union Vector {
    stack: *const u32,
    handler: unsafe extern "C" fn() -> !,
    none: usize,
}

/// Addresses and constants only.
#[repr(transparent)]
struct Vectors([Vector; 16]);

// SAFETY: the vectors are constants that nobody writes.
unsafe impl Sync for Vectors {}

const FAULT: Vector = Vector { handler: fault };
const NONE: Vector = Vector { none: 0 };

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: Vectors = Vectors([
    Vector { stack: addr_of!(__stack_top) },
    Vector { handler: reset },
    FAULT,
    FAULT,
    FAULT,
    FAULT,
    FAULT,
    FAULT,
    NONE,
    NONE,
    NONE,
    FAULT,
    FAULT,
    NONE,
    FAULT,
    FAULT,
]);

/// Switches the floating-point unit on (nothing before may use it: not even a prologue), paints the stack and goes on.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn reset() -> ! {
    naked_asm!(
        // CPACR: full access to CP10 and CP11.
        "ldr r0, =0xE000ED88",
        "ldr r1, [r0]",
        "orr r1, r1, #0xF00000",
        "str r1, [r0]",
        "dsb",
        "isb",
        "ldr r0, =__stack_limit",
        "ldr r1, =__stack_top",
        "mov sp, r1",
        "ldr r2, ={paint}",
        "2: str r2, [r0], #4",
        "cmp r0, r1",
        "blo 2b",
        "bl {start}",
        "udf #0",
        paint = const PAINT,
        start = sym start,
    )
}

/// Gives statics their values.
unsafe extern "C" fn start() -> ! {
    // SAFETY: the linker script gives the bounds of .data and .bss, multiples of 4 from one to the other; nothing has read them yet.
    unsafe {
        let (mut to, end, mut from) = (addr_of_mut!(__data_start), addr_of_mut!(__data_end), addr_of!(__data_load));
        while to < end {
            to.write_volatile(from.read_volatile());
            (to, from) = (to.add(1), from.add(1));
        }
        let (mut to, end) = (addr_of_mut!(__bss_start), addr_of_mut!(__bss_end));
        while to < end {
            to.write_volatile(0);
            to = to.add(1);
        }
    }
    crate::main()
}

unsafe extern "C" fn fault() -> ! {
    semihosting::say(c"fault\n");
    semihosting::exit(101)
}

/// Bytes of the stack that have been used so far, and all of them.
pub fn stack() -> (u32, u32) {
    let (mut at, top) = (addr_of!(__stack_limit), addr_of!(__stack_top));
    let all = top as u32 - at as u32;
    // SAFETY: all words from the limit to the top are the stack's, and were painted at reset.
    while at < top && unsafe { at.read_volatile() } == PAINT {
        at = at.wrapping_add(1);
    }
    (top as u32 - at as u32, all)
}

/// Words at the stack's limit that nobody may reach: below it some memories fault, and some forget.
const GUARD: usize = 16;

/// Whether the stack was used to its end.
pub fn stack_overflowed() -> bool {
    let limit = addr_of!(__stack_limit);
    // SAFETY: the words above the limit are the stack's, and were painted at reset.
    (0..GUARD).any(|word| unsafe { limit.add(word).read_volatile() } != PAINT)
}

/// What the linker made of the program, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Instructions and the constants among them.
    pub code: u32,
    /// All that lies in flash: vectors, code, weights, initial values.
    pub flash: u32,
    /// Statics, the arena among them; the stack is not.
    pub statics: u32,
}

/// See [`Sizes`].
pub fn sizes() -> Sizes {
    let vectors = addr_of!(__vectors_end) as u32 - addr_of!(__vectors_start) as u32;
    let code = addr_of!(__code_end) as u32 - addr_of!(__code_start) as u32;
    let flash = vectors + addr_of!(__flash_end) as u32 - addr_of!(__code_start) as u32;
    Sizes { code, flash, statics: addr_of!(__bss_end) as u32 - addr_of!(__data_start) as u32 }
}
