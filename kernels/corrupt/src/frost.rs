//! Frost: a random crop of a photograph, or of a synthetic texture, over the image.

use crate::ice::{self, USED};
use crate::job::Job;
use crate::params::Table;
use crate::photograph::Photograph;
use crate::room::NoRoom;
use crate::{Error, ImageView};

/// What results call `frost` that was made without photographs.
pub const SYNTHETIC_FROST: &str = "frost-synthetic";

/// Weights of image and frost.
const FROST: Table<(f64, f64)> = Table {
    cifar: [(1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
    imagenet: [(1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
};

/// Whether crops of the image's size can move inside every photograph that may be chosen.
pub(crate) fn check(photographs: &[Photograph], image: ImageView<'_>) -> Result<(), Error> {
    for (number, photograph) in photographs.iter().enumerate().take(USED) {
        let [height, width] = photograph.size();
        if height <= image.height || width <= image.width {
            let (image_height, image_width) = (image.height, image.width);
            return Err(Error::SmallFrost { number, height, width, image_height, image_width });
        }
    }
    Ok(())
}

/// a · image + b · frost, in 0 to 255.
pub(crate) fn frost(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let weights = job.constants(&FROST);
    if job.photographs.is_empty() {
        return synthetic(job, weights);
    }
    let photograph = &job.photographs[job.rng.below(job.photographs.len().min(USED))];
    let [height, width] = photograph.size();
    // As `randint`: the last place is never chosen. `check` has seen that there is one.
    let row = job.rng.below(height.saturating_sub(job.image.height).max(1));
    let column = job.rng.below(width.saturating_sub(job.image.width).max(1));
    lay(job.image, weights, |y, x| photograph.pixel(row + y, column + x), job.out);
    Ok(())
}

fn synthetic(job: &mut Job<'_>, weights: (f64, f64)) -> Result<(), NoRoom> {
    let number = job.rng.below(USED);
    let place = [job.rng.below(ice::SIDE), job.rng.below(ice::SIDE)];
    let wrap = |at: usize| at & (ice::SIDE - 1);
    let at = |y: usize, x: usize| wrap(place[0] + y) * ice::SIDE + wrap(place[1] + x);
    #[cfg(feature = "alloc")]
    if let Some(kept) = &mut job.kept {
        let texture = kept.texture(number, job.room.rest())?;
        lay(job.image, weights, |y, x| texture[at(y, x)], job.out);
        return Ok(());
    }
    let texture = ice::Texture::new(number, job.room.rest())?;
    lay(job.image, weights, |y, x| texture.pixel(at(y, x)), job.out);
    Ok(())
}

fn lay(image: ImageView<'_>, (a, b): (f64, f64), pixel: impl Fn(usize, usize) -> [u8; 3], out: &mut [u8]) {
    let rows = out.chunks_exact_mut(image.stride()).zip(image.data.chunks_exact(image.stride()));
    for (y, (out, row)) in rows.enumerate() {
        let pixels = out.chunks_exact_mut(image.channels).zip(row.chunks_exact(image.channels));
        for (x, (out, values)) in pixels.enumerate() {
            let frost = pixel(y, x).map(f64::from);
            let frost = match image.channels {
                1 => [0.2989 * frost[0] + 0.587 * frost[1] + 0.114 * frost[2]; 3],
                _ => frost,
            };
            for ((out, &v), frost) in out.iter_mut().zip(values).zip(frost) {
                *out = (a * f64::from(v) + b * frost).clamp(0.0, 255.0) as u8;
            }
        }
    }
}
