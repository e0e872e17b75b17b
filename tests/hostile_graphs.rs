//! Graphs that contradict themselves in every way a hostile file can: shapes, types, quantisation, operands, attributes and
//! constants of the golden single-operator models are changed at random. Each must be refused or run to its end, and give the
//! same bytes on every instruction set.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use edgebench::data::npz::read_npz;
use edgebench_kernels::Isa;
use edgebench_models::graph::{DType, Op};
use edgebench_models::{Arithmetic, Graph, LowerOptions, Session, lower, tflite::Model};

/// Mutations per model.
const PER_MODEL: u64 = 12;
/// Plans with a larger arena, or more work, are made but not run.
const ARENA: usize = 4 << 20;
const MACS: u64 = 2_000_000;

/// xorshift64*, so that a failure can be reproduced from its seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n.max(1)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

fn graphs() -> BTreeMap<String, Graph> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut graphs = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the golden folder is part of the repository") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|e| e != "npz") {
            continue;
        }
        for (name, array) in read_npz(&path).expect("a golden archive") {
            let Some(case) = name.strip_suffix("/model") else { continue };
            let model = Model::read(&array.bytes).expect("a sound model");
            graphs.extend(Graph::from_model(&model).ok().map(|g| (case.to_owned(), g)));
        }
    }
    graphs
}

/// Makes a constant's bytes fit its shape again, so that the change is not caught by that check alone.
fn refit(graph: &mut Graph, id: usize) {
    let tensor = &mut graph.tensors[id];
    let Some(data) = &tensor.data else { return };
    let elements = tensor.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).unwrap_or(0);
    let bytes = elements.saturating_mul(tensor.dtype.size()).min(1 << 20);
    let refitted: Vec<u8> = data.iter().copied().chain([1, 2, 0, 0]).cycle().take(bytes).collect();
    tensor.data = Some(refitted.into());
}

fn mutate(graph: &mut Graph, ops: &[Op], random: &mut Random) {
    let id = random.below(graph.tensors.len());
    let count = graph.tensors.len();
    match random.below(9) {
        0 | 1 => {
            let shape = &mut graph.tensors[id].shape;
            let at = random.below(shape.len());
            if let Some(d) = shape.get_mut(at) {
                *d = random.pick(&[0, 1, 2, 3, 7, 64, *d + 1, d.saturating_sub(1), 1 << 20, 1 << 40]);
            }
            refit(graph, id);
        }
        2 => {
            let shape = &mut graph.tensors[id].shape;
            if random.below(2) == 0 {
                shape.pop();
            } else {
                shape.insert(0, 1 + random.below(2));
            }
            refit(graph, id);
        }
        3 => {
            let types = [
                DType::F32,
                DType::F16,
                DType::I4,
                DType::I8,
                DType::U8,
                DType::I16,
                DType::I32,
                DType::I64,
                DType::Bool,
            ];
            graph.tensors[id].dtype = random.pick(&types);
            refit(graph, id);
        }
        4 => match &mut graph.tensors[id].quant {
            Some(quant) => match random.below(4) {
                0 => quant.scale.fill(random.pick(&[1e-38, 1e38, 1e-10, 3e-5, 1.0])),
                1 => quant.zero_point.fill(random.pick(&[-128, 0, 127, 255])),
                2 => quant.axis = random.below(6),
                _ => graph.tensors[id].quant = None,
            },
            None => graph.tensors[id].quant = graph.tensors[random.below(count)].quant.clone(),
        },
        5 | 6 => {
            let node = random.below(graph.nodes.len());
            let inputs = &mut graph.nodes[node].inputs;
            let at = random.below(inputs.len());
            match random.below(4) {
                0 if !inputs.is_empty() => drop(inputs.remove(at)),
                1 if !inputs.is_empty() => inputs[at] = None,
                2 => inputs.push(Some(id)),
                _ if !inputs.is_empty() => inputs[at] = Some(id),
                _ => {}
            }
        }
        7 => {
            let node = random.below(graph.nodes.len());
            graph.nodes[node].op = random.pick(ops);
        }
        _ => {
            if let Some(data) = &graph.tensors[id].data {
                let mut bytes = data.to_vec();
                let words = bytes.len() / 4;
                let value = random.pick(&[0_i32, 1, -1, 2, 5, 100, -7, i32::MAX, i32::MIN]);
                if let Some(word) = bytes.chunks_exact_mut(4).nth(random.below(words)) {
                    word.copy_from_slice(&value.to_le_bytes());
                }
                graph.tensors[id].data = Some(bytes.into());
            }
        }
    }
}

