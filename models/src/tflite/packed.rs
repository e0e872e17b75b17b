//! Constants in a narrower form than they are computed with.

use half::f16;

/// `elements` signed 4-bit values, two to a byte, the first in the low bits; one byte each. What `bytes` lacks is zero.
#[must_use]
pub fn unpack_int4(bytes: &[u8], elements: usize) -> Vec<i8> {
    let nibbles = bytes.iter().flat_map(|&byte| [(byte << 4) as i8 >> 4, byte as i8 >> 4]);
    let mut values: Vec<i8> = nibbles.take(elements).collect();
    values.resize(elements, 0);
    values
}

/// Little-endian float16 values as float32, which holds each of them exactly.
#[must_use]
pub fn widen_f16(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<2>().0.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int4_low_nibble_first() {
        assert_eq!(unpack_int4(&[0x8f, 0x07], 3), [-1, -8, 7]);
        assert_eq!(unpack_int4(&[0x21], 2), [1, 2]);
    }

    #[test]
    fn f16_values() {
        assert_eq!(widen_f16(&[0x00, 0x3c, 0x01, 0x00, 0xff, 0xfb]), [1.0, 2.0_f32.powi(-24), -65504.0]);
    }
}
