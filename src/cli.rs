//! The command line as types: nothing here touches the system.

pub mod corrupt;
#[cfg(feature = "fetch")]
pub mod data;
pub mod emit;
pub mod parity;
pub mod quantise;
pub mod remote;
pub mod robust;
#[cfg(feature = "train")]
pub mod sweep;
#[cfg(feature = "train")]
pub mod train;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use edgebench_kernels::Isa;
use edgebench_models::Arithmetic;

use crate::data::Split;
use crate::data::preprocess::Preprocess;
use crate::inspect::lints::Severity;

/// Run, measure and compare `.tflite` image classifiers exactly as their device does.
#[derive(Debug, Parser)]
#[command(name = "edgebench", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  edgebench demo                          # train, compress and corrupt the embedded digits
  edgebench eval                          # accuracy, size and speed of the embedded model
  edgebench eval model.tflite --data cifar-10-batches-bin
  edgebench eval model.tflite --data cifar-10-batches-bin --corruptions all --html report.html
  edgebench bench model.tflite --isa all
  edgebench inspect model.tflite

Exit codes: 0 done, 1 a threshold that was asked for is missed, 2 could not be done.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say nothing but the result and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: clap::ColorChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Accuracy, size and speed of models on labelled images, and how they hold up under corruptions
    Eval(Box<EvalArgs>),
    /// Time of models, and of each of their operators
    Bench(BenchArgs),
    /// What a model file holds: operators, tensors, memory, and what is wrong with it
    Inspect(InspectArgs),
    /// Run arrays through a model: .npy or .npz in, .npy or .npz out
    Run(RunArgs),
    /// Make an int8 model of a float model, as TensorFlow's converter does
    #[command(alias = "quantize")]
    Quantise(Box<quantise::QuantiseArgs>),
    /// Show what ledgers of robustness measurements say, without measuring
    Report(robust::ReportArgs),
    /// Join ledgers of shards
    Merge(robust::MergeArgs),
    /// Corrupt images as CIFAR-10-C and ImageNet-C do: noise, blur, weather, JPEG, …
    Corrupt(corrupt::CorruptArgs),
    /// Published data sets: list, verify, fetch
    #[cfg(feature = "fetch")]
    Data(data::DataArgs),
    /// Train a network on labelled images
    #[cfg(feature = "train")]
    Train(Box<train::TrainArgs>),
    /// Prune, cluster and quantise a network by recipes
    #[cfg(feature = "train")]
    Compress(Box<train::CompressArgs>),
    /// Whole studies: networks × recipes × corruptions, with fronts, bounds and a page
    #[cfg(feature = "train")]
    Sweep(Box<sweep::SweepArgs>),
    /// The whole study on the embedded digits, in half a minute
    #[cfg(feature = "train")]
    Demo(Box<sweep::DemoArgs>),
    /// Write a model as Rust source for a microcontroller
    Emit(emit::EmitArgs),
    /// Whether two targets compute the same integers, layer by layer
    Parity(parity::ParityArgs),
    /// List instruction sets: built, running here, chosen
    Isa(IsaArgs),
    /// The other end of --on
    #[command(hide = true)]
    Host(remote::HostArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What a model is lowered for.
#[derive(Clone, Debug, Args)]
pub struct Lowering {
    /// Whose integers to reproduce, bit for bit: LiteRT's default path, its reference kernels, or TFLite Micro
    #[arg(long, value_name = "NAME", default_value = "litert", value_parser = arithmetic_parser())]
    pub arithmetic: Arithmetic,
    /// Instruction set to use [default: the fastest that runs here]
    #[arg(long, value_name = "NAME", env = "EDGEBENCH_ISA", hide_env_values = true, value_parser = isa_parser())]
    pub isa: Option<Isa>,
}

/// `edgebench eval`.
#[derive(Debug, Args)]
#[command(after_help = "\
Accuracy has a 95 % interval (Wilson). Between equal scores the class with the lower number wins. Latency is one image on one \
thread; images/s is the whole pass with all threads, preprocessing included. zip-6 is the size of a zip archive (zlib, level 6) \
with the file alone in it.

Examples:
  edgebench eval                                         # embedded model, embedded digits
  edgebench eval float.tflite int8.tflite --data cifar-10-batches-bin
  edgebench eval model.tflite --data images/ --resize --preprocess signed --confusion
  edgebench eval model.tflite --data x_test.npy --min-accuracy 90%   # for CI: exit code 1 if below
  edgebench eval float.tflite int8.tflite --data cifar-10-batches-bin --corruptions benchmark --baseline float --html report.html
  edgebench eval int8.tflite --data cifar-10-batches-bin --corrupted CIFAR-10-C --baseline float.json --fail-if \"mce>105\"")]
