//! How fast this machine can multiply and accumulate at all.

use std::thread;
use std::time::Instant;

use edgebench_kernels::{Kernels, peak};

/// What kind of multiply-accumulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// int8 products, int32 sums.
    Int8,
    /// float32.
    Float32,
}

/// Multiply-accumulates per nanosecond (that is 10⁹ a second) of `threads` threads together: the best of five rounds.
#[must_use]
pub fn gmacs(kernels: &'static Kernels, number: Number, threads: usize) -> f64 {
    let burst = |iterations| match number {
        Number::Int8 => peak::int8(kernels, iterations),
        Number::Float32 => peak::float32(kernels, iterations),
    };
    // Iterations that take about 5 ms.
    let mut iterations = 1 << 10;
    loop {
        let begin = Instant::now();
        std::hint::black_box(burst(iterations));
        if begin.elapsed().as_millis() >= 5 || iterations >= 1 << 40 {
            break;
        }
        iterations *= 2;
    }
    let round = || -> f64 {
        let begin = Instant::now();
        let macs: u64 = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| burst(iterations))).collect();
            let mine = burst(iterations);
            mine + others.into_iter().map(|other| other.join().unwrap_or(0)).sum::<u64>()
        });
        macs as f64 / begin.elapsed().as_nanos() as f64
    };
    (0..5).map(|_| round()).fold(0.0, f64::max)
}
