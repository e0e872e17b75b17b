//! `edgebench parity` as types.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::parity::target::Target;

/// `edgebench parity`.
#[derive(Debug, Args)]
#[command(after_help = "\
A target is isa:NAME, mode:NAME (litert, reference, tflm), threads:N, several of these joined by commas, or trace:FILE. A machine \
stands before them: ssh://user@host,isa:neon. What a target does not say is as in eval: the fastest instruction set, litert, one thread. Exit code 1 if the two differ.

Examples:
  edgebench parity isa:scalar isa:avx2                            # the embedded model, four pseudo-random inputs
  edgebench parity mode:litert mode:reference --model m.tflite    # which layer makes the difference
  edgebench parity mode:litert --model m.tflite --record pc.json  # on one machine …
  edgebench parity trace:pc.json isa:scalar --model m.tflite      # … and on another")]
pub struct ParityArgs {
    /// The one target
    #[arg(value_name = "A")]
    pub a: Target,
    /// The other; may be left out with --record
    #[arg(value_name = "B", required_unless_present = "record")]
    pub b: Option<Target>,
    /// The model [default: the embedded one]; not needed for two traces
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub model: Option<PathBuf>,
    /// Inputs (.npy, or .npz for several) [default: pseudo-random ones]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "seed")]
    pub input: Option<PathBuf>,
    /// Samples [default: all of --input, as many as a trace has, or 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub samples: Option<u32>,
    /// Seed of the pseudo-random inputs
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Write what A computes into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// Write the values of all tensors too, not only digests, so that a later comparison can name elements
    #[arg(long, requires = "record")]
    pub values: bool,
    /// Write the values of this layer of this sample: what --values is too much for
    #[arg(long, value_name = "SAMPLE:LAYER", requires = "record", hide = true, value_parser = pair)]
    pub values_of: Option<(usize, usize)>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub there: super::remote::ThereArgs,
    /// Show every layer, not only those that differ
    #[arg(long)]
    pub all: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

fn pair(text: &str) -> Result<(usize, usize), String> {
    let pair = text.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    pair.ok_or_else(|| format!("{text:?}: expected two numbers and a colon"))
}
