//! What a constant is made of: zeros, distinct values, information.

use edgebench_models::tflite::TensorType;

use super::network::Network;

/// What a constant is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contents {
    /// Number of elements.
    pub elements: u64,
    /// Of those, real zeros: codes equal to the zero point.
    pub zeros: u64,
    /// Different values among them.
    pub distinct: u64,
    /// Smallest code or value.
    pub min: f64,
    /// Largest code or value.
    pub max: f64,
    /// Shannon entropy in bits per element: what no code without memory goes below.
    pub entropy_bits: f64,
}

impl Contents {
    /// Of tensor `id`; `None` if it is not constant or of a type without numbers.
    #[must_use]
    pub fn of(network: &Network<'_>, id: usize) -> Option<Self> {
        let tensor = network.tensor(id);
        let bytes = network.dense(id)?;
        let zero = tensor.quantization.as_ref().and_then(|q| q.zero_point.first().copied()).unwrap_or(0) as f64;
        let value = decoder(tensor.dtype)?;
        let elements = network.elements(id) as u64;
        let mut all =
            Self { elements, zeros: 0, distinct: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, entropy_bits: 0.0 };
        each_pattern(&bytes, bytes.len() / network.elements(id).max(1), &mut |pattern, n| {
            let value = value(pattern);
            all.distinct += 1;
            all.zeros += if value == zero { n } else { 0 };
            (all.min, all.max) = (all.min.min(value), all.max.max(value));
            let share = n as f64 / elements as f64;
            all.entropy_bits -= share * share.log2();
        });
        (elements > 0).then_some(all)
    }

    /// Share of zeros, 0 to 1.
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        self.zeros as f64 / self.elements as f64
    }
}

/// The number that the low bytes of a pattern stand for.
fn decoder(dtype: TensorType) -> Option<fn(u64) -> f64> {
    Some(match dtype {
        TensorType::INT8 | TensorType::INT4 => |p| f64::from((p as u8).cast_signed()),
        TensorType::UINT8 | TensorType::BOOL => |p| f64::from(p as u8),
        TensorType::INT16 => |p| f64::from((p as u16).cast_signed()),
        TensorType::UINT16 => |p| f64::from(p as u16),
        TensorType::INT32 => |p| f64::from((p as u32).cast_signed()),
        TensorType::UINT32 => |p| f64::from(p as u32),
        TensorType::INT64 => |p| p.cast_signed() as f64,
        TensorType::FLOAT32 => |p| f64::from(f32::from_bits(p as u32)),
        TensorType::FLOAT64 => f64::from_bits,
        TensorType::FLOAT16 => {
            |p| edgebench_models::tflite::widen_f16(&(p as u16).to_le_bytes()).first().map_or(0.0, |&v| f64::from(v))
        }
        _ => return None,
    })
}

/// Every bit pattern that occurs and how often, in the order of the patterns.
fn each_pattern(bytes: &[u8], size: usize, visit: &mut dyn FnMut(u64, u64)) {
    match size {
        1 => counted(bytes.iter().map(|&b| usize::from(b)), 1 << 8, visit),
        2 => counted(bytes.as_chunks().0.iter().map(|&b| usize::from(u16::from_le_bytes(b))), 1 << 16, visit),
        4 => sorted(bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b)).collect(), visit),
        8 => sorted(bytes.as_chunks().0.iter().map(|&b| u64::from_le_bytes(b)).collect(), visit),
        _ => {}
    }
}

fn counted(values: impl Iterator<Item = usize>, kinds: usize, visit: &mut dyn FnMut(u64, u64)) {
    let mut counts = vec![0_u64; kinds];
    values.for_each(|value| counts[value] += 1);
    let occurring = counts.into_iter().enumerate().filter(|&(_, n)| n > 0);
    occurring.for_each(|(value, n)| visit(value as u64, n));
}

fn sorted<T: Ord + Copy + Into<u64>>(mut values: Vec<T>, visit: &mut dyn FnMut(u64, u64)) {
    values.sort_unstable();
    values.chunk_by(|a, b| a == b).for_each(|run| visit(run[0].into(), run.len() as u64));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_counted_at_every_width() {
        for size in [1, 2, 4, 8] {
            let mut bytes = Vec::new();
            [7_u64, 1, 7, 7].iter().for_each(|v| bytes.extend(&v.to_le_bytes()[..size]));
            let mut found = Vec::new();
            each_pattern(&bytes, size, &mut |pattern, n| found.push((pattern, n)));
            assert_eq!(found, [(1, 1), (7, 3)], "{size} bytes");
        }
    }

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!(decoder(TensorType::INT8).map(|f| f(0x80)), Some(-128.0));
        assert_eq!(decoder(TensorType::UINT8).map(|f| f(0x80)), Some(128.0));
        assert_eq!(decoder(TensorType::FLOAT16).map(|f| f(0xbc00)), Some(-1.0));
        assert!(decoder(TensorType::STRING).is_none());
    }
}
