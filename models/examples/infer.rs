//! Runs a network on random codes: `infer MODEL [RUNS [MODE [ISA]]]`. Prints a digest of the outputs and nothing else, so that whoever counts
//! instructions counts inference (the difference between two numbers of runs).

use edgebench_kernels::Isa;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Session, lower, tflite};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let file = args.first().ok_or("infer MODEL [RUNS [MODE [ISA]]]")?;
    let runs: usize = args.get(1).map_or(Ok(1), |runs| runs.parse())?;
    let arithmetic: Arithmetic = args.get(2).map_or("litert", |mode| mode).parse()?;
    let isa: Isa = args.get(3).map_or(Ok(Isa::detect()), |isa| isa.parse())?;
    let graph = Graph::from_model(&tflite::Model::open(file)?)?;
    let plan = Arc::new(lower(&graph, &LowerOptions { arithmetic, isa, ..LowerOptions::default() })?);
    let mut session = Session::new(Arc::clone(&plan))?;
    let (mut seed, mut hash) = (1_u64, 0xcbf2_9ce4_8422_2325_u64);
    // What a plan reads it may overwrite: the run whose outputs count gets its inputs anew.
    for _ in 1..runs {
        session.run();
    }
    for (i, port) in plan.inputs.iter().enumerate() {
        let mut code = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        let bytes: Vec<u8> = (0..port.span.len).map(|_| code()).collect();
        session.set_input(i, &bytes)?;
    }
    session.run();
    for i in 0..plan.outputs.len() {
        for byte in session.output(i) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    println!("{hash:016x}");
    Ok(())
}
