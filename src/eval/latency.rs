//! How long a thing takes, again and again.

use std::time::{Duration, Instant};

/// How often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Untimed runs before: at least this long and at least three.
    pub warm_up: Duration,
    /// Timed runs take about this long together.
    pub time: Duration,
    /// At least so many.
    pub at_least: usize,
    /// At most so many.
    pub at_most: usize,
}

impl Effort {
    /// A second, for reports that have latency beside other figures.
    pub const SHORT: Effort =
        Effort { warm_up: Duration::from_millis(100), time: Duration::from_secs(1), at_least: 10, at_most: 2000 };
}

/// Milliseconds of each call of `timed`, which is told the number of the call.
pub fn measure(effort: &Effort, mut timed: impl FnMut(usize)) -> Vec<f64> {
    let begin = Instant::now();
    let mut at = 0;
    while at < 3 || begin.elapsed() < effort.warm_up {
        timed(at);
        at += 1;
    }
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < effort.at_most && (times.len() < effort.at_least || begin.elapsed() < effort.time) {
        let start = Instant::now();
        timed(times.len());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_as_often_as_asked() {
        let effort = Effort { warm_up: Duration::ZERO, time: Duration::ZERO, at_least: 5, at_most: 9 };
        let mut calls = 0;
        let times = measure(&effort, |_| calls += 1);
        assert_eq!((times.len(), calls), (5, 8));
        let effort = Effort { time: Duration::from_secs(60), ..effort };
        assert_eq!(measure(&effort, |_| {}).len(), 9);
    }
}
