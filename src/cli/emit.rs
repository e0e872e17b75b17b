//! `edgebench emit` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use edgebench_kernels::Isa;
use edgebench_models::Arithmetic;

use crate::firmware::board::bytes;
use crate::firmware::core::Core;

/// `edgebench emit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes plan.rs (steps as statics; it needs the crate edgebench-kernels and nothing else) and weights.bin. firmware/build.sh builds a \
program of them, docs/boards.md says how.

Examples:
  edgebench emit model.tflite --target cortex-m4 -o plan
  firmware/build.sh mps2-an386 plan out")]
pub struct EmitArgs {
    /// The model
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub model: PathBuf,
    /// The processor core
    #[arg(long, value_name = "CORE", value_parser = core_parser())]
    pub target: Core,
    /// The directory to write to [default: the model's name with -CORE]
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Whose integers to reproduce, bit for bit
    #[arg(long, value_name = "NAME", default_value = "litert", value_parser = super::arithmetic_parser())]
    pub arithmetic: Arithmetic,
    /// Instruction set [default: the fastest that the core has]
    #[arg(long, value_name = "NAME", value_parser = super::isa_parser())]
    pub isa: Option<Isa>,
    /// Refuse weights of more bytes: 96K, 2M (code is not counted)
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub flash: Option<usize>,
    /// Refuse an arena of more bytes (the stack is not counted)
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub ram: Option<usize>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

fn core_parser() -> impl TypedValueParser<Value = Core> {
    PossibleValuesParser::new(Core::ALL.map(Core::name)).try_map(|name| name.parse::<Core>())
}
