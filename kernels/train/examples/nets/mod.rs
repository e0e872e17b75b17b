//! The convolutions of three networks, with how often each occurs.

use edgebench_train_kernels::ConvShape;

/// Layers, and how many of each.
pub(crate) type Layers = Vec<(usize, ConvShape)>;

/// TFLite's SAME padding.
fn same(side: usize, in_c: usize, out_c: usize, kernel: usize, stride: usize) -> ConvShape {
    let out = side.div_ceil(stride);
    let pad = ((out - 1) * stride + kernel).saturating_sub(side) / 2;
    ConvShape {
        in_h: side,
        in_w: side,
        in_c,
        out_h: out,
        out_w: out,
        out_c,
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1, 1],
        pad: [pad; 2],
        groups: 1,
    }
}

fn depthwise(side: usize, c: usize, stride: usize) -> ConvShape {
    ConvShape { groups: c, ..same(side, c, c, 3, stride) }
}

fn add(layers: &mut Layers, shape: ConvShape) {
    match layers.iter_mut().find(|(_, s)| *s == shape) {
        Some((times, _)) => *times += 1,
        None => layers.push((1, shape)),
    }
}

fn resnet8() -> Layers {
    let mut all = Layers::new();
    add(&mut all, same(32, 3, 16, 3, 1));
    let (mut side, mut c) = (32, 16);
    for (out, stride) in [(16, 1), (32, 2), (64, 2)] {
        add(&mut all, same(side, c, out, 3, stride));
        add(&mut all, same(side / stride, out, out, 3, 1));
        if stride > 1 {
            add(&mut all, same(side, c, out, 1, stride));
        }
        (side, c) = (side / stride, out);
    }
    all
}

fn mobilenetv2() -> Layers {
    let mut all = Layers::new();
    add(&mut all, same(32, 3, 16, 3, 1));
    let (mut side, mut c) = (32, 16);
    for (t, out, times, first) in
        [(1, 8, 1, 1), (6, 8, 2, 1), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1)]
    {
        for i in 0..times {
            let stride = if i == 0 { first } else { 1 };
            if t > 1 {
                add(&mut all, same(side, c, c * t, 1, 1));
            }
            add(&mut all, depthwise(side, c * t, stride));
            side /= stride;
            add(&mut all, same(side, c * t, out, 1, 1));
            c = out;
        }
    }
    add(&mut all, same(side, c, 1280, 1, 1));
    all
}

fn resnet50() -> Layers {
    let mut all = Layers::new();
    add(&mut all, same(32, 3, 64, 7, 2));
    let (mut side, mut c) = (8, 64);
    for (width, times, first) in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {
        for i in 0..times {
            let stride = if i == 0 { first } else { 1 };
            add(&mut all, same(side, c, width, 1, 1));
            add(&mut all, same(side, width, width, 3, stride));
            if i == 0 {
                add(&mut all, same(side, c, width * 4, 1, stride));
            }
            side /= stride;
            add(&mut all, same(side, width, width * 4, 1, 1));
            c = width * 4;
        }
    }
    all
}

/// By name.
pub(crate) fn all() -> [(&'static str, Layers); 3] {
    [("resnet8", resnet8()), ("mobilenetv2", mobilenetv2()), ("resnet50", resnet50())]
}
