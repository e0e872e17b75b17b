//! Drops on the lens: water at the edges of wet spots, or mud.

use crate::edges;
use crate::filter::{Border, Shape, gaussian_weights, separable};
use crate::job::{Job, byte_f32};
use crate::params::Table;
use crate::room::NoRoom;

#[derive(Clone, Copy)]
struct Spatter {
    mean: f64,
    deviation: f64,
    sigma: f64,
    threshold: f64,
    /// Of water: opacity. Of mud: σ that rounds the spots.
    strength: f64,
    mud: bool,
}

const fn row([mean, deviation, sigma, threshold, strength]: [f64; 5], mud: bool) -> Spatter {
    Spatter { mean, deviation, sigma, threshold, strength, mud }
}

const SPATTER: Table<Spatter> = Table {
    cifar: [
        row([0.62, 0.1, 0.7, 0.7, 0.5], false),
        row([0.65, 0.1, 0.8, 0.7, 0.5], false),
        row([0.65, 0.3, 1.0, 0.69, 0.5], false),
        row([0.65, 0.1, 0.7, 0.69, 0.6], true),
        row([0.65, 0.1, 0.5, 0.68, 0.6], true),
    ],
    imagenet: [
        row([0.65, 0.3, 4.0, 0.69, 0.6], false),
        row([0.65, 0.3, 3.0, 0.68, 0.6], false),
        row([0.65, 0.3, 2.0, 0.68, 0.5], false),
        row([0.65, 0.3, 1.0, 0.65, 1.5], true),
        row([0.67, 0.4, 1.0, 0.65, 1.5], true),
    ],
};
const WATER: [f32; 3] = [175.0 / 255.0, 238.0 / 255.0, 238.0 / 255.0];
const MUD: [f32; 3] = [63.0 / 255.0, 42.0 / 255.0, 20.0 / 255.0];
/// Mud that covers less than this does not stick.
const STICKS: f64 = 0.8;
const TRUNCATE: f64 = 4.0;

/// Smoothed noise above a threshold is wet.
pub(crate) fn spatter(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let c = job.constants(&SPATTER);
    let image = job.image;
    let shape = Shape { height: image.height, width: image.width, channels: 1 };
    let cover = job.room.take(image.pixels())?;
    let mut room = job.room.rest();
    let layer = room.each(image.pixels(), |_| c.mean + c.deviation * job.rng.normal())?;
    let weights = gaussian_weights(c.sigma, TRUNCATE, &mut room)?;
    separable(layer, shape, weights, Border::Nearest, room.rest())?;
    if c.mud {
        layer.iter_mut().for_each(|x| *x = if *x > c.threshold { 1.0 } else { 0.0 });
        let weights = gaussian_weights(c.strength, TRUNCATE, &mut room)?;
        separable(layer, shape, weights, Border::Nearest, room)?;
        for (cover, &x) in cover.iter_mut().zip(&*layer) {
            *cover = if x < STICKS { 0.0 } else { x as f32 };
        }
        lay(job, cover, |x, cover, mud| x * (1.0 - cover) + mud * cover, MUD);
        return Ok(());
    }
    // A value of 1 or more wraps round, as the published cast does.
    let splash = |x: f64| if x < c.threshold { 0 } else { (x * 255.0) as i32 as u8 };
    let wet = room.each(image.pixels(), |at| splash(layer[at]))?;
    let shine = edges::shine(wet, [image.height, image.width], &mut room)?;
    for ((cover, &wet), &shine) in cover.iter_mut().zip(&*wet).zip(shine) {
        *cover = f32::from(wet) * shine as f32;
    }
    let most = cover.iter().copied().fold(0.0, f32::max);
    if most > 0.0 {
        cover.iter_mut().for_each(|x| *x = *x / most * c.strength as f32);
    }
    lay(job, cover, |x, cover, water| x + cover * water, WATER);
    Ok(())
}

/// Lays the colour over the image; over a grey one its grey.
fn lay(job: &mut Job<'_>, cover: &[f32], over: impl Fn(f32, f32, f32) -> f32, colour: [f32; 3]) {
    let grey = [0.2989 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]; 3];
    let colour = if job.image.channels == 1 { grey } else { colour };
    let channels = job.image.channels;
    let both = job.out.chunks_exact_mut(channels).zip(job.image.data.chunks_exact(channels));
    for ((out, pixel), &cover) in both.zip(cover) {
        for ((out, &v), colour) in out.iter_mut().zip(pixel).zip(colour) {
            *out = byte_f32(over(f32::from(v) / 255.0, cover, colour));
        }
    }
}
