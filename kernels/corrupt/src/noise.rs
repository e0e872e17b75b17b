//! Noise of every element on its own.

use crate::job::{Job, byte};
use crate::params::Table;
use crate::poisson::Poissons;

/// Standard deviation.
const GAUSSIAN: Table<f64> = Table { cifar: [0.04, 0.06, 0.08, 0.09, 0.10], imagenet: [0.08, 0.12, 0.18, 0.26, 0.38] };
/// Photons of white.
const SHOT: Table<f64> = Table { cifar: [500.0, 250.0, 100.0, 75.0, 50.0], imagenet: [60.0, 25.0, 12.0, 5.0, 3.0] };
/// Share of elements that are replaced.
const IMPULSE: Table<f64> = Table { cifar: [0.01, 0.02, 0.03, 0.05, 0.07], imagenet: [0.03, 0.06, 0.09, 0.17, 0.27] };
/// Standard deviation at white.
const SPECKLE: Table<f64> = Table { cifar: [0.06, 0.1, 0.12, 0.16, 0.2], imagenet: [0.15, 0.2, 0.35, 0.45, 0.6] };

/// x + N(0, σ)
pub(crate) fn gaussian(job: &mut Job<'_>) {
    let sigma = job.constants(&GAUSSIAN);
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        *out = byte(f64::from(v) / 255.0 + sigma * job.rng.normal());
    }
}

/// x + x · N(0, σ)
pub(crate) fn speckle(job: &mut Job<'_>) {
    let sigma = job.constants(&SPECKLE);
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        let x = f64::from(v) / 255.0;
        *out = byte(x + x * (sigma * job.rng.normal()));
    }
}

/// Poisson(x · c) / c
pub(crate) fn shot(job: &mut Job<'_>) {
    let white = job.constants(&SHOT);
    let slot = &mut job.scratch.poissons[usize::from(job.severity.level()) - 1];
    let poissons = slot.get_or_insert_with(|| Poissons::new(white));
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        *out = byte(f64::from(poissons.draw(v, job.rng.word())) / white);
    }
}

/// Every element, not every pixel, becomes 0 or 255 with probability p.
pub(crate) fn impulse(job: &mut Job<'_>) {
    let below = (job.constants(&IMPULSE) * 4_294_967_296.0) as u32;
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        let word = job.rng.word();
        *out = match (word < below, word & 1 == 0) {
            (false, _) => v,
            (true, true) => 0,
            (true, false) => 255,
        };
    }
}
