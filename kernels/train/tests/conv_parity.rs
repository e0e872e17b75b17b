//! Every instruction set gives what the plain loops give.

mod common;

use common::{Rng, assert_bits, assert_same, conv_shapes, depthwise_shapes};
use edgebench_train_kernels as tk;
use tk::{ConvPlan, DepthwisePlan, Kernels, PackedWeights, Scratch, reference};

#[test]
fn convolutions() {
    let mut rng = Rng(1);
    let (mut scratch, mut packed) = (Scratch::new(), PackedWeights::default());
    for (i, s) in conv_shapes().into_iter().enumerate() {
        for n in [i % 6, 17] {
            let (x, w, bias) = (rng.rectified(n * s.x_len()), rng.reals(s.weights_len()), rng.reals(s.out_c));
            let (dy, old) = (rng.reals(n * s.y_len()), rng.reals(n * s.x_len()));
            let bias = (i % 3 > 0).then_some(&bias[..]);
            let mut expected_y = vec![0.0; dy.len()];
            reference::conv_forward(&s, &x, &w, bias, &mut expected_y);
            let (mut expected_dx, mut expected_sum) = (vec![0.0; x.len()], old.clone());
            reference::conv_input_gradient(&s, &dy, &w, &mut expected_dx, false);
            reference::conv_input_gradient(&s, &dy, &w, &mut expected_sum, true);
            let mut expected_dw = w.clone();
            reference::conv_weight_gradient(&s, &x, &dy, &mut expected_dw, 0..s.out_c);
            let mut before = None;
            for k in Kernels::available() {
                let plan = ConvPlan::new(&k, s).unwrap();
                plan.pack(&w, &mut packed);
                let what = |part: &str| format!("{part} of {n} images, {k:?}, {s:?}");
                let mut y = vec![f32::NAN; dy.len()];
                tk::conv_forward(&plan, n, &x, &packed, bias, &mut y, &mut scratch);
                assert_same(&y, &expected_y, &what("outputs"));
                let (mut dx, mut sum) = (vec![f32::NAN; x.len()], old.clone());
                tk::conv_input_gradient(&plan, n, &dy, &packed, &mut dx, false, &mut scratch);
                tk::conv_input_gradient(&plan, n, &dy, &packed, &mut sum, true, &mut scratch);
                assert_same(&dx, &expected_dx, &what("input gradients"));
                assert_same(&sum, &expected_sum, &what("sums of input gradients"));
                let (third, two_thirds) = (s.out_c / 3, s.out_c * 2 / 3);
                for outputs in [0..s.out_c, 0..third, third..two_thirds, two_thirds..s.out_c] {
                    let part = outputs.start * s.row_len()..outputs.end * s.row_len();
                    let mut dw = w[part.clone()].to_vec();
                    tk::conv_weight_gradient(&plan, n, &x, &dy, &mut dw, outputs.clone(), &mut scratch);
                    assert_same(&dw, &expected_dw[part], &what("weight gradients"));
                    if outputs.len() == s.out_c {
                        assert_bits(vec![y.clone(), dx.clone(), dw], &mut before, &what("all"));
                    }
                }
            }
        }
    }
}

#[test]
fn depthwise() {
    let mut rng = Rng(2);
    let mut scratch = Scratch::new();
    for (i, s) in depthwise_shapes().into_iter().enumerate() {
        let n = [1, 2, 3, 17][i % 4];
        let (x, w, bias) = (rng.rectified(n * s.x_len()), rng.reals(s.depthwise_weights_len()), rng.reals(s.out_c));
        let (dy, old) = (rng.reals(n * s.y_len()), rng.reals(n * s.x_len()));
        let bias = (i % 3 > 0).then_some(&bias[..]);
        let mut expected_y = vec![0.0; dy.len()];
        reference::depthwise_forward(&s, &x, &w, bias, &mut expected_y);
        let (mut expected_dx, mut expected_sum, mut expected_dw) = (vec![0.0; x.len()], old.clone(), w.clone());
        reference::depthwise_input_gradient(&s, &dy, &w, &mut expected_dx, false);
        reference::depthwise_input_gradient(&s, &dy, &w, &mut expected_sum, true);
        reference::depthwise_weight_gradient(&s, &x, &dy, &mut expected_dw);
        let mut before = None;
        for k in Kernels::available() {
            let plan = DepthwisePlan::new(&k, s).unwrap();
            let what = |part: &str| format!("{part} of {n} images, {k:?}, {s:?}");
            let mut y = vec![f32::NAN; dy.len()];
            tk::depthwise_forward(&plan, n, &x, &w, bias, &mut y, &mut scratch);
            assert_same(&y, &expected_y, &what("outputs"));
            let (mut dx, mut sum, mut dw) = (vec![f32::NAN; x.len()], old.clone(), w.clone());
            tk::depthwise_input_gradient(&plan, n, &dy, &w, &mut dx, false, &mut scratch);
            tk::depthwise_input_gradient(&plan, n, &dy, &w, &mut sum, true, &mut scratch);
            tk::depthwise_weight_gradient(&plan, n, &x, &dy, &mut dw, &mut scratch);
            assert_same(&dx, &expected_dx, &what("input gradients"));
            assert_same(&sum, &expected_sum, &what("sums of input gradients"));
            assert_same(&dw, &expected_dw, &what("weight gradients"));
            assert_bits(vec![y, dx, dw], &mut before, &what("all"));
        }
    }
}

/// Accumulating over chunks of images is accumulating over all.
#[test]
fn weight_gradients_of_chunks() {
    let mut rng = Rng(3);
    let mut scratch = Scratch::new();
    let n = 7;
    for s in conv_shapes() {
        let (x, dy) = (rng.reals(n * s.x_len()), rng.reals(n * s.y_len()));
        let plan = ConvPlan::new(&Kernels::detect(), s).unwrap();
        let (mut once, mut chunks) = (vec![0.0; s.weights_len()], vec![0.0; s.weights_len()]);
        tk::conv_weight_gradient(&plan, n, &x, &dy, &mut once, 0..s.out_c, &mut scratch);
        for (x, dy) in x.chunks(3 * s.x_len()).zip(dy.chunks(3 * s.y_len())) {
            let n = x.len() / s.x_len();
            tk::conv_weight_gradient(&plan, n, x, dy, &mut chunks, 0..s.out_c, &mut scratch);
        }
        assert_same(&chunks, &once, &format!("{s:?}"));
    }
}
