//! Where the operands of a step lie, and how a step borrows them.
//!
//! Activations live in one *arena*, weights and tables in one block of *constants*; both are slices of 64-byte aligned
//! [`Block`]s. A [`Span`] names a byte range in one of them. Its offset is a multiple of 64, so that a span can be viewed as a
//! slice of any plain number type and any vector load.

/// 64 bytes at a 64-byte boundary: the unit in which arenas and constants are allocated.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block(pub [u8; 64]);

impl Block {
    /// A block of zeros.
    pub const ZERO: Block = Block([0; 64]);
    /// Size in bytes.
    pub const SIZE: usize = 64;

    /// How many blocks hold `bytes` bytes.
    #[must_use]
    pub const fn count(bytes: usize) -> usize {
        bytes.div_ceil(Self::SIZE)
    }

    /// The bytes of a slice of blocks.
    #[must_use]
    pub fn bytes(blocks: &[Block]) -> &[u8] {
        // SAFETY: `Block` is `repr(C)` over `[u8; 64]` without padding, so `blocks` is `len · 64` initialised bytes.
        unsafe { core::slice::from_raw_parts(blocks.as_ptr().cast(), blocks.len() * Self::SIZE) }
    }

    /// The bytes of a slice of blocks, to be written.
    #[must_use]
    pub fn bytes_mut(blocks: &mut [Block]) -> &mut [u8] {
        // SAFETY: as in `bytes`, and every bit pattern is a valid `Block`.
        unsafe { core::slice::from_raw_parts_mut(blocks.as_mut_ptr().cast(), blocks.len() * Self::SIZE) }
    }
}

/// The memory that a [`Span`] points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Activations and scratch space.
    Arena,
    /// Weights, tables, constants.
    Const,
    /// A buffer that the planner has not placed yet; never reaches [`crate::run`].
    Virtual(u32),
}

/// A byte range; `offset` is a multiple of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which memory.
    pub place: Place,
    /// First byte, a multiple of 64.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
}

impl Span {
    /// No bytes at all: an operand that a step does not have.
    pub const EMPTY: Span = Span { place: Place::Const, offset: 0, len: 0 };

    fn overlaps(&self, other: &Span) -> bool {
        self.place == other.place && self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}

mod sealed {
    /// Plain numbers: no padding, every bit pattern valid, alignment at most 64.
    pub trait Number: Copy + 'static {}
    impl Number for i8 {}
    impl Number for u8 {}
    impl Number for i16 {}
    impl Number for u16 {}
    impl Number for i32 {}
    impl Number for u32 {}
    impl Number for i64 {}
    impl Number for u64 {}
    impl Number for f32 {}
    impl Number for f64 {}
}
pub use sealed::Number;

/// Bytes seen as numbers; a tail shorter than one number is left out.
///
/// # Panics
/// If `bytes` does not start at a multiple of `T`'s alignment.
#[must_use]
pub fn view<T: Number>(bytes: &[u8]) -> &[T] {
    assert!(bytes.as_ptr().cast::<T>().is_aligned(), "operand is not aligned");
    // SAFETY: alignment was checked above, the length is rounded down, and `Number` types accept every bit pattern.
    unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
}

/// As [`view`], to be written.
///
/// # Panics
/// If `bytes` does not start at a multiple of `T`'s alignment.
#[must_use]
pub fn view_mut<T: Number>(bytes: &mut [u8]) -> &mut [T] {
    assert!(bytes.as_ptr().cast::<T>().is_aligned(), "operand is not aligned");
    // SAFETY: as in `view`; the borrow is exclusive.
    unsafe { core::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>()) }
}

/// The two memories that steps work on.
#[derive(Debug)]
pub struct Memory<'a> {
    consts: &'a [u8],
    arena: &'a mut [u8],
}

impl<'a> Memory<'a> {
    /// Constants and arena, as allocated.
    #[must_use]
    pub fn new(consts: &'a [Block], arena: &'a mut [Block]) -> Self {
        Self { consts: Block::bytes(consts), arena: Block::bytes_mut(arena) }
    }

    /// Constants and arena that were not allocated as blocks.
    ///
    /// # Panics
    /// If one does not start at a multiple of 64.
    #[must_use]
    pub fn of_bytes(consts: &'a [u8], arena: &'a mut [u8]) -> Self {
        let aligned = |bytes: &[u8]| bytes.as_ptr().cast::<Block>().is_aligned();
        assert!(aligned(consts) && aligned(arena), "memory is not aligned");
        Self { consts, arena }
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let memory = match span.place {
            Place::Arena => &*self.arena,
            Place::Const => self.consts,
            Place::Virtual(id) => panic!("buffer {id} was never placed"),
        };
        &memory[span.offset..span.offset + span.len]
    }

    /// One operand, read only.
    #[must_use]
    pub fn read<T: Number>(&self, span: Span) -> &[T] {
        view(self.bytes(span))
    }

