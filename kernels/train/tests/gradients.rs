//! Gradients against differences of the forward functions. Convolutions of whole numbers are exact, so there the two are equal.

mod common;

use common::{Rng, conv_shapes, depthwise_shapes};
use edgebench_train_kernels as tk;
use tk::{
    Act, ConvPlan, CrossEntropy, DepthwisePlan, Kernels, Norm, PackedWeights, PadShape, PoolShape, Scratch,
    UpsampleShape,
};

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Checks places of `gradient` against `(f(v + step at the place) − f(v − step)) / 2 step`.
#[track_caller]
fn check(v: &[f32], gradient: &[f32], step: f32, tolerance: f64, mut f: impl FnMut(&[f32]) -> f64) {
    let places = 12.min(v.len());
    for i in 0..places {
        let i = i * v.len() / places;
        let mut at = |by: f32| {
            let mut v = v.to_vec();
            v[i] += by;
            f(&v)
        };
        let slope = (at(step) - at(-step)) / (2.0 * f64::from(step));
        let found = f64::from(gradient[i]);
        assert!((slope - found).abs() <= tolerance, "element {i}: gradient {found}, difference {slope}");
    }
}

#[test]
fn convolutions() {
    let k = Kernels::detect();
    let (mut rng, mut scratch, mut packed) = (Rng(4), Scratch::new(), PackedWeights::default());
    for s in conv_shapes() {
        let plan = ConvPlan::new(&k, s).unwrap();
        let n = 2;
        let (x, w, g) = (rng.whole(n * s.x_len()), rng.whole(s.weights_len()), rng.whole(n * s.y_len()));
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        plan.pack(&w, &mut packed);
        tk::conv_input_gradient(&plan, n, &g, &packed, &mut dx, false, &mut scratch);
        tk::conv_weight_gradient(&plan, n, &x, &g, &mut dw, 0..s.out_c, &mut scratch);
        let mut y = vec![0.0; g.len()];
        let mut loss = |x: &[f32], w: &[f32]| {
            plan.pack(w, &mut packed);
            tk::conv_forward(&plan, n, x, &packed, None, &mut y, &mut scratch);
            dot(&y, &g)
        };
        check(&x, &dx, 1.0, 0.0, |x| loss(x, &w));
        check(&w, &dw, 1.0, 0.0, |w| loss(&x, w));
    }
}

#[test]
fn depthwise() {
    let k = Kernels::detect();
    let (mut rng, mut scratch) = (Rng(5), Scratch::new());
    for s in depthwise_shapes() {
        let plan = DepthwisePlan::new(&k, s).unwrap();
        let n = 2;
        let (x, w, g) = (rng.whole(n * s.x_len()), rng.whole(s.depthwise_weights_len()), rng.whole(n * s.y_len()));
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        tk::depthwise_input_gradient(&plan, n, &g, &w, &mut dx, false, &mut scratch);
        tk::depthwise_weight_gradient(&plan, n, &x, &g, &mut dw, &mut scratch);
        let mut y = vec![0.0; g.len()];
        let mut loss = |x: &[f32], w: &[f32]| {
            tk::depthwise_forward(&plan, n, x, w, None, &mut y, &mut scratch);
            dot(&y, &g)
        };
        check(&x, &dx, 1.0, 0.0, |x| loss(x, &w));
        check(&w, &dw, 1.0, 0.0, |w| loss(&x, w));
    }
}

/// Batch normalisation as an engine puts it together, with and without a residual.
#[test]
fn batch_normalisation() {
    let k = Kernels::detect();
    let mut rng = Rng(6);
    let (pixels, c) = (40, 5);
    for act in [Act::None, Act::Relu, Act::Relu6, Act::HardSwish] {
        let (x, g, r) = (rng.reals(pixels * c), rng.reals(pixels * c), rng.reals(pixels * c));
        let (gamma, beta) = (rng.reals(c), rng.reals(c));
        let statistics = |x: &[f32]| {
            let (mut sum, mut square) = (vec![0.0; c], vec![0.0; c]);
            tk::channel_sums(&k, x, &mut sum, &mut square);
            let n = pixels as f64;
            let mean: Vec<f64> = sum.iter().map(|s| s / n).collect();
            let inverse: Vec<f64> =
                square.iter().zip(&mean).map(|(s, m)| 1.0 / (s / n - m * m + 1e-3).sqrt()).collect();
            let scale: Vec<f32> = (0..c).map(|i| (f64::from(gamma[i]) * inverse[i]) as f32).collect();
            let shift: Vec<f32> =
                (0..c).map(|i| (f64::from(beta[i]) - mean[i] * f64::from(gamma[i]) * inverse[i]) as f32).collect();
            (mean, inverse, scale, shift)
        };
        let loss = |x: &[f32], r: &[f32]| {
            let (_, _, scale, shift) = statistics(x);
            let mut y = vec![0.0; x.len()];
            let norm = Norm { scale: &scale, shift: &shift, residual: Some(r), act };
            tk::scale_shift_act(&k, &norm, x, &mut y);
            dot(&y, &g)
        };
        let (mean, inverse, scale, shift) = statistics(&x);
        let norm = Norm { scale: &scale, shift: &shift, residual: Some(&r), act };
        let (mut sum_dy, mut sum_dy_x) = (vec![0.0; c], vec![0.0; c]);
        tk::norm_backward_sums(&k, &norm, &x, &g, &mut sum_dy, &mut sum_dy_x);
        // dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂)), x̂ = (x − mean)/σ.
        let mut abc = [vec![0.0f32; c], vec![0.0; c], vec![0.0; c]];
        for i in 0..c {
            let (n, a) = (pixels as f64, f64::from(gamma[i]) * inverse[i]);
            let dy_hat = (sum_dy_x[i] - mean[i] * sum_dy[i]) * inverse[i] / n;
            let b = -a * dy_hat * inverse[i];
            abc[0][i] = a as f32;
            abc[1][i] = b as f32;
            abc[2][i] = (-a * sum_dy[i] / n - b * mean[i]) as f32;
        }
        let (mut dx, mut dr) = (vec![0.0; x.len()], vec![1.0; x.len()]);
        let abc = [&abc[0][..], &abc[1], &abc[2]];
        tk::norm_backward(&k, &norm, &x, &g, abc, &mut dx, Some((&mut dr, true)));
        dr.iter_mut().for_each(|d| *d -= 1.0);
        check(&x, &dx, 1e-3, 6e-3, |x| loss(x, &r));
        check(&r, &dr, 1e-3, 3e-3, |r| loss(&x, r));
    }
}

