//! Memory for corruptions: a static of the size that the board says, given out from its start and taken back as a whole.
//!
//! The network needs none of it: a program without the feature `corrupt` has no allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;

use crate::semihosting;

/// Bytes, as the build was told.
const SIZE: usize = number(env!("EDGEBENCH_WORKSPACE"));

const fn number(text: &str) -> usize {
    let (digits, mut value, mut at) = (text.as_bytes(), 0, 0);
    while at < digits.len() {
        assert!(digits[at].is_ascii_digit(), "EDGEBENCH_WORKSPACE is a number of bytes");
        value = 10 * value + (digits[at] - b'0') as usize;
        at += 1;
    }
    value
}

#[repr(C, align(16))]
struct Workspace {
    bytes: UnsafeCell<[u8; SIZE]>,
    used: Cell<usize>,
}

// SAFETY: there is one thread, and interrupts are not used.
unsafe impl Sync for Workspace {}

#[global_allocator]
static WORKSPACE: Workspace = Workspace { bytes: UnsafeCell::new([0; SIZE]), used: Cell::new(0) };

impl Workspace {
    fn base(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    /// Whether a block of so many bytes is the last.
    fn is_last(&self, block: *mut u8, len: usize) -> bool {
        block.addr() + len == self.base().addr() + self.used.get()
    }
}

// SAFETY: blocks lie inside the static, begin at multiples of their alignment (at most that of the static is used here, larger ones are
// refused), and overlap no other: `used` goes back only over a last block, or by `scope`, whose caller vouches for it.
unsafe impl GlobalAlloc for Workspace {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.used.get().next_multiple_of(layout.align());
        if layout.align() > 16 || start + layout.size() > SIZE {
            semihosting::say(c"the workspace is full; the board needs a larger one for this corruption\n");
            return ptr::null_mut();
        }
        self.used.set(start + layout.size());
        self.base().wrapping_add(start)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_last(block, layout.size()) {
            self.used.set(block.addr() - self.base().addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_last(block, layout.size()) && block.addr() - self.base().addr() + size <= SIZE {
            self.used.set(block.addr() - self.base().addr() + size);
            return block;
        }
        // SAFETY: alignments of layouts are valid; the old block has `layout.size()` bytes and the new one `size`, apart from it.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, size.min(layout.size()));
            }
            new
        }
    }
}

/// Does something, and takes back all memory that it was given.
///
/// # Safety
/// Nothing that `work` allocates may live on, and nothing that was allocated before may grow in it.
pub unsafe fn scope<T: Copy + 'static>(work: impl FnOnce() -> T) -> T {
    let before = WORKSPACE.used.get();
    let result = work();
    WORKSPACE.used.set(before);
    result
}
