//! What a careful reader would object to in a model file.
//!
//! To add a lint: a file here with a [`Lint`], and its line in [`LINTS`].

mod batch_norm;
mod dead_channels;
mod deflate_only;
mod float_island;
mod input_range;
mod quantised_constants;
mod same_size;

use serde::Serialize;

use super::network::Network;
pub use same_size::{Weight, same_size};

/// Every lint for one file.
pub const LINTS: &[Lint] = &[
    input_range::LINT,
    batch_norm::LINT,
    quantised_constants::LINT,
    float_island::LINT,
    deflate_only::LINT,
    dead_channels::LINT,
];

/// One thing to look for.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Its name in reports.
    pub name: &'static str,
    /// Looks for it.
    pub check: fn(&Network<'_>) -> Vec<Finding>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Figures from this file are easily misread.
    Warning,
    /// The file is most likely not what its author meant.
    Error,
}

impl Severity {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the lint.
    pub lint: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Operators concerned, by their place in the file.
    pub operators: Vec<usize>,
    /// What was found and what to do.
    pub message: String,
}

/// Everything that the lints find in a network, the worst first.
#[must_use]
pub fn findings(network: &Network<'_>) -> Vec<Finding> {
    let mut all: Vec<Finding> = LINTS.iter().flat_map(|lint| (lint.check)(network)).collect();
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}

/// `1 operator`, `2 operators`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
