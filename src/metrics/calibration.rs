//! Whether confidence means what it says (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Answers.
    pub n: u64,
    /// Of those, right ones.
    pub hits: u64,
    /// Mean confidence, 0 to 1.
    pub confidence: f64,
}

impl Bin {
    /// Share of right answers, 0 to 1; not a number without answers.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.hits as f64 / self.n as f64
    }

    fn gap(&self) -> f64 {
        if self.n == 0 { 0.0 } else { (self.accuracy() - self.confidence).abs() }
    }
}

/// Expected calibration error, 0 to 1: the mean distance of confidence and accuracy over all answers. Not a number without any.
#[must_use]
pub fn expected(bins: &[Bin]) -> f64 {
    let n: u64 = bins.iter().map(|bin| bin.n).sum();
    bins.iter().map(|bin| bin.n as f64 * bin.gap()).sum::<f64>() / n as f64
}

/// Maximum calibration error, 0 to 1: the largest distance of confidence and accuracy in a bin.
#[must_use]
pub fn maximum(bins: &[Bin]) -> f64 {
    bins.iter().map(Bin::gap).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_weighted_by_answers() {
        let bins = [Bin { n: 10, hits: 5, confidence: 0.6 }, Bin::default(), Bin { n: 30, hits: 30, confidence: 0.9 }];
        assert!((expected(&bins) - 0.1).abs() < 1e-12 && (maximum(&bins) - 0.1).abs() < 1e-12);
        assert!(expected(&[]).is_nan() && maximum(&[]) == 0.0);
    }
}
