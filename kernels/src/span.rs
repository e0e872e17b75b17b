//! Where the operands of a step lie, and how a step borrows them.
//!
//! Activations live in one *arena*, weights and tables in one block of *constants*; both are slices of 64-byte aligned
//! [`Block`]s. A [`Span`] names a byte range in one of them. A tensor's offset is a multiple of 64, so that it can be viewed as a
//! slice of any plain number type; a part of a tensor begins at a whole element.

use core::marker::PhantomData;

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

/// A byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which memory.
    pub place: Place,
    /// First byte: a multiple of 64 for a whole tensor, of the size of an element for a part of one.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
}

impl Span {
    /// No bytes at all: an operand that a step does not have.
    pub const EMPTY: Span = Span { place: Place::Const, offset: 0, len: 0 };

    /// The part of `len` bytes from byte `start` on.
    ///
    /// # Panics
    /// If there is no such part.
    #[must_use]
    pub fn part(&self, start: usize, len: usize) -> Span {
        assert!(start + len <= self.len, "a part that is larger than the whole");
        Span { place: self.place, offset: self.offset + start, len }
    }

    /// Whether both name a byte.
    pub(crate) fn overlaps(&self, other: &Span) -> bool {
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

/// Whether blocks could lie there.
fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().cast::<Block>().is_aligned()
}

/// Byte ranges of an arena that one step may touch while others run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    /// It may read them.
    pub(crate) reads: &'a [Span],
    /// It may read and write them.
    pub(crate) writes: &'a [Span],
}

impl Claim<'_> {
    fn allows(&self, span: &Span, write: bool) -> bool {
        let inside = |claim: &Span| claim.offset <= span.offset && span.offset + span.len <= claim.offset + claim.len;
        span.len == 0 || self.writes.iter().any(inside) || (!write && self.reads.iter().any(inside))
    }
}

/// The two memories that steps work on.
#[derive(Debug)]
pub struct Memory<'a> {
    consts: &'a [u8],
    arena: *mut u8,
    len: usize,
    /// Only these parts of the arena are this step's, if it does not run alone.
    claim: Option<Claim<'a>>,
    owner: PhantomData<&'a mut [u8]>,
}

impl<'a> Memory<'a> {
    /// Constants and arena, as allocated.
    #[must_use]
    pub fn new(consts: &'a [Block], arena: &'a mut [Block]) -> Self {
        Self::of_bytes(Block::bytes(consts), Block::bytes_mut(arena))
    }

    /// Constants and arena that were not allocated as blocks.
    ///
    /// # Panics
    /// If one does not start at a multiple of 64.
    #[must_use]
    pub fn of_bytes(consts: &'a [u8], arena: &'a mut [u8]) -> Self {
        assert!(is_aligned(consts) && is_aligned(arena), "memory is not aligned");
        Self { consts, len: arena.len(), arena: arena.as_mut_ptr(), claim: None, owner: PhantomData }
    }

    /// The parts `claim` of an arena of `len` bytes.
    ///
    /// # Safety
    /// For `'a`, `arena` is valid for `len` bytes, nobody else writes what `claim` reads, and nobody else touches what it writes.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn claimed(consts: &'a [u8], arena: *mut u8, len: usize, claim: Claim<'a>) -> Self {
        assert!(is_aligned(consts), "memory is not aligned");
        Self { consts, arena, len, claim: Some(claim), owner: PhantomData }
    }

    /// A part of the arena that this step may read (or write), as a pointer.
    #[inline(always)]
    fn part(&self, span: &Span, write: bool) -> *mut u8 {
        let end = span.offset.checked_add(span.len);
        assert!(end.is_some_and(|end| end <= self.len), "operand lies outside the arena");
        assert!(self.claim.is_none_or(|claim| claim.allows(span, write)), "a step touches what it did not name");
        // SAFETY: the arena has `len` bytes, and the span lies inside it.
        unsafe { self.arena.add(span.offset) }
    }

    fn bytes(&self, span: Span) -> &[u8] {
        match span.place {
            // SAFETY: the part lies inside the arena, which nobody writes while `self` is borrowed: it is this value's own, or
            // claimed for reading (`claimed`).
            Place::Arena => unsafe { core::slice::from_raw_parts(self.part(&span, false), span.len) },
            Place::Const => &self.consts[span.offset..span.offset + span.len],
            Place::Virtual(id) => panic!("buffer {id} was never placed"),
        }
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
        // SAFETY: the part lies inside the arena and is this value's own, or claimed for writing; `self` is borrowed exclusively.
        view_mut(unsafe { core::slice::from_raw_parts_mut(self.part(&span, true), span.len) })
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
        self.split_here(reads, writes)
    }

    /// As [`Memory::split`], inlined: for steps that are over after some hundred instructions.
    #[inline(always)]
    pub(crate) fn split_here<const R: usize, const W: usize>(
        &mut self,
        reads: [Span; R],
        writes: [Span; W],
    ) -> ([&[u8]; R], [&mut [u8]; W]) {
        for (i, w) in writes.iter().enumerate() {
            assert_eq!(w.place, Place::Arena, "only the arena is written");
            assert!(reads.iter().all(|r| !w.overlaps(r)), "an output overlaps an input");
            assert!(writes[..i].iter().all(|v| !w.overlaps(v)), "two outputs overlap");
        }
        // Loops, which become straight code where `map` becomes a call.
        let (mut ins, mut outs) = ([[].as_slice(); R], [const { [].as_mut_slice() }; W]);
        for (out, w) in outs.iter_mut().zip(writes) {
            // SAFETY: `w` lies inside the arena, is this value's own or claimed for writing, and overlaps no other span of this
            // call, as asserted above; `self` is borrowed exclusively.
            *out = unsafe { core::slice::from_raw_parts_mut(self.part(&w, true), w.len) };
        }
        for (input, r) in ins.iter_mut().zip(reads) {
            let start = match r.place {
                Place::Arena => self.part(&r, false).cast_const(),
                Place::Const => self.consts[r.offset..r.offset + r.len].as_ptr(),
                Place::Virtual(id) => panic!("buffer {id} was never placed"),
            };
            // SAFETY: `r` lies inside its memory (checked by `part` and by the index), no written span overlaps it (asserted
            // above), and no other step writes it (`claimed`).
            *input = unsafe { core::slice::from_raw_parts(start, r.len) };
        }
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
