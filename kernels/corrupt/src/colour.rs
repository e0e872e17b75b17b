//! Brightness and saturation in HSV, and contrast.

use crate::job::{Job, byte};
use crate::params::Table;
use crate::room::NoRoom;

/// Added to the value.
const BRIGHTNESS: Table<f64> = Table { cifar: [0.05, 0.1, 0.15, 0.2, 0.3], imagenet: [0.1, 0.2, 0.3, 0.4, 0.5] };
/// Factor around the mean.
const CONTRAST: Table<f64> = Table { cifar: [0.75, 0.5, 0.4, 0.3, 0.15], imagenet: [0.4, 0.3, 0.2, 0.1, 0.05] };
/// Factor of the saturation and what is added to it.
const SATURATE: Table<(f64, f64)> = Table {
    cifar: [(0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)],
    imagenet: [(0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)],
};

/// Value + c.
pub(crate) fn brightness(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let c = job.constants(&BRIGHTNESS);
    if job.image.channels == 1 {
        for (out, &v) in job.out.iter_mut().zip(job.image.data) {
            *out = byte(f64::from(v) / 255.0 + c);
        }
        return Ok(());
    }
    in_hsv(job, |hsv| hsv[2] = (hsv[2] + c).clamp(0.0, 1.0));
    Ok(())
}

/// Saturation · a + b. Grey stays grey.
pub(crate) fn saturate(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (a, b) = job.constants(&SATURATE);
    if job.image.channels == 1 {
        job.out.copy_from_slice(job.image.data);
        return Ok(());
    }
    in_hsv(job, |hsv| hsv[1] = (hsv[1] * a + b).clamp(0.0, 1.0));
    Ok(())
}

/// (x − mean) · c + mean, with the mean of each channel.
pub(crate) fn contrast(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let c = job.constants(&CONTRAST);
    let (channels, pixels) = (job.image.channels, job.image.pixels() as f64);
    for channel in 0..channels {
        let of_channel = || job.image.data.iter().skip(channel).step_by(channels);
        // One after the other, as NumPy adds them here: the sum of the integers would round elsewhere.
        let mean = of_channel().fold(0.0, |sum, &v| sum + f64::from(v) / 255.0) / pixels;
        let table: [u8; 256] = core::array::from_fn(|v| byte((v as f64 / 255.0 - mean) * c + mean));
        for (out, &v) in job.out.iter_mut().skip(channel).step_by(channels).zip(of_channel()) {
            *out = table[usize::from(v)];
        }
    }
    Ok(())
}

fn in_hsv(job: &mut Job<'_>, change: impl Fn(&mut [f64; 3])) {
    for (out, rgb) in job.out.chunks_exact_mut(3).zip(job.image.data.chunks_exact(3)) {
        let mut hsv = to_hsv([rgb[0], rgb[1], rgb[2]].map(|v| f64::from(v) / 255.0));
        change(&mut hsv);
        out.copy_from_slice(&to_rgb(hsv).map(byte));
    }
}

/// scikit-image's `rgb2hsv`: between equal channels the last one rules.
fn to_hsv([r, g, b]: [f64; 3]) -> [f64; 3] {
    let value = r.max(g).max(b);
    let delta = value - r.min(g).min(b);
    if delta == 0.0 {
        return [0.0, 0.0, value];
    }
    let sector = if b == value {
        4.0 + (r - g) / delta
    } else if g == value {
        2.0 + (b - r) / delta
    } else {
        (g - b) / delta
    };
    let hue = sector / 6.0;
    [if hue < 0.0 { hue + 1.0 } else { hue }, delta / value, value]
}

/// scikit-image's `hsv2rgb`.
fn to_rgb([h, s, v]: [f64; 3]) -> [f64; 3] {
    let sector = libm::floor(h * 6.0);
    let f = h * 6.0 - sector;
    let (p, q, t) = (v * (1.0 - s), v * (1.0 - f * s), v * (1.0 - (1.0 - f) * s));
    match sector as u8 % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsv_and_back() {
        assert_eq!(to_hsv([1.0, 0.0, 0.0]), [0.0, 1.0, 1.0]);
        assert_eq!(to_hsv([0.0, 1.0, 0.0]), [2.0 / 6.0, 1.0, 1.0]);
        assert_eq!(to_hsv([0.5, 0.5, 0.5]), [0.0, 0.0, 0.5]);
        for rgb in [[0.1, 0.7, 0.3], [0.9, 0.2, 0.85], [0.0, 0.0, 0.0], [0.2, 0.3, 0.9]] {
            let back = to_rgb(to_hsv(rgb));
            assert!(rgb.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-15), "{rgb:?} {back:?}");
        }
    }
}
