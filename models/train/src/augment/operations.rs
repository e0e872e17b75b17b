//! The operations of AugMix on 8-bit images, as its authors' code has them from Pillow. None is among the corruptions that robustness is
//! measured with.

use edgebench_corrupt::rng::Rng;

use crate::net::Shape;

/// A change of an image, with its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operation {
    /// Each channel is stretched to all 256 values.
    Autocontrast,
    /// Each channel's values become equally frequent.
    Equalise,
    /// So many bits are kept.
    Posterise(u32),
    /// Values from this one on are inverted.
    Solarise(u32),
    /// Output pixel `(x, y)` is the input at `a·x + b·y + c` and `d·x + e·y + f`, counted in pixels from the upper left corner.
    Affine([f64; 6]),
}

impl Operation {
    /// One of nine, of a random strength up to `severity`.
    pub(super) fn draw(rng: &mut Rng, severity: u8, shape: Shape) -> Operation {
        let kind = rng.below(9);
        // In tenths of the largest strength that there is.
        let level = rng.uniform(0.1, f64::from(severity.clamp(1, 10))) / 10.0;
        let sign = if rng.below(2) == 1 { -1.0 } else { 1.0 };
        let whole = |largest: f64| (level * largest).trunc();
        let moved = |size: usize| sign * whole(size as f64 / 3.0);
        match kind {
            0 => Operation::Autocontrast,
            1 => Operation::Equalise,
            2 => Operation::Posterise(4 - whole(4.0) as u32),
            3 => Operation::Solarise(256 - whole(256.0) as u32),
            4 => Operation::rotation(sign * whole(30.0), shape),
            5 => Operation::Affine([1.0, sign * level * 0.3, 0.0, 0.0, 1.0, 0.0]),
            6 => Operation::Affine([1.0, 0.0, 0.0, sign * level * 0.3, 1.0, 0.0]),
            7 => Operation::Affine([1.0, 0.0, moved(shape.w), 0.0, 1.0, 0.0]),
            _ => Operation::Affine([1.0, 0.0, 0.0, 0.0, 1.0, moved(shape.h)]),
        }
    }

    /// By so many degrees, counter-clockwise, around the middle.
    fn rotation(degrees: f64, shape: Shape) -> Operation {
        let (sin, cos) = libm::sincos(-degrees.to_radians());
        let (x, y) = (shape.w as f64 / 2.0, shape.h as f64 / 2.0);
        Operation::Affine([cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y])
    }
}

/// Changes `from`, in place or into `to`; whether the result is in `to`.
pub(super) fn apply(operation: Operation, shape: Shape, from: &mut [u8], to: &mut [u8]) -> bool {
    let everywhere = |from: &mut [u8], table: &[u8; 256]| from.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
    match operation {
        Operation::Autocontrast => by_channel(from, shape.c, stretched),
        Operation::Equalise => by_channel(from, shape.c, equalised),
        Operation::Posterise(bits) => {
            let mask = !(0xFFu8.checked_shr(bits).unwrap_or(0));
            everywhere(from, &std::array::from_fn(|value| value as u8 & mask));
        }
        Operation::Solarise(first) => {
            let invert = |value: usize| if value as u32 >= first { 255 - value as u8 } else { value as u8 };
            everywhere(from, &std::array::from_fn(invert));
        }
        Operation::Affine(matrix) => {
            if matrix == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] {
                return false;
            }
            match shape.c {
                1 => affine::<1>(matrix, shape, from, to),
                3 => affine::<3>(matrix, shape, from, to),
                _ => any_channels(matrix, shape, from, to),
            }
            return true;
        }
    }
    false
}

/// Applies to each channel the table that `table` makes of its histogram.
fn by_channel(pixels: &mut [u8], channels: usize, table: fn(&[u32; 256]) -> Option<[u8; 256]>) {
    for channel in 0..channels {
        let mut histogram = [0; 256];
        pixels[channel..].iter().step_by(channels).for_each(|value| histogram[usize::from(*value)] += 1);
        if let Some(table) = table(&histogram) {
            let values = pixels[channel..].iter_mut().step_by(channels);
            values.for_each(|value| *value = table[usize::from(*value)]);
        }
    }
}

/// From the smallest and largest value to 0 and 255.
fn stretched(histogram: &[u32; 256]) -> Option<[u8; 256]> {
    let low = histogram.iter().position(|count| *count > 0)?;
    let high = histogram.iter().rposition(|count| *count > 0)?;
    let range = high.checked_sub(low).filter(|range| *range > 0)?;
    Some(std::array::from_fn(|value| (value.saturating_sub(low) * 255 / range).min(255) as u8))
}

/// In equal parts of the sum.
fn equalised(histogram: &[u32; 256]) -> Option<[u8; 256]> {
    let last = *histogram.iter().rev().find(|count| **count > 0)?;
    let step = (histogram.iter().sum::<u32>() - last) / 255;
    if step == 0 {
        return None;
    }
    let mut sum = step / 2;
    Some(std::array::from_fn(|value| {
        let equal = (sum / step).min(255) as u8;
        sum += histogram[value];
        equal
    }))
}

/// Bits of a fraction of a pixel.
const FRACTION: u32 = 16;

