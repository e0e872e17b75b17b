//! Pools of every instruction set against plain loops.

mod common;

use common::{Rng, assert_same};
use edgebench_train_kernels as tk;
use tk::{Kernels, PoolShape, UpsampleShape};

fn shapes() -> Vec<PoolShape> {
    let mut all = Vec::new();
    for channels in [1, 5, 16, 33] {
        all.push(PoolShape {
            in_h: 7,
            in_w: 6,
            channels,
            out_h: 4,
            out_w: 3,
            window: [3, 3],
            stride: [2, 2],
            pad: [1, 0],
        });
        all.push(PoolShape {
            in_h: 4,
            in_w: 4,
            channels,
            out_h: 2,
            out_w: 2,
            window: [2, 2],
            stride: [2, 2],
            pad: [0, 0],
        });
        all.push(PoolShape {
            in_h: 3,
            in_w: 5,
            channels,
            out_h: 3,
            out_w: 5,
            window: [3, 2],
            stride: [1, 1],
            pad: [1, 1],
        });
    }
    all
}

/// The inputs of each window, in order, of channel `c` of an image: (output, inputs).
fn windows(s: &PoolShape) -> Vec<(usize, Vec<usize>)> {
    let mut all = Vec::new();
    for (oy, ox) in (0..s.out_h).flat_map(|y| (0..s.out_w).map(move |x| (y, x))) {
        for c in 0..s.channels {
            let mut inputs = Vec::new();
            for (ky, kx) in (0..s.window[0]).flat_map(|y| (0..s.window[1]).map(move |x| (y, x))) {
                let (iy, ix) =
                    ((oy * s.stride[0] + ky).wrapping_sub(s.pad[0]), (ox * s.stride[1] + kx).wrapping_sub(s.pad[1]));
                if iy < s.in_h && ix < s.in_w {
                    inputs.push((iy * s.in_w + ix) * s.channels + c);
                }
            }
            all.push(((oy * s.out_w + ox) * s.channels + c, inputs));
        }
    }
    all
}

#[test]
fn windows_of_pools() {
    let mut rng = Rng(1);
    let n = 2;
    for s in shapes() {
        // Few values, so that a window has its maximum more than once.
        let (x, dy, old) = (rng.whole(n * s.x_len()), rng.reals(n * s.y_len()), rng.reals(n * s.x_len()));
        let (mut y, mut mean) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
        let (mut dx, mut dmean) = (old.clone(), old.clone());
        for i in 0..n {
            let (x0, y0) = (i * s.x_len(), i * s.y_len());
            for (o, inputs) in windows(&s) {
                let largest = inputs.iter().copied().reduce(|a, b| if x[x0 + b] > x[x0 + a] { b } else { a }).unwrap();
                y[y0 + o] = x[x0 + largest];
                dx[x0 + largest] += dy[y0 + o];
                let share = 1.0 / inputs.len() as f32;
                mean[y0 + o] = inputs.iter().map(|i| x[x0 + i]).reduce(|a, b| a + b).unwrap() * share;
                inputs.iter().for_each(|i| dmean[x0 + i] += dy[y0 + o] * share);
            }
        }
        for k in Kernels::available() {
            let what = |part: &str| format!("{part} {k:?} {s:?}");
            let (mut found, mut dfound) = (vec![f32::NAN; y.len()], old.clone());
            tk::max_pool_forward(&k, &s, n, &x, &mut found);
            assert_same(&found, &y, &what("maxima"));
            tk::max_pool_backward(&k, &s, &x, &y, &dy, &mut dfound, true);
            assert_same(&dfound, &dx, &what("gradients of maxima"));
            tk::average_pool_forward(&k, &s, n, &x, &mut found);
            assert_same(&found, &mean, &what("means"));
            dfound.copy_from_slice(&old);
            tk::average_pool_backward(&k, &s, n, &dy, &mut dfound, true);
            assert_same(&dfound, &dmean, &what("gradients of means"));
        }
    }
}

#[test]
fn copies() {
    let k = Kernels::detect();
    let s = UpsampleShape { in_h: 1, in_w: 2, channels: 1, factor: 2 };
    let mut y = [0.0; 8];
    tk::upsample_forward(&k, &s, 1, &[1.0, 2.0], &mut y);
    assert_eq!(y, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    let mut dx = [1.0, 1.0];
    tk::upsample_backward(&k, &s, 1, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &mut dx, true);
    assert_eq!(dx, [15.0, 23.0]);
    let s = tk::PadShape { in_h: 1, in_w: 2, channels: 1, rows: [1, 0], columns: [0, 1] };
    let mut y = [7.0; 6];
    tk::pad_forward(&k, &s, 1, &[1.0, 2.0], &mut y);
    assert_eq!(y, [0.0, 0.0, 0.0, 1.0, 2.0, 0.0]);
    let mut dx = [1.0, 1.0];
    tk::pad_backward(&k, &s, 1, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut dx, true);
    assert_eq!(dx, [5.0, 6.0]);
}
