//! From ranges to scales, and from numbers to codes: the very roundings of TensorFlow's converter.
//!
//! The converter computes scales in float32 (its "legacy float scale", which the Python interface always asks for), and this is
//! visible: a scale that is computed in float64 and rounded once often differs in its last bit. Whoever simulates quantisation
//! while training uses these functions, and then the exported integers are the simulated ones.

/// Scale and zero point of a tensor: `real = scale · (code − zero_point)`, codes −128..=127.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Finite and above 0.
    pub scale: f32,
    /// −128..=127.
    pub zero_point: i32,
}

/// Ranges narrower than this are widened, so that no scale is so small that codes overflow.
const NARROWEST: f64 = 1e-6;

/// A bias has codes of at most half of what 32 bits hold, so that there is room for the products.
const BIAS_MOST: i32 = i32::MAX / 2;

impl Params {
    /// What SOFTMAX and LOGISTIC give: 0 to 255/256.
    pub const UNIT: Params = Params { scale: 1.0 / 256.0, zero_point: -128 };
    /// What TANH gives: −1 to 127/128.
    pub const SIGNED_UNIT: Params = Params { scale: 1.0 / 128.0, zero_point: 0 };

    /// Of numbers from `min` to `max`, which must be finite. The range is widened to hold 0, and to 10⁻⁶.
    ///
    /// The converter does not widen the range of an activation that is 0 throughout: it writes a scale of 0 or next to it, with
    /// which no runtime works. That is the only difference.
    #[must_use]
    pub fn of_range(min: f32, max: f32) -> Params {
        let (min, max) = widened(f64::from(min).min(0.0), f64::from(max).max(0.0));
        let scale = (max as f32 - min as f32) / 255.0;
        let zero = (-128.0 - min / f64::from(scale)) as f32;
        Params { scale, zero_point: zero.clamp(-128.0, 127.0).round() as i32 }
    }

    /// The code of a number: rounded half away from zero, clamped.
    #[must_use]
    pub fn code(self, real: f32) -> i8 {
        let rounded = (f64::from(real) / f64::from(self.scale)).round() + f64::from(self.zero_point);
        rounded.clamp(-128.0, 127.0) as i8
    }

    /// The number that a code stands for.
    #[must_use]
    pub fn real(self, code: i8) -> f32 {
        (i32::from(code) - self.zero_point) as f32 * self.scale
    }
}

fn widened(min: f64, max: f64) -> (f64, f64) {
    if max - min > NARROWEST { (min, max) } else { (min.min(-NARROWEST / 2.0), max.max(NARROWEST / 2.0)) }
}

/// The scale of symmetric codes −127..=127 for weights of at most `most` in size.
#[must_use]
pub fn weight_scale(most: f32) -> f32 {
    let (min, max) = widened(-f64::from(most), f64::from(most));
    (max as f32 - min as f32) / 254.0
}

/// The largest size of each channel's weights. `shape` is the tensor's, `axis` the dimension of the channels.
#[must_use]
pub fn channel_maxima(values: &[f32], shape: &[usize], axis: usize) -> Vec<f32> {
    let mut maxima = vec![0.0_f32; shape[axis]];
    for (at, value) in values.iter().enumerate() {
        let most = &mut maxima[channel(at, shape, axis)];
        *most = most.max(value.abs());
    }
    maxima
}

/// Codes of weights, given one scale for each channel along `axis`, or one for all.
#[must_use]
pub fn weight_codes(values: &[f32], shape: &[usize], axis: usize, scales: &[f32]) -> Vec<i8> {
    let inverses: Vec<f32> = scales.iter().map(|&scale| (1.0 / f64::from(scale)) as f32).collect();
    let inverse = |at: usize| if inverses.len() == 1 { inverses[0] } else { inverses[channel(at, shape, axis)] };
    values.iter().enumerate().map(|(at, &value)| symmetric_code(value * inverse(at))).collect()
}