pub struct EvalArgs {
    /// The models [default: a small one for the embedded digits]
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub models: Vec<PathBuf>,
    /// Labelled images: `digits` (embedded), a CIFAR or IDX directory, a folder of images by class, .npy or .npz
    #[arg(long, value_name = "PATH", default_value = "digits", value_hint = ValueHint::AnyPath)]
    pub data: PathBuf,
    /// Part of the data
    #[arg(long, value_name = "PART", default_value = "test", value_parser = split_parser())]
    pub split: Split,
    /// Labels, for arrays whose labels are not found beside them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub labels: Option<PathBuf>,
    /// The 20 coarse labels of CIFAR-100
    #[arg(long)]
    pub coarse: bool,
    /// At most this many images
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Bring images to the size that the model takes
    #[arg(long)]
    pub resize: bool,
    /// What a pixel means to the model [default: what its side file or its quantised input says]
    #[arg(long, value_name = "KIND", value_parser = preprocess_parser())]
    pub preprocess: Option<Preprocess>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lowering: Lowering,
    /// Images that are run at the same time [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Images that a thread takes at once; changes no answer
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: u32,
    /// Exit with 1 if a model's top-1 is below: 0.9 or 90%
    #[arg(long, value_name = "X", value_parser = share)]
    pub min_accuracy: Option<f64>,
    /// Show the accuracy of every class
    #[arg(long)]
    pub per_class: bool,
    /// Show the confusion matrix [default for one model of up to 12 classes]
    #[arg(long)]
    pub confusion: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub robust: robust::RobustArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub on: remote::OnArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rendering: robust::Rendering,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// `edgebench bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
One run is a batch of images from input bytes to output, spread over the threads; inputs are pseudo-random. With --batch 1 all \
threads work on the one image: heavy operators are split. The machine's peak is measured beside it: multiply-accumulates on \
registers alone, with as many threads.

Examples:
  edgebench bench model.tflite --profile                 # all operators
  edgebench bench a.tflite b.tflite --isa all --profile=none
  edgebench bench model.tflite --threads 4 --batch 64 --json
  edgebench bench model.tflite --threads 4 --batch 1     # latency of one image on four threads")]
pub struct BenchArgs {
    /// The models [default: the embedded one]
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub models: Vec<PathBuf>,
    /// Threads over which the images of a batch, or the operators of a single image, are spread
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: u16,
    /// Images of one run [default: one for each thread]; with 8 or more a thread, small layers take 8 at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: Option<u32>,
    /// Whose integers to reproduce, bit for bit
    #[arg(long, value_name = "NAME", default_value = "litert", value_parser = arithmetic_parser())]
    pub arithmetic: Arithmetic,
    /// Instruction sets, separated by commas, or `all` that run here [default: the fastest]
    #[arg(long, value_name = "NAMES", env = "EDGEBENCH_ISA", hide_env_values = true, value_delimiter = ',', value_parser = isas_parser())]
    pub isa: Vec<IsaChoice>,
    /// Timed runs of each model [default: as many as --seconds allows, 10 to 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "seconds")]
    pub runs: Option<u32>,
    /// Time for the runs of each model
    #[arg(long, value_name = "S", default_value = "2", allow_negative_numbers = true, value_parser = seconds)]
    pub seconds: f64,
    /// Operators to show: the slowest, all, or none (and do not time them)
    #[arg(long, value_name = "WHICH", default_value = "top", default_missing_value = "all", num_args = 0..=1, require_equals = true)]
    pub profile: Profile,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub on: remote::OnArgs,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which operators `edgebench bench` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// The slowest.
    Top,
    /// All.
    All,
    /// None; they are not timed either.
    None,
}

/// One of the names of `--isa` where several may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsaChoice {
    /// Every one that runs here.
    All,
    /// This one.
    One(Isa),
}

