//! What the kernels allow a whole step: every convolution of a network with batch normalisation and ReLU6, forward, backward and SGD, each
//! layer on tensors of its own: `cargo run --release -p edgebench-train-kernels --example step -- [images] [threads]`.
//!
//! Threads share the images; each has its own weight gradients, which are added up, except where weights are many: there threads share
//! the output channels.

use std::time::Instant;

use edgebench_train_kernels as tk;
use tk::{Act, ConvPlan, ConvShape, DepthwisePlan, Kernels, Norm, PackedWeights, Scratch, SgdStep};

#[path = "nets/mod.rs"]
mod nets;

/// Bytes of a chunk of images that should stay in the second cache.
const CHUNK: usize = 768 * 1024;

enum Plan {
    Conv(Box<ConvPlan>, PackedWeights),
    Depthwise(DepthwisePlan),
}

struct Layer {
    s: ConvShape,
    plan: Plan,
    w: Vec<f32>,
    velocity: Vec<f32>,
    /// Of each thread.
    dw: Vec<Vec<f32>>,
    x: Vec<f32>,
    /// Before normalisation.
    y: Vec<f32>,
    /// After it.
    z: Vec<f32>,
    dz: Vec<f32>,
    dx: Vec<f32>,
    first: bool,
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 257) as f32 / 128.0 - 1.0).collect()
}

fn layer(k: &Kernels, s: ConvShape, n: usize, threads: usize) -> Layer {
    let depthwise = s.groups > 1;
    let w = values(if depthwise { s.depthwise_weights_len() } else { s.weights_len() });
    let plan = if depthwise {
        Plan::Depthwise(DepthwisePlan::new(k, s).unwrap())
    } else {
        Plan::Conv(Box::new(ConvPlan::new(k, s).unwrap()), PackedWeights::default())
    };
    let [x, dx] = [0; 2].map(|_| values(n * s.x_len()));
    let [y, z, dz] = [0; 3].map(|_| values(n * s.y_len()));
    let dw = vec![vec![0.0; w.len()]; threads];
    Layer { s, plan, velocity: w.clone(), w, dw, x, y, z, dz, dx, first: s.in_c == 3 }
}

