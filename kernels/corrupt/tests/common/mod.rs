//! Pictures for tests.
#![allow(dead_code)]

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

/// A picture with flat parts, gradients, edges and texture, made of integers alone.
pub(crate) fn picture(height: usize, width: usize, channels: usize) -> Vec<u8> {
    let mut state = 12345u32;
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (y8, x8) = (y * 8 / height, x * 8 / width);
                let value = match (y8 + x8) % 4 {
                    0 => 60 * c + 20,
                    1 => (x * 255 / width + 40 * c) % 256,
                    2 => (state >> 24) as usize,
                    _ => (y * 255 / height + (state >> 29) as usize * 3) % 256,
                };
                data.push(value as u8);
            }
        }
    }
    data
}

/// `picture` corrupted with CIFAR's constants.
pub(crate) fn corrupted(kind: Corruption, severity: u8, data: &[u8], [h, w, c]: [usize; 3], index: u64) -> Vec<u8> {
    let image = ImageView::new(data, h, w, c).unwrap();
    let mut out = vec![0; data.len()];
    let severity = Severity::new(severity).unwrap();
    Corruptor::new(Constants::Cifar, 1).apply(kind, severity, image, index, &mut out).unwrap();
    out
}
