//! Where water shines: near the edges of wet spots, by OpenCV's Canny, distance transform and embossing.

use crate::filter::Border;
use crate::room::{NoRoom, Room};

/// Thresholds of the gradient, its absolute values added.
const LOW: i32 = 50;
const HIGH: i32 = 150;
/// 16 fractional bits of a distance: one step straight, diagonal, and as the knight moves.
const STRAIGHT: i32 = 1 << 16;
const DIAGONAL: i32 = 91_750;
const KNIGHT: i32 = 143_976;
const FAR: i32 = i32::MAX >> 2;
/// Distances are cut here.
const CUT: f32 = 20.0;

/// For every pixel of `wet` how much it shines, 0 to 255.
pub(crate) fn shine<'a>(wet: &[u8], size: [usize; 2], room: &mut Room<'a>) -> Result<&'a [i32], NoRoom> {
    let shine = room.take(wet.len())?;
    let mut room = room.rest();
    let other = room.take(wet.len())?;
    canny(wet, size, [shine, other], room.rest())?;
    distance(shine, size, other);
    let means = room.each(wet.len(), |at| (other[at] as f32 * (1.0 / 65536.0)).min(CUT))?;
    for (at, shine) in shine.iter_mut().enumerate() {
        let sum: f64 = around(at, size, Border::Mirror).map(|i| f64::from(means[i])).sum();
        *shine = i32::from((sum * (1.0 / 9.0)) as f32 as u8);
    }
    equalise(shine);
    emboss(shine, size, other);
    for (at, shine) in shine.iter_mut().enumerate() {
        let sum: i32 = around(at, size, Border::Mirror).map(|i| other[i]).sum();
        *shine = (2 * sum + 9) / 18;
    }
    Ok(shine)
}

/// The 3 × 3 places around `at`, row by row.
fn around(at: usize, [height, width]: [usize; 2], border: Border) -> impl Iterator<Item = usize> {
    let (y, x) = ((at / width) as isize, (at % width) as isize);
    (0..9).map(move |i| border.at(y + i / 3 - 1, height) * width + border.at(x + i % 3 - 1, width))
}

/// 1 at edges, else 0; and the sizes of the gradients.
fn canny(image: &[u8], size: [usize; 2], [edges, sizes]: [&mut [i32]; 2], mut room: Room<'_>) -> Result<(), NoRoom> {
    let [height, width] = size;
    let gradients = room.each(image.len(), |at| {
        let mut v = [0; 9];
        v.iter_mut().zip(around(at, size, Border::Nearest)).for_each(|(v, i)| *v = i32::from(image[i]));
        [v[2] + 2 * v[5] + v[8] - v[0] - 2 * v[3] - v[6], v[6] + 2 * v[7] + v[8] - v[0] - 2 * v[1] - v[2]]
    })?;
    sizes.iter_mut().zip(&*gradients).for_each(|(size, [x, y])| *size = x.abs() + y.abs());
    let at = |y: isize, x: isize| {
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        if inside { sizes[y as usize * width + x as usize] } else { 0 }
    };
    edges.fill(0);
    // Every place becomes an edge once.
    let (strong, mut left) = (room.take::<u32>(image.len())?, 0);
    for (i, &[dx, dy]) in gradients.iter().enumerate() {
        let (y, x, size) = ((i / width) as isize, (i % width) as isize, sizes[i]);
        if size <= LOW {
            continue;
        }
        // tan 22.5° with 15 fractional bits; tan 67.5° is 2 more.
        let (ax, ay) = (i64::from(dx.abs()), i64::from(dy.abs()) << 15);
        let flat = ax * 13_573;
        let peak = if ay < flat {
            size > at(y, x - 1) && size >= at(y, x + 1)
        } else if ay > flat + (ax << 16) {
            size > at(y - 1, x) && size >= at(y + 1, x)
        } else {
            let side = if (dx ^ dy) < 0 { -1 } else { 1 };
            size > at(y - 1, x - side) && size > at(y + 1, x + side)
        };
        if peak && size > HIGH {
            edges[i] = 1;
            strong[left] = i as u32;
            left += 1;
        } else if peak {
            edges[i] = 2;
        }
    }
    // Weak peaks that touch an edge are edges.
    while left > 0 {
        left -= 1;
        for neighbour in around(strong[left] as usize, size, Border::Nearest) {
            if edges[neighbour] == 2 {
                edges[neighbour] = 1;
                strong[left] = neighbour as u32;
                left += 1;
            }
        }
    }
    edges.iter_mut().for_each(|e| *e &= 1);
    Ok(())
}

