//! `edgebench corrupt` as types, and the names of corruptions and severities for every command that takes them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};
use edgebench_corrupt::{Constants, Corruption, Severity};

use super::split_parser;
use crate::data::Split;

/// `edgebench corrupt`.
#[derive(Debug, Args)]
#[command(after_help = "\
npy: one NAME.npy for each corruption, [5 x N, height, width, channels], severity 1 first, and labels.npy, as in CIFAR-10-C.
png: NAME/SEVERITY/CLASS/NUMBER.png, as in ImageNet-C. The same seed gives the same bytes on every machine and for any number of
threads. Frost is drawn (frost-synthetic) unless --frost-dir has photographs of it.

Examples:
  edgebench corrupt --data cifar-10-batches-bin --output CIFAR-10-C
  edgebench corrupt --data images/ --output images-c --format png --severity 1,3,5 --corruptions fog,snow
  edgebench corrupt --data digits --limit 1 --sheet sheet.png            # a picture of all kinds and severities")]
pub struct CorruptArgs {
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
    /// Bring images to this height and width first
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub resize: Option<[usize; 2]>,
    /// Directory for the corrupted images; made if it is not there
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "sheet")]
    pub output: Option<PathBuf>,
    /// How to write them
    #[arg(long, value_enum, default_value = "npy")]
    pub format: Format,
    /// Corruptions, separated by commas, or all (19), benchmark (15) or extra (4)
    #[arg(long, value_name = "NAMES", default_value = "all", value_delimiter = ',', value_parser = kinds_parser())]
    pub corruptions: Vec<Kinds>,
    /// Severities: 1-5, 3 or 1,3,5
    #[arg(long, value_name = "LEVELS", default_value = "1-5", value_parser = severities)]
    pub severity: Severities,
    /// Constants [default: cifar up to 64 pixels, imagenet for larger images]
    #[arg(long, value_name = "SET", value_parser = constants_parser())]
    pub constants: Option<Constants>,
    /// Seed of the random numbers
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Photographs of frost (.png, .jpg); the first five by name are used
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub frost_dir: Option<PathBuf>,
    /// Write a picture of one image under all these corruptions (PNG)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub sheet: Option<PathBuf>,
    /// Number of the image on the sheet, from 0
    #[arg(long, value_name = "N", default_value = "0", requires = "sheet")]
    pub sheet_image: usize,
    /// Images that are corrupted at the same time [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

/// What corrupted images become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Arrays in the layout of CIFAR-10-C.
    Npy,
    /// Image files in the layout of ImageNet-C.
    Png,
}

/// One of the names of `--corruptions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// All 19.
    All,
    /// The 15 of the benchmark.
    Benchmark,
    /// The four others.
    Extra,
    /// This one.
    One(Corruption),
}

impl Kinds {
    /// The corruptions that are named, each once, in the order of [`Corruption::ALL`].
    #[must_use]
    pub fn expand(names: &[Self]) -> Vec<Corruption> {
        let named = |kind: &Corruption| {
            names.iter().any(|name| match name {
                Self::All => true,
                Self::Benchmark => kind.is_benchmark(),
                Self::Extra => !kind.is_benchmark(),
                Self::One(one) => one == kind,
            })
        };
        Corruption::ALL.into_iter().filter(named).collect()
    }
}

/// Severities, ascending, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severities(pub Vec<Severity>);

/// Parses the names of `--corruptions`.
pub fn kinds_parser() -> impl TypedValueParser<Value = Kinds> {
    let names = ["all", "benchmark", "extra"].into_iter().chain(Corruption::ALL.map(Corruption::name));
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "all" => Ok(Kinds::All),
        "benchmark" => Ok(Kinds::Benchmark),
        "extra" => Ok(Kinds::Extra),
        name => name.parse::<Corruption>().map(Kinds::One),
    })
}

/// Parses the names of `--constants`.
pub fn constants_parser() -> impl TypedValueParser<Value = Constants> {
    PossibleValuesParser::new(Constants::ALL.map(Constants::name)).try_map(|name| name.parse::<Constants>())
}

/// Parses `1-5`, `3` or `1,3,5`.
///
/// # Errors
/// Anything else, in words.
pub fn severities(text: &str) -> Result<Severities, String> {
    let level = |t: &str| t.trim().parse::<u8>().ok().and_then(|n| Severity::new(n).ok());
    let mut found = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (level(first), level(last)) {
            (Some(first), Some(last)) if first <= last => {
                found.extend(Severity::ALL.into_iter().filter(|s| (first..=last).contains(s)));
            }
            _ => return Err(format!("{part:?} is no severity, expected 1 to 5, as 1-5, 3 or 1,3,5")),
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Severities(found))
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').and_then(|(h, w)| Some([h.parse().ok()?, w.parse().ok()?]));
    sides.filter(|sides| !sides.contains(&0)).ok_or_else(|| format!("{text:?} is no size, expected 224x224"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ranges_and_lists() {
        let levels = |text| severities(text).map(|s| s.0.iter().map(|s| s.level()).collect::<Vec<_>>());
        assert_eq!(levels("1-5"), Ok(vec![1, 2, 3, 4, 5]));
        assert_eq!(levels("3,1,3"), Ok(vec![1, 3]));
        assert!(levels("0").is_err() && levels("5-1").is_err() && levels("").is_err() && levels("1-6").is_err());
    }

    #[test]
    fn groups_are_disjoint() {
        assert_eq!(Kinds::expand(&[Kinds::Benchmark]).len(), 15);
        assert_eq!(Kinds::expand(&[Kinds::Extra]).len(), 4);
        let fog = Kinds::One(Corruption::Fog);
        assert_eq!(Kinds::expand(&[fog, fog]), [Corruption::Fog]);
    }
}
