//! A random affine map, then random local displacements.

use crate::filter::{Border, Shape, gaussian_weights, separable};
use crate::job::{Job, byte_f32};
use crate::params::Table;
use crate::room::NoRoom;

/// Amplitude, σ and jitter of the affine map, in units of the side (ImageNet: of 244 pixels at 224, as published).
const ELASTIC: Table<(f64, f64, f64)> = Table {
    cifar: [(0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
    imagenet: [(2.0, 0.7, 0.1), (2.0, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)],
};
const UNIT: Table<f64> = Table { cifar: [1.0; 5], imagenet: [244.0 / 224.0; 5] };
/// Where the filter ends, in σ.
const TRUNCATE: f64 = 3.0;

/// OpenCV's `warpAffine`, then a bilinear look-up at displaced places.
pub(crate) fn elastic(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let image = job.image;
    let side = image.height.min(image.width) as f64 * job.constants(&UNIT);
    let (alpha, sigma, jitter) = job.constants(&ELASTIC);
    let map = affine(job, jitter * side);
    let Job { room, rng, out, .. } = job;
    let warped = room.take(image.data.len())?;
    match image.channels {
        1 => warp::<1>(image.data, [image.height, image.width], &map, warped),
        _ => warp::<3>(image.data, [image.height, image.width], &map, warped),
    }
    let shape = Shape { height: image.height, width: image.width, channels: 1 };
    let weights = gaussian_weights(sigma * side, TRUNCATE, room)?;
    let (dx, dy) = (room.zeros(image.pixels())?, room.zeros(image.pixels())?);
    for field in [&mut *dx, &mut *dy] {
        if alpha == 0.0 {
            continue;
        }
        field.fill_with(|| rng.uniform(-1.0, 1.0));
        separable(field, shape, weights, Border::Reflect, room.rest())?;
        field.iter_mut().for_each(|d| *d = f64::from((*d * (alpha * side)) as f32));
    }
    match image.channels {
        1 => displace::<1>(warped, [image.height, image.width], [dx, dy], out),
        _ => displace::<3>(warped, [image.height, image.width], [dx, dy], out),
    }
    Ok(())
}

/// From the corrupted image's places to the clean one's: x = m₀ x' + m₁ y' + m₂, y = m₃ x' + m₄ y' + m₅.
type Affine = [f64; 6];

/// The map that takes three jittered points back to where they were.
fn affine(job: &mut Job<'_>, jitter: f64) -> Affine {
    let (height, width) = (job.image.height, job.image.width);
    // The published code takes rows for x; for squares that is the same.
    let centre = [height / 2, width / 2].map(|c| c as f64);
    let reach = (height.min(width) / 3).max(1) as f64;
    let from = [
        [centre[0] + reach, centre[1] + reach],
        [centre[0] + reach, centre[1] - reach],
        [centre[0] - reach, centre[1] - reach],
    ];
    let mut moved = || f64::from(job.rng.uniform(-jitter, jitter) as f32);
    let to = from.map(|p| p.map(|c| f64::from((c + moved()) as f32)));
    let line = |at: usize| {
        let a = (to[1][at] - to[2][at]) / (2.0 * reach);
        let b = (to[0][at] - to[1][at]) / (2.0 * reach);
        [a, b, to[0][at] - a * from[0][0] - b * from[0][1]]
    };
    invert([line(0), line(1)])
}

fn invert([[a, b, c], [d, e, f]]: [[f64; 3]; 2]) -> Affine {
    let det = a * e - b * d;
    let scale = if det == 0.0 { 0.0 } else { 1.0 / det };
    let [p, q, r, s] = [e * scale, b * -scale, d * -scale, a * scale];
    [p, q, -p * c - q * f, r, s, -r * c - s * f]
}

/// Places are rounded to 1/32 of a pixel (OpenCV's fixed point); the border is mirrored.
fn warp<const CHANNELS: usize>(data: &[u8], [height, width]: [usize; 2], map: &Affine, out: &mut [f32]) {
    let fixed = |v: f64| libm::rint(v * 1024.0).clamp(-2e9, 2e9) as i64;
    let (pixels, _) = data.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let row = y as f64;
        let begin = [map[1] * row + map[2], map[4] * row + map[5]].map(|v| fixed(v) + 16);
        for (x, out) in out.iter_mut().enumerate() {
            let column = x as f64;
            let at = [begin[0] + fixed(map[0] * column), begin[1] + fixed(map[3] * column)].map(|v| v >> 5);
            let part = at.map(|v| (v & 31) as f32 / 32.0);
            let [x0, y0] = at.map(|v| (v >> 5) as isize);
            let rows = [y0, y0 + 1].map(|y| Border::Mirror.at(y, height) * width);
            let columns = [x0, x0 + 1].map(|x| Border::Mirror.at(x, width));
            let weights = [
                (1.0 - part[1]) * (1.0 - part[0]),
                (1.0 - part[1]) * part[0],
                part[1] * (1.0 - part[0]),
                part[1] * part[0],
            ];
            for (channel, out) in out.iter_mut().enumerate() {
                let v = |row: usize, column: usize| f32::from(pixels[row + column][channel]) / 255.0;
                *out = v(rows[0], columns[0]) * weights[0]
                    + v(rows[0], columns[1]) * weights[1]
                    + v(rows[1], columns[0]) * weights[2]
                    + v(rows[1], columns[1]) * weights[3];
            }
        }
    }
}

/// Every pixel from its displaced place; the border is reflected.
fn displace<const CHANNELS: usize>(values: &[f32], [height, width]: [usize; 2], by: [&[f64]; 2], out: &mut [u8]) {
    let (pixels, _) = values.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    let places = out.iter_mut().zip(by[0].iter().zip(by[1])).enumerate();
    for (at, (out, (&dx, &dy))) in places {
        let [y, x] = [(at / width) as f64 + dy, (at % width) as f64 + dx];
        let [y0, x0] = [libm::floor(y), libm::floor(x)];
        let [fy, fx] = [y - y0, x - x0];
        let rows = [0, 1].map(|i| Border::Reflect.at(y0 as isize + i, height) * width);
        let columns = [0, 1].map(|i| Border::Reflect.at(x0 as isize + i, width));
        for (channel, out) in out.iter_mut().enumerate() {
            let v = |row: usize, column: usize| f64::from(pixels[row + column][channel]);
            let mixed = v(rows[0], columns[0]) * ((1.0 - fy) * (1.0 - fx))
                + v(rows[0], columns[1]) * ((1.0 - fy) * fx)
                + v(rows[1], columns[0]) * (fy * (1.0 - fx))
                + v(rows[1], columns[1]) * (fy * fx);
            *out = byte_f32(mixed as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_moves_nothing() {
        let data: [u8; 27] = core::array::from_fn(|i| (i * 9) as u8);
        let mut warped = [0.0; 27];
        warp::<3>(&data, [3, 3], &invert([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), &mut warped);
        let mut out = [0; 27];
        displace::<3>(&warped, [3, 3], [&[0.0; 9], &[0.0; 9]], &mut out);
        // In single precision v / 255 · 255 may fall short of v.
        assert!(data.iter().zip(out).all(|(&a, b)| a - b <= 1));
    }

    #[test]
    fn a_shift_shifts() {
        let mut warped = [0.0; 4];
        warp::<1>(&[0, 51, 102, 153], [1, 4], &invert([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), &mut warped);
        let byte = warped.map(|v| (v * 255.0 + 0.5) as u8);
        assert_eq!(byte, [51, 0, 51, 102]);
    }
}