impl Layer {
    /// One step; `scratch` of each thread.
    fn step(&mut self, k: &Kernels, scratch: &mut [Scratch]) {
        let Layer { s, plan, w, velocity, dw, x, y, z, dz, dx, first } = self;
        let (s, c, threads) = (*s, s.out_c, scratch.len());
        let per_thread = (x.len() / s.x_len()).div_ceil(threads);
        let chunk = (CHUNK / 4 / (s.x_len() + s.y_len())).clamp(1, per_thread);
        let (xs, ys) = (per_thread * s.x_len(), per_thread * s.y_len());
        if let Plan::Conv(plan, packed) = plan {
            plan.pack(w, packed);
        }
        let (plan, w) = (&*plan, &mut w[..]);
        // Forward, with the sums of each chunk while it is in the cache.
        std::thread::scope(|scope| {
            for ((x, y), scratch) in x.chunks(xs).zip(y.chunks_mut(ys)).zip(scratch.iter_mut()) {
                let w = &*w;
                scope.spawn(move || {
                    let (mut sum, mut square) = (vec![0.0; c], vec![0.0; c]);
                    for (x, y) in x.chunks(chunk * s.x_len()).zip(y.chunks_mut(chunk * s.y_len())) {
                        let n = x.len() / s.x_len();
                        match plan {
                            Plan::Conv(p, packed) => tk::conv_forward(p, n, x, packed, None, y, scratch),
                            Plan::Depthwise(p) => tk::depthwise_forward(p, n, x, w, None, y, scratch),
                        }
                        tk::channel_sums(k, y, &mut sum, &mut square);
                    }
                });
            }
        });
        let (scale, shift) = (vec![0.5; c], vec![0.1; c]);
        let norm = Norm { scale: &scale, shift: &shift, residual: None, act: Act::Relu6 };
        std::thread::scope(|scope| {
            for (y, z) in y.chunks(ys).zip(z.chunks_mut(ys)) {
                scope.spawn(move || tk::scale_shift_act(k, &norm, y, z));
            }
        });
        // Backward.
        std::thread::scope(|scope| {
            for (y, dz) in y.chunks(ys).zip(dz.chunks(ys)) {
                scope.spawn(move || {
                    tk::norm_backward_sums(k, &norm, y, dz, &mut vec![0.0; c], &mut vec![0.0; c]);
                });
            }
        });
        let shared = s.weights_len() > 500_000 && s.groups == 1;
        std::thread::scope(|scope| {
            let parts = x.chunks(xs).zip(y.chunks(ys)).zip(dz.chunks_mut(ys)).zip(dx.chunks_mut(xs));
            for ((((x, y), dz), dx), (scratch, dw)) in parts.zip(scratch.iter_mut().zip(dw.iter_mut())) {
                let (w, abc, first) = (&*w, [&scale[..], &shift, &shift], *first);
                scope.spawn(move || {
                    if !shared {
                        dw.fill(0.0);
                    }
                    let (xs, ys) = (chunk * s.x_len(), chunk * s.y_len());
                    let mut dy = Vec::new();
                    let chunks = x.chunks(xs).zip(y.chunks(ys)).zip(dz.chunks(ys)).zip(dx.chunks_mut(xs));
                    for (((x, y), dz), dx) in chunks {
                        dy.clear();
                        dy.resize(dz.len(), 0.0);
                        tk::norm_backward(k, &norm, y, dz, abc, &mut dy, None);
                        let dz = &dy[..];
                        let n = x.len() / s.x_len();
                        match plan {
                            Plan::Conv(p, packed) => {
                                if !shared {
                                    tk::conv_weight_gradient(p, n, x, dz, dw, 0..c, scratch);
                                }
                                if !first {
                                    tk::conv_input_gradient(p, n, dz, packed, dx, false, scratch);
                                }
                            }
                            Plan::Depthwise(p) => {
                                tk::depthwise_weight_gradient(p, n, x, dz, dw, scratch);
                                tk::depthwise_input_gradient(p, n, dz, w, dx, false, scratch);
                            }
                        }
                    }
                });
            }
        });
        let sgd = SgdStep { rate: 0.0, momentum: 0.9, weight_decay: 1e-4, nesterov: false };
        let (total, others) = dw.split_at_mut(1);
        let rows = c.div_ceil(threads);
        let part = rows * (w.len() / c);
        std::thread::scope(|scope| {
            let parts = total[0].chunks_mut(part).zip(w.chunks_mut(part)).zip(velocity.chunks_mut(part));
            for (i, (((total, w), v), scratch)) in parts.zip(scratch.iter_mut()).enumerate() {
                let (x, dz, others) = (&*x, &*dz, &*others);
                scope.spawn(move || {
                    match plan {
                        Plan::Conv(p, _) if shared => {
                            total.fill(0.0);
                            let n = x.len() / s.x_len();
                            tk::conv_weight_gradient(p, n, x, dz, total, i * rows..c.min((i + 1) * rows), scratch);
                        }
                        _ => others.iter().for_each(|o| tk::add_assign(k, total, &o[i * part..][..total.len()])),
                    }
                    tk::sgd_momentum(k, &sgd, w, total, v);
                });
            }
        });
    }
}

fn main() {
    let mut args = std::env::args().skip(1).map(|n| n.parse::<usize>().expect("a number"));
    let (n, threads) = (args.next().unwrap_or(128), args.next().unwrap_or(2));
    let k = Kernels::detect();
    println!("{}, batch {n}, {threads} threads", k.isa());
    for (name, layers) in nets::all() {
        let layers = layers.into_iter().flat_map(|(times, s)| (0..times).map(move |_| s));
        let mut layers: Vec<Layer> = layers.map(|s| layer(&k, s, n, threads)).collect();
        let mut scratch: Vec<Scratch> = (0..threads).map(|_| Scratch::new()).collect();
        let mut least = f64::INFINITY;
        for _ in 0..6 {
            let now = Instant::now();
            layers.iter_mut().for_each(|layer| layer.step(&k, &mut scratch));
            least = least.min(now.elapsed().as_secs_f64());
        }
        println!("{name}: {:.0} images/s", n as f64 / least);
    }
}