    /// One operand, to be written.
    ///
    /// # Panics
    /// If the span lies outside the arena.
    #[must_use]
    pub fn write<T: Number>(&mut self, span: Span) -> &mut [T] {
        assert_eq!(span.place, Place::Arena, "only the arena is written");
        view_mut(&mut self.arena[span.offset..span.offset + span.len])
    }

    /// Several operands to read together with several to write (outputs, scratch).
    ///
    /// Call it as `let ([a, b], [out]) = memory.split([step.a, step.b], [step.output])`; the views are bytes, to be turned
    /// into numbers by [`view`] and [`view_mut`].
    ///
    /// # Panics
    /// If a written span overlaps any other, or lies outside the arena: a plan that would do so is never made.
    #[must_use]
    pub fn split<const R: usize, const W: usize>(
        &mut self,
        reads: [Span; R],
        writes: [Span; W],
    ) -> ([&[u8]; R], [&mut [u8]; W]) {
        for (i, w) in writes.iter().enumerate() {
            assert_eq!(w.place, Place::Arena, "only the arena is written");
            assert!(w.offset + w.len <= self.arena.len(), "operand lies outside the arena");
            assert!(reads.iter().all(|r| !w.overlaps(r)), "an output overlaps an input");
            assert!(writes[..i].iter().all(|v| !w.overlaps(v)), "two outputs overlap");
        }
        let base = self.arena.as_mut_ptr();
        let outs = writes.map(|w| {
            // SAFETY: `w` lies inside the arena and overlaps no other span of this call, as asserted above.
            unsafe { core::slice::from_raw_parts_mut(base.add(w.offset), w.len) }
        });
        let ins = reads.map(|r| {
            let (start, len) = match r.place {
                Place::Arena => (base.cast_const(), self.arena.len()),
                Place::Const => (self.consts.as_ptr(), self.consts.len()),
                Place::Virtual(id) => panic!("buffer {id} was never placed"),
            };
            assert!(r.offset + r.len <= len, "operand lies outside its memory");
            // SAFETY: `r` lies inside its memory (asserted), and no written span overlaps it (asserted above).
            unsafe { core::slice::from_raw_parts(start.add(r.offset), r.len) }
        });
        (ins, outs)
    }

    /// Runs an element-wise operation over `input` and `output`, which may be the same memory: `body(first_index, chunk_in,
    /// chunk_out)` is called for consecutive chunks. In place, each chunk is first copied to the stack.
    ///
    /// # Panics
    /// If the two spans overlap without starting at the same byte, or their elements differ in number.
    pub fn elementwise<A: Number + Default, B: Number>(
        &mut self,
        input: Span,
        output: Span,
        mut body: impl FnMut(usize, &[A], &mut [B]),
    ) {
        const CHUNK: usize = 512;
        if input.place == output.place && input.offset == output.offset {
            assert!(size_of::<B>() <= size_of::<A>(), "in place only where elements do not grow");
            let n = input.len / size_of::<A>();
            let mut copy = [A::default(); CHUNK];
            let mut at = 0;
            while at < n {
                let take = CHUNK.min(n - at);
                copy[..take].copy_from_slice(&self.read::<A>(input)[at..at + take]);
                body(at, &copy[..take], &mut self.write::<B>(output)[at..at + take]);
                at += take;
            }
        } else {
            let ([a], [b]) = self.split([input], [output]);
            body(0, view(a), view_mut(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_gives_disjoint_views() {
        let consts = [Block([7; 64])];
        let mut arena = [Block::ZERO; 2];
        let mut memory = Memory::new(&consts, &mut arena);
        let c = Span { place: Place::Const, offset: 0, len: 4 };
        let out = Span { place: Place::Arena, offset: 64, len: 4 };
        let ([a], [b]) = memory.split([c], [out]);
        b.copy_from_slice(a);
        assert_eq!(memory.read::<i8>(out), [7; 4]);
    }

    #[test]
    #[should_panic(expected = "overlaps")]
    fn split_refuses_overlap() {
        let mut arena = [Block::ZERO; 2];
        let mut memory = Memory::new(&[], &mut arena);
        let a = Span { place: Place::Arena, offset: 0, len: 80 };
        let b = Span { place: Place::Arena, offset: 64, len: 4 };
        let _ = memory.split([a], [b]);
    }

    #[test]
    fn elementwise_works_in_place() {
        let mut arena = [Block([1; 64]); 20];
        let mut memory = Memory::new(&[], &mut arena);
        let span = Span { place: Place::Arena, offset: 64, len: 1111 };
        memory.elementwise::<i8, i8>(span, span, |_, a, b| {
            for (x, y) in a.iter().zip(b) {
                *y = x + 1;
            }
        });
        assert!(memory.read::<i8>(span).iter().all(|&v| v == 2));
    }
}
