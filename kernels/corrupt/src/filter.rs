//! Separable Gaussian filters, in the order of operations of SciPy's `gaussian_filter`.

use crate::room::{NoRoom, Room};

/// What lies beyond the edge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Border {
    /// `a a | a b c | c c`
    Nearest,
    /// `b a | a b c | c b`
    Reflect,
    /// `c b | a b c | b a` (OpenCV's 101)
    Mirror,
}

impl Border {
    /// The place in `0..n` that stands for `at`.
    #[inline(always)]
    pub(crate) fn at(self, at: isize, n: usize) -> usize {
        if at.cast_unsigned() < n { at.cast_unsigned() } else { self.beyond(at, n) }
    }

    #[inline(never)]
    fn beyond(self, at: isize, n: usize) -> usize {
        let n = n as isize;
        let place = match self {
            Self::Nearest => at.clamp(0, n - 1),
            Self::Reflect => {
                let p = at.rem_euclid(2 * n);
                p.min(2 * n - 1 - p)
            }
            Self::Mirror if n == 1 => 0,
            Self::Mirror => {
                let p = at.rem_euclid(2 * n - 2);
                p.min(2 * n - 2 - p)
            }
        };
        place as usize
    }
}

/// Weights at 0, 1, …, radius, where radius = ⌊truncate · σ + ½⌋; they and their mirror image sum to 1.
pub(crate) fn gaussian_weights<'a>(sigma: f64, truncate: f64, room: &mut Room<'a>) -> Result<&'a [f64], NoRoom> {
    let radius = (truncate * sigma + 0.5) as usize;
    if radius == 0 {
        return Ok(room.each(1, |_| 1.0)?);
    }
    let scale = -0.5 / (sigma * sigma);
    let half = room.each(radius + 1, |i| libm::exp(scale * (i * i) as f64))?;
    let sum = pairwise(2 * radius + 1, |i| half[i.abs_diff(radius)]);
    half.iter_mut().for_each(|w| *w /= sum);
    Ok(half)
}

/// NumPy's order of summation for up to 128 numbers.
fn pairwise(n: usize, x: impl Fn(usize) -> f64) -> f64 {
    if n < 8 {
        return (1..n).fold(x(0), |sum, i| sum + x(i));
    }
    let mut r: [f64; 8] = core::array::from_fn(&x);
    let whole = n - n % 8;
    for i in (8..whole).step_by(8) {
        for (k, r) in r.iter_mut().enumerate() {
            *r += x(i + k);
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    (whole..n).fold(sum, |sum, i| sum + x(i))
}

/// Shape of an image of reals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

/// Filters `values` in place, columns first, then rows; `weights` as [`gaussian_weights`] gives them.
pub(crate) fn separable(
    values: &mut [f64],
    shape: Shape,
    weights: &[f64],
    border: Border,
    mut room: Room<'_>,
) -> Result<(), NoRoom> {
    let Shape { height, width, channels } = shape;
    let (stride, radius) = (width * channels, weights.len() - 1);
    if radius == 0 {
        return Ok(());
    }
    let other: &mut [f64] = room.take(values.len())?;
    for (y, out) in other.chunks_exact_mut(stride).enumerate() {
        let row = |at: isize| &values[border.at(at, height) * stride..][..stride];
        let y = y as isize;
        symmetric(out, row(y), weights, |j| (row(y - j as isize), row(y + j as isize)));
    }
    let line: &mut [f64] = room.take(stride + 2 * radius * channels)?;
    for (out, row) in values.chunks_exact_mut(stride).zip(other.chunks_exact(stride)) {
        for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
            let from = border.at(x as isize - radius as isize, width);
            pixel.copy_from_slice(&row[from * channels..][..channels]);
        }
        let at = |pixel: usize| &line[pixel * channels..][..stride];
        symmetric(out, at(radius), weights, |j| (at(radius - j), at(radius + j)));
    }
    Ok(())
}

/// `out` = centre · w₀ + Σ (left + right) · wⱼ, the outermost pair first.
fn symmetric<'a>(out: &mut [f64], centre: &[f64], weights: &[f64], pair: impl Fn(usize) -> (&'a [f64], &'a [f64])) {
    for (out, &x) in out.iter_mut().zip(centre) {
        *out = x * weights[0];
    }
    for (j, &w) in weights.iter().enumerate().skip(1).rev() {
        let (left, right) = pair(j);
        for ((out, &l), &r) in out.iter_mut().zip(left).zip(right) {
            *out += (l + r) * w;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        let row = |border: Border| core::array::from_fn::<_, 11, _>(|i| border.at(i as isize - 4, 3));
        assert_eq!(row(Border::Nearest), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
        assert_eq!(row(Border::Reflect), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(row(Border::Mirror), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert_eq!(Border::Mirror.at(-3, 1), 0);
    }

    #[test]
    fn radii_are_those_of_scipy() {
        let mut words = [0; 64];
        let mut room = Room::new(&mut words);
        let radius = |sigma| gaussian_weights(sigma, 4.0, &mut room.rest()).unwrap().len() - 1;
        assert_eq!([0.05, 0.25, 0.4, 1.0, 6.0].map(radius), [0, 1, 2, 4, 24]);
        assert_eq!(gaussian_weights(6.4, 3.0, &mut room).unwrap().len() - 1, 19);
    }

    #[test]
    fn a_constant_stays() {
        let shape = Shape { height: 3, width: 5, channels: 3 };
        let mut values = [0.25; 45];
        let mut words = [0; 256];
        let mut room = Room::new(&mut words);
        let weights = gaussian_weights(2.0, 4.0, &mut room).unwrap();
        separable(&mut values, shape, weights, Border::Reflect, room).unwrap();
        assert!(values.iter().all(|v| (v - 0.25).abs() < 1e-15));
    }
}
