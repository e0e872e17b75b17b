//! The digest of a tensor: what two machines compare instead of the tensor itself.
//!
//! It is XXH64 with seed 0 over the tensor's elements as its user sees them: row-major, little-endian, nothing between or behind
//! them, which are the bytes of a `.npy` file behind its header. So anybody can check it, e.g. in Python with
//! `xxhash.xxh64(tensor.tobytes())`. `uint8` tensors are held with their top bit flipped ([`crate::code`]);
//! [`Digest::update_flipped`] flips it back on the way.
//!
//! XXH64 was chosen because it needs no table and 76 bytes of state, spends two multiplications on 8 bytes, and is published with
//! test vectors (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>). It guards against mistakes, not against an
//! adversary: two different tensors agree by chance once in 2⁶⁴.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// Bytes that are mixed at a time.
const STRIPE: usize = 32;

/// A digest of bytes that come piece by piece; how they are cut does not matter.
#[derive(Clone, Debug)]
pub struct Digest {
    lanes: [u64; 4],
    /// Bytes so far.
    len: u64,
    /// The last `len % 32` of them, which do not fill a stripe.
    rest: [u8; STRIPE],
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { lanes: [P1.wrapping_add(P2), P2, 0, P1.wrapping_neg()], len: 0, rest: [0; STRIPE] }
    }

    /// More bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let held = (self.len % STRIPE as u64) as usize;
        self.len = self.len.wrapping_add(bytes.len() as u64);
        if held > 0 {
            let take = bytes.len().min(STRIPE - held);
            self.rest[held..held + take].copy_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if held + take < STRIPE {
                return;
            }
            let stripe = self.rest;
            self.mix(&stripe);
        }
        let mut stripes = bytes.chunks_exact(STRIPE);
        stripes.by_ref().for_each(|stripe| self.mix(stripe));
        let tail = stripes.remainder();
        self.rest[..tail.len()].copy_from_slice(tail);
    }

    /// More codes of a `uint8` tensor, as they lie in an arena: with the top bit flipped.
    pub fn update_flipped(&mut self, codes: &[u8]) {
        for part in codes.chunks(STRIPE) {
            let mut seen = [0; STRIPE];
            seen.iter_mut().zip(part).for_each(|(to, code)| *to = code ^ 0x80);
            self.update(&seen[..part.len()]);
        }
    }

    /// One word of the stripe for each lane.
    fn mix(&mut self, stripe: &[u8]) {
        for (lane, word) in self.lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            *lane = round(*lane, word64(word));
        }
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(&self) -> u64 {
        let [a, b, c, d] = self.lanes;
        let mut hash = if self.len < STRIPE as u64 {
            P5
        } else {
            let sum = a.rotate_left(1).wrapping_add(b.rotate_left(7));
            let sum = sum.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18));
            self.lanes.iter().fold(sum, |hash, &lane| (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4))
        };
        hash = hash.wrapping_add(self.len);
        let mut words = self.rest[..(self.len % STRIPE as u64) as usize].chunks_exact(8);
        for word in words.by_ref() {
            hash = (hash ^ round(0, word64(word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
        }
        let mut bytes = words.remainder();
        if let [a, b, c, d, rest @ ..] = bytes {
            let half = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
            hash = (hash ^ half.wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
            bytes = rest;
        }
        for &byte in bytes {
            hash = (hash ^ u64::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
        }
        hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
        hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
        hash ^ (hash >> 32)
    }
}

/// The digest of `bytes`.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.finish()
}

const fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn word64(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generated with python-xxhash 4.1.0: `xxhash.xxh64(bytes(i * 7 % 251 for i in range(n))).hexdigest()`.
    const OF_RAMPS: &[(usize, u64)] = &[
        (1, 0xE934_A84A_DB05_2768),
        (3, 0x9FF7_0A63_5A62_09AB),
        (4, 0xAE5A_CDC0_0A55_AC41),
        (7, 0xD734_A6B2_6F3D_A63E),
        (8, 0x8711_6B33_65B9_24EB),
        (12, 0x14B8_433B_9A14_E611),
        (31, 0x0F18_7C62_B1E7_22B7),
        (32, 0x91B0_CB09_31A8_C629),
        (33, 0x931B_043C_F8D6_5B94),
        (63, 0x5751_86C1_2DCE_BCFD),
        (64, 0xAB64_977B_5AF9_D022),
        (101, 0x2E7D_5348_B051_0D93),
    ];

    fn ramp(n: usize) -> [u8; 101] {
        let mut bytes = [0; 101];
        bytes[..n].iter_mut().enumerate().for_each(|(i, byte)| *byte = (i * 7 % 251) as u8);
        bytes
    }

    #[test]
    fn published_values() {
        assert_eq!(digest(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(digest(b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(digest(b"abc"), 0x44BC_2CF5_AD77_0999);
        for &(n, expected) in OF_RAMPS {
            assert_eq!(digest(&ramp(n)[..n]), expected, "{n} bytes");
        }
    }

    #[test]
    fn how_bytes_are_cut_does_not_matter() {
        let bytes = ramp(101);
        for first in 0..=101 {
            for second in first..=101 {
                let mut digest = Digest::new();
                [&bytes[..first], &bytes[first..second], &bytes[second..]].iter().for_each(|part| digest.update(part));
                assert_eq!(digest.finish(), super::digest(&bytes), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn flipped_codes_are_flipped_back() {
        let bytes = ramp(101);
        let mut digest = Digest::new();
        digest.update_flipped(&bytes.map(|byte| byte ^ 0x80));
        assert_eq!(digest.finish(), super::digest(&bytes));
    }
}
