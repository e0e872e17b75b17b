//! Pareto fronts.

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// More.
    Max,
    /// Less.
    Min,
}

/// Indices of the points that no other dominates: none is at least as good in every figure and better in one. Equal points do
/// not dominate each other. A figure that is not a number is worse than all others.
#[must_use]
pub fn front<const D: usize>(points: &[[f64; D]], goals: [Goal; D]) -> Vec<usize> {
    let points: Vec<[f64; D]> = points.iter().map(|point| upwards(point, goals)).collect();
    let dominated = |a: &[f64; D]| {
        points.iter().any(|b| a.iter().zip(b).all(|(a, b)| b >= a) && a.iter().zip(b).any(|(a, b)| b > a))
    };
    (0..points.len()).filter(|&at| !dominated(&points[at])).collect()
}

/// The same point where more is better in every figure.
pub(super) fn upwards<const D: usize>(point: &[f64; D], goals: [Goal; D]) -> [f64; D] {
    let mut up = *point;
    for (value, goal) in up.iter_mut().zip(goals) {
        let better = if goal == Goal::Max { *value } else { -*value };
        *value = if better.is_nan() { f64::NEG_INFINITY } else { better };
    }
    up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_points_are_both_on_the_front() {
        let goals = [Goal::Max, Goal::Min];
        assert_eq!(front(&[[1.0, 1.0], [1.0, 1.0], [1.0, 2.0], [2.0, 3.0]], goals), [0, 1, 3]);
        assert_eq!(front(&[[f64::NAN, 1.0], [0.0, 1.0]], goals), [1]);
        assert!(front::<2>(&[], goals).is_empty());
    }
}
