//! Two int8 models, tensor by tensor.

use edgebench_models::tflite::{Model, Tensor};

/// How far scales of activations may lie apart: the float model runs in another order of additions here than in TensorFlow, so
/// the largest value of a tensor may differ in its last bits.
pub(crate) const ROUNDING: f32 = 1e-6;

/// What differs between two models with the same operators.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Differences {
    /// Activations, weights and biases that were compared.
    pub(crate) tensors: usize,
    /// Scales with other bits that lie within [`ROUNDING`].
    pub(crate) rounded_scales: usize,
    /// Everything else, in words.
    pub(crate) real: Vec<String>,
}

fn tensor(model: &Model, id: i32) -> Option<&Tensor> {
    model.subgraphs[0].tensors.get(usize::try_from(id).ok()?)
}

/// Compares the operators in their order, and with them all tensors that they touch.
pub(crate) fn compare(ours: &Model, theirs: &Model) -> Differences {
    let mut found = Differences::default();
    let (a, b) = (&ours.subgraphs[0], &theirs.subgraphs[0]);
    let names = |model: &Model| -> Vec<String> {
        let ops = &model.subgraphs[0].operators;
        ops.iter().map(|op| format!("{} {}", model.code_of(op).name(), model.code_of(op).version)).collect()
    };
    if names(ours) != names(theirs) {
        found.real.push(format!("operators {:?}\n instead of {:?}", names(ours), names(theirs)));
        return found;
    }
    for (at, (p, q)) in a.operators.iter().zip(&b.operators).enumerate() {
        if p.inputs.len() != q.inputs.len() {
            found.real.push(format!("operator {at}: {} inputs instead of {}", p.inputs.len(), q.inputs.len()));
            continue;
        }
        for (position, (x, y)) in p.inputs.iter().chain(&p.outputs).zip(q.inputs.iter().chain(&q.outputs)).enumerate() {
            let place = format!("operator {at} ({}), tensor {position}", ours.code_of(p).name());
            match (tensor(ours, *x), tensor(theirs, *y)) {
                (None, None) => {}
                (Some(x), Some(y)) => compare_tensors(&place, (ours, x), (theirs, y), &mut found),
                (x, y) => found.real.push(format!("{place}: {} instead of {}", x.is_some(), y.is_some())),
            }
        }
    }
    found
}

fn compare_tensors(place: &str, (ours, x): (&Model, &Tensor), (theirs, y): (&Model, &Tensor), found: &mut Differences) {
    found.tensors += 1;
    let mut differ = |what: String| found.real.push(format!("{place}: {what}"));
    if (x.dtype, &x.shape) != (y.dtype, &y.shape) {
        differ(format!("{} {:?} instead of {} {:?}", x.dtype, x.shape, y.dtype, y.shape));
    }
    let data = |model: &Model, tensor: &Tensor| model.buffers[tensor.buffer as usize].to_vec();
    let (a, b) = (data(ours, x), data(theirs, y));
    let size = x.dtype.bytes(1).unwrap_or(1);
    let codes = a.chunks(size).zip(b.chunks(size)).filter(|(a, b)| a != b).count();
    if codes > 0 || a.len() != b.len() {
        differ(format!("{codes} of {} codes differ", b.len() / size));
    }
    match (&x.quantization, &y.quantization) {
        (Some(p), Some(q)) => {
            if (&p.zero_point, p.scale.len(), p.quantized_dimension)
                != (&q.zero_point, q.scale.len(), q.quantized_dimension)
            {
                differ(format!(
                    "zero points {:?} of {} scales instead of {:?}",
                    p.zero_point,
                    p.scale.len(),
                    q.zero_point
                ));
            }
            let apart: Vec<(f32, f32)> = p
                .scale
                .iter()
                .copied()
                .zip(q.scale.iter().copied())
                .filter(|(a, b)| a.to_bits() != b.to_bits())
                .collect();
            let far = |&&(a, b): &&(f32, f32)| (a - b).abs() > ROUNDING * b;
            if let Some((a, b)) = apart.iter().find(far) {
                differ(format!("scale {a:e} instead of {b:e}"));
            }
            found.rounded_scales += apart.len();
        }
        (None, None) => {}
        (p, q) => {
            let scales = |q: &Option<Box<_>>| q.is_some();
            if p.as_ref().is_some_and(|p| !p.scale.is_empty()) || q.as_ref().is_some_and(|q| !q.scale.is_empty()) {
                differ(format!("quantised {} instead of {}", scales(p), scales(q)));
            }
        }
    }
}
