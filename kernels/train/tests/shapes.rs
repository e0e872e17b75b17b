//! Shapes that cannot be computed are refused; instruction sets have names.

mod common;

use edgebench_train_kernels as tk;
use tk::{ConvPlan, ConvShape, DepthwisePlan, Isa, Kernels, PadShape, PoolShape, UpsampleShape};

const GOOD: ConvShape = ConvShape {
    in_h: 5,
    in_w: 6,
    in_c: 4,
    out_h: 5,
    out_w: 6,
    out_c: 8,
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    pad: [1, 1],
    groups: 1,
};

#[test]
fn convolutions() {
    assert_eq!(GOOD.check(), Ok(()));
    let bad = [
        (ConvShape { in_c: 0, ..GOOD }, "at least 1"),
        (ConvShape { stride: [0, 1], ..GOOD }, "at least 1"),
        (ConvShape { groups: 3, ..GOOD }, "groups must divide"),
        (ConvShape { pad: [3, 1], ..GOOD }, "padding must be smaller"),
        (ConvShape { dilation: [1, usize::MAX], ..GOOD }, "padding must be smaller"),
        (ConvShape { out_w: 8, ..GOOD }, "must start inside"),
        (ConvShape { stride: [1, usize::MAX], ..GOOD }, "must start inside"),
        (ConvShape { in_h: usize::MAX, ..GOOD }, "must fit in memory"),
        (ConvShape { kernel: [usize::MAX, usize::MAX], ..GOOD }, "must fit in memory"),
    ];
    for (shape, message) in bad {
        let error = ConvPlan::new(&Kernels::detect(), shape).unwrap_err().to_string();
        assert!(error.contains(message), "{error} for {shape:?}");
    }
    let error = DepthwisePlan::new(&Kernels::detect(), GOOD).unwrap_err().to_string();
    assert!(error.contains("as many groups as input channels") && error.contains("[1, 4]"), "{error}");
}

#[test]
fn others() {
    let pool =
        PoolShape { in_h: 4, in_w: 4, channels: 3, out_h: 2, out_w: 2, window: [2, 2], stride: [2, 2], pad: [0, 0] };
    assert_eq!(pool.check(), Ok(()));
    assert!(PoolShape { out_h: 3, ..pool }.check().is_err());
    assert!(PoolShape { window: [2, 0], ..pool }.check().is_err());
    let up = UpsampleShape { in_h: 4, in_w: 4, channels: 3, factor: 2 };
    assert_eq!(up.check(), Ok(()));
    assert!(UpsampleShape { factor: 0, ..up }.check().is_err());
    assert!(UpsampleShape { factor: usize::MAX, ..up }.check().is_err());
    let pad = PadShape { in_h: 4, in_w: 4, channels: 3, rows: [1, 0], columns: [0, 2] };
    assert_eq!(pad.check(), Ok(()));
    assert!(PadShape { channels: 0, ..pad }.check().is_err());
    assert!(PadShape { rows: [usize::MAX, 1], ..pad }.check().is_err());
}

#[test]
#[should_panic(expected = "packed for another layer")]
fn weights_of_another_layer() {
    let k = Kernels::detect();
    let plan = ConvPlan::new(&k, GOOD).unwrap();
    let other = ConvPlan::new(&k, ConvShape { out_c: 9, ..GOOD }).unwrap();
    let mut packed = tk::PackedWeights::default();
    other.pack(&vec![0.0; other.shape().weights_len()], &mut packed);
    let (x, mut y) = (vec![0.0; GOOD.x_len()], vec![0.0; GOOD.y_len()]);
    tk::conv_forward(&plan, 1, &x, &packed, None, &mut y, &mut tk::Scratch::new());
}

#[test]
fn instruction_sets() {
    for isa in Isa::ALL {
        assert_eq!(isa.name().parse(), Ok(isa));
    }
    assert!("mmx".parse::<Isa>().unwrap_err().to_string().contains("avx512 avx2 neon portable"));
    assert!(Kernels::available().any(|k| k.isa() == Isa::Portable));
    assert_eq!(Kernels::available().next(), Some(Kernels::detect()));
    // Where a machine is known to have an instruction set, its tests must not be passed over.
    if let Ok(name) = std::env::var("EDGEBENCH_REQUIRE_TRAIN_ISA") {
        let isa: Isa = name.parse().expect("an instruction set");
        assert!(Kernels::for_isa(isa).is_some(), "{isa} does not run here");
    }
}
