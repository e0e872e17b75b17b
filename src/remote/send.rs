//! Files on their way to a machine: what is there, room, parts that were cut, hashes.

use std::io::Read;
use std::path::Path;

use super::error::RemoteError;
use super::host::Host;
use super::parcel::Parcel;

/// Bytes that must stay free beside what is sent: the ledger and what the job says.
pub(super) const SPARE: u64 = 4 << 20;

impl Host {
    /// Sends what is not there; `sent` is told of bytes.
    ///
    /// # Errors
    /// No room, a connection that is lost for good, or files that cannot be read.
    pub fn send(&self, parcels: &[Parcel], sent: &mut dyn FnMut(u64)) -> Result<(), RemoteError> {
        let there = self.again(|| self.there(parcels))?;
        let missing = parcels.iter().zip(&there).filter(|(parcel, there)| **there < parcel.len);
        // An archive needs its room twice while it is unpacked.
        let needed = missing
            .map(|(parcel, there)| (parcel.len - there) + if parcel.is_dir { parcel.len } else { 0 })
            .sum::<u64>();
        if needed == 0 {
            return Ok(());
        }
        let (needed, free) = (needed + SPARE, self.again(|| self.free())?);
        if needed > free {
            return Err(self.full(needed, free));
        }
        for parcel in parcels {
            self.again(|| self.send_one(parcel, sent))?;
        }
        Ok(())
    }

    /// Bytes of each parcel that are there.
    fn there(&self, parcels: &[Parcel]) -> Result<Vec<u64>, RemoteError> {
        let mut script = String::from("echo edgebench:;");
        for Parcel { sha256, is_dir, len, .. } in parcels {
            let part = self.part(sha256);
            let whole = if *is_dir { format!("[ -d dirs/{sha256} ]") } else { format!("[ -f blobs/{sha256} ]") };
            script +=
                &format!(" if {whole}; then echo {len}; elif [ -f {part} ]; then wc -c < {part}; else echo 0; fi;");
        }
        let said = self.run("looking for files", &script)?;
        let mut lines = said.lines().skip_while(|line| *line != "edgebench:").skip(1);
        let mut next = || lines.next().and_then(|line| line.trim().parse().ok());
        let sizes: Option<Vec<u64>> = parcels.iter().map(|_| next()).collect();
        sizes.ok_or_else(|| RemoteError::Protocol {
            host: self.name(),
            problem: format!("no sizes of files: {said:.80?}"),
        })
    }

    fn part(&self, sha256: &str) -> String {
        format!("blobs/{sha256}.{}.part", self.sender)
    }

    fn send_one(&self, parcel: &Parcel, sent: &mut dyn FnMut(u64)) -> Result<(), RemoteError> {
        let from = self.there(std::slice::from_ref(parcel))?[0];
        let whole = if parcel.is_dir { "dirs" } else { "blobs" };
        let (sha256, part) = (&parcel.sha256, self.part(&parcel.sha256));
        let is_there = format!("test -e {whole}/{sha256}");
        if from >= parcel.len && self.run("looking for a file", &is_there).is_ok() {
            return Ok(());
        }
        if from < parcel.len {
            let script = self.inside(&format!("umask 077; cat >> {part}"));
            let fed = parcel.stream(|read| {
                self.ssh.feed(
                    "writing a file",
                    &script,
                    (&mut Counted { inner: read, skip: from, sent: &mut *sent }, from),
                )
            });
            let fed = fed.map_err(RemoteError::io(Path::new(&parcel.name)))?;
            if let Err(error) = fed {
                return Err(match no_room(error, &self.name()) {
                    RemoteError::Full { .. } => self.full(parcel.len - from, self.free().unwrap_or(0)),
                    other => other,
                });
            }
        }
        let said = self.run("checking a file", &format!("sha256sum {part}"))?;
        if !said.split_whitespace().any(|word| word == sha256) {
            // A connection that was cut leaves a part, which is fine; anything else is begun anew.
            let size = self.run("checking a file", &format!("wc -c < {part}"))?;
            if size.trim().parse().is_ok_and(|size: u64| size < parcel.len) {
                return Err(RemoteError::Lost { host: self.name(), words: "a file did not arrive whole".into() });
            }
            self.run("removing a damaged file", &format!("rm -f {part}"))?;
            let words = "it arrived damaged, or was changed while it was sent; try again".into();
            return Err(RemoteError::Command { host: self.name(), what: "sending a file", words });
        }
        let new = format!("dirs/{sha256}.{}.new", self.sender);
        let place = match parcel.is_dir {
            false => format!("mv {part} blobs/{sha256}"),
            true => format!(
                "rm -rf {new} && mkdir {new} && tar xf {part} -C {new} && {{ [ -d dirs/{sha256} ] || mv {new} dirs/{sha256}; }} && rm -f {part}"
            ),
        };
        let placed = self.run("unpacking a file", &place);
        placed.map(|_| ()).map_err(|error| match no_room(error, &self.name()) {
            RemoteError::Full { .. } => self.full(parcel.len, self.free().unwrap_or(0)),
            other => other,
        })
    }

    pub(super) fn full(&self, needed: u64, free: u64) -> RemoteError {
        RemoteError::Full { host: self.name(), dir: self.cache.clone(), needed, free }
    }

    /// Bytes that are free for it.
    pub(super) fn free(&self) -> Result<u64, RemoteError> {
        let said = self.run("asking for room", "df -Pk .")?;
        // … blocks, used, available, share with a %, where it is mounted.
        let mut before = "";
        for word in said.lines().last().unwrap_or_default().split_whitespace() {
            if word.ends_with('%') {
                break;
            }
            before = word;
        }
        Ok(before.parse::<u64>().map_or(u64::MAX, |kib| kib.saturating_mul(1024)))
    }
}

/// A command that failed because a disk is full.
pub(super) fn no_room(error: RemoteError, host: &str) -> RemoteError {
    match error {
        RemoteError::Command { words, .. } if words.contains("No space left") || words.contains("quota exceeded") => {
            RemoteError::Full { host: host.into(), dir: "its cache directory".into(), needed: SPARE, free: 0 }
        }
        other => other,
    }
}

/// Tells how many bytes are read, but for the first ones.
struct Counted<'a> {
    inner: &'a mut dyn Read,
    skip: u64,
    sent: &'a mut dyn FnMut(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(bytes)?;
        let skipped = self.skip.min(read as u64);
        self.skip -= skipped;
        (self.sent)(read as u64 - skipped);
        Ok(read)
    }
}
