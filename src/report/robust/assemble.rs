//! From the cells of a ledger to the answers of each model under each condition.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::ce::CeError;
use crate::robust::cell::{BINS, Bin, CellKey, Counts, ModelKey, Origin};
use crate::robust::condition::Condition;
use crate::robust::ledger::Store;
use crate::robust::ledger::record::{DataFact, ModelFact, Setting};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Nothing was to be measured.
    #[error("the ledger holds no measurement; write one with: edgebench eval MODEL --corruptions all --ledger FILE")]
    Empty,
    /// Cells about something the ledger says nothing of.
    #[error("the ledger has cells of {what} {hash}, but not the line that describes it; merge the ledger it came from")]
    Unknown {
        /// Data or model.
        what: &'static str,
        /// First digits of the hash.
        hash: String,
    },
    /// The same corruption from different files.
    #[error("{condition} was measured on two different files ({first} and {second}); keep their ledgers apart")]
    TwoFiles {
        /// The condition.
        condition: String,
        /// First digits of a hash.
        first: String,
        /// First digits of the other.
        second: String,
    },
    /// A cell whose answers and hits do not belong together, or to these data.
    #[error(
        "the ledger has a cell {condition} on images {first} to {end} whose {what}; remove its line and measure it again"
    )]
    Cell {
        /// The condition.
        condition: String,
        /// First image.
        first: u64,
        /// One more than the last image.
        end: u64,
        /// What does not fit.
        what: String,
    },
    /// No such baseline.
    #[error("--baseline {name}: no model of the ledger has this name; there are {there}")]
    NoBaseline {
        /// What was asked for.
        name: String,
        /// Names that there are.
        there: String,
    },
    /// Baseline and model were not measured alike.
    #[error("{model}: {source}")]
    Compare {
        /// The model.
        model: String,
        /// Why.
        source: CeError,
    },
}

/// Answers to all images of a condition that are known.
#[derive(Clone, Debug)]
pub(super) struct Answers<'a> {
    pub(super) n: u64,
    pub(super) hits: u64,
    pub(super) top5: u64,
    pub(super) bins: [Bin; BINS],
    /// First image and content of each cell, in order.
    pub(super) cells: Vec<(u64, &'a Counts)>,
    origin: &'a Origin,
}

/// One model's part of a study.
#[derive(Clone, Debug)]
pub(super) struct Measured<'a> {
    pub(super) key: &'a ModelKey,
    pub(super) fact: &'a ModelFact,
    pub(super) by_condition: BTreeMap<Condition, Answers<'a>>,
}

/// A data set, corrupted in one way.
#[derive(Clone, Debug)]
pub(super) struct Material<'a> {
    pub(super) data: &'a DataFact,
    pub(super) setting: &'a Setting,
    /// Clean first, then as in the paper.
    pub(super) conditions: BTreeSet<Condition>,
    pub(super) models: Vec<Measured<'a>>,
}

/// The studies of a ledger.
pub(super) fn materials(store: &Store) -> Result<Vec<Material<'_>>, BuildError> {
    let mut studies: BTreeMap<(&str, &Setting), BTreeSet<Condition>> = BTreeMap::new();
    for grid in store.grids() {
        studies.entry((&grid.data, &grid.setting)).or_default().extend(grid.conditions());
    }
    if studies.is_empty() {
        return Err(BuildError::Empty);
    }
    studies.into_iter().map(|((data, setting), conditions)| material(store, data, setting, conditions)).collect()
}

fn material<'a>(
    store: &'a Store,
    data: &'a str,
    setting: &'a Setting,
    conditions: BTreeSet<Condition>,
) -> Result<Material<'a>, BuildError> {
    let fact = store.data().get(data).ok_or_else(|| unknown("data", data))?;
    let mut models: BTreeMap<&ModelKey, Measured<'_>> = BTreeMap::new();
    for (key, counts) in store.cells() {
        if key.data != data || !conditions.contains(&key.condition) || !belongs(&key.origin, setting) {
            continue;
        }
        check(fact, key, counts)?;
        let measured = match models.entry(&key.model) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let fact = store.models().get(&key.model).ok_or_else(|| unknown("model", &key.model.sha256))?;
                entry.insert(Measured { key: &key.model, fact, by_condition: BTreeMap::new() })
            }
        };
        measured.add(key, counts)?;
    }
    Ok(Material { data: fact, setting, conditions, models: models.into_values().collect() })
}