/// Distance to the next edge, in steps of 5 × 5 neighbourhoods.
fn distance(edges: &[i32], [height, width]: [usize; 2], out: &mut [i32]) {
    const BEFORE: [(isize, isize, i32); 8] = [
        (-2, -1, KNIGHT),
        (-2, 1, KNIGHT),
        (-1, -2, KNIGHT),
        (-1, -1, DIAGONAL),
        (-1, 0, STRAIGHT),
        (-1, 1, DIAGONAL),
        (-1, 2, KNIGHT),
        (0, -1, STRAIGHT),
    ];
    out.iter_mut().zip(edges).for_each(|(out, &e)| *out = if e == 1 { 0 } else { FAR });
    let mut pass = |at: usize, sign: isize| {
        let (y, x) = ((at / width) as isize, (at % width) as isize);
        for (dy, dx, step) in BEFORE {
            let (y, x) = (y + sign * dy, x + sign * dx);
            if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                out[at] = out[at].min(out[y as usize * width + x as usize] + step);
            }
        }
    };
    (0..edges.len()).for_each(|at| pass(at, 1));
    (0..edges.len()).rev().for_each(|at| pass(at, -1));
}

/// OpenCV's `equalizeHist`.
fn equalise(values: &mut [i32]) {
    let mut counts = [0i32; 256];
    values.iter().for_each(|&v| counts[v as usize] += 1);
    let least = counts.iter().position(|&n| n > 0).unwrap_or(0);
    let total = values.len() as i32;
    if counts[least] == total {
        return;
    }
    let scale = 255.0 / (total - counts[least]) as f32;
    let mut table = [0; 256];
    let mut sum = 0;
    for (value, count) in counts.iter().enumerate().skip(least + 1) {
        sum += count;
        table[value] = libm::rintf(sum as f32 * scale) as i32;
    }
    values.iter_mut().for_each(|v| *v = table[*v as usize]);
}

/// Light from the upper left; what is dark or too bright is cut to 0 to 255.
fn emboss(values: &[i32], size: [usize; 2], out: &mut [i32]) {
    const KERNEL: [i32; 9] = [-2, -1, 0, -1, 1, 1, 0, 1, 2];
    for (at, out) in out.iter_mut().enumerate() {
        let sum: i32 = around(at, size, Border::Mirror).zip(KERNEL).map(|(i, k)| values[i] * k).sum();
        *out = sum.clamp(0, 255);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_chamfers() {
        let mut edges = [0; 25];
        edges[0] = 1;
        let mut out = [0; 25];
        distance(&edges, [5, 5], &mut out);
        assert_eq!((out[1], out[6], out[7]), (STRAIGHT, DIAGONAL, KNIGHT));
        distance(&[0; 25], [5, 5], &mut out);
        assert!(out.iter().all(|&d| d >= FAR));
    }

    #[test]
    fn a_step_is_one_edge_wide() {
        let image: [u8; 64] = core::array::from_fn(|i| if i % 8 < 4 { 0 } else { 200 });
        let (mut edges, mut other, mut words) = ([0; 64], [0; 64], [0; 96]);
        canny(&image, [8, 8], [&mut edges, &mut other], Room::new(&mut words)).unwrap();
        assert_eq!(edges.iter().sum::<i32>(), 8);
    }

    #[test]
    fn nothing_wet_is_flat() {
        let mut words = [0; 200];
        let shine = shine(&[0; 30], [5, 6], &mut Room::new(&mut words)).unwrap();
        assert_eq!(shine, [shine[0]; 30]);
    }
}
