//! Any bytes either make a model or an error; a model can be written, and what was written is the same model.
//!
//! `cargo +nightly fuzz run --fuzz-dir models/fuzz read_model -- -max_total_time=600 -rss_limit_mb=512`
#![no_main]

use edgebench_models::Error;
use edgebench_models::tflite::{Model, WriteOptions, densify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::read(bytes) else { return };
    for tensor in model.subgraphs.iter().flat_map(|graph| &graph.tensors) {
        if let (Some(sparsity), Some(1)) = (&tensor.sparsity, tensor.dtype.bytes(1)) {
            let data = &model.buffers[tensor.buffer as usize];
            // A few bytes can describe a dense form of gigabytes; that is bounded, but too slow to fuzz.
            if tensor.shape.iter().map(|&d| f64::from(d)).product::<f64>() < 1e6 {
                let _ = densify(sparsity, &tensor.shape, data, 1);
            }
        }
    }
    for external_above in [u64::MAX, 0] {
        let options = WriteOptions { external_above };
        let written = match model.write_with(options) {
            Ok(written) => written,
            Err(Error::UnsupportedFile { .. }) => return,
            Err(error) => panic!("read but not written: {error}"),
        };
        let again = Model::read(&written).expect("what was written can be read");
        // Bytes rather than structs, because a scale may be NaN. The first writing may add the note that data lies outside.
        assert!(again.write_with(options).expect("written before") == written, "not the same model");
    }
});
