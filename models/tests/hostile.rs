//! Damaged models end in an error or in a plan that runs: never in a panic, never in unbounded memory.

use std::sync::Arc;

use edgebench_models::{Arithmetic, Error, Graph, LowerOptions, Plan, Session, lower, tflite::Model};

const MODEL: &[u8] = include_bytes!("../zoo/digits_cnn_int8.tflite");

/// Plans with a larger arena, or with more work, are made but not run here.
const ARENA: usize = 16 << 20;
const MACS: u64 = 20_000_000;

fn plan(bytes: &[u8], arithmetic: Arithmetic) -> Result<Plan, Error> {
    let graph = Graph::from_model(&Model::read(bytes)?)?;
    lower(&graph, &LowerOptions { arithmetic, ..LowerOptions::default() })
}

/// Whether the plan was run.
fn run(plan: Plan) -> bool {
    let macs: u64 = plan.origins.iter().map(|o| o.macs).sum();
    if plan.arena_len > ARENA || macs > MACS {
        return false;
    }
    let inputs: Vec<usize> = plan.inputs.iter().map(|p| p.span.len).collect();
    let outputs = plan.outputs.len();
    let mut session = Session::new(Arc::new(plan)).expect("lowered for this CPU");
    for (i, len) in inputs.into_iter().enumerate() {
        session.set_input(i, &vec![0x5a; len]).expect("the length is the port's");
    }
    session.run();
    for i in 0..outputs {
        let _ = session.output(i);
    }
    true
}

/// xorshift64*, so that a failure can be reproduced from its number.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

#[test]
fn the_sound_model_runs() {
    for arithmetic in Arithmetic::ALL {
        assert!(run(plan(MODEL, arithmetic).expect("a sound model")));
    }
}

#[test]
fn a_file_that_ends_early_is_refused_at_every_length() {
    for len in 0..MODEL.len() {
        assert!(plan(&MODEL[..len], Arithmetic::Litert).is_err(), "accepted {len} of {} bytes", MODEL.len());
    }
}

#[test]
fn ten_thousand_mutated_files_do_no_harm() {
    let (mut refused, mut ran) = (0, 0);
    for seed in 1..=10_000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bytes = MODEL.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                2 => {
                    let value = [0, 1, u32::MAX, 1 << 31, 0x7fff_ffff, 1 << 16][random.below(6)];
                    let at = at.min(bytes.len() - 4) & !3;
                    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                }
                _ => {
                    let from = random.below(bytes.len());
                    let len = (1 + random.below(16)).min(bytes.len() - at.max(from));
                    bytes.copy_within(from..from + len, at);
                }
            }
        }
        // A panic here fails the test; the seed is in its message.
        let outcome = std::panic::catch_unwind(|| plan(&bytes, Arithmetic::ALL[seed as usize % 3]).map(run));
        match outcome {
            Ok(Ok(did_run)) => ran += usize::from(did_run),
            Ok(Err(_)) => refused += 1,
            Err(_) => panic!("seed {seed} panicked"),
        }
    }
    println!("{refused} of 10000 mutated files refused, {ran} run");
    assert!(refused > 500 && ran > 500, "the mutations do not reach both ways out");
}
