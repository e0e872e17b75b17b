//! Noise of every element on its own.

use crate::job::{Job, byte};
use crate::params::Table;
use crate::poisson::Poisson;
use crate::room::NoRoom;

/// Standard deviation.
const GAUSSIAN: Table<f64> = Table { cifar: [0.04, 0.06, 0.08, 0.09, 0.10], imagenet: [0.08, 0.12, 0.18, 0.26, 0.38] };
/// Photons of white.
const SHOT: Table<f64> = Table { cifar: [500.0, 250.0, 100.0, 75.0, 50.0], imagenet: [60.0, 25.0, 12.0, 5.0, 3.0] };
/// Share of elements that are replaced.
const IMPULSE: Table<f64> = Table { cifar: [0.01, 0.02, 0.03, 0.05, 0.07], imagenet: [0.03, 0.06, 0.09, 0.17, 0.27] };
/// Standard deviation at white.
const SPECKLE: Table<f64> = Table { cifar: [0.06, 0.1, 0.12, 0.16, 0.2], imagenet: [0.15, 0.2, 0.35, 0.45, 0.6] };

/// x + N(0, σ)
pub(crate) fn gaussian(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let sigma = job.constants(&GAUSSIAN);
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        *out = byte(f64::from(v) / 255.0 + sigma * job.rng.normal());
    }
    Ok(())
}

/// x + x · N(0, σ)
pub(crate) fn speckle(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let sigma = job.constants(&SPECKLE);
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        let x = f64::from(v) / 255.0;
        *out = byte(x + x * (sigma * job.rng.normal()));
    }
    Ok(())
}

/// Poisson(x · c) / c
pub(crate) fn shot(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let white = job.constants(&SHOT);
    let element = |photons: u32| byte(f64::from(photons) / white);
    #[cfg(feature = "alloc")]
    if let Some(kept) = &mut job.kept {
        let poissons = kept.poissons(usize::from(job.severity.level()) - 1, white);
        for (out, &v) in job.out.iter_mut().zip(job.image.data) {
            *out = element(poissons.draw(v, job.rng.word()));
        }
        return Ok(());
    }
    let words = job.room.each(job.out.len(), |_| job.rng.word())?;
    let thresholds = job.room.take(Poisson::most(white))?;
    for value in 0..=255 {
        // One table at a time: all that the severities need are large.
        let here = || job.image.data.iter().enumerate().filter(|&(_, &v)| v == value).map(|(at, _)| at);
        if here().next().is_some() {
            let poisson = Poisson::new(value, white, thresholds);
            here().for_each(|at| job.out[at] = element(poisson.draw(words[at])));
        }
    }
    Ok(())
}

/// Every element, not every pixel, becomes 0 or 255 with probability p.
pub(crate) fn impulse(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let below = (job.constants(&IMPULSE) * 4_294_967_296.0) as u32;
    for (out, &v) in job.out.iter_mut().zip(job.image.data) {
        let word = job.rng.word();
        *out = match (word < below, word & 1 == 0) {
            (false, _) => v,
            (true, true) => 0,
            (true, false) => 255,
        };
    }
    Ok(())
}
