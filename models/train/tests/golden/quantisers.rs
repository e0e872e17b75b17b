//! Simulated quantisation. Forward it is PyTorch's to the bit; backward the range ends with its last code, as in TensorFlow, where
//! PyTorch lets through what rounds to it.

use edgebench_train::net::Op;
use edgebench_train_kernels::{self as k, FakeQuant, Kernels};

use crate::archive::Case;
use crate::probe::Probe;

/// One scale for all.
pub(crate) fn per_tensor(case: &Case) {
    let rule = FakeQuant {
        scale: case.number("scale") as f32,
        zero_point: case.integer("zero_point"),
        min: case.integer("low"),
        max: case.integer("high"),
    };
    let (x, dy) = (case.values("x"), case.values("dy"));
    let [y, dx] = both(&rule, x, dy);
    case.compare("y", &y, 0.0);
    backward(case, &rule, &dx);
    // Symmetric codes and those of four bits are for weights only.
    if (rule.min, rule.max) == (-128, 127) {
        in_a_network(case, &rule, &y, &dx);
    }
}

fn both(rule: &FakeQuant, x: &[f32], dy: &[f32]) -> [Vec<f32>; 2] {
    let kernels = Kernels::detect();
    let [mut y, mut dx] = [(); 2].map(|()| vec![0.0; x.len()]);
    k::fake_quant(&kernels, rule, x, &mut y);
    k::fake_quant_backward(&kernels, x, dy, rule.range(), &mut dx);
    [y, dx]
}

fn backward(case: &Case, rule: &FakeQuant, dx: &[f32]) {
    let (x, theirs) = (case.values("x"), case.values("dx"));
    let (lo, hi) = rule.range();
    let mut inside = 0;
    for (at, (found, theirs)) in dx.iter().zip(theirs).enumerate() {
        if (lo..=hi).contains(&x[at]) {
            assert_eq!(found, theirs, "{}: dx[{at}] of {}", case.name, x[at]);
            inside += 1;
            continue;
        }
        assert_eq!(*found, 0.0, "{}: dx[{at}] of {}", case.name, x[at]);
        let beyond = (lo - x[at]).max(x[at] - hi);
        assert!(*theirs == 0.0 || beyond <= 0.500_01 * rule.scale, "{}: dx[{at}] of {}", case.name, x[at]);
    }
    assert!(inside > x.len() / 3, "{}: {inside} of {} in range", case.name, x.len());
}

/// The layer, with the range that these codes have.
fn in_a_network(case: &Case, rule: &FakeQuant, y: &[f32], dx: &[f32]) {
    let (lo, hi) = rule.range();
    let mut probe = Probe::new(case.get("x"));
    let front = probe.front(case.get("x"));
    let seen = probe.run(Op::FakeQuant, &[front], &[&[lo, hi]], case.values("dy"));
    for at in 0..y.len() {
        // Scale and zero point are computed from the range again, in float32.
        assert!((seen.y[at] - y[at]).abs() <= 1e-6 * hi.max(-lo), "{}: {} and {}", case.name, seen.y[at], y[at]);
        let edge = (case.values("x")[at] - hi).abs().min((case.values("x")[at] - lo).abs()) < 1e-5;
        assert!(edge || (seen.fronts[0][at] - dx[at]).abs() <= 1e-6, "{}: gradient {at}", case.name);
    }
}

/// One scale per channel, along the first or the last axis.
pub(crate) fn per_channel(case: &Case) {
    let (x, dy, scales) = (case.get("x"), case.values("dy"), case.values("scale"));
    let (min, max) = (case.integer("low"), case.integer("high"));
    let axis = case.integer("axis") as usize;
    let count = x.shape[axis];
    assert!(axis == 0 || axis + 1 == x.shape.len());
    let row = x.values.len() / count;
    let channel = |at: usize| if axis == 0 { at / row } else { at % count };
    let [mut y, mut dx] = [(); 2].map(|()| vec![0.0; x.values.len()]);
    for (of, &scale) in scales.iter().enumerate() {
        let places: Vec<usize> = (0..x.values.len()).filter(|&at| channel(at) == of).collect();
        let gather = |values: &[f32]| -> Vec<f32> { places.iter().map(|&at| values[at]).collect() };
        let rule = FakeQuant { scale, zero_point: 0, min, max };
        let [found, gradient] = both(&rule, &gather(&x.values), &gather(dy));
        for (i, &at) in places.iter().enumerate() {
            (y[at], dx[at]) = (found[i], gradient[i]);
        }
    }
    case.compare("y", &y, 0.0);
    for (at, theirs) in case.values("dx").iter().enumerate() {
        let beyond = x.values[at].abs() - max as f32 * scales[channel(at)];
        let expected = if beyond > 0.0 { 0.0 } else { *theirs };
        assert_eq!(dx[at], expected, "{}: dx[{at}]", case.name);
        assert!(beyond <= 0.500_01 * scales[channel(at)] || *theirs == 0.0, "{}: dx[{at}]", case.name);
    }
    if (axis, max) == (0, 127) {
        let mut rows = vec![0.0; y.len()];
        k::fake_quant_rows(&Kernels::detect(), row, scales, &x.values, &mut rows);
        assert!(rows == y, "{}: rows", case.name);
    }
}
