//! Frost that nobody photographed: noise of many scales for the thickness of the ice, and branching needles on it.
//!
//! Brightness, contrast and how far both reach across the picture are chosen so that severities feel as those of the published
//! photographs do (`docs/corruptions.md`); no pixel comes from them.

use alloc::vec::Vec;

use crate::rng::Rng;

/// Pixels each way; the texture continues at its other edge.
pub(crate) const SIDE: usize = 256;

/// Mean R, G, B and standard deviation of each texture.
const PALETTE: [([f64; 3], f64); 5] = [
    ([80.0, 148.0, 168.0], 20.0),
    ([200.0, 206.0, 214.0], 22.0),
    ([196.0, 204.0, 212.0], 24.0),
    ([138.0, 152.0, 168.0], 30.0),
    ([112.0, 124.0, 136.0], 43.0),
];
/// Cells across the texture, and weight, of each octave.
const OCTAVES: [(usize, f64); 7] = [(4, 0.8), (8, 0.6), (16, 0.5), (32, 0.45), (64, 0.5), (128, 0.6), (256, 1.4)];
const NEEDLES: usize = 90;
/// Not the seed of any data: textures are the same for all, as photographs would be.
const KEY: u64 = 0x6672_6f73_7469_6365;

/// Texture `number` of 0 to 4.
pub(crate) fn texture(number: usize) -> Vec<[u8; 3]> {
    let mut rng = Rng::new(KEY, number as u64, 0);
    let mut field = Vec::from([0.0; SIDE * SIDE]);
    for (cells, weight) in OCTAVES {
        octave(&mut field, cells, weight, &mut rng);
    }
    for _ in 0..NEEDLES {
        let place = [rng.uniform(0.0, SIDE as f64), rng.uniform(0.0, SIDE as f64)];
        let angle = rng.uniform(0.0, 360.0);
        let length = rng.uniform(10.0, 70.0);
        needle(&mut field, place, angle, length);
        for branch in 1..6 {
            let along = length * f64::from(branch) / 6.0;
            let [dy, dx] = direction(angle);
            let from = [place[0] + dy * along, place[1] + dx * along];
            needle(&mut field, from, angle + 60.0, (length - along) * 0.4);
            needle(&mut field, from, angle - 60.0, (length - along) * 0.4);
        }
    }
    let n = (SIDE * SIDE) as f64;
    let mean = field.iter().sum::<f64>() / n;
    let deviation = libm::sqrt(field.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n);
    let (colour, contrast) = PALETTE[number];
    let pixel = |v: &f64| colour.map(|c| (c + contrast * (v - mean) / deviation + 0.5).clamp(0.0, 255.0) as u8);
    field.iter().map(pixel).collect()
}

/// Adds noise between random values at `cells` × `cells` places, folded so that it has ridges.
fn octave(field: &mut [f64], cells: usize, weight: f64, rng: &mut Rng) {
    let corners: Vec<f64> = (0..cells * cells).map(|_| rng.normal()).collect();
    let pitch = SIDE / cells;
    let smooth: Vec<f64> = (0..pitch)
        .map(|i| {
            let t = (i as f64 + 0.5) / pitch as f64;
            t * t * (3.0 - 2.0 * t)
        })
        .collect();
    for (y, row) in field.chunks_exact_mut(SIDE).enumerate() {
        let (fy, rows) = (smooth[y % pitch], [y / pitch, (y / pitch + 1) % cells]);
        for (x, v) in row.iter_mut().enumerate() {
            let (fx, columns) = (smooth[x % pitch], [x / pitch, (x / pitch + 1) % cells]);
            let at = |r: usize, c: usize| corners[rows[r] * cells + columns[c]];
            let above = at(0, 0) + fx * (at(0, 1) - at(0, 0));
            let below = at(1, 0) + fx * (at(1, 1) - at(1, 0));
            let noise = above + fy * (below - above);
            *v += weight * (noise * 0.7 - noise.abs());
        }
    }
}

fn direction(angle: f64) -> [f64; 2] {
    let radians = angle * (core::f64::consts::PI / 180.0);
    [libm::sin(radians), libm::cos(radians)]
}

/// Brightens a line that thins out.
fn needle(field: &mut [f64], place: [f64; 2], angle: f64, length: f64) {
    let [dy, dx] = direction(angle);
    for i in 0..length as usize {
        let along = i as f64;
        let at = |v: f64| (libm::floor(v) as isize).rem_euclid(SIDE as isize) as usize;
        let index = at(place[0] + dy * along) * SIDE + at(place[1] + dx * along);
        field[index] += 2.2 * (1.0 - along / length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textures_have_the_brightness_of_their_palette() {
        for (number, (colour, _)) in PALETTE.iter().enumerate() {
            let texture = texture(number);
            for channel in 0..3 {
                let sum: u64 = texture.iter().map(|p| u64::from(p[channel])).sum();
                let mean = sum as f64 / texture.len() as f64;
                assert!((mean - colour[channel]).abs() < 4.0, "{number} {channel}: {mean}");
            }
        }
    }
}
