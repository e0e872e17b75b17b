//! What goes to a board and comes back: frames of a kind, a length, a payload and the XXH64 of all three (little-endian).
//!
//! `firmware/src/frame.rs` has the other end.

use edgebench_kernels::digest::digest;

/// Inputs of the network as its user sees them, behind a word of flags ([`DIGESTS`]).
pub const INPUTS: u32 = 1;
/// Nothing more comes.
pub const END: u32 = 2;
/// How pixels become inputs.
pub const PIPELINE: u32 = 3;
/// An image to be corrupted, and shown to the network.
pub const IMAGE: u32 = 4;
/// Flag of [`INPUTS`]: tell the digests of all layers too.
pub const DIGESTS: u32 = 1;
/// Who this is and what it takes.
pub const READY: u32 = 17;
/// Cycles (all ones: not counted), digests, outputs.
pub const ANSWER: u32 = 18;
/// What was used.
pub const DONE: u32 = 19;
/// What was asked for cannot be done: a sentence.
pub const REFUSED: u32 = 31;

/// Bytes around a payload.
const AROUND: usize = 16;

/// Appends a frame.
pub fn put(to: &mut Vec<u8>, kind: u32, payload: &[&[u8]]) {
    let start = to.len();
    let len: usize = payload.iter().map(|part| part.len()).sum();
    to.extend(kind.to_le_bytes());
    to.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    payload.iter().for_each(|part| to.extend_from_slice(part));
    to.extend(digest(&to[start..]).to_le_bytes());
}

/// Kind and payload of a frame, and what follows it.
pub type Taken<'a> = (u32, &'a [u8], &'a [u8]);

/// The first frame of `bytes` with what follows it; `None` if it is not complete.
///
/// # Errors
/// A frame whose digest is another.
pub fn take(bytes: &[u8]) -> Result<Option<Taken<'_>>, String> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
    let (Some(kind), Some(len)) = (word(0), word(4)) else { return Ok(None) };
    let Some((frame, rest)) = bytes.split_at_checked(len as usize + AROUND) else { return Ok(None) };
    let (head, found) = frame.split_at(frame.len() - 8);
    if digest(head).to_le_bytes() != found {
        return Err(format!("a frame of kind {kind} arrived damaged"));
    }
    Ok(Some((kind, &head[8..], rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_arrive_whole_or_not_at_all() {
        let mut bytes = Vec::new();
        put(&mut bytes, INPUTS, &[&[1, 2], &[3]]);
        put(&mut bytes, END, &[]);
        let (kind, payload, rest) = take(&bytes).expect("sound").expect("complete");
        assert_eq!((kind, payload), (INPUTS, &[1, 2, 3][..]));
        assert_eq!(take(rest), Ok(Some((END, &[][..], &[][..]))));
        assert!((0..19).all(|n| take(&bytes[..n]) == Ok(None)));
        for at in 8..19 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert!(take(&damaged).is_err(), "byte {at}");
        }
    }
}
