//! Ledgers as files: read, append, write whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LedgerError;
use super::line;
use super::record::{CellRecord, FORMAT, Record};
use super::store::{Place, Store};
use crate::data::npy::write_whole;
use crate::robust::cell::{CellKey, Counts};

/// Longer lines are not written: a cell has two bytes for each image.
const MAX_LINE: u64 = 1 << 28;

/// What was found while a ledger was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Complete lines.
    pub lines: u64,
    /// Bytes of the complete lines.
    pub bytes: u64,
    /// Bytes of a last line that was not written to its end.
    pub torn: u64,
}

/// Adds the content of the ledger at `path` to `store`. A last line that was cut is left out.
///
/// # Errors
/// A file that is no ledger, a damaged line, or a contradiction.
pub fn read(path: &Path, store: &mut Store) -> Result<Reading, LedgerError> {
    let file = File::open(path).map_err(LedgerError::io(path))?;
    let reading = read_from(path, BufReader::new(file), store)?;
    if reading.lines == 0 {
        return Err(LedgerError::NotALedger { path: path.into(), found: "it holds nothing yet".into() });
    }
    Ok(reading)
}

fn read_from(path: &Path, mut stream: impl BufRead, store: &mut Store) -> Result<Reading, LedgerError> {
    let file: Arc<Path> = path.into();
    let mut reading = Reading { lines: 0, bytes: 0, torn: 0 };
    let mut text = Vec::new();
    loop {
        text.clear();
        stream.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(LedgerError::io(path))?;
        let place = Place { file: Arc::clone(&file), line: reading.lines + 1 };
        let Some(complete) = text.strip_suffix(b"\n") else {
            // A file that was never a ledger has no torn line: it must not be cut.
            if reading.lines == 0 && !line::write(&Record::Ledger(FORMAT.into())).as_bytes().starts_with(&text) {
                return Err(not_a_ledger(path, &text));
            }
            reading.torn = text.len() as u64;
            return Ok(reading);
        };
        let record = match line::read(complete) {
            Err(_) if reading.lines == 0 => return Err(not_a_ledger(path, complete)),
            Err(problem) => return Err(LedgerError::corrupt(&place, problem)),
            Ok(record) => record,
        };
        match (&record, reading.lines) {
            (Record::Ledger(format), 0) if format == FORMAT => {}
            (Record::Ledger(format), 0) => {
                let found = format!("it is of format {format}, expected {FORMAT}");
                return Err(LedgerError::NotALedger { path: path.into(), found });
            }
            (_, 0) => return Err(not_a_ledger(path, complete)),
            _ => {
                store.add(record, &place)?;
            }
        }
        reading.lines += 1;
        reading.bytes += text.len() as u64;
    }
}

fn not_a_ledger(path: &Path, text: &[u8]) -> LedgerError {
    let start: String = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
    LedgerError::NotALedger { path: path.into(), found: format!("it begins with {start:?}") }
}

/// A ledger that is being written. Every record is on the disk before [`Journal::append`] returns.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Journal {
    /// Opens or makes the ledger at `path`, cuts off a last line that was not written to its end, and adds what it holds to
    /// `store`.
    ///
    /// # Errors
    /// A file that is no ledger (it is not changed), a damaged line, a contradiction, or another process that writes to it.
    pub fn open(path: &Path, store: &mut Store) -> Result<(Self, Reading), LedgerError> {
        let io = LedgerError::io(path);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(&io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Busy { path: path.into() }),
            // Some network file systems have no locks; the user keeps writers apart there.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let reading = read_from(path, BufReader::new(&file), store)?;
        file.set_len(reading.bytes).map_err(&io)?;
        file.seek(SeekFrom::End(0)).map_err(&io)?;
        let mut journal = Self { path: path.into(), file, bytes: reading.bytes };
        if reading.lines == 0 {
            journal.append(&Record::Ledger(FORMAT.into()))?;
            sync_directory(path);
        }
        Ok((journal, reading))
    }

    /// Writes a line and waits until it is on the disk.
    ///
    /// # Errors
    /// The operating system's; the file then ends as it did before.
    pub fn append(&mut self, record: &Record) -> Result<(), LedgerError> {
        let text = line::write(record);
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // The first error is the one to tell; what is left of the line is found and cut at the next start.
            let _ = self.file.set_len(self.bytes);
            return Err(LedgerError::Io { path: self.path.clone(), source: error });
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Writes a cell and waits until it is on the disk.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_cell(&mut self, key: &CellKey, counts: &Counts) -> Result<(), LedgerError> {
        self.append(&Record::Cell(Box::new(CellRecord::new(key, counts))))
    }
}

/// A new file is only there after a power failure if its directory is on the disk as well.
fn sync_directory(path: &Path) {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where directories cannot be opened this is the system's own business.
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
}

/// Writes `store` as one ledger: facts first, cells in order. Equal sets give equal bytes.
///
/// # Errors
/// The operating system's.
pub fn write(path: &Path, store: &Store) -> Result<(), LedgerError> {
    let written = write_whole(path, |file| {
        let mut out = BufWriter::new(file);
        let mut put = |record: &Record| out.write_all(line::write(record).as_bytes());
        put(&Record::Ledger(FORMAT.into()))?;
        store.data().values().try_for_each(|fact| put(&Record::Data(fact.clone())))?;
        store.models().values().try_for_each(|fact| put(&Record::Model(fact.clone())))?;
        store.grids().iter().try_for_each(|fact| put(&Record::Grid(fact.clone())))?;
        store.devices().iter().try_for_each(|fact| put(&Record::Device(Box::new(fact.clone()))))?;
        store.boards().iter().try_for_each(|fact| put(&Record::Board(Box::new(fact.clone()))))?;
        for (key, counts) in store.cells() {
            put(&Record::Cell(Box::new(CellRecord::new(key, counts))))?;
        }
        out.flush()
    });
    written.map_err(|error| match error {
        crate::data::DataError::Io { path, source } => LedgerError::Io { path, source },
        other => LedgerError::Io { path: path.into(), source: std::io::Error::other(other) },
    })
}
