//! Times the element-wise passes: `cargo run --release -p edgebench-train-kernels --example passes -- [isa]`. GB/s count what is read and written.

use std::time::Instant;

use edgebench_train_kernels as tk;
use tk::{Act, AdamStep, FakeQuant, Isa, Kernels, Norm, PoolShape, SgdStep};

/// GB/s of the best run.
fn rate(bytes: usize, mut f: impl FnMut()) -> f64 {
    let (start, mut least, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 3 || (start.elapsed().as_secs_f64() < 0.03 && runs < 1000) {
        let now = Instant::now();
        f();
        least = least.min(now.elapsed().as_secs_f64());
        runs += 1;
    }
    bytes as f64 / least / 1e9
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 257) as f32 / 32.0 - 4.0).collect()
}

fn main() {
    let isa = std::env::args().nth(1).map(|isa| isa.parse::<Isa>().expect("an instruction set"));
    let k = isa.map_or(Kernels::detect(), |isa| Kernels::for_isa(isa).expect("one that runs here"));
    println!("{}: GB/s, tensors in the second cache / in memory", k.isa());
    for c in [8, 16, 24, 48, 64, 256, 2048] {
        let mut all = Vec::new();
        for len in [64 * 1024, 16 * 1024 * 1024] {
            let len = len / c * c;
            let (x, mut y, mut z) = (values(len), values(len), values(len));
            let [scale, shift] = [values(c), values(c)];
            let (mut s, mut q) = (vec![0.0; c], vec![0.0; c]);
            let b = 4 * len;
            let plain = Norm { scale: &scale, shift: &shift, residual: None, act: Act::Relu6 };
            let norm = Norm { residual: Some(&x), ..plain };
            let abc = [&scale[..], &shift, &scale];
            all.push([
                rate(b, || tk::channel_sums(&k, &x, &mut s, &mut q)),
                rate(2 * b, || tk::scale_shift_act(&k, &plain, &x, &mut y)),
                rate(3 * b, || tk::scale_shift_act(&k, &norm, &x, &mut y)),
                rate(2 * b, || tk::norm_backward_sums(&k, &plain, &x, &z, &mut s, &mut q)),
                rate(3 * b, || tk::norm_backward(&k, &plain, &x, &z, abc, &mut y, None)),
                rate(4 * b, || tk::norm_backward(&k, &plain, &x, &x, abc, &mut y, Some((&mut z, false)))),
            ]);
        }
        let names = [
            "channel_sums",
            "scale_shift_act",
            "… with residual",
            "norm_backward_sums",
            "norm_backward",
            "… with residual",
        ];
        let each = names.iter().enumerate().map(|(i, name)| format!("{name} {:.0}/{:.0}", all[0][i], all[1][i]));
        println!("{c:4} channels: {}", each.collect::<Vec<_>>().join(", "));
    }
    let mut all = Vec::new();
    for len in [64 * 1024, 16 * 1024 * 1024] {
        let [mut w, g, mut v, mut m] = [0; 4].map(|_| values(len));
        let b = 4 * len;
        let rule = FakeQuant { scale: 0.1, zero_point: -3, min: -128, max: 127 };
        let sgd = SgdStep { rate: 1e-6, momentum: 0.9, weight_decay: 1e-4, nesterov: true };
        let adam = AdamStep::new(1e-6, (0.9, 0.999), 1e-8, 0.0, 3);
        let s = PoolShape {
            in_h: 16,
            in_w: 16,
            channels: 64,
            out_h: 8,
            out_w: 8,
            window: [3, 3],
            stride: [2, 2],
            pad: [1, 1],
        };
        let n = len / s.x_len();
        let y = n * s.y_len();
        all.push([
            rate(3 * b, || tk::add(&k, &w, &g, &mut v)),
            rate(3 * b, || tk::add_assign(&k, &mut w, &g)),
            rate(3 * b, || tk::act_backward(&k, Act::HardSwish, &w, &g, &mut v)),
            rate(2 * b, || tk::fake_quant(&k, &rule, &g, &mut v)),
            rate(b, || {
                let _ = tk::min_max(&k, &g);
            }),
            rate(5 * b, || tk::sgd_momentum(&k, &sgd, &mut w, &g, &mut v)),
            rate(7 * b, || tk::adam(&k, &adam, &mut w, &g, &mut m, &mut v)),
            rate(b + 4 * y, || tk::max_pool_forward(&k, &s, n, &g, &mut v[..y])),
            rate(2 * b + 8 * y, || tk::max_pool_backward(&k, &s, &g, &v[..y], &g[..y], &mut w, false)),
            rate(b + 4 * n * 64, || tk::global_average_forward(&k, n, 64, &g, &mut v[..n * 64])),
        ]);
    }
    let names = [
        "add",
        "add_assign",
        "hard-swish backward",
        "fake_quant",
        "min_max",
        "sgd",
        "adam",
        "max pool",
        "max pool backward",
        "global average",
    ];
    for (i, name) in names.iter().enumerate() {
        println!("{name} {:.0}/{:.0}", all[0][i], all[1][i]);
    }
}
