//! Files and messages of the machine that runs the emulator or holds the debug probe (Arm's semihosting, version 2.0).

use core::arch::asm;

const OPEN: u32 = 0x01;
const CLOSE: u32 = 0x02;
const WRITE0: u32 = 0x04;
const WRITE: u32 = 0x05;
const READ: u32 = 0x06;
const EXIT_EXTENDED: u32 = 0x20;
/// The reason of an exit that the program asked for.
const APPLICATION_EXIT: u32 = 0x20026;

/// Asks the host for something.
fn call(operation: u32, block: *const u32) -> i32 {
    let result: i32;
    // SAFETY: the host stops at this breakpoint, reads the block that `block` points to (each caller passes one with the fields of
    // its operation) and what that names, and puts its answer into r0.
    unsafe { asm!("bkpt 0xAB", inlateout("r0") operation => result, in("r1") block, options(nostack)) };
    result
}

/// An open file.
#[derive(Debug)]
pub struct File(u32);

impl File {
    /// Opens the file `name`, which ends with a zero byte, to be read.
    pub fn open(name: &core::ffi::CStr) -> Option<Self> {
        Self::with(name, 1)
    }

    /// Makes an empty file.
    pub fn create(name: &core::ffi::CStr) -> Option<Self> {
        Self::with(name, 5)
    }

    fn with(name: &core::ffi::CStr, mode: u32) -> Option<Self> {
        let block = [name.as_ptr() as u32, mode, name.to_bytes().len() as u32];
        u32::try_from(call(OPEN, block.as_ptr())).ok().map(Self)
    }

    /// Fills `bytes`; false if the file ends before.
    pub fn read(&mut self, bytes: &mut [u8]) -> bool {
        let block = [self.0, bytes.as_mut_ptr() as u32, bytes.len() as u32];
        // The answer is how many bytes are missing.
        bytes.is_empty() || call(READ, block.as_ptr()) == 0
    }

    /// Writes all of `bytes`; false if there is no room.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let block = [self.0, bytes.as_ptr() as u32, bytes.len() as u32];
        bytes.is_empty() || call(WRITE, block.as_ptr()) == 0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        call(CLOSE, [self.0].as_ptr());
    }
}

/// Says something where the emulator runs.
pub fn say(text: &core::ffi::CStr) {
    call(WRITE0, text.as_ptr().cast());
}

/// Ends the program.
pub fn exit(code: u32) -> ! {
    loop {
        call(EXIT_EXTENDED, [APPLICATION_EXIT, code].as_ptr());
    }
}
