//! The content of one or more ledgers as a set: what was measured, whatever the order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::error::LedgerError;
use super::record::{BoardFact, DataFact, DeviceFact, GridFact, ModelFact, Record};
use crate::robust::cell::{CellKey, Counts, ModelKey};

/// Where a record stands; for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// From 1; 0 if it has not been written to a file.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str("this run"),
            line => write!(f, "{}, line {line}", self.file.display()),
        }
    }
}

/// A set of facts and cells.
#[derive(Clone, Debug, Default)]
pub struct Store {
    data: BTreeMap<String, DataFact>,
    models: BTreeMap<ModelKey, ModelFact>,
    grids: BTreeSet<GridFact>,
    devices: BTreeSet<DeviceFact>,
    boards: BTreeSet<BoardFact>,
    cells: BTreeMap<CellKey, (Counts, Place)>,
}

impl Store {
    /// Adds a record; says whether it was new. Facts of one key that differ in names only are one fact, the smaller one.
    ///
    /// # Errors
    /// A record that is not sound by itself, or contradicts another.
    pub fn add(&mut self, record: Record, place: &Place) -> Result<bool, LedgerError> {
        let corrupt = |problem| LedgerError::corrupt(place, problem);
        match record {
            Record::Ledger(_) => Ok(false),
            Record::Data(fact) => {
                if fact.labels.len() as u64 != fact.n
                    || fact.labels.iter().any(|&label| u64::from(label) >= fact.classes)
                {
                    return Err(corrupt(format!(
                        "labels that do not fit {} samples of {} classes",
                        fact.n, fact.classes
                    )));
                }
                if let Some(known) = self.data.get(&fact.sha256).filter(|known| known.labels != fact.labels) {
                    return Err(corrupt(format!("other labels for the data {} than an earlier line", known.name)));
                }
                Ok(smaller(&mut self.data, fact.sha256.clone(), fact))
            }
            Record::Model(fact) => Ok(smaller(&mut self.models, fact.key(), fact)),
            Record::Grid(fact) => Ok(self.grids.insert(fact)),
            Record::Device(fact) => Ok(self.devices.insert(*fact)),
            Record::Board(fact) => Ok(self.boards.insert(*fact)),
            Record::Cell(cell) => {
                let (key, counts) = cell.into_cell().map_err(corrupt)?;
                self.add_cell(key, counts, place)
            }
        }
    }

    /// Adds a cell; says whether it was new.
    ///
    /// # Errors
    /// Another content of the same cell, or other images that overlap with those of this one.
    pub fn add_cell(&mut self, key: CellKey, counts: Counts, place: &Place) -> Result<bool, LedgerError> {
        if let Some((known, there)) = self.cells.get(&key) {
            if *known == counts {
                return Ok(false);
            }
            let differ = known.answers.iter().zip(&counts.answers).filter(|(a, b)| a != b).count();
            let (first, second, cell) = (there.to_string(), place.to_string(), describe(&key));
            return Err(LedgerError::Contradiction { cell, differ, first, second });
        }
        if let Some((other, there)) = self.overlapping(&key) {
            let other = format!("{} to {}", other.first, other.end);
            let (first, second, cell) = (there.to_string(), place.to_string(), describe(&key));
            return Err(LedgerError::Overlap { cell, other, first, second });
        }
        self.cells.insert(key, (counts, place.clone()));
        Ok(true)
    }

    /// Cells of one condition are neighbours in the map, ordered by their first image: only two can overlap.
    fn overlapping(&self, key: &CellKey) -> Option<(&CellKey, &Place)> {
        let before = self.cells.range(..key).next_back();
        let after = self.cells.range(key..).next();
        let same = |other: &CellKey| CellKey { first: key.first, end: key.end, ..other.clone() } == *key;
        [before, after].into_iter().flatten().find_map(|(other, (_, place))| {
            (same(other) && other.first < key.end && key.first < other.end).then_some((other, place))
        })
    }

    /// The part that `grid` is about, of these models.
    #[must_use]
    pub fn only(&self, grid: &GridFact, models: &[ModelKey]) -> Self {
        let mut part = self.clone();
        part.data.retain(|key, _| *key == grid.data);
        part.models.retain(|key, _| models.contains(key));
        part.grids.retain(|other| other == grid);
        part.cells.retain(|key, _| key.data == grid.data && models.contains(&key.model));
        part
    }

    /// Whether this cell is there.
    #[must_use]
    pub fn contains(&self, key: &CellKey) -> bool {
        self.cells.contains_key(key)
    }

    /// The content of a cell.
    #[must_use]
    pub fn get(&self, key: &CellKey) -> Option<&Counts> {
        self.cells.get(key).map(|(counts, _)| counts)
    }

    /// Facts about data, by hash.
    #[must_use]
    pub fn data(&self) -> &BTreeMap<String, DataFact> {
        &self.data
    }

    /// Facts about models.
    #[must_use]
    pub fn models(&self) -> &BTreeMap<ModelKey, ModelFact> {
        &self.models
    }

    /// What was to be measured.
    #[must_use]
    pub fn grids(&self) -> &BTreeSet<GridFact> {
        &self.grids
    }

    /// Machines that measured.
    #[must_use]
    pub fn devices(&self) -> &BTreeSet<DeviceFact> {
        &self.devices
    }

    /// Boards that measured.
    #[must_use]
    pub fn boards(&self) -> &BTreeSet<BoardFact> {
        &self.boards
    }

    /// The cells, sorted by key.
    pub fn cells(&self) -> impl Iterator<Item = (&CellKey, &Counts)> {
        self.cells.iter().map(|(key, (counts, _))| (key, counts))
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

fn smaller<K: Ord, F: Ord>(facts: &mut BTreeMap<K, F>, key: K, fact: F) -> bool {
    match facts.get_mut(&key) {
        None => {
            facts.insert(key, fact);
            true
        }
        Some(known) => {
            if fact < *known {
                *known = fact;
            }
            false
        }
    }
}

/// A cell in words.
fn describe(key: &CellKey) -> String {
    let model: String = key.model.sha256.chars().take(12).collect();
    format!(
        "{} on images {} to {} (model {model}, {} arithmetic)",
        key.condition, key.first, key.end, key.model.arithmetic
    )
}
