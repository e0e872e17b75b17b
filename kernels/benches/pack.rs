//! Packing of int8 weights at the larger layer shapes of ResNet-50, in bytes of weights per second.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edgebench_kernels::Isa;
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::pack::{Sums, pack, packed_len};

/// Name, input channels, kernel side, output channels.
const LAYERS: [(&str, usize, usize, usize); 6] = [
    ("first_7x7x3_64", 3, 7, 64),
    ("1x1x256_64", 256, 1, 64),
    ("3x3x128_128", 128, 3, 128),
    ("1x1x1024_256", 1024, 1, 256),
    ("1x1x512_2048", 512, 1, 2048),
    ("3x3x512_512", 512, 3, 512),
];

fn packing(c: &mut Criterion) {
    for isa in Isa::available() {
        let spec = isa.kernels().expect("available").conv_pack;
        let mut group = c.benchmark_group(format!("pack/{isa}"));
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300)).sample_size(20);
        for (name, in_c, k, out_c) in LAYERS {
            let shape = ConvShape {
                batch: 1,
                in_h: 7,
                in_w: 7,
                in_c,
                out_h: 7,
                out_w: 7,
                out_c,
                k_h: k,
                k_w: k,
                stride_h: 1,
                stride_w: 1,
                dilation_h: 1,
                dilation_w: 1,
                pad_top: k / 2,
                pad_left: k / 2,
                groups: 1,
            };
            let weights: Vec<i8> = (0..out_c * k * k * in_c).map(|i| (i * 89 % 255) as u8 as i8).collect();
            let (mut packed, mut sums) = (vec![0; packed_len(spec, &shape)], vec![Sums::default(); out_c]);
            group.throughput(Throughput::Bytes(weights.len() as u64));
            group.bench_function(name, |b| b.iter(|| pack(spec, &shape, black_box(&weights), &mut packed, &mut sums)));
        }
        group.finish();
    }
}

criterion_group!(benches, packing);
criterion_main!(benches);