/// Codes of weights with one scale that is their own, [`weight_scale`] of the largest. The converter does not take the
/// reciprocal of the scale here, so some codes differ from those of [`weight_codes`] with the same scale.
#[must_use]
pub fn tensor_codes(values: &[f32]) -> Vec<i8> {
    let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let inverse = if most == 0.0 { 0.0 } else { (127.0 / f64::from(most)) as f32 };
    values.iter().map(|&value| symmetric_code(value * inverse)).collect()
}

fn symmetric_code(scaled: f32) -> i8 {
    scaled.round().clamp(-127.0, 127.0) as i8
}

/// The channel of element `at` of a tensor of this shape.
fn channel(at: usize, shape: &[usize], axis: usize) -> usize {
    let inner: usize = shape[axis + 1..].iter().product();
    at / inner.max(1) % shape[axis].max(1)
}

/// The scale of a bias: that of the products.
#[must_use]
pub fn bias_scale(input: f32, weights: f32) -> f32 {
    (f64::from(input) * f64::from(weights)) as f32
}

/// Where the code of a bias would pass 2³⁰: the larger scales of weights and bias with which it does not. `None` where it fits.
#[must_use]
pub fn room_for_bias(bias: f32, input: f32, weights: f32) -> Option<(f32, f32)> {
    let size = f64::from(bias.abs());
    if size / f64::from(bias_scale(input, weights)) <= f64::from(BIAS_MOST) {
        return None;
    }
    let scale = size / f64::from(BIAS_MOST);
    Some(((scale / f64::from(input)) as f32, scale as f32))
}

/// The code of a bias.
#[must_use]
pub fn bias_code(bias: f32, scale: f32) -> i32 {
    let inverse = (1.0 / f64::from(scale)) as f32;
    // The conversion saturates; the most negative number has no counterpart and is left out, as in the converter.
    ((bias * inverse).round() as i32).max(-i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_zero_and_have_a_width() {
        // The golden of a network with caffe preprocessing: [−123.68, 151.061] is 1.0774157 and −13.
        let caffe = Params::of_range(-123.68, 151.061);
        assert_eq!((caffe.scale, caffe.zero_point), (1.077_415_7, -13));
        assert_eq!(Params::of_range(2.0, 4.0).zero_point, -128);
        assert_eq!(Params::of_range(-4.0, -2.0).zero_point, 127);
        let nothing = Params::of_range(0.0, 0.0);
        assert!(nothing.scale > 3.9e-9 && nothing.scale < 4e-9);
    }

    #[test]
    fn codes_round_half_away_from_zero_and_clamp() {
        let params = Params { scale: 0.5, zero_point: -3 };
        let codes = [-1e9, -0.75, -0.25, 0.0, 0.25, 0.75, f32::MAX].map(|x| params.code(x));
        assert_eq!(codes, [-128, -5, -4, -3, -2, -1, 127]);
        assert_eq!(params.real(-5), -1.0);
    }

    #[test]
    fn weights_never_use_the_most_negative_code() {
        let codes = weight_codes(&[-1.0, 1.0, -2.0, 0.5], &[2, 2], 0, &[1.0 / 127.0, 2.0 / 127.0]);
        assert_eq!(codes, [-127, 127, -127, 32]);
        assert_eq!(weight_codes(&[-9.0], &[1, 1], 0, &[0.01]), [-127]);
        assert_eq!(tensor_codes(&[0.0, 0.0]), [0, 0]);
    }

    #[test]
    fn channels_are_found_along_any_axis() {
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        assert_eq!(channel_maxima(&values, &[3, 2, 2], 0), [3.0, 7.0, 11.0]);
        assert_eq!(channel_maxima(&values, &[1, 2, 2, 3], 3), [9.0, 10.0, 11.0]);
    }

    #[test]
    fn a_bias_that_would_overflow_widens_its_scales() {
        assert_eq!(room_for_bias(1.0, 0.01, 0.01), None);
        let (weights, bias) = room_for_bias(1000.0, 1e-3, 1e-6).expect("too large");
        assert_eq!(bias_code(-1000.0, bias), -(1 << 30));
        assert!((weights * 1e-3 / bias - 1.0).abs() < 1e-6);
        assert_eq!(bias_code(f32::MIN, 1e-20), -i32::MAX);
    }
}
