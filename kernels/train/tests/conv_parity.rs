//! Every instruction set gives what the plain loops give.

mod common;

use common::{Rng, assert_same, conv_shapes, depthwise_shapes};
use edgebench_train_kernels as tk;
use tk::{ConvPlan, DepthwisePlan, Kernels, PackedWeights, Scratch, reference};

#[test]
fn convolutions() {
    let mut rng = Rng(1);
    let (mut scratch, mut packed) = (Scratch::new(), PackedWeights::default());
    for (i, s) in conv_shapes().into_iter().enumerate() {
        for n in [1 + i % 5, 17] {
            let (x, w, bias) = (rng.reals(n * s.x_len()), rng.reals(s.weights_len()), rng.reals(s.out_c));
            let (dy, old) = (rng.reals(n * s.y_len()), rng.reals(n * s.x_len()));
            for k in Kernels::available() {
                let plan = ConvPlan::new(&k, s).unwrap();
                plan.pack(&w, &mut packed);
                let what = |part: &str| format!("{part} of {n} images, {k:?}, {s:?}");
                for bias in [Some(&bias[..]), None] {
                    let (mut y, mut expected) = (vec![f32::NAN; dy.len()], vec![0.0; dy.len()]);
                    tk::conv_forward(&plan, n, &x, &packed, bias, &mut y, &mut scratch);
                    reference::conv_forward(&s, &x, &w, bias, &mut expected);
                    assert_same(&y, &expected, &what("outputs"));
                }
                for accumulate in [false, true] {
                    let (mut dx, mut expected) = (old.clone(), old.clone());
                    tk::conv_input_gradient(&plan, n, &dy, &packed, &mut dx, accumulate, &mut scratch);
                    reference::conv_input_gradient(&s, &dy, &w, &mut expected, accumulate);
                    assert_same(&dx, &expected, &what("input gradients"));
                }
                let (third, two_thirds) = (s.out_c / 3, s.out_c * 2 / 3);
                for outputs in [0..s.out_c, 0..third, third..two_thirds, two_thirds..s.out_c] {
                    let part = outputs.start * s.row_len()..outputs.end * s.row_len();
                    let (mut dw, mut expected) = (w[part.clone()].to_vec(), w[part].to_vec());
                    tk::conv_weight_gradient(&plan, n, &x, &dy, &mut dw, outputs.clone(), &mut scratch);
                    reference::conv_weight_gradient(&s, &x, &dy, &mut expected, outputs);
                    assert_same(&dw, &expected, &what("weight gradients"));
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
        let n = 1 + i % 3;
        let (x, w, bias) = (rng.reals(n * s.x_len()), rng.reals(s.depthwise_weights_len()), rng.reals(s.out_c));
        let (dy, old) = (rng.reals(n * s.y_len()), rng.reals(n * s.x_len()));
        for k in Kernels::available() {
            let plan = DepthwisePlan::new(&k, s).unwrap();
            let what = |part: &str| format!("{part} of {n} images, {k:?}, {s:?}");
            for bias in [Some(&bias[..]), None] {
                let (mut y, mut expected) = (vec![f32::NAN; dy.len()], vec![0.0; dy.len()]);
                tk::depthwise_forward(&plan, n, &x, &w, bias, &mut y, &mut scratch);
                reference::depthwise_forward(&s, &x, &w, bias, &mut expected);
                assert_same(&y, &expected, &what("outputs"));
            }
            for accumulate in [false, true] {
                let (mut dx, mut expected) = (old.clone(), old.clone());
                tk::depthwise_input_gradient(&plan, n, &dy, &w, &mut dx, accumulate, &mut scratch);
                reference::depthwise_input_gradient(&s, &dy, &w, &mut expected, accumulate);
                assert_same(&dx, &expected, &what("input gradients"));
            }
            let (mut dw, mut expected) = (w.clone(), w.clone());
            tk::depthwise_weight_gradient(&plan, n, &x, &dy, &mut dw, &mut scratch);
            reference::depthwise_weight_gradient(&s, &x, &dy, &mut expected);
            assert_same(&dw, &expected, &what("weight gradients"));
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
