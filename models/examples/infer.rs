//! scratch
use edgebench_kernels::Isa;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Session, lower, tflite};
use std::sync::Arc;

#[inline(never)]
fn mark() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint.
    unsafe {
        core::arch::asm!("hint #101")
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (file, mode, isa, verb) = (&args[1], &args[2], &args[3], &args[4]);
    let model = tflite::Model::open(file).unwrap();
    let graph = Graph::from_model(&model).unwrap();
    let isa: Isa = if isa == "auto" { Isa::detect() } else { isa.parse().unwrap() };
    let arithmetic: Arithmetic = mode.parse().unwrap();
    let plan = match lower(&graph, &LowerOptions { arithmetic, isa, ..LowerOptions::default() }) {
        Ok(plan) => Arc::new(plan),
        Err(e) => {
            println!("{file} {mode} refused {e}");
            return;
        }
    };
    let mut session = Session::new(Arc::clone(&plan)).unwrap();
    let mut seed = 1_u64;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let inputs = if verb == "digest" { args.get(5).map_or(2, |n| n.parse().unwrap()) } else { 1 };
    for round in 0..inputs {
        for (i, port) in plan.inputs.iter().enumerate() {
            let bytes: Vec<u8> = (0..port.span.len)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    if round == 1 { if seed >> 63 == 0 { 127 } else { 128 } } else { (seed >> 56) as u8 }
                })
                .collect();
            let bytes = if format!("{:?}", port.dtype).starts_with('F') {
                bytes.chunks_exact(4).flat_map(|b| (f32::from(b[0]) / 255.0).to_le_bytes()).collect()
            } else {
                bytes
            };
            session.set_input(i, &bytes).unwrap();
        }
        if verb == "steps" {
            session.run();
            for i in 0..plan.steps.len() {
                mark();
                session.run_step(i);
            }
            mark();
            session.run();
            mark();
            for (step, origin) in plan.steps.iter().zip(&plan.origins) {
                let text = format!("{step:?}");
                let name = text.split(['(', ' ']).next().unwrap_or("").to_owned();
                let get = |key: &str| {
                    let at = text.find(&format!(" {key}: ")).map(|at| at + key.len() + 3);
                    at.map_or(String::new(), |at| text[at..].split([',', ' ', '}']).next().unwrap_or("").to_owned())
                };
                println!(
                    "{name} {}x{}x{} {}x{}x{} k{}x{} s{} g{} {}",
                    get("in_h"), get("in_w"), get("in_c"), get("out_h"), get("out_w"), get("out_c"),
                    get("k_h"), get("k_w"), get("stride_w"), get("groups"), origin.macs
                );
            }
            return;
        }
        session.run();
        for i in 0..plan.outputs.len() {
            for b in session.output(i) {
                hash = (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3);
            }
        }
    }
    println!("{} {mode} {hash:016x}", file.rsplit('/').next().unwrap());
}
