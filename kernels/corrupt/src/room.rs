//! Memory that is handed out piece by piece and taken back as a whole: corruptions work in it, so that a microcontroller gives them a
//! static and needs no heap.

use bytemuck::{AnyBitPattern, NoUninit};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Words to be handed out.
#[derive(Debug)]
pub struct Room<'a> {
    free: &'a mut [u64],
    /// Words that were handed out before, by this room or the one it is the rest of.
    given: usize,
}

/// There were fewer words than were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Bytes that would have been enough up to here.
    pub needed: usize,
}

impl<'a> Room<'a> {
    /// All of `words`.
    #[must_use]
    pub fn new(words: &'a mut [u64]) -> Self {
        Self { free: words, given: 0 }
    }

    /// What is left: it can be handed out, and is whole again when the result goes.
    #[must_use]
    pub fn rest(&mut self) -> Room<'_> {
        Room { free: self.free, given: self.given }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.free.len() * WORD
    }

    /// `n` values; they are arbitrary.
    ///
    /// # Errors
    /// There is no room for so many.
    pub fn take<T: AnyBitPattern + NoUninit>(&mut self, n: usize) -> Result<&'a mut [T], NoRoom> {
        let words = n.saturating_mul(size_of::<T>()).div_ceil(WORD);
        let free = core::mem::take(&mut self.free);
        if words > free.len() {
            self.free = free;
            return Err(NoRoom { needed: self.given.saturating_add(words).saturating_mul(WORD) });
        }
        let (piece, free) = free.split_at_mut(words);
        self.free = free;
        self.given += words;
        // No type here is aligned more strictly than a word, or has a size that does not divide.
        Ok(&mut bytemuck::cast_slice_mut(piece)[..n])
    }

    /// `n` zeros.
    pub(crate) fn zeros<T: AnyBitPattern + NoUninit + Default>(&mut self, n: usize) -> Result<&'a mut [T], NoRoom> {
        let values = self.take(n)?;
        values.fill(T::default());
        Ok(values)
    }

    /// `n` values as `value` gives them, from the first to the last.
    pub(crate) fn each<T: AnyBitPattern + NoUninit>(
        &mut self,
        n: usize,
        mut value: impl FnMut(usize) -> T,
    ) -> Result<&'a mut [T], NoRoom> {
        let values = self.take(n)?;
        values.iter_mut().enumerate().for_each(|(i, to)| *to = value(i));
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_and_end_with_the_room() {
        let mut words = [0; 4];
        let mut room = Room::new(&mut words);
        let bytes: &mut [u8] = room.take(9).expect("two words");
        bytes.fill(7);
        let mut rest = room.rest();
        assert_eq!(rest.zeros::<[f64; 2]>(1).expect("the other two"), [[0.0; 2]]);
        assert_eq!(rest.take::<u8>(1), Err(NoRoom { needed: 40 }));
        assert_eq!(room.left(), 16);
        assert_eq!(room.take::<f32>(5), Err(NoRoom { needed: 40 }));
        assert_eq!(room.each(2, |i| i as u64 + 1).expect("whole again"), [1, 2]);
        assert_eq!(bytes, [7; 9]);
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert!(Room::new(&mut [0; 2]).take::<f64>(usize::MAX).is_err());
    }
}
