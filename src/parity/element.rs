//! One element of a tensor, as a number.

use edgebench_kernels::ops::cast::f16_to_f32;
use serde::Serialize;

/// One element, or the difference of two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Element {
    /// Integers, codes, booleans.
    Int(i64),
    /// Float numbers; in JSON `null` if it is none.
    Float(f64),
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
        }
    }
}

impl Element {
    /// The element whose little-endian bytes these are; `None` for a type that no tensor has, or a wrong number of bytes.
    #[must_use]
    pub fn read(dtype: &str, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != size(dtype)? {
            return None;
        }
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let raw = u64::from_le_bytes(word);
        Some(match dtype {
            "float32" => Self::Float(f32::from_bits(raw as u32).into()),
            "float16" => Self::Float(f16_to_f32(raw as u16).into()),
            "float64" => Self::Float(f64::from_bits(raw)),
            "int8" | "int4" => Self::Int((raw as i8).into()),
            "int16" => Self::Int((raw as i16).into()),
            "int32" => Self::Int((raw as i32).into()),
            // Of `uint8`, `bool` and `uint32` all bits are below the sign.
            _ => Self::Int(raw as i64),
        })
    }

    /// How far apart two elements of one tensor are.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => (i128::from(a) - i128::from(b)).unsigned_abs() as f64,
            (a, b) => (a.value() - b.value()).abs(),
        }
    }

    fn value(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// Bytes of an element of a type, by NumPy's name; 4-bit integers are unpacked.
#[must_use]
pub fn size(dtype: &str) -> Option<usize> {
    Some(match dtype {
        "int4" | "int8" | "uint8" | "bool" => 1,
        "float16" | "int16" => 2,
        "float32" | "int32" | "uint32" => 4,
        "float64" | "int64" => 8,
        _ => return None,
    })
}

/// The place of element `flat` in a tensor of this shape.
#[must_use]
pub fn index(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&side| {
            let at = flat % side.max(1);
            flat /= side.max(1);
            at
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_type() {
        assert_eq!(Element::read("int8", &[0xff]), Some(Element::Int(-1)));
        assert_eq!(Element::read("uint8", &[0xff]), Some(Element::Int(255)));
        assert_eq!(Element::read("int32", &(-7_i32).to_le_bytes()), Some(Element::Int(-7)));
        assert_eq!(Element::read("float32", &1.5_f32.to_le_bytes()), Some(Element::Float(1.5)));
        assert_eq!(Element::read("float16", &[0, 0x3c]), Some(Element::Float(1.0)));
        assert_eq!(Element::read("int8", &[1, 2]), None);
        assert_eq!(Element::read("complex64", &[0; 8]), None);
        assert_eq!(Element::Int(i64::MIN).distance(Element::Int(i64::MAX)), 2_f64.powi(64));
    }

    #[test]
    fn an_index_has_as_many_places_as_the_shape() {
        assert_eq!(index(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(index(0, &[]), Vec::<usize>::new());
    }
}
