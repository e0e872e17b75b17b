//! Snow: flakes of noise, zoomed, blurred by their fall, over an image that whitens.

use crate::job::{Job, byte};
use crate::motion::{Motion, blur};
use crate::params::Table;
use crate::room::NoRoom;
use crate::zoom;

#[derive(Clone, Copy)]
struct Snow {
    mean: f64,
    deviation: f64,
    zoom: f64,
    threshold: f64,
    radius: f64,
    sigma: f64,
    mix: f64,
}

const fn row([mean, deviation, zoom, threshold, radius, sigma, mix]: [f64; 7]) -> Snow {
    Snow { mean, deviation, zoom, threshold, radius, sigma, mix }
}

const SNOW: Table<Snow> = Table {
    cifar: [
        row([0.1, 0.2, 1.0, 0.6, 8.0, 3.0, 0.95]),
        row([0.1, 0.2, 1.0, 0.5, 10.0, 4.0, 0.9]),
        row([0.15, 0.3, 1.75, 0.55, 10.0, 4.0, 0.9]),
        row([0.25, 0.3, 2.25, 0.6, 12.0, 6.0, 0.85]),
        row([0.3, 0.3, 1.25, 0.65, 14.0, 12.0, 0.8]),
    ],
    imagenet: [
        row([0.1, 0.3, 3.0, 0.5, 10.0, 4.0, 0.8]),
        row([0.2, 0.3, 2.0, 0.5, 12.0, 4.0, 0.7]),
        row([0.55, 0.3, 4.0, 0.9, 12.0, 8.0, 0.7]),
        row([0.55, 0.3, 4.5, 0.85, 12.0, 8.0, 0.65]),
        row([0.55, 0.3, 2.5, 0.85, 12.0, 12.0, 0.55]),
    ],
};

/// mix · x + (1 − mix) · max(x, 1.5 · grey + 0.5), plus the flakes, plus the flakes turned by 180°.
pub(crate) fn snow(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let snow = job.constants(&SNOW);
    let image = job.image;
    let (width, pixels) = (image.width, image.pixels());
    let (flakes, blurred) = (job.room.take(pixels)?, job.room.take(pixels)?);
    let mut room = job.room.rest();
    let (rows, columns) = (zoom::axis(image.height, snow.zoom, &mut room)?, zoom::axis(width, snow.zoom, &mut room)?);
    let noise = room.each(pixels, |_| snow.mean + snow.deviation * job.rng.normal())?;
    let line = room.take(width)?;
    for (flakes, place) in flakes.chunks_exact_mut(width).zip(rows.iter()) {
        zoom::mix(noise, width, place, line);
        let mut row = flakes.iter_mut();
        zoom::each(line, &columns, |x| {
            if let Some(flake) = row.next() {
                *flake = if x < snow.threshold { 0 } else { byte(x) };
            }
        });
    }
    let angle = job.rng.uniform(-135.0, -45.0);
    let motion = Motion { radius: snow.radius, sigma: snow.sigma, angle };
    blur(flakes, [width, 1], motion, job.room.rest(), blurred)?;
    let (keep, whiten) = (snow.mix as f32, (1.0 - snow.mix) as f32);
    let layers = blurred.iter().zip(blurred.iter().rev());
    let both = job.out.chunks_exact_mut(image.channels).zip(image.data.chunks_exact(image.channels));
    for ((out, pixel), (&flake, &turned)) in both.zip(layers) {
        let x = |channel: usize| f32::from(pixel[channel]) / 255.0;
        let grey = if pixel.len() == 1 { x(0) } else { 0.299 * x(0) + 0.587 * x(1) + 0.114 * x(2) };
        let white = grey * 1.5 + 0.5;
        let snow = [flake, turned].map(|v| f64::from(v) / 255.0);
        for (channel, out) in out.iter_mut().enumerate() {
            let x = keep * x(channel) + whiten * x(channel).max(white);
            *out = byte(f64::from(x) + snow[0] + snow[1]);
        }
    }
    Ok(())
}
