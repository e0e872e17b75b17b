//! Layers, one libtorch call or a few each.

use edgebench_corrupt::rng::Rng;
use edgebench_train_kernels::FakeQuant;
use tch::{Device, TchError, Tensor, no_grad};

use crate::net::{Activation, Layer, Op, Padding, Pool, Role, Shape, Window};
use crate::{Net, Params, quant};

type Result<T> = std::result::Result<T, TchError>;

/// What a network is run for.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// Statistics are those of the batch; `key` names the random numbers of dropout.
    Training { key: u64 },
    /// Statistics are the running ones.
    Answering,
}

/// A network, its numbers on the device, and what it is run for.
pub(super) struct Forward<'a> {
    pub(super) net: &'a Net,
    /// For the ranges, which stay here.
    pub(super) params: &'a Params,
    pub(super) weights: &'a [Option<Tensor>],
    pub(super) running: &'a [Option<Tensor>],
    pub(super) device: Device,
    pub(super) mode: Mode,
}

/// Smallest and largest value that a range has seen, as a tensor of two; by the range's number in the network.
type Seen = Vec<(usize, Tensor)>;

fn pair(sizes: [usize; 2]) -> [i64; 2] {
    sizes.map(|size| i64::try_from(size).unwrap_or(i64::MAX))
}

/// `[left, right, top, bottom]` of a window over an image, as TensorFlow pads.
fn padding(shape: Shape, window: &Window) -> [i64; 4] {
    if window.padding == Padding::Valid {
        return [0; 4];
    }
    let along = |size: usize, axis: usize| {
        let extent = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        let out = size.div_ceil(window.stride[axis]);
        let missing = ((out - 1) * window.stride[axis] + extent).saturating_sub(size);
        pair([missing / 2, missing - missing / 2])
    };
    let ([top, bottom], [left, right]) = (along(shape.h, 0), along(shape.w, 1));
    [left, right, top, bottom]
}

