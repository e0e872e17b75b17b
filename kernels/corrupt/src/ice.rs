//! Frost that nobody photographed: noise of many scales for the thickness of the ice, and branching needles on it.
//!
//! Brightness, contrast and how far both reach across the picture are chosen so that severities feel as those of the published
//! photographs do (`docs/corruptions.md`); no pixel comes from them.

use crate::rng::Rng;
use crate::room::{NoRoom, Room};

/// Of six photographs the published generators never use the last; there are five synthetic ones.
pub(crate) const USED: usize = 5;
/// Pixels each way; the texture continues at its other edge.
pub(crate) const SIDE: usize = 256;

/// Mean R, G, B and standard deviation of each texture.
const PALETTE: [([f64; 3], f64); USED] = [
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

/// A picture of ice.
pub(crate) struct Texture<'a> {
    /// Its thickness.
    field: &'a [f64],
    mean: f64,
    deviation: f64,
    colour: [f64; 3],
    contrast: f64,
}

impl<'a> Texture<'a> {
    /// Number 0 to 4.
    pub(crate) fn new(number: usize, mut room: Room<'a>) -> Result<Self, NoRoom> {
        let mut rng = Rng::new(KEY, number as u64, 0);
        let field = room.zeros(SIDE * SIDE)?;
        for (cells, weight) in OCTAVES {
            octave(field, (cells, weight), &mut rng, room.rest())?;
        }
        needles(field, &mut rng);
        let n = (SIDE * SIDE) as f64;
        let mean = field.iter().sum::<f64>() / n;
        let deviation = libm::sqrt(field.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n);
        let (colour, contrast) = PALETTE[number];
        Ok(Self { field, mean, deviation, colour, contrast })
    }

    /// The pixel at this place, row by row.
    pub(crate) fn pixel(&self, at: usize) -> [u8; 3] {
        let Self { mean, deviation, contrast, .. } = *self;
        let v = self.field[at];
        self.colour.map(|c| (c + contrast * (v - mean) / deviation + 0.5).clamp(0.0, 255.0) as u8)
    }

    /// All of them.
    #[cfg(any(feature = "alloc", test))]
    pub(crate) fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        (0..self.field.len()).map(|at| self.pixel(at))
    }
}

/// Adds noise between random values at `cells` × `cells` places, folded so that it has ridges.
fn octave(field: &mut [f64], (cells, weight): (usize, f64), rng: &mut Rng, mut room: Room<'_>) -> Result<(), NoRoom> {
    let pitch = SIDE / cells;
    let smooth = room.each(pitch, |i| {
        let t = (i as f64 + 0.5) / pitch as f64;
        t * t * (3.0 - 2.0 * t)
    })?;
    // Two rows of random values at a time, and the first one, which follows the last.
    let first = room.each(cells, |_| rng.normal())?;
    let (mut over, mut under) = (room.take(cells)?, room.take(cells)?);
    under.copy_from_slice(first);
    for (r, rows) in field.chunks_exact_mut(SIDE * pitch).enumerate() {
        core::mem::swap(&mut over, &mut under);
        if r + 1 < cells {
            under.fill_with(|| rng.normal())
        } else {
            under.copy_from_slice(first)
        }
        for (row, fy) in rows.chunks_exact_mut(SIDE).zip(&*smooth) {
            for (x, v) in row.iter_mut().enumerate() {
                let (fx, left, right) = (smooth[x % pitch], x / pitch, (x / pitch + 1) % cells);
                let above = over[left] + fx * (over[right] - over[left]);
                let below = under[left] + fx * (under[right] - under[left]);
                let noise = above + fy * (below - above);
                *v += weight * (noise * 0.7 - noise.abs());
            }
        }
    }
    Ok(())
}

fn needles(field: &mut [f64], rng: &mut Rng) {
    for _ in 0..NEEDLES {
        let place = [rng.uniform(0.0, SIDE as f64), rng.uniform(0.0, SIDE as f64)];
        let angle = rng.uniform(0.0, 360.0);
        let length = rng.uniform(10.0, 70.0);
        needle(field, place, angle, length);
        for branch in 1..6 {
            let along = length * f64::from(branch) / 6.0;
            let [dy, dx] = direction(angle);
            let from = [place[0] + dy * along, place[1] + dx * along];
            needle(field, from, angle + 60.0, (length - along) * 0.4);
            needle(field, from, angle - 60.0, (length - along) * 0.4);
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
            let mut words = [0; SIDE * SIDE + 1024];
            let texture = Texture::new(number, Room::new(&mut words)).unwrap();
            for channel in 0..3 {
                let sum: u64 = texture.pixels().map(|p| u64::from(p[channel])).sum();
                let mean = sum as f64 / (SIDE * SIDE) as f64;
                assert!((mean - colour[channel]).abs() < 4.0, "{number} {channel}: {mean}");
            }
        }
    }
}
