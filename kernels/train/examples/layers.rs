//! Times the layers of three networks on one thread: `cargo run --release -p edgebench-train-kernels --example layers -- [net] [images] [isa]`.
//!
//! For each layer: GMAC/s and share of the measured peak, forward, input gradient and weight gradient; then what the network's
//! convolutions take per image.

use std::time::Instant;

use edgebench_train_kernels as tk;
use tk::{ConvPlan, ConvShape, DepthwisePlan, Isa, Kernels, PackedWeights, Scratch};

#[path = "nets/mod.rs"]
mod nets;

/// The best of some runs, in seconds.
fn best(mut f: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    let start = Instant::now();
    let mut runs = 0;
    while runs < 3 || (start.elapsed().as_secs_f64() < 0.06 && runs < 200) {
        let now = Instant::now();
        f();
        least = least.min(now.elapsed().as_secs_f64());
        runs += 1;
    }
    least
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 257) as f32 / 128.0 - 1.0).collect()
}

/// Seconds of forward, input gradient and weight gradient of `n` images.
fn time(k: &Kernels, s: &ConvShape, n: usize) -> [f64; 3] {
    let (x, dy) = (values(n * s.x_len()), values(n * s.y_len()));
    let (mut y, mut dx) = (dy.clone(), x.clone());
    let mut scratch = Scratch::new();
    if s.groups > 1 && s.groups == s.in_c {
        let plan = DepthwisePlan::new(k, *s).unwrap();
        let w = values(s.depthwise_weights_len());
        let mut dw = w.clone();
        return [
            best(|| tk::depthwise_forward(&plan, n, &x, &w, None, &mut y, &mut scratch)),
            best(|| tk::depthwise_input_gradient(&plan, n, &dy, &w, &mut dx, false, &mut scratch)),
            best(|| tk::depthwise_weight_gradient(&plan, n, &x, &dy, &mut dw, &mut scratch)),
        ];
    }
    let plan = ConvPlan::new(k, *s).unwrap();
    let w = values(s.weights_len());
    let mut dw = w.clone();
    let mut packed = PackedWeights::default();
    plan.pack(&w, &mut packed);
    [
        best(|| tk::conv_forward(&plan, n, &x, &packed, None, &mut y, &mut scratch)),
        best(|| tk::conv_input_gradient(&plan, n, &dy, &packed, &mut dx, false, &mut scratch)),
        best(|| tk::conv_weight_gradient(&plan, n, &x, &dy, &mut dw, 0..s.out_c, &mut scratch)),
    ]
}

/// Seconds of packing.
fn pack_time(k: &Kernels, s: &ConvShape) -> f64 {
    if s.groups > 1 {
        return 0.0;
    }
    let (plan, w, mut packed) = (ConvPlan::new(k, *s).unwrap(), values(s.weights_len()), PackedWeights::default());
    best(|| plan.pack(&w, &mut packed))
}

/// Multiply-adds per second of a product whose operands lie in the first cache.
fn peak(k: &Kernels) -> f64 {
    let s = ConvShape {
        in_h: 1,
        in_w: 112,
        in_c: 128,
        out_h: 1,
        out_w: 112,
        out_c: 32,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [0, 0],
        groups: 1,
    };
    let run = || s.macs() as f64 / time(k, &s, 1)[0];
    run().max(run())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: usize = args.get(2).map_or(16, |n| n.parse().expect("a number of images"));
    let isa = args.get(3).map(|isa| isa.parse::<Isa>().expect("an instruction set"));
    let k = isa.map_or(Kernels::detect(), |isa| Kernels::for_isa(isa).expect("one that runs here"));
    let peak = peak(&k);
    println!("{}, {n} images a call, peak {:.1} GMAC/s", k.isa(), peak / 1e9);
    for (name, layers) in nets::all() {
        if args.get(1).is_some_and(|net| net != name && net != "all") {
            continue;
        }
        println!(
            "\n{name}: GMAC/s and % of the peak: forward, input gradient, weight gradient; µs per image of all such layers"
        );
        let (mut total, mut parts, mut macs, mut packing, mut weights) = (0.0, [0.0; 3], 0, 0.0, 0);
        for (times, s) in &layers {
            let t = time(&k, s, n);
            let rates = t.map(|t| {
                let rate = (s.macs() * n) as f64 / t;
                format!("{:6.1} {:3.0} %", rate / 1e9, 100.0 * rate / peak)
            });
            let each = t.map(|t| t * 1e6 / n as f64 * *times as f64);
            println!(
                "{times}× {:>3}x{:<3} {:4}→{:<4} {}x{} s{} {:>9}  {}  {:8.1} {:8.1} {:8.1}",
                s.in_h,
                s.in_w,
                s.in_c,
                s.out_c,
                s.kernel[0],
                s.kernel[1],
                s.stride[0],
                if s.groups > 1 { "depthwise" } else { "" },
                rates.join("  "),
                each[0],
                each[1],
                each[2]
            );
            total += each.iter().sum::<f64>();
            parts.iter_mut().zip(each).for_each(|(all, t)| *all += t);
            macs += s.macs() * times;
            packing += pack_time(&k, s) * *times as f64;
            weights += s.weights_len() * times;
        }
        println!(
            "{name}: {:.1} MMAC; µs per image {:.0} + {:.0} + {:.0} = {total:.0}: {:.0} images/s of convolutions on a thread, {:.0} % of the peak",
            macs as f64 / 1e6,
            parts[0],
            parts[1],
            parts[2],
            1e6 / total,
            300.0 * macs as f64 / (total * 1e-6) / peak
        );
        println!("packing {weights} weights: {:.2} ms a step", packing * 1e3);
    }
}
