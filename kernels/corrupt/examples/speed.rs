//! Microseconds a 32 × 32 RGB image for every kind (mean of the five severities), on one thread.

use std::time::Instant;

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

const IMAGES: usize = 400;
const BYTES: usize = 32 * 32 * 3;

fn main() {
    // Smooth pictures with some texture: what noise and edges cost depends little on them.
    let pixel = |i: usize| {
        let (y, x, c) = (i / 96 % 32, i / 3 % 32, i % 3);
        (64 + y * 3 + x * 2 + c * 20 + (i * 7919 % 13)) as u8
    };
    let data: Vec<u8> = (0..IMAGES * BYTES).map(pixel).collect();
    let mut out = [0; BYTES];
    let mut corruptor = Corruptor::new(Constants::Cifar, 1);
    let mut benchmark = 0.0;
    println!("{:<20} {:>8} (severity 1 to 5)", "kind", "us");
    for kind in Corruption::ALL {
        let mut times = Vec::new();
        for severity in Severity::ALL {
            let mut run = |images: usize| {
                let begin = Instant::now();
                for (index, image) in data.chunks_exact(BYTES).take(images).enumerate() {
                    let image = ImageView::new(image, 32, 32, 3).expect("32 x 32 x 3 bytes");
                    corruptor.apply(kind, severity, image, index as u64, &mut out).expect("same length");
                }
                begin.elapsed().as_secs_f64() * 1e6 / images as f64
            };
            run(IMAGES / 10);
            times.push(run(IMAGES));
        }
        let mean = times.iter().sum::<f64>() / 5.0;
        benchmark += if kind.is_benchmark() { mean / 15.0 } else { 0.0 };
        println!("{:<20} {mean:>8.1} {times:7.1?}", kind.name());
    }
    println!(
        "mean of the 15 of the benchmark: {benchmark:.1} us; 15 x 5 x 10000 on one thread: {:.1} s",
        benchmark * 0.75
    );
}
