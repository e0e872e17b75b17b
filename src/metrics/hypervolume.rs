//! Hypervolume: how much of the space behind a reference point a set of points dominates.

use super::pareto::{Goal, upwards};

/// Volume that `points` dominate in front of `reference`, in the product of the three units. Points that are not better than the
/// reference in every figure add nothing. Exact: slabs along the third figure, in each the staircase of the first two.
#[must_use]
pub fn hypervolume(points: &[[f64; 3]], reference: [f64; 3], goals: [Goal; 3]) -> f64 {
    let origin = upwards(&reference, goals);
    let mut points: Vec<[f64; 3]> = points.iter().map(|point| upwards(point, goals)).collect();
    points.retain(|point| point.iter().zip(&origin).all(|(value, reference)| value > reference));
    points.sort_by(|a, b| b[2].total_cmp(&a[2]));
    let mut volume = 0.0;
    for (at, point) in points.iter().enumerate() {
        let below = points.get(at + 1).map_or(origin[2], |next| next[2]);
        if point[2] > below {
            volume += (point[2] - below) * area(&points[..=at], [origin[0], origin[1]]);
        }
    }
    volume
}

/// Area of the union of the rectangles between `origin` and the points' first two figures.
fn area(points: &[[f64; 3]], origin: [f64; 2]) -> f64 {
    let mut points: Vec<[f64; 2]> = points.iter().map(|point| [point[0], point[1]]).collect();
    points.sort_by(|a, b| b[0].total_cmp(&a[0]));
    let (mut area, mut height) = (0.0, origin[1]);
    for [x, y] in points {
        if y > height {
            area += (x - origin[0]) * (y - height);
            height = y;
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the unit cells of a grid that some point dominates.
    fn counted(points: &[[f64; 3]]) -> f64 {
        let cells = (0..8 * 8 * 8).map(|i| [i % 8, i / 8 % 8, i / 64]);
        let inside =
            |cell: &[i32; 3]| points.iter().any(|point| point.iter().zip(cell).all(|(p, &c)| f64::from(c) < *p));
        cells.filter(inside).count() as f64
    }

    #[test]
    fn slabs_give_what_counting_gives() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f64 % 8.0
        };
        let mut number = || next().floor();
        for n in 0..40 {
            let points: Vec<[f64; 3]> = (0..n % 9).map(|_| [number(), number(), number()]).collect();
            assert_eq!(hypervolume(&points, [0.0; 3], [Goal::Max; 3]), counted(&points), "{points:?}");
        }
    }

    #[test]
    fn less_can_be_better() {
        let goals = [Goal::Max, Goal::Min, Goal::Max];
        assert_eq!(hypervolume(&[[2.0, 90.0, 3.0]], [0.0, 100.0, 1.0], goals), 40.0);
        assert_eq!(hypervolume(&[[2.0, 110.0, 3.0]], [0.0, 100.0, 1.0], goals), 0.0);
    }
}
