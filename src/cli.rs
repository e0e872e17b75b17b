//! The command line as types: nothing here touches the system.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use edgebench_kernels::Isa;
use edgebench_models::Arithmetic;

/// Run, measure and compare `.tflite` image classifiers exactly as their device does.
#[derive(Debug, Parser)]
#[command(name = "edgebench", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 a threshold that was asked for is missed, 2 could not be done.")]
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
    /// Run arrays through a model: .npy or .npz in, .npy or .npz out
    Run(RunArgs),
    /// List instruction sets: built, running here, chosen
    Isa(IsaArgs),
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

/// `edgebench run`.
#[derive(Debug, Args)]
#[command(after_help = "\
The leading dimension of an array is the batch: a model that takes [1,32,32,3] takes an array [N,32,32,3]. \
Element types must be the model's own; nothing is quantised on the way. A model with several inputs takes a \
.npz with one array for each, named as the tensor or input_0, input_1, …; one with several outputs writes a .npz.")]
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

fn arithmetic_parser() -> impl TypedValueParser<Value = Arithmetic> {
    PossibleValuesParser::new(Arithmetic::ALL.map(Arithmetic::name)).try_map(|name| name.parse::<Arithmetic>())
}
