//! Frost: a random crop of a photograph, or of a synthetic texture, over the image.

use alloc::vec::Vec;

use crate::ice;
use crate::job::Job;
use crate::params::Table;
use crate::{Constants, Error, ImageView};

/// What results call `frost` that was made without photographs.
pub const SYNTHETIC_FROST: &str = "frost-synthetic";

/// Weights of image and frost.
const FROST: Table<(f64, f64)> = Table {
    cifar: [(1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
    imagenet: [(1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
};
/// Of six photographs the published generators never use the last; there are five synthetic ones.
const USED: usize = 5;
/// CIFAR's photographs are taken at 0.2 of their size. OpenCV's bilinear rule then falls on every fifth pixel.
const EVERY: usize = 5;

/// A picture of frost, in the size at which it is laid over images.
#[derive(Clone, Debug)]
pub struct Photograph {
    rgb: Vec<[u8; 3]>,
    height: usize,
    width: usize,
}

impl Photograph {
    /// `image` as these constants use it: at a fifth of its size for CIFAR, whole for ImageNet. Grey becomes colour.
    #[must_use]
    pub fn new(image: ImageView<'_>, set: Constants) -> Self {
        let pixel = |p: &[u8]| if p.len() == 1 { [p[0]; 3] } else { [p[0], p[1], p[2]] };
        let places = |side: usize| -> Vec<usize> {
            match set {
                Constants::Imagenet => (0..side).collect(),
                Constants::Cifar => {
                    let less = libm::rint(side as f64 / EVERY as f64) as usize;
                    (0..less).map(|i| (i * EVERY + EVERY / 2).min(side - 1)).collect()
                }
            }
        };
        let (rows, columns) = (places(image.height), places(image.width));
        let at = |y: usize, x: usize| pixel(&image.data[(y * image.width + x) * image.channels..][..image.channels]);
        let rgb = rows.iter().flat_map(|&y| columns.iter().map(move |&x| at(y, x))).collect();
        Self { rgb, height: rows.len(), width: columns.len() }
    }
}

/// The synthetic textures, each made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Synthetic([Option<Vec<[u8; 3]>>; USED]);

/// Whether crops of the image's size can move inside every photograph that may be chosen.
pub(crate) fn check(photographs: &[Photograph], image: ImageView<'_>) -> Result<(), Error> {
    for (number, photograph) in photographs.iter().enumerate().take(USED) {
        let (height, width) = (photograph.height, photograph.width);
        if height <= image.height || width <= image.width {
            let (image_height, image_width) = (image.height, image.width);
            return Err(Error::SmallFrost { number, height, width, image_height, image_width });
        }
    }
    Ok(())
}

/// a · image + b · frost, in 0 to 255.
pub(crate) fn frost(job: &mut Job<'_>) {
    let weights = job.constants(&FROST);
    let (height, width) = (job.image.height, job.image.width);
    if job.photographs.is_empty() {
        let number = job.rng.below(USED);
        let place = [job.rng.below(ice::SIDE), job.rng.below(ice::SIDE)];
        let texture = job.scratch.synthetic.0[number].get_or_insert_with(|| ice::texture(number));
        let wrap = |at: usize| at & (ice::SIDE - 1);
        let pixel = |y: usize, x: usize| texture[wrap(place[0] + y) * ice::SIDE + wrap(place[1] + x)];
        lay(job.image, weights, pixel, job.out);
    } else {
        let photograph = &job.photographs[job.rng.below(job.photographs.len().min(USED))];
        // As `randint`: the last place is never chosen. `check` has seen that there is one.
        let row = job.rng.below(photograph.height.saturating_sub(height).max(1));
        let column = job.rng.below(photograph.width.saturating_sub(width).max(1));
        let pixel = |y: usize, x: usize| photograph.rgb[(row + y) * photograph.width + column + x];
        lay(job.image, weights, pixel, job.out);
    }
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
