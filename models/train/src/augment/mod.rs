//! Images changed at random, so that a network sees more than there are.
//!
//! What happens to an image depends on the seed, the epoch and the image's number only.

mod augmix;
mod operations;

use edgebench_corrupt::rng::Rng;

use crate::images::Images;
pub use augmix::AugMix;

/// What may happen to an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Augment {
    /// Left and right are exchanged, for every second image.
    pub flip: bool,
    /// The image is moved by up to this many pixels in each direction; what comes into sight is black.
    pub crop: usize,
    /// A square of this many pixels is covered with zeros (of the input).
    pub cutout: usize,
    /// The image, after it was turned and moved, is mixed with changed copies of itself.
    pub augmix: Option<AugMix>,
}

/// The purpose of these random numbers.
const STREAM: u32 = 0xA076;

impl Augment {
    /// Writes image `at` of `images`, changed for this epoch, as an input.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn encode(&self, images: &Images, at: usize, (seed, epoch): (u64, usize), input: &mut [f32]) {
        if *self == Augment::default() {
            return images.encode(at, input);
        }
        let mut rng = Rng::new(seed, at as u64 | (epoch as u64) << 32, STREAM);
        let shape = images.shape();
        let flip = self.flip && rng.below(2) == 1;
        let mut shift = || rng.below(2 * self.crop + 1) as isize - self.crop as isize;
        let [dy, dx] = [shift(), shift()];
        let row = shape.w * shape.c;
        if let Some(augmix) = self.augmix {
            let mut pixels = vec![0; shape.len()];
            moved(images, at, ([dy, dx], flip), |y, line| pixels[y * row..][..row].copy_from_slice(line));
            let mut rng = Rng::new(seed, at as u64 | (epoch as u64) << 32, augmix::STREAM);
            augmix.encode((&pixels, shape), images.encoding(), &mut rng, input);
        } else {
            let encoding = images.encoding();
            moved(images, at, ([dy, dx], flip), |y, line| encoding.encode(line, &mut input[y * row..][..row]));
        }
        if self.cutout > 0 {
            let half = self.cutout / 2;
            let [cy, cx] = [rng.below(shape.h), rng.below(shape.w)];
            let rows = cy.saturating_sub(half)..(cy + self.cutout - half).min(shape.h);
            let (x0, x1) = (cx.saturating_sub(half), (cx + self.cutout - half).min(shape.w));
            rows.for_each(|y| input[y * row + x0 * shape.c..y * row + x1 * shape.c].fill(0.0));
        }
    }
}

/// Gives every line of image `at`, shifted and maybe turned, to `put`.
fn moved(images: &Images, at: usize, ([dy, dx], flip): ([isize; 2], bool), mut put: impl FnMut(usize, &[u8])) {
    let shape = images.shape();
    let pixels = images.pixels(at);
    let row = shape.w * shape.c;
    let mut line = vec![0u8; row];
    for y in 0..shape.h {
        line.fill(0);
        let from = y as isize + dy;
        if (0..shape.h as isize).contains(&from) {
            let source = &pixels[from as usize * row..][..row];
            let (first, last) = ((-dx).max(0), (shape.w as isize - dx).min(shape.w as isize));
            for x in first..last {
                let to = if flip { shape.w as isize - 1 - x } else { x } as usize;
                let from = (x + dx) as usize;
                line[to * shape.c..][..shape.c].copy_from_slice(&source[from * shape.c..][..shape.c]);
            }
        }
        put(y, &line);
    }
}

/// The order in which an epoch goes through `len` images: every image once.
#[must_use]
pub fn order(len: usize, seed: u64, epoch: usize) -> Vec<u32> {
    /// The purpose of these random numbers.
    const STREAM: u32 = 0x04DE;
    let mut rng = Rng::new(seed, epoch as u64, STREAM);
    let mut order: Vec<u32> = (0..len).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
    for last in (1..len).rev() {
        order.swap(last, rng.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Encoding;
    use crate::net::Shape;

    fn one(pixels: Vec<u8>, shape: Shape) -> Images {
        let order: Vec<usize> = (0..shape.c).collect();
        let encoding = Encoding::new(&order, |pixel, _| f32::from(pixel));
        Images::new(shape, 1, pixels, vec![0], encoding).expect("one image")
    }

    #[test]
    fn images_move_and_turn() {
        let image = one((1..=12).collect(), Shape::new(2, 3, 2));
        let mut seen = std::collections::BTreeSet::new();
        for epoch in 0..400 {
            let mut input = [0.0; 12];
            Augment { flip: true, crop: 1, ..Augment::default() }.encode(&image, 0, (1, epoch), &mut input);
            seen.insert(input.map(|value| value as u8));
        }
        // Nine places, two directions.
        assert_eq!(seen.len(), 18);
        assert!(seen.contains(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
        assert!(seen.contains(&[5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8]));
        assert!(seen.contains(&[9, 10, 11, 12, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn cutout_covers_a_square() {
        let image = one(vec![9; 64], Shape::new(8, 8, 1));
        for epoch in 0..50 {
            let mut input = [0.0; 64];
            Augment { cutout: 4, ..Augment::default() }.encode(&image, 0, (1, epoch), &mut input);
            let covered = input.iter().filter(|&&value| value == 0.0).count();
            assert!((4..=16).contains(&covered), "{covered}");
        }
    }

    #[test]
    fn an_epoch_sees_every_image_once() {
        let mut first = order(1000, 7, 0);
        assert_ne!(first, order(1000, 7, 1));
        first.sort_unstable();
        assert!(first.iter().copied().eq(0..1000));
    }
}
