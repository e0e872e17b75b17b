//! Files with changed bytes: whatever can still be read is quantised or refused, never a panic.

use edgebench_models::quantise::{
    CalibrateOptions, Origin, QuantiseOptions, Range, Ranges, calibrate, correct_biases, equalise, quantise,
};
use edgebench_models::tflite::Model;

use super::nets::{all, samples};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Ranges for every tensor, whatever it is.
fn everywhere(model: &Model, random: &mut Random) -> Ranges {
    let mut ranges = Ranges::new();
    for tensor in 0..model.subgraphs.first().map_or(0, |graph| graph.tensors.len()) {
        let origin = if random.below(4) == 0 { Origin::Trained } else { Origin::Calibrated };
        let range = Range { min: -(random.below(5) as f32), max: random.below(5) as f32, origin };
        ranges.insert(tensor, range).expect("a range");
        if random.below(6) == 0 {
            ranges.set_weight_scales(tensor, vec![0.01; 1 + random.below(9)]).expect("scales");
        }
    }
    ranges
}

#[test]
fn changed_files_never_panic() {
    let mut random = Random(5);
    let (mut read, mut made) = (0, 0);
    for (_, len, model) in all() {
        let bytes = model.write().expect("a file");
        for _ in 0..400 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = match random.below(3) {
                    0 => random.below(256) as u8,
                    1 => bytes[at] ^ (1 << random.below(8)),
                    _ => [0, 1, 2, 3, 127, 128, 255][random.below(7)],
                };
            }
            let Ok(model) = Model::read(&bytes) else { continue };
            read += 1;
            let options = QuantiseOptions { per_channel_dense: random.below(2) == 0, ..QuantiseOptions::default() };
            let ranges = everywhere(&model, &mut random);
            // What the schema does not know is not written.
            if let Ok(Ok(written)) = quantise(&model, &ranges, &options).map(|int8| int8.write()) {
                made += 1;
                Model::read(&written).expect("what is written can be read");
            }
            let _ = equalise(&model);
            if let Ok(ranges) = calibrate(&model, samples(len, 1), &CalibrateOptions::default()) {
                let _ = correct_biases(&model, &ranges, &options);
            }
        }
    }
    assert!(read > 500 && made > 200, "{read} read, {made} made");
}