/// Between four pixels, linearly; black where the middle of an output pixel falls outside of the input.
fn affine<const C: usize>(matrix: [f64; 6], shape: Shape, from: &[u8], to: &mut [u8]) {
    let unit = f64::from(1u32 << FRACTION);
    let fixed = matrix.map(|value| (value * unit).round() as i64);
    let [a, b, c, d, e, f] = fixed;
    let half = 1i64 << (FRACTION - 1);
    let [width, height] = [shape.w as i64, shape.h as i64];
    let (from, _) = from.as_chunks::<C>();
    let (to, _) = to.as_chunks_mut::<C>();
    for (y, line) in (0i64..).zip(to.chunks_exact_mut(shape.w)) {
        // The middle of the first output pixel.
        let mut sx = a / 2 + b * y + b / 2 + c;
        let mut sy = d / 2 + e * y + e / 2 + f;
        for pixel in line {
            *pixel = [0; C];
            if (0..width << FRACTION).contains(&sx) && (0..height << FRACTION).contains(&sy) {
                let [x, y] = [sx - half, sy - half];
                // Eight bits of the fraction decide about 8-bit values.
                let [wx, wy] = [x, y].map(|v| (v >> (FRACTION - 8) & 0xFF) as u32);
                let [x0, y0] = [x >> FRACTION, y >> FRACTION];
                let [x1, y1] = [(x0 + 1).min(width - 1) as usize, (y0 + 1).min(height - 1) as usize];
                let [x0, y0] = [x0.max(0) as usize, y0.max(0) as usize];
                let (upper, lower) = (&from[y0 * shape.w..][..shape.w], &from[y1 * shape.w..][..shape.w]);
                for channel in 0..C {
                    let mix = |line: &[[u8; C]]| {
                        u32::from(line[x0][channel]) * (256 - wx) + u32::from(line[x1][channel]) * wx
                    };
                    pixel[channel] = ((mix(upper) * (256 - wy) + mix(lower) * wy) >> 16) as u8;
                }
            }
            sx += a;
            sy += d;
        }
    }
}

/// As [`affine`], one channel after the other.
fn any_channels(matrix: [f64; 6], shape: Shape, from: &[u8], to: &mut [u8]) {
    let mut line = vec![0; shape.pixels()];
    let mut moved = vec![0; shape.pixels()];
    for channel in 0..shape.c {
        line.iter_mut().zip(from[channel..].iter().step_by(shape.c)).for_each(|(one, all)| *one = *all);
        affine::<1>(matrix, Shape { c: 1, ..shape }, &line, &mut moved);
        to[channel..].iter_mut().step_by(shape.c).zip(&moved).for_each(|(all, one)| *all = *one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(operation: Operation, shape: Shape, pixels: &[u8]) -> Vec<u8> {
        let (mut from, mut to) = (pixels.to_vec(), vec![0; pixels.len()]);
        if apply(operation, shape, &mut from, &mut to) { to } else { from }
    }

    #[test]
    fn values_change_as_in_pillow() {
        let shape = Shape::new(1, 4, 1);
        assert_eq!(applied(Operation::Posterise(3), shape, &[31, 32, 200, 255]), [0, 32, 192, 224]);
        assert_eq!(applied(Operation::Solarise(200), shape, &[0, 199, 200, 255]), [0, 199, 55, 0]);
        assert_eq!(applied(Operation::Autocontrast, shape, &[50, 60, 70, 100]), [0, 51, 102, 255]);
        assert_eq!(applied(Operation::Autocontrast, shape, &[9; 4]), [9; 4]);
        // Channel by channel.
        let two = Shape::new(1, 2, 2);
        assert_eq!(applied(Operation::Autocontrast, two, &[50, 9, 60, 9]), [0, 9, 255, 9]);
        // 1024 values, a quarter each of 10, 20, 30, 40: 256 · 3 / 255 = 3 a step.
        let pixels: Vec<u8> = (0..1024u32).map(|at| (at % 4 * 10 + 10) as u8).collect();
        let equal = applied(Operation::Equalise, Shape::new(32, 32, 1), &pixels);
        assert_eq!(equal[..4], [0, 85, 171, 255]);
        assert_eq!(applied(Operation::Equalise, shape, &[1, 2, 3, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn images_move() {
        let shape = Shape::new(3, 3, 1);
        let image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let moved = |matrix| applied(Operation::Affine(matrix), shape, &image);
        assert_eq!(moved([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), [2, 3, 0, 5, 6, 0, 8, 9, 0]);
        assert_eq!(moved([1.0, 0.0, 0.0, 0.0, 1.0, -1.0]), [0, 0, 0, 1, 2, 3, 4, 5, 6]);
        // A quarter turn, counter-clockwise.
        assert_eq!(applied(Operation::rotation(90.0, shape), shape, &image), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        let wide = Shape::new(2, 2, 4);
        let image: Vec<u8> = (0..16).collect();
        let moved = applied(Operation::Affine([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), wide, &image);
        assert_eq!(moved, [4, 5, 6, 7, 0, 0, 0, 0, 12, 13, 14, 15, 0, 0, 0, 0]);
        let three = Shape::new(1, 2, 3);
        let between = applied(Operation::Affine([1.0, 0.0, 0.5, 0.0, 1.0, 0.0]), three, &[0, 10, 20, 100, 30, 40]);
        assert_eq!(between, [50, 20, 30, 0, 0, 0]);
    }

    #[test]
    fn every_operation_is_drawn_in_bounds() {
        let shape = Shape::new(32, 24, 3);
        let mut seen = [false; 5];
        for number in 0..300 {
            let operation = Operation::draw(&mut Rng::new(3, number, 1), 3, shape);
            let kind = match operation {
                Operation::Autocontrast => 0,
                Operation::Equalise => 1,
                Operation::Posterise(bits) => {
                    assert!((3..=4).contains(&bits));
                    2
                }
                Operation::Solarise(first) => {
                    assert!((180..=254).contains(&first), "{first}");
                    3
                }
                Operation::Affine([_, b, c, d, _, f]) => {
                    assert!(b.abs() < 0.16 && d.abs() < 0.16 && c.abs() < 8.0 && f.abs() < 8.0);
                    4
                }
            };
            seen[kind] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
