//! Microseconds an RGB image for every kind (mean of the five severities), on one thread.
//!
//! `cargo run --release -p edgebench-corrupt --example speed [-- SIDE]`: 32 (the default) has CIFAR's constants, larger sides
//! have ImageNet's.

use std::time::Instant;

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

fn main() {
    let side: usize = std::env::args().nth(1).and_then(|side| side.parse().ok()).unwrap_or(32);
    let set = if side > 64 { Constants::Imagenet } else { Constants::Cifar };
    let (bytes, images) = (side * side * 3, (400 * 1024 / (side * side)).max(4));
    // Smooth pictures with some texture: what noise and edges cost depends little on them.
    let pixel = |i: usize| {
        let (y, x, c) = (i / (3 * side) % side, i / 3 % side, i % 3);
        (64 + y * 96 / side + x * 64 / side + c * 20 + (i * 7919 % 13)) as u8
    };
    let data: Vec<u8> = (0..images * bytes).map(pixel).collect();
    let mut out = vec![0; bytes];
    let mut corruptor = Corruptor::new(set, 1);
    let mut benchmark = 0.0;
    println!("{:<20} {:>8} (severity 1 to 5), {side} x {side}, {set} constants", "kind", "us");
    for kind in Corruption::ALL {
        let mut times = Vec::new();
        for severity in Severity::ALL {
            let mut run = |images: usize| {
                let begin = Instant::now();
                for (index, image) in data.chunks_exact(bytes).take(images).enumerate() {
                    let image = ImageView::new(image, side, side, 3).expect("a side that fits");
                    corruptor.apply(kind, severity, image, index as u64, &mut out).expect("same length");
                }
                begin.elapsed().as_secs_f64() * 1e6 / images as f64
            };
            run(images.div_ceil(10));
            times.push(run(images));
        }
        let mean = times.iter().sum::<f64>() / 5.0;
        benchmark += if kind.is_benchmark() { mean / 15.0 } else { 0.0 };
        println!("{:<20} {mean:>8.1} {times:7.1?}", kind.name());
    }
    let set = benchmark * 75.0 * 10_000.0 / 1e6;
    println!("mean of the 15 of the benchmark: {benchmark:.1} us; 15 x 5 x 10,000 on one thread: {set:.1} s");
}
