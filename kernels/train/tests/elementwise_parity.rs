//! Every instruction set gives what plain loops give, for any length and any number of channels.

mod common;

use common::{Rng, assert_same};
use edgebench_train_kernels as tk;
use tk::{Act, AdamStep, FakeQuant, Kernels, Norm, SgdStep, reference};

const ACTS: [Act; 4] = [Act::None, Act::Relu, Act::Relu6, Act::HardSwish];

/// Values of many sizes, among them zeros of both signs and the corners of activations.
fn values(rng: &mut Rng, n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| match i % 11 {
            3 => 0.0,
            5 => -0.0,
            7 => 6.0,
            9 => [3.0, -3.0][i % 2],
            _ => rng.real() * 8.0,
        })
        .collect()
}

#[test]
fn normalisation() {
    let mut rng = Rng(1);
    for (i, (pixels, c)) in [1, 2, 5, 31, 64, 67, 601]
        .into_iter()
        .flat_map(|p| [1, 3, 8, 16, 17, 24, 33, 64, 100].map(|c| (p, c)))
        .enumerate()
    {
        let len = pixels * c;
        let [x, dy, r, old] = [0; 4].map(|_| values(&mut rng, len));
        let [scale, shift, a, b, d] = [0; 5].map(|_| rng.reals(c));
        let act = ACTS[i % 4];
        for residual in [None, Some(&r[..])] {
            let norm = Norm { scale: &scale, shift: &shift, residual, act };
            let (mut y, mut dx, mut dr, mut added) = (x.clone(), x.clone(), x.clone(), old.clone());
            reference::scale_shift_act(&norm, &x, &mut y);
            let abc = [&a[..], &b, &d];
            reference::norm_backward(&norm, &x, &dy, abc, &mut dx, Some((&mut dr, false)));
            reference::norm_backward(&norm, &x, &dy, abc, &mut dx, Some((&mut added, true)));
            let start: Vec<f64> = scale.iter().map(|s| f64::from(*s)).collect();
            let mut sums = [0; 4].map(|_| start.clone());
            {
                let [s, q, d, p] = &mut sums;
                reference::channel_sums(&x, s, q);
                reference::norm_backward_sums(&norm, &x, &dy, d, p);
            }
            for k in Kernels::available() {
                let what = |part: &str| format!("{part}, {pixels} pixels of {c} channels, {act:?}, {k:?}");
                let (mut y_, mut dx_, mut dr_, mut added_) = (r.clone(), r.clone(), r.clone(), old.clone());
                tk::scale_shift_act(&k, &norm, &x, &mut y_);
                assert_same(&y_, &y, &what("forward"));
                tk::norm_backward(&k, &norm, &x, &dy, abc, &mut dx_, None);
                assert_same(&dx_, &dx, &what("backward"));
                tk::norm_backward(&k, &norm, &x, &dy, abc, &mut dx_, Some((&mut dr_, false)));
                tk::norm_backward(&k, &norm, &x, &dy, abc, &mut dx_, Some((&mut added_, true)));
                assert_same(&dr_, &dr, &what("residual's gradient"));
                assert_same(&added_, &added, &what("sum of the residual's gradients"));
                let mut sums_ = [0; 4].map(|_| start.clone());
                let [s, q, d, p] = &mut sums_;
                tk::channel_sums(&k, &x, s, q);
                tk::norm_backward_sums(&k, &norm, &x, &dy, d, p);
                assert_eq!(sums_, sums, "{}", what("sums"));
            }
        }
    }
}

#[test]
fn plain_elements() {
    let mut rng = Rng(2);
    for len in [0, 1, 7, 16, 33, 200] {
        let [x, dy] = [0; 2].map(|_| values(&mut rng, len));
        for k in Kernels::available() {
            let mut y = vec![f32::NAN; len];
            for act in ACTS {
                tk::act_forward(&k, act, &x, &mut y);
                assert_same(&y, &x.iter().map(|x| reference::act(act, *x)).collect::<Vec<_>>(), &format!("{act:?}"));
                tk::act_backward(&k, act, &x, &dy, &mut y);
                let slopes: Vec<f32> = x.iter().zip(&dy).map(|(x, dy)| reference::act_slope(act, *x, *dy)).collect();
                assert_same(&y, &slopes, &format!("slope of {act:?}"));
            }
            tk::add(&k, &x, &dy, &mut y);
            let sums: Vec<f32> = x.iter().zip(&dy).map(|(a, b)| a + b).collect();
            assert_same(&y, &sums, "sums");
            let mut y = x.clone();
            tk::add_assign(&k, &mut y, &dy);
            assert_same(&y, &sums, "sums in place");
        }
    }
    // What is not a number stays visible.
    for k in Kernels::available() {
        for act in ACTS {
            let mut y = [0.0];
            tk::act_forward(&k, act, &[f32::NAN], &mut y);
            assert!(y[0].is_nan(), "{act:?} {k:?}");
        }
    }
}

#[test]
fn bias_gradients() {
    let mut rng = Rng(3);
    for c in [1, 5, 16, 70, 200] {
        let (dy, start) = (rng.reals(9 * c), rng.reals(c));
        let mut expected = start.clone();
        dy.chunks(c).for_each(|dy| expected.iter_mut().zip(dy).for_each(|(e, d)| *e += d));
        for k in Kernels::available() {
            let mut db = start.clone();
            tk::bias_gradient(&k, &dy, &mut db);
            assert_same(&db, &expected, &format!("{c} channels, {k:?}"));
        }
    }
}

