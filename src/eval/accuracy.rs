//! From scores to hits.

use edgebench_models::graph::DType;

/// Best class of one sample and whether its label is among the five best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Class with the highest score; the lower number wins among equals.
    pub best: usize,
    /// Whether fewer than five classes come before the label.
    pub in_top5: bool,
}

/// Ranks the scores of one sample. `bytes` are the output's elements, little endian; a score that is not a number is lower than
/// all others.
///
/// # Errors
/// An element type that scores cannot have, by name.
pub fn answer(dtype: DType, bytes: &[u8], label: usize) -> Result<Answer, &'static str> {
    let scores: Vec<f32> = match dtype {
        DType::I8 => bytes.iter().map(|&b| f32::from(b.cast_signed())).collect(),
        DType::U8 => bytes.iter().map(|&b| f32::from(b)).collect(),
        DType::I16 => bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]]))).collect(),
        DType::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        other => return Err(other.name()),
    };
    Ok(rank(&scores, label))
}

fn rank(scores: &[f32], label: usize) -> Answer {
    let key = |at: usize| if scores[at].is_nan() { f32::NEG_INFINITY } else { scores[at] };
    let before = |a: usize, b: usize| key(a) > key(b) || (key(a) == key(b) && a < b);
    let best = (0..scores.len()).reduce(|best, at| if before(at, best) { at } else { best }).unwrap_or(0);
    let ahead =
        if label < scores.len() { (0..scores.len()).filter(|&at| before(at, label)).count() } else { usize::MAX };
    Answer { best, in_top5: ahead < 5 }
}

/// Hits and misses of all samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `confusion[label][answer]`
    pub confusion: Vec<Vec<u64>>,
    /// Samples with the label among the five best.
    pub top5: u64,
}

impl Counts {
    /// Counts the answers to samples with these labels, which must be below `classes`.
    #[must_use]
    pub fn of(classes: usize, labels: &[u32], answers: &[Answer]) -> Self {
        let mut counts = Self { confusion: vec![vec![0; classes]; classes], top5: 0 };
        for (&label, answer) in labels.iter().zip(answers) {
            counts.confusion[label as usize][answer.best] += 1;
            counts.top5 += u64::from(answer.in_top5);
        }
        counts
    }

    /// Number of samples with this label.
    #[must_use]
    pub fn of_class(&self, label: usize) -> u64 {
        self.confusion[label].iter().sum()
    }

    /// Number of samples.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.confusion.iter().flatten().sum()
    }

    /// Samples whose best class is their label.
    #[must_use]
    pub fn hits(&self) -> u64 {
        (0..self.confusion.len()).map(|class| self.confusion[class][class]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_score_wins() {
        assert_eq!(rank(&[0.1, 0.7, 0.2], 1), Answer { best: 1, in_top5: true });
    }

    #[test]
    fn among_equals_the_lower_number_comes_first() {
        assert_eq!(rank(&[1.0; 10], 4), Answer { best: 0, in_top5: true });
        assert_eq!(rank(&[1.0; 10], 5), Answer { best: 0, in_top5: false });
    }

    #[test]
    fn not_a_number_never_wins() {
        assert_eq!(rank(&[f32::NAN, -1.0, f32::NAN], 1).best, 1);
        assert_eq!(rank(&[f32::NAN; 3], 1).best, 0);
    }

    #[test]
    fn codes_are_read_with_their_sign() {
        assert_eq!(answer(DType::I8, &[0x80, 0x7f, 0xff], 1).map(|a| a.best), Ok(1));
        assert_eq!(answer(DType::U8, &[0x80, 0x7f, 0xff], 1).map(|a| a.best), Ok(2));
        assert_eq!(answer(DType::I16, &[0x00, 0x80, 0x00, 0x01], 1).map(|a| a.best), Ok(1));
        assert_eq!(answer(DType::I64, &[0; 16], 1), Err("int64"));
    }

    #[test]
    fn counts_add_up() {
        let answer = |best, in_top5| Answer { best, in_top5 };
        let counts =
            Counts::of(3, &[0, 1, 1, 2], &[answer(0, true), answer(1, true), answer(2, true), answer(0, false)]);
        assert_eq!((counts.n(), counts.hits(), counts.top5, counts.of_class(1)), (4, 2, 3, 2));
        assert_eq!(counts.confusion, [[1, 0, 0], [0, 1, 1], [1, 0, 0]]);
    }
}