/// `edgebench inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing runs. Zeros are real zeros (codes equal to the zero point); bits are the entropy of a tensor's values. The map of the arena \
has time from left to right (one column for one or more steps) and addresses from top to bottom.

Examples:
  edgebench inspect model.tflite
  edgebench inspect model.tflite --all --json
  edgebench inspect *.tflite --brief --fail-on error     # for CI: exit code 1 if a lint objects")]
pub struct InspectArgs {
    /// The models [default: the embedded one]
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub models: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lowering: Lowering,
    /// Show every constant, not only the largest
    #[arg(long)]
    pub all: bool,
    /// Show the summary and the findings only
    #[arg(long, conflicts_with = "all")]
    pub brief: bool,
    /// Exit with 1 if there is a finding of this severity or worse
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// `edgebench run`.
#[derive(Debug, Args)]
#[command(after_help = "\
The leading dimension of an array is the batch: a model that takes [1,32,32,3] takes an array [N,32,32,3]. \
Element types must be the model's own; nothing is quantised on the way. A model with several inputs takes a \
.npz with one array for each, named as the tensor or input_0, input_1, …; one with several outputs writes a .npz.

Examples:
  edgebench run model.tflite --input x.npy --output y.npy
  edgebench run model.tflite -i x.npy -o y.npy --arithmetic reference --trace layers/")]
pub struct RunArgs {
    /// The model
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub model: PathBuf,
    /// Input array (.npy), or arrays (.npz)
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub input: PathBuf,
    /// Where to write the output: .npy, or .npz (always for several outputs)
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lowering: Lowering,
    /// Samples that are run at the same time [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Samples that a thread takes at once; does not change the result
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: u32,
    /// Let all threads work on one sample after the other; does not change the result
    #[arg(long)]
    pub split: bool,
    /// Write every intermediate tensor of the first sample into this directory, one .npy each
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub trace: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

/// `edgebench isa`.
#[derive(Debug, Args)]
pub struct IsaArgs {
    /// Instruction set to choose [default: the fastest that runs here]
    #[arg(long, value_name = "NAME", env = "EDGEBENCH_ISA", hide_env_values = true, value_parser = isa_parser())]
    pub isa: Option<Isa>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

fn isa_parser() -> impl TypedValueParser<Value = Isa> {
    PossibleValuesParser::new(Isa::ALL.map(Isa::name)).try_map(|name| name.parse::<Isa>())
}

fn isas_parser() -> impl TypedValueParser<Value = IsaChoice> {
    let names = ["all"].into_iter().chain(Isa::ALL.map(Isa::name));
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "all" => Ok(IsaChoice::All),
        name => name.parse::<Isa>().map(IsaChoice::One),
    })
}

fn arithmetic_parser() -> impl TypedValueParser<Value = Arithmetic> {
    PossibleValuesParser::new(Arithmetic::ALL.map(Arithmetic::name)).try_map(|name| name.parse::<Arithmetic>())
}

fn split_parser() -> impl TypedValueParser<Value = Split> {
    PossibleValuesParser::new([Split::Train, Split::Test].map(Split::name)).try_map(|name| name.parse::<Split>())
}

fn preprocess_parser() -> impl TypedValueParser<Value = Preprocess> {
    PossibleValuesParser::new(Preprocess::ALL.map(Preprocess::name)).try_map(|name| name.parse::<Preprocess>())
}

fn seconds(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().map_err(|_| format!("{text:?} is no number"))?;
    if value > 0.0 && value <= 3600.0 { Ok(value) } else { Err("expected more than 0 and at most 3600 seconds".into()) }
}

/// A share as `0.9` or `90%`.
fn share(text: &str) -> Result<f64, String> {
    let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("{text:?} is no number"));
    let value = match text.strip_suffix('%') {
        Some(percent) => number(percent)? / 100.0,
        None => number(text)?,
    };
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("expected 0 to 1, or 0% to 100%".into()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn shares_are_fractions_or_percent() {
        assert_eq!(super::share("0.9"), Ok(0.9));
        assert_eq!(super::share("90%"), Ok(0.9));
        assert!(super::share("90").is_err() && super::share("x").is_err() && super::share("nan").is_err());
    }
}