/// A checksum shows damage, not a wrong program: hits are counted again.
fn check(data: &DataFact, key: &CellKey, counts: &Counts) -> Result<(), BuildError> {
    let wrong = |what| BuildError::Cell { condition: key.condition.to_string(), first: key.first, end: key.end, what };
    let range = usize::try_from(key.first).ok().zip(usize::try_from(key.end).ok());
    let labels = range.and_then(|(first, end)| data.labels.get(first..end));
    let labels = labels.ok_or_else(|| wrong(format!("images the data do not have ({} images)", data.n)))?;
    let hits = labels.iter().zip(&counts.answers).filter(|(label, answer)| label == answer).count() as u64;
    if hits == counts.hits {
        return Ok(());
    }
    Err(wrong(format!("answers hit {hits} labels, it says {}", counts.hits)))
}

fn belongs(origin: &Origin, setting: &Setting) -> bool {
    match (origin, setting) {
        (Origin::Clean, _) | (Origin::File { .. }, Setting::Files) => true,
        (Origin::Generated { constants, seed, generator, photographs }, Setting::Generated { .. }) => {
            let Setting::Generated { constants: set, seed: number, generator: version, photographs: hash } = setting
            else {
                return false;
            };
            // Only frost's own cells name photographs.
            (constants, seed, generator) == (set, number, version) && (photographs.is_none() || photographs == hash)
        }
        _ => false,
    }
}

fn unknown(what: &'static str, hash: &str) -> BuildError {
    BuildError::Unknown { what, hash: short(hash) }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

impl<'a> Measured<'a> {
    fn add(&mut self, key: &'a CellKey, counts: &'a Counts) -> Result<(), BuildError> {
        let empty =
            Answers { n: 0, hits: 0, top5: 0, bins: [Bin::default(); BINS], cells: Vec::new(), origin: &key.origin };
        let answers = self.by_condition.entry(key.condition).or_insert(empty);
        if let (Origin::File { sha256: first }, Origin::File { sha256: second }) = (answers.origin, &key.origin)
            && first != second
        {
            let condition = key.condition.to_string();
            return Err(BuildError::TwoFiles { condition, first: short(first), second: short(second) });
        }
        answers.n += counts.answers.len() as u64;
        answers.hits += counts.hits;
        answers.top5 += counts.top5;
        for (bin, other) in answers.bins.iter_mut().zip(&counts.bins) {
            bin.n += other.n;
            bin.hits += other.hits;
            bin.confidence += other.confidence;
        }
        answers.cells.push((key.first, counts));
        Ok(())
    }

    /// Inferences that are not there.
    pub(super) fn missing(&self, material: &Material<'_>) -> u64 {
        let there = |condition| self.by_condition.get(condition).map_or(0, |answers| answers.n);
        material.conditions.iter().map(|condition| material.data.n.saturating_sub(there(condition))).sum()
    }

    /// SHA-256 of the file of each corruption, where files were read.
    pub(super) fn files(&self) -> BTreeMap<&'static str, String> {
        let file = |(condition, answers): (&Condition, &Answers<'_>)| match answers.origin {
            Origin::File { sha256 } => Some((condition.name(), sha256.clone())),
            _ => None,
        };
        self.by_condition.iter().filter_map(file).collect()
    }
}

impl Answers<'_> {
    /// The answer to every image, in order; none where an image is missing.
    pub(super) fn whole(&self, images: u64) -> Option<Vec<u16>> {
        (self.n == images).then(|| self.cells.iter().flat_map(|(_, counts)| &counts.answers).copied().collect())
    }
}