impl Forward<'_> {
    /// Logits `[N, classes]` of images `[N, C, H, W]`, and what the ranges have seen.
    pub(super) fn run(&self, input: Tensor) -> Result<(Tensor, Seen)> {
        let layers = self.net.layers();
        let mut uses = self.net.uses();
        let mut values: Vec<Option<Tensor>> = layers.iter().map(|_| None).collect();
        let images = input.size()[0];
        let mut seen = Vec::new();
        values[0] = Some(input);
        for (at, layer) in layers.iter().enumerate().skip(1) {
            let taken: Vec<Tensor> =
                layer.inputs.iter().filter_map(|&x| Some(values[x].as_ref()?.shallow_clone())).collect();
            values[at] = Some(self.layer(at, layer, &taken, &mut seen)?);
            for &input in &layer.inputs {
                uses[input] -= 1;
                // What nobody needs any more is let go; autograd keeps what it needs.
                if uses[input] == 0 {
                    values[input] = None;
                }
            }
        }
        let logits = values.pop().flatten().ok_or_else(|| TchError::Torch("a network without layers".into()))?;
        // Channels last, as everywhere here.
        Ok((logits.f_permute([0, 2, 3, 1])?.f_reshape([images, -1])?, seen))
    }

    fn tensor(&self, layer: usize, role: Role) -> Option<&Tensor> {
        let at = self.net.tensor(layer, role)?;
        self.weights[at].as_ref().or(self.running[at].as_ref())
    }

    fn kernel(&self, layer: usize, role: Role) -> Result<&Tensor> {
        let missing = || TchError::Torch(format!("layer {:?} has no {}", self.net.layers()[layer].name, role.suffix()));
        self.tensor(layer, role).ok_or_else(missing)
    }

    fn layer(&self, at: usize, layer: &Layer, taken: &[Tensor], seen: &mut Seen) -> Result<Tensor> {
        let x = &taken[0];
        let before = self.net.shape(layer.inputs[0]);
        match &layer.op {
            Op::Input => Ok(x.shallow_clone()),
            Op::Conv(conv) => {
                let weights = self.kernel(at, Role::Kernel)?.f_permute([0, 3, 1, 2])?;
                self.convolve(at, x, &weights, &conv.window, conv.groups)
            }
            Op::Depthwise { window, .. } => {
                let weights = self.kernel(at, Role::DepthwiseKernel)?.f_permute([3, 0, 1, 2])?;
                self.convolve(at, x, &weights, window, before.c)
            }
            Op::Dense { .. } => {
                let rows = x.f_permute([0, 2, 3, 1])?.f_reshape([x.size()[0], -1])?;
                let y = rows.f_linear(self.kernel(at, Role::Kernel)?, self.tensor(at, Role::Bias))?;
                y.f_unsqueeze(-1)?.f_unsqueeze(-1)
            }
            Op::BatchNorm { epsilon, momentum } => x.f_batch_norm(
                self.tensor(at, Role::Gamma),
                self.tensor(at, Role::Beta),
                self.tensor(at, Role::Mean),
                self.tensor(at, Role::Variance),
                matches!(self.mode, Mode::Training { .. }),
                1.0 - f64::from(*momentum),
                f64::from(*epsilon),
                true,
            ),
            Op::Act(Activation::Relu) => x.f_relu(),
            Op::Act(Activation::Relu6) => x.f_relu6(),
            Op::Act(Activation::HardSwish) => x.f_hardswish(),
            Op::Add => x.f_add(&taken[1]),
            Op::Pad([top, bottom, left, right]) => {
                let ([top, bottom], [left, right]) = (pair([*top, *bottom]), pair([*left, *right]));
                x.f_constant_pad_nd([left, right, top, bottom])
            }
            Op::Upsample(times) => x.f_upsample_nearest2d(pair([before.h * times, before.w * times]), None, None),
            Op::Pool(pool, window) => self.pool(x, before, *pool, window),
            Op::GlobalAveragePool => x.f_mean_dim([2i64, 3].as_slice(), true, None),
            Op::Dropout(rate) => self.dropout(at, x, *rate),
            Op::Flatten => {
                let rows = x.f_permute([0, 2, 3, 1])?.f_reshape([x.size()[0], -1])?;
                rows.f_unsqueeze(-1)?.f_unsqueeze(-1)
            }
            Op::FakeQuant => self.fake_quant(at, x, seen),
        }
    }

    fn convolve(&self, at: usize, x: &Tensor, weights: &Tensor, window: &Window, groups: usize) -> Result<Tensor> {
        let padding = padding(self.net.shape(self.net.layers()[at].inputs[0]), window);
        let [left, right, top, bottom] = padding;
        let even = left == right && top == bottom;
        let padded = if even { x.shallow_clone() } else { x.f_constant_pad_nd(padding)? };
        let around = if even { [top, left] } else { [0, 0] };
        let groups = i64::try_from(groups).unwrap_or(i64::MAX);
        let bias = self.tensor(at, Role::Bias);
        padded.f_conv2d(weights, bias, pair(window.stride), around, pair(window.dilation), groups)
    }

    fn pool(&self, x: &Tensor, shape: Shape, pool: Pool, window: &Window) -> Result<Tensor> {
        let (kernel, stride, padding) = (pair(window.kernel), pair(window.stride), padding(shape, window));
        let outside = match pool {
            Pool::Max => f64::NEG_INFINITY,
            Pool::Average => 0.0,
        };
        let padded = if padding == [0; 4] { x.shallow_clone() } else { x.f_pad(padding, "constant", outside)? };
        match pool {
            Pool::Max => padded.f_max_pool2d(kernel, stride, [0, 0], pair(window.dilation), false),
            Pool::Average => {
                let ones =
                    no_grad(|| x.f_narrow(0, 0, 1)?.f_narrow(1, 0, 1)?.f_ones_like()?.f_constant_pad_nd(padding))?;
                let mean = |x: &Tensor| x.f_avg_pool2d(kernel, stride, [0, 0], false, true, None);
                mean(&padded)?.f_div(&mean(&ones)?)
            }
        }
    }

    /// The factors are those of the engine of this crate: of the same random numbers, image by image.
    fn dropout(&self, at: usize, x: &Tensor, rate: f32) -> Result<Tensor> {
        let Mode::Training { key } = self.mode else { return Ok(x.shallow_clone()) };
        let [images, c, h, w] = x.size()[..] else { return Ok(x.shallow_clone()) };
        let stream = u32::try_from(at).unwrap_or(u32::MAX);
        let factor = 1.0 / (1.0 - rate);
        let mut factors = Vec::new();
        for image in 0..images.unsigned_abs() {
            let mut rng = Rng::new(key, image, stream);
            factors.extend((0..c * h * w).map(|_| if rng.unit() < f64::from(rate) { 0.0 } else { factor }));
        }
        let factors = Tensor::f_from_slice(&factors)?.f_to_device(self.device)?;
        x.f_mul(&factors.f_reshape([images, h, w, c])?.f_permute([0, 3, 1, 2])?)
    }

    /// Values become those of their codes; gradients pass where a value lies inside of the range.
    fn fake_quant(&self, at: usize, x: &Tensor, seen: &mut Seen) -> Result<Tensor> {
        let range = self.net.tensors_of(at).start;
        if matches!(self.mode, Mode::Training { .. }) {
            let (lo, hi) = no_grad(|| x.f_aminmax(None, false))?;
            seen.push((range, no_grad(|| Tensor::f_stack(&[lo, hi], 0))?));
        }
        let Some(rule) = quant::activation(self.params.get(range)) else { return Ok(x.shallow_clone()) };
        let FakeQuant { scale, zero_point, min, max } = rule;
        let (lo, hi) = rule.range();
        let coded = no_grad(|| {
            let code = x.f_mul_scalar(f64::from(1.0 / scale))?.f_round()?.f_add_scalar(f64::from(zero_point))?;
            let code = code.f_clamp(f64::from(min), f64::from(max))?;
            code.f_sub_scalar(f64::from(zero_point))?.f_mul_scalar(f64::from(scale))
        })?;
        let inside = x.f_clamp(f64::from(lo), f64::from(hi))?;
        // Forward `coded` to the bit, backward `inside`.
        coded.f_add(&inside.f_sub(&inside.f_detach()?)?)
    }
}