/// Outputs on one instruction set; `None` if the plan is refused or too large to run here.
fn outputs(graph: &Graph, arithmetic: Arithmetic, isa: Isa) -> Option<Vec<Vec<u8>>> {
    let plan = lower(graph, &LowerOptions { arithmetic, isa, ..LowerOptions::default() }).ok()?;
    if plan.arena_len > ARENA || plan.origins.iter().map(|o| o.macs).sum::<u64>() > MACS {
        return None;
    }
    let lens: Vec<usize> = plan.inputs.iter().map(|p| p.span.len).collect();
    let types: Vec<DType> = plan.outputs.iter().map(|p| p.dtype).collect();
    let mut session = Session::new(Arc::new(plan)).expect("an available instruction set");
    for (i, len) in lens.into_iter().enumerate() {
        let bytes: Vec<u8> = (0..len).map(|b| (b * 37 + i) as u8 & 0x3f).collect();
        session.set_input(i, &bytes).expect("the length is the port's");
    }
    session.run();
    Some(types.into_iter().enumerate().map(|(i, dtype)| canonical(dtype, session.output(i))).collect())
}

/// Every NaN is the same: IEEE 754 leaves their payload open.
fn canonical(dtype: DType, mut bytes: Vec<u8>) -> Vec<u8> {
    if dtype == DType::F32 {
        for chunk in bytes.as_chunks_mut::<4>().0 {
            if f32::from_le_bytes(*chunk).is_nan() {
                *chunk = f32::NAN.to_le_bytes();
            }
        }
    }
    bytes
}

#[test]
fn changed_graphs_are_refused_or_run_alike_everywhere() {
    let graphs = graphs();
    let ops: Vec<Op> = graphs.values().flat_map(|g| g.nodes.iter().map(|n| n.op.clone())).collect();
    let (mut ran, mut refused, mut failures) = (0, 0, Vec::new());
    for (number, (case, sound)) in graphs.iter().enumerate() {
        for seed in 0..PER_MODEL {
            let mut random = Random::new(number as u64 * PER_MODEL + seed + 1);
            let mut graph = sound.clone();
            for _ in 0..1 + random.below(2) {
                mutate(&mut graph, &ops, &mut random);
            }
            let arithmetic = random.pick(&Arithmetic::ALL);
            let run = |isa| catch_unwind(AssertUnwindSafe(|| outputs(&graph, arithmetic, isa)));
            let all: Vec<_> = Isa::available().map(|isa| (isa, run(isa))).collect();
            match &all[0].1 {
                Ok(Some(_)) => ran += 1,
                _ => refused += 1,
            }
            for (isa, result) in &all {
                match (result, &all[0].1) {
                    (Err(_), _) => failures.push(format!("{case} seed {seed}: panic on {isa}")),
                    (Ok(Some(a)), Ok(Some(b))) if a != b => {
                        failures.push(format!("{case} seed {seed}: {isa} differs from {}", all[0].0))
                    }
                    _ => {}
                }
            }
        }
    }
    println!("{} models, {ran} mutants ran, {refused} were refused", graphs.len());
    assert!(ran > 100 && refused > 100, "the mutations do not reach both ways out");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
