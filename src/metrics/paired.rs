//! Two models on the same images: where they differ, and whether that can be chance.

/// How two models' answers to the same images differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flips {
    /// Images.
    pub n: u64,
    /// Images with different answers.
    pub differ: u64,
    /// The reference is right, the model is wrong.
    pub lost: u64,
    /// The reference is wrong, the model is right.
    pub won: u64,
}

impl Flips {
    /// Counts the images with these labels, answers of the reference and answers of the model.
    #[must_use]
    pub fn of<T: PartialEq>(labels: &[T], reference: &[T], model: &[T]) -> Self {
        let mut flips = Self::default();
        for ((label, a), b) in labels.iter().zip(reference).zip(model) {
            flips.n += 1;
            flips.differ += u64::from(a != b);
            flips.lost += u64::from(a == label && b != label);
            flips.won += u64::from(a != label && b == label);
        }
        flips
    }

    /// Adds the counts of other images.
    pub fn add(&mut self, other: Self) {
        self.n += other.n;
        self.differ += other.differ;
        self.lost += other.lost;
        self.won += other.won;
    }

    /// McNemar's test: probability of lost and won images at least as unequal as these if both models were equally good
    /// (two-sided). Exact (binomial) up to 1,000 such images, beyond by the chi-squared distribution with continuity correction.
    #[must_use]
    pub fn mcnemar(&self) -> f64 {
        let (n, less) = (self.lost + self.won, self.lost.min(self.won));
        match n {
            0 => 1.0,
            1..=1000 => (2.0 * binomial_half(n, less)).min(1.0),
            _ => {
                let distance = (self.lost.abs_diff(self.won) as f64 - 1.0).max(0.0);
                // Chi-squared with one degree of freedom is the square of a standard normal variable.
                libm::erfc(distance / (n as f64).sqrt() / std::f64::consts::SQRT_2)
            }
        }
    }
}

/// Probability of at most `k` heads in `n` throws of a fair coin.
fn binomial_half(n: u64, k: u64) -> f64 {
    let ln_choose =
        |i: u64| libm::lgamma(n as f64 + 1.0) - libm::lgamma(i as f64 + 1.0) - libm::lgamma((n - i) as f64 + 1.0);
    let ln_half = -(n as f64) * std::f64::consts::LN_2;
    (0..=k).map(|i| libm::exp(ln_choose(i) + ln_half)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_have_a_direction() {
        let flips = Flips::of(&[0, 1, 2, 3], &[0, 1, 0, 0], &[0, 0, 2, 1]);
        assert_eq!(flips, Flips { n: 4, differ: 3, lost: 1, won: 1 });
    }

    /// Expected values from scipy.stats.binomtest and chi2.sf.
    #[test]
    fn p_values_are_those_of_scipy() {
        let p = |lost, won| Flips { lost, won, ..Flips::default() }.mcnemar();
        assert_eq!(p(0, 0), 1.0);
        assert!((p(5, 15) - 0.041_389_465_332_031_25).abs() < 1e-12, "{}", p(5, 15));
        assert!((p(10, 10) - 1.0).abs() < 1e-12);
        assert!((p(700, 800) - 0.010_583_170_24).abs() < 1e-10, "{}", p(700, 800));
    }
}
