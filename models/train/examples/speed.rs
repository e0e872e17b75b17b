//! Images a second of forward, backward and a step, by architecture: `speed ARCH [BATCH] [THREADS] [STEPS]`.

use std::time::Instant;

use edgebench_train::arch::{self, Target};
use edgebench_train::exec::Batch;
use edgebench_train::net::Shape;
use edgebench_train::optim::Optimizer;
use edgebench_train::{Init, Moves, Params, Trainer};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, or: usize| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(or);
    let (batch, threads, steps) = (number(2, 128), number(3, 2), number(4, 5));
    let net = arch::build(&args[1], Target { input: Shape::new(32, 32, 3), classes: 10 }).unwrap();
    println!("{} {} parameters {} MMAC", net.name(), net.parameters(), net.macs() / 1_000_000);
    let params = Params::init(&net, Init::HeNormal, 1);
    let mut trainer = Trainer::new(net, params, threads).unwrap();
    let labels: Vec<u32> = (0..batch as u32).map(|at| at % 10).collect();
    let fill = |image: usize, x: &mut [f32]| {
        x.iter_mut().enumerate().for_each(|(at, x)| *x = ((at * 31 + image * 7) % 255) as f32 / 127.5 - 1.0)
    };
    let moves = Moves { optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: false }, weight_decay: 1e-4, clip: None };
    let batch = Batch { labels: &labels, fill: &fill, label_smoothing: 0.0, key: 1 };
    for _ in 0..steps {
        let begin = Instant::now();
        let outcome = trainer.step(&batch, &moves, 0.01).unwrap();
        let seconds = begin.elapsed().as_secs_f64();
        println!("{:.1} images/s, loss {:.4}", labels.len() as f64 / seconds, outcome.loss / labels.len() as f64);
    }
}
