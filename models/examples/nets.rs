//! Writes the networks that the quantisation tests are made of: `cargo run -p edgebench-models --example nets -- DIR`.
//! `scripts/make_ptq_golden.py` has TensorFlow quantise them.

#[allow(dead_code)]
#[path = "../tests/quantise/nets.rs"]
mod nets;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("the folder to write into is missing")?;
    std::fs::create_dir_all(&folder)?;
    for (name, _, model) in nets::all() {
        std::fs::write(format!("{folder}/{name}.tflite"), model.write()?)?;
    }
    Ok(())
}
