//! The few statistics that reports are made of.

/// Two-sided 95 % quantile of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// Deviations from the median beyond this many scaled median deviations are outliers (Iglewicz and Hoaglin, "How to Detect and
/// Handle Outliers", 1993; their cut of 3.5 is for clean laboratory data, hyperfine's of ten standard deviations for computers).
const OUTLIER: f64 = 14.826;

/// Wilson's score interval at 95 % for `hits` of `n`. It keeps within 0..1 and near its level also where the share is close to
/// an end, as accuracies are; at 0 and `n` hits it touches the end.
///
/// ```
/// let (lo, hi) = edgebench::eval::statistics::wilson95(9_300, 10_000);
/// assert!((lo - 0.924_83).abs() < 1e-5 && (hi - 0.934_83).abs() < 1e-5);
/// ```
#[must_use]
pub fn wilson95(hits: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (p, n_, z2) = (hits as f64 / n as f64, n as f64, Z95 * Z95);
    let centre = p + z2 / (2.0 * n_);
    let half = Z95 * (p * (1.0 - p) / n_ + z2 / (4.0 * n_ * n_)).sqrt();
    let scale = 1.0 + z2 / n_;
    let lo = if hits == 0 { 0.0 } else { (centre - half) / scale };
    let hi = if hits == n { 1.0 } else { (centre + half) / scale };
    (lo, hi)
}

/// Quantile `q` (0..=1) of `sorted` values, between two of them by a straight line (numpy's default). Not a number if empty.
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

/// Quantiles of repeated measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// One in ten is smaller.
    pub p10: f64,
    /// Half are smaller.
    pub median: f64,
    /// One in ten is larger.
    pub p90: f64,
    /// Share of outliers: further from the median than 14.8 median deviations.
    pub outliers: f64,
}

impl Spread {
    /// Of these values, in any order.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let mut deviations: Vec<f64> = sorted.iter().map(|v| (v - median).abs()).collect();
        deviations.sort_unstable_by(f64::total_cmp);
        let limit = OUTLIER * quantile(&deviations, 0.5);
        let outside = deviations.iter().filter(|&&d| limit > 0.0 && d > limit).count();
        let outliers = if values.is_empty() { 0.0 } else { outside as f64 / values.len() as f64 };
        Self { p10: quantile(&sorted, 0.1), median, p90: quantile(&sorted, 0.9), outliers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_its_own_median() {
        let spread = Spread::of(&[3.0]);
        assert_eq!((spread.p10, spread.median, spread.p90, spread.outliers), (3.0, 3.0, 3.0, 0.0));
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.1, 0.5, 0.9, 1.0].map(|q| quantile(&sorted, q)), [1.0, 1.3, 3.0, 6.800000000000001, 8.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn order_does_not_matter() {
        assert_eq!(Spread::of(&[5.0, 1.0, 3.0]), Spread::of(&[1.0, 3.0, 5.0]));
    }

    /// Against the published table of Newcombe (1998), method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    #[test]
    fn the_interval_is_wilsons() {
        let expected =
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)];
        for (hits, n, lo, hi) in expected {
            let found = wilson95(hits, n);
            assert!((found.0 - lo).abs() < 5e-5 && (found.1 - hi).abs() < 5e-5, "{hits} of {n}: {found:?}");
        }
    }

    #[test]
    fn the_interval_touches_the_ends_and_nothing_else() {
        assert_eq!(wilson95(0, 0), (0.0, 1.0));
        assert_eq!(wilson95(10, 10).1, 1.0);
        assert!(wilson95(9, 10).1 < 1.0 && wilson95(1, 10).0 > 0.0);
    }

    #[test]
    fn an_interruption_is_an_outlier() {
        let mut values: Vec<f64> = (0..99).map(|i| 10.0 + f64::from(i % 7) * 0.01).collect();
        assert_eq!(Spread::of(&values).outliers, 0.0);
        values.push(20.0);
        assert_eq!(Spread::of(&values).outliers, 0.01);
    }
}
