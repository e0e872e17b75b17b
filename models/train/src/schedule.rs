//! Learning rates over time.

/// How a learning rate changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub rate: f64,
    /// Epochs of linear growth from 0 at the beginning; the first step already has a part.
    pub warmup: f64,
    /// What follows.
    pub shape: Shape,
}

/// A learning rate after its warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// It stays.
    Constant,
    /// Multiplied by `factor` after each of these shares of all epochs (0 to 1).
    Steps {
        /// Shares in rising order.
        at: Vec<f64>,
        /// What it is multiplied by.
        factor: f64,
    },
    /// Half a cosine, down to 0.
    #[default]
    Cosine,
}

impl Schedule {
    /// The rate of step `step` of `steps`, `per_epoch` of which make an epoch.
    #[must_use]
    pub fn at(&self, step: usize, steps: usize, per_epoch: usize) -> f64 {
        let warm = self.warmup * per_epoch as f64;
        let now = step as f64;
        if now + 1.0 <= warm {
            return self.rate * (now + 1.0) / warm;
        }
        let left = (steps as f64 - warm).max(1.0);
        let share = ((now - warm) / left).clamp(0.0, 1.0);
        match &self.shape {
            Shape::Constant => self.rate,
            Shape::Steps { at, factor } => {
                let passed = at.iter().filter(|&&at| now / steps as f64 >= at).count();
                self.rate * libm::pow(*factor, passed as f64)
            }
            Shape::Cosine => self.rate * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_their_shape() {
        let schedule = |shape| Schedule { rate: 0.1, warmup: 1.0, shape };
        let cosine = schedule(Shape::Cosine);
        assert_eq!(cosine.at(0, 100, 10), 0.01);
        assert_eq!(cosine.at(9, 100, 10), 0.1);
        assert_eq!(cosine.at(10, 100, 10), 0.1);
        assert!((cosine.at(55, 100, 10) - 0.05).abs() < 1e-12);
        assert!(cosine.at(99, 100, 10) < 1e-4);
        let steps = schedule(Shape::Steps { at: vec![0.5, 0.75], factor: 0.1 });
        assert_eq!([steps.at(49, 100, 10), steps.at(50, 100, 10)], [0.1, 0.1 * 0.1]);
        assert!((steps.at(80, 100, 10) - 0.001).abs() < 1e-12);
        assert_eq!(schedule(Shape::Constant).at(77, 100, 10), 0.1);
    }
}