#[test]
fn activations() {
    let k = Kernels::detect();
    // Away from the corners, on both sides of each.
    let x: Vec<f32> = (-40..80).map(|i| i as f32 * 0.1 + 0.05).collect();
    let g = Rng(7).reals(x.len());
    for act in [Act::None, Act::Relu, Act::Relu6, Act::HardSwish] {
        let mut dx = vec![0.0; x.len()];
        tk::act_backward(&k, act, &x, &g, &mut dx);
        for i in 0..x.len() {
            let value = |by: f32| {
                let mut y = [0.0];
                tk::act_forward(&k, act, &[x[i] + by], &mut y);
                f64::from(y[0])
            };
            let slope = (value(0.01) - value(-0.01)) / 0.02 * f64::from(g[i]);
            assert!((slope - f64::from(dx[i])).abs() < 1e-3, "{act:?} at {}: {} {slope}", x[i], dx[i]);
        }
    }
}

#[test]
fn pools_and_movements() {
    let k = Kernels::detect();
    let mut rng = Rng(8);
    let s =
        PoolShape { in_h: 7, in_w: 6, channels: 5, out_h: 4, out_w: 3, window: [3, 3], stride: [2, 2], pad: [1, 0] };
    let n = 2;
    // All different, in any order, with gaps larger than the steps taken.
    let mut x: Vec<f32> = (0..n * s.x_len()).map(|i| i as f32 * 4.0).collect();
    for i in (1..x.len()).rev() {
        x.swap(i, rng.next() as usize % (i + 1));
    }
    let g = rng.whole(n * s.y_len());
    let (mut y, mut dx) = (vec![0.0; g.len()], vec![3.0; x.len()]);
    tk::max_pool_forward(&k, &s, n, &x, &mut y);
    tk::max_pool_backward(&k, &s, &x, &y, &g, &mut dx, false);
    check(&x, &dx, 1.0, 0.0, |x| {
        tk::max_pool_forward(&k, &s, n, x, &mut y);
        dot(&y, &g)
    });
    tk::average_pool_backward(&k, &s, n, &g, &mut dx, false);
    check(&x, &dx, 1.0, 2e-3, |x| {
        tk::average_pool_forward(&k, &s, n, x, &mut y);
        dot(&y, &g)
    });
    let g = rng.whole(n * s.channels);
    let mut y = vec![0.0; g.len()];
    tk::global_average_backward(&k, n, s.channels, &g, &mut dx, false);
    check(&x, &dx, 1.0, 2e-3, |x| {
        tk::global_average_forward(&k, n, s.channels, x, &mut y);
        dot(&y, &g)
    });
    let up = UpsampleShape { in_h: 7, in_w: 6, channels: 5, factor: 3 };
    let g = rng.whole(n * up.y_len());
    let mut y = vec![0.0; g.len()];
    tk::upsample_backward(&k, &up, n, &g, &mut dx, false);
    check(&x, &dx, 1.0, 0.0, |x| {
        tk::upsample_forward(&k, &up, n, x, &mut y);
        dot(&y, &g)
    });
    let pad = PadShape { in_h: 7, in_w: 6, channels: 5, rows: [1, 2], columns: [3, 0] };
    let g = rng.whole(n * pad.y_len());
    let mut y = vec![0.0; g.len()];
    tk::pad_backward(&k, &pad, n, &g, &mut dx, false);
    check(&x, &dx, 1.0, 0.0, |x| {
        tk::pad_forward(&k, &pad, n, x, &mut y);
        dot(&y, &g)
    });
}

#[test]
fn cross_entropy() {
    let mut rng = Rng(9);
    let (n, classes) = (3, 7);
    let logits: Vec<f32> = rng.reals(n * classes).iter().map(|x| 5.0 * x).collect();
    let labels = [2, 0, 6];
    for label_smoothing in [0.0, 0.1] {
        let rule = CrossEntropy { classes, label_smoothing, scale: 0.5 };
        let mut d = vec![0.0; logits.len()];
        let mut sums = tk::softmax_cross_entropy(&rule, &logits, &labels, &mut d);
        assert!(sums.loss > 0.0 && sums.correct <= n);
        let mut other = vec![0.0; logits.len()];
        check(&logits, &d, 1e-2, 1e-4, |logits| {
            sums = tk::softmax_cross_entropy(&rule, logits, &labels, &mut other);
            0.5 * sums.loss
        });
    }
    let rule = CrossEntropy { classes: 2, label_smoothing: 0.0, scale: 1.0 };
    let sums = tk::softmax_cross_entropy(&rule, &[1.0, 1.0, -1.0, 2.0], &[0, 1], &mut [0.0; 4]);
    assert_eq!(sums.correct, 2);
    assert!((sums.loss - (2f64.ln() + (1.0 + (-3f64).exp()).ln())).abs() < 1e-12);
}