#[test]
fn quantisation() {
    let mut rng = Rng(4);
    let rule = FakeQuant { scale: 0.25, zero_point: -3, min: -11, max: 20 };
    let value = |x: f32, scale: f32, (zero, min, max): (i32, i32, i32)| {
        let code = ((x * (1.0 / scale)).round_ties_even() + zero as f32).clamp(min as f32, max as f32);
        (code - zero as f32) * scale
    };
    for len in [0, 1, 15, 64, 150, 500] {
        // Ties too.
        let x: Vec<f32> = values(&mut rng, len).iter().map(|x| (x * 8.0).round() / 8.0).collect();
        let dy = rng.reals(len);
        for k in Kernels::available() {
            let mut y = vec![f32::NAN; len];
            tk::fake_quant(&k, &rule, &x, &mut y);
            assert_same(&y, &x.iter().map(|x| value(*x, 0.25, (-3, -11, 20))).collect::<Vec<_>>(), "values");
            let (lo, hi) = rule.range();
            assert_eq!((lo, hi), (-2.0, 5.75));
            tk::fake_quant_backward(&k, &x, &dy, (lo, hi), &mut y);
            let inside = |(x, dy): (&f32, &f32)| if (lo..=hi).contains(x) { *dy } else { 0.0 };
            assert_same(&y, &x.iter().zip(&dy).map(inside).collect::<Vec<_>>(), "gradients");
            let ends = x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| (x.min(lo), x.max(hi)));
            assert_eq!(tk::min_max(&k, &x), ends);
        }
    }
    // Pixels lie on ties of the codes that they become, and a quotient falls on another side than a product.
    let pixels: Vec<f32> = (0..=255).map(|pixel| pixel as f32 / 127.5 - 1.0).collect();
    let rule = FakeQuant { scale: 2.0 / 255.0, zero_point: -1, min: -128, max: 127 };
    let expected: Vec<f32> = pixels.iter().map(|x| value(*x, rule.scale, (-1, -128, 127))).collect();
    for k in Kernels::available() {
        let mut y = vec![f32::NAN; pixels.len()];
        tk::fake_quant(&k, &rule, &pixels, &mut y);
        assert_same(&y, &expected, "pixels");
    }
    let (w, scales) = (rng.reals(3 * 19), [0.01, 0.002, 0.1]);
    let expected: Vec<f32> = (0..w.len()).map(|i| value(w[i], scales[i / 19], (0, -127, 127))).collect();
    for k in Kernels::available() {
        let (mut y, mut most) = (w.clone(), [0.0; 3]);
        tk::fake_quant_rows(&k, 19, &scales, &w, &mut y);
        assert_same(&y, &expected, "rows");
        tk::row_abs_max(&k, 19, &w, &mut most);
        for (w, most) in w.chunks(19).zip(most) {
            assert_eq!(most, w.iter().fold(0.0f32, |m, w| m.max(w.abs())));
        }
        assert_eq!(tk::min_max(&k, &[f32::NAN, 2.0, -0.0]), (0.0, 2.0));
    }
}

#[test]
fn optimisers() {
    let mut rng = Rng(5);
    for len in [0, 1, 16, 37] {
        let [w0, g, v0] = [0; 3].map(|_| rng.reals(len));
        for nesterov in [false, true] {
            let step = SgdStep { rate: 0.1, momentum: 0.9, weight_decay: 0.01, nesterov };
            let (mut w, mut v) = (w0.clone(), v0.clone());
            for i in 0..len {
                let g = w[i].mul_add(0.01, g[i]);
                v[i] = v[i].mul_add(0.9, g);
                w[i] = if nesterov { v[i].mul_add(0.9, g) } else { v[i] }.mul_add(-0.1, w[i]);
            }
            for k in Kernels::available() {
                let (mut w_, mut v_) = (w0.clone(), v0.clone());
                tk::sgd_momentum(&k, &step, &mut w_, &g, &mut v_);
                assert_same(&w_, &w, "weights");
                assert_same(&v_, &v, "velocities");
            }
        }
        // Adam against its rule in f64.
        let (mut w, mut m, mut v) = (w0.clone(), vec![0.0f32; len], vec![0.0f32; len]);
        let mut exact: Vec<[f64; 3]> = w0.iter().map(|w| [f64::from(*w), 0.0, 0.0]).collect();
        let mut of_isa: Vec<_> = Kernels::available().map(|k| (k, w.clone(), m.clone(), v.clone())).collect();
        for t in 1..=5 {
            let step = AdamStep::new(0.01, (0.9, 0.999), 1e-8, 0.1, t);
            for (i, [w, m, v]) in exact.iter_mut().enumerate() {
                let g = f64::from(g[i]);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let hat = |x: f64, beta: f64| x / (1.0 - beta.powi(t as i32));
                *w -= 0.01 * 0.1 * *w + 0.01 * hat(*m, 0.9) / (hat(*v, 0.999).sqrt() + 1e-8);
            }
            tk::adam(&Kernels::for_isa(tk::Isa::Portable).unwrap(), &step, &mut w, &g, &mut m, &mut v);
            for (k, w_, m_, v_) in &mut of_isa {
                tk::adam(k, &step, w_, &g, m_, v_);
                assert_same(w_, &w, "weights");
                assert_same(m_, &m, "means");
                assert_same(v_, &v, "squares");
            }
        }
        for (w, [exact, ..]) in w.iter().zip(&exact) {
            assert!((f64::from(*w) - exact).abs() < 1e-5, "{w} {exact}");
        }
    }
}
