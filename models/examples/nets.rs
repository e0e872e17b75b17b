//! Writes the networks that the quantisation tests are made of, `cargo run -p edgebench-models --example nets -- DIR`, and with
//! `--int8` their int8 forms too, one for each type of inputs and outputs.
//!
//! `scripts/make_ptq_golden.py` has TensorFlow quantise the first, `scripts/check_export.py` has LiteRT run all of them.

#[allow(dead_code)]
#[path = "../tests/quantise/nets.rs"]
mod nets;

use edgebench_models::quantise::{CalibrateOptions, Io, QuantiseOptions, calibrate, quantise};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("the folder to write into is missing")?;
    let int8 = std::env::args().nth(2).is_some_and(|word| word == "--int8");
    std::fs::create_dir_all(&folder)?;
    for (name, len, model) in nets::all() {
        std::fs::write(format!("{folder}/{name}.tflite"), model.write()?)?;
        if !int8 {
            continue;
        }
        let ranges = calibrate(&model, nets::samples(len, 200), &CalibrateOptions::default())?;
        for io in Io::ALL {
            let options = QuantiseOptions { io, ..QuantiseOptions::default() };
            let bytes = quantise(&model, &ranges, &options)?.write()?;
            std::fs::write(format!("{folder}/{name}_{}.tflite", io.name()), bytes)?;
        }
    }
    Ok(())
}
