//! Images to learn from.

use edgebench_train::net::Shape;
use edgebench_train::{Encoding, Images};

/// Images whose class is where their bright square is, and noise.
pub(crate) fn squares(count: usize, seed: u32) -> Images {
    let shape = Shape::new(12, 12, 3);
    let (mut pixels, mut labels, mut noise) = (Vec::new(), Vec::new(), seed);
    for at in 0..count {
        let class = at % 4;
        let (y0, x0) = ([0, 0, 6, 6][class], [0, 6, 0, 6][class]);
        for place in 0..shape.len() {
            let (y, x) = (place / 36, place / 3 % 12);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bright = (y0 + 1..y0 + 5).contains(&y) && (x0 + 1..x0 + 5).contains(&x);
            pixels.push((noise >> 24) as u8 / 2 + if bright { 100 } else { 0 });
        }
        labels.push(class as u32);
    }
    Images::new(shape, 4, pixels, labels, Encoding::signed(3)).unwrap()
}
