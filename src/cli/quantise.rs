//! `edgebench quantise` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};
use edgebench_models::quantise::{Io, Method};

use super::{Lowering, preprocess_parser, share};
use crate::data::preprocess::Preprocess;

/// `edgebench quantise`.
#[derive(Debug, Args)]
#[command(after_help = "\
Scales, zero points and codes are those of TensorFlow's converter for the same model and samples: weights with one scale for each \
output channel, activations from the train part of the data. Where the data have no parts, all of them serve. The table has the \
signal to quantisation noise in dB: of the weights, and of each operator's result on the calibration samples, the worst first.

Examples:
  edgebench quantise float.tflite -o int8.tflite --data cifar-10-batches-bin
  edgebench quantise float.tflite -o int8.tflite --data images/ --resize --preprocess signed --io uint8
  edgebench quantise mobilenet.tflite -o int8.tflite --data images/ --equalise --bias-correction --method mse")]
pub struct QuantiseArgs {
    /// The float32 model
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub model: PathBuf,
    /// Where to write the int8 model
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Labelled images: `digits` (embedded), a CIFAR or IDX directory, a folder of images by class, .npy or .npz
    #[arg(long, value_name = "PATH", default_value = "digits", value_hint = ValueHint::AnyPath)]
    pub data: PathBuf,
    /// Samples to calibrate on: the first of the train part, of a folder in turn from every class
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..))]
    pub calibration: u32,
    /// How the range of an activation follows from its values
    #[arg(long, value_enum, value_name = "NAME", default_value = "minmax")]
    pub method: MethodName,
    /// Share of the values that stays within the range with --method percentile
    #[arg(long, value_name = "SHARE", default_value = "99.99%", value_parser = percentile)]
    pub percentile: f64,
    /// Take from the biases what the rounding of weights adds to the mean
    #[arg(long)]
    pub bias_correction: bool,
    /// Give the channels of neighbouring layers the same range first
    #[arg(long, alias = "equalize")]
    pub equalise: bool,
    /// What the user of the model gives and gets
    #[arg(long, value_name = "TYPE", default_value = "int8", value_parser = io_parser())]
    pub io: Io,
    /// One scale for all weights of a FULLY_CONNECTED, as older runtimes ask for
    #[arg(long)]
    pub per_tensor_dense: bool,
    /// Labels, for arrays whose labels are not found beside them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub labels: Option<PathBuf>,
    /// The 20 coarse labels of CIFAR-100
    #[arg(long)]
    pub coarse: bool,
    /// Images of the test part that accuracy is measured on [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Bring images to the size that the model takes
    #[arg(long)]
    pub resize: bool,
    /// What a pixel means to the model [default: what its side file says]
    #[arg(long, value_name = "KIND", value_parser = preprocess_parser())]
    pub preprocess: Option<Preprocess>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lowering: Lowering,
    /// Images that are evaluated at the same time [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// The names of `--method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodName {
    /// The smallest and the largest value, as TensorFlow's converter has it.
    Minmax,
    /// Leaves out the outermost values.
    Percentile,
    /// The range with the least mean squared error.
    Mse,
}

impl QuantiseArgs {
    /// The method, with its share.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.method {
            MethodName::Minmax => Method::MinMax,
            MethodName::Percentile => Method::Percentile(self.percentile),
            MethodName::Mse => Method::Mse,
        }
    }
}

fn percentile(text: &str) -> Result<f64, String> {
    let value = share(text)?;
    if value > 0.5 { Ok(value) } else { Err("expected more than 50%".into()) }
}

fn io_parser() -> impl TypedValueParser<Value = Io> {
    PossibleValuesParser::new(Io::ALL.map(Io::name))
        .map(|name| Io::ALL.into_iter().find(|io| io.name() == name).unwrap_or_default())
}
