//! `edgebench data` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueHint};

use crate::fetch::{Archive, SETS};

/// `edgebench data`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edgebench data list
  edgebench data fetch cifar10 --dir data                # an interrupted download goes on where it was
  edgebench data verify CIFAR-10-C --clean cifar-10-batches-bin")]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What to do with published data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Data sets that are known: address, size, checksum
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare an archive or directory with what was published; exit code 1 if it differs
    Verify {
        /// Archive or directory
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        path: PathBuf,
        /// Clean images that belong to a directory of corrupted ones
        #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
        clean: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Download, check and unpack a data set
    Fetch {
        /// Name, see list
        #[arg(value_name = "NAME", value_parser = set_parser())]
        set: Archive,
        /// Directory that it is unpacked in; made if it is not there
        #[arg(long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Another address of the same file
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Keep the archive
        #[arg(long)]
        keep: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
}

fn set_parser() -> impl TypedValueParser<Value = Archive> {
    let by_name = |name: String| SETS.into_iter().find(|set| set.name == name).ok_or("no such data set");
    PossibleValuesParser::new(SETS.map(|set| set.name)).try_map(by_name)
}
