//! The other end: runs a job, tells how it goes. Both work on the directory of the job:
//!
//! `job.json` what is to be done · `lock` held by whoever does it · `ledger` · `out`, `err` what it prints · `exit` its exit code.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::job::{Description, FORMAT};
use super::line::Line;

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the other side is told that we are there.
const BEAT: Duration = Duration::from_secs(1);

/// Most bytes of a file that are told at once.
const PART: u64 = 1 << 20;

/// The right to work on a job, for as long as this value lives.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "the lock is what matters")] File);

/// The right to work on the job in `dir`; `None` if somebody else does.
///
/// # Errors
/// The operating system's.
pub fn claim(dir: &Path) -> io::Result<Option<Claim>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What is to be done in `dir`.
///
/// # Errors
/// A file that cannot be read or is no description.
pub fn description(dir: &Path) -> io::Result<Description> {
    let text = std::fs::read(dir.join("job.json"))?;
    let description: Description = serde_json::from_slice(&text)?;
    match description.schema.as_str() {
        FORMAT => Ok(description),
        other => Err(io::Error::other(format!("job.json is of format {other:.40?}, expected {FORMAT:?}"))),
    }
}

/// The job has ended.
///
/// # Errors
/// The operating system's.
pub fn finish(dir: &Path, code: u8) -> io::Result<()> {
    let new = dir.join("exit.new");
    std::fs::write(&new, format!("{code}\n"))?;
    std::fs::rename(new, dir.join("exit"))
}

/// Tells the ledger from byte `ledger` on and standard error from byte `said` on, line by line as they grow, and at last how the
/// job ended. A job that nobody works on for as long as `patience` was killed. Ends early
/// if nobody listens any more.
///
/// # Errors
/// The operating system's.
pub fn follow(dir: &Path, (ledger, said): (u64, u64), patience: Duration, to: &mut impl Write) -> io::Result<()> {
    let (mut ledger, mut said) = (Tail::new("ledger", ledger), Tail::new("err", said));
    let (mut last, mut alive) = (Instant::now(), Instant::now());
    loop {
        // First the end, then the files: what was written before the end is then seen.
        let code = exit_code(dir)?;
        if code.is_none() && claim(dir)?.is_none() {
            alive = Instant::now();
        }
        let mut news = ledger.tell(dir, |at, line| Line::Ledger { at, line }, to)?;
        news |= said.tell(dir, |at, line| Line::Said { at, line }, to)?;
        match code {
            _ if news => {}
            Some(code) => {
                let stdout = std::fs::read(dir.join("out"))?;
                let stdout = String::from_utf8_lossy(&stdout).into_owned();
                to.write_all(Line::Exit { code, stdout }.to_text().as_bytes())?;
                return to.flush();
            }
            None if alive.elapsed() >= patience => {
                to.write_all(Line::Dead.to_text().as_bytes())?;
                return to.flush();
            }
            None => {
                if last.elapsed() > BEAT {
                    last = Instant::now();
                    to.write_all(Line::Beat.to_text().as_bytes())?;
                }
                to.flush()?;
                sleep(PAUSE);
            }
        }
    }
}

fn exit_code(dir: &Path) -> io::Result<Option<i32>> {
    match std::fs::read_to_string(dir.join("exit")) {
        Ok(text) => text.trim().parse().map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that grows by lines.
struct Tail {
    name: &'static str,
    at: u64,
}

impl Tail {
    fn new(name: &'static str, at: u64) -> Self {
        Self { name, at }
    }

    /// Tells complete lines that have not been told; says whether there were any.
    fn tell(&mut self, dir: &Path, line: impl Fn(u64, String) -> Line, to: &mut impl Write) -> io::Result<bool> {
        let mut file = match File::open(dir.join(self.name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        // A file that is shorter was begun anew.
        self.at = self.at.min(file.metadata()?.len());
        file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        let mut part = PART;
        while !bytes.contains(&b'\n') {
            let before = bytes.len();
            Read::by_ref(&mut file).take(part).read_to_end(&mut bytes)?;
            if bytes.len() == before {
                return Ok(false);
            }
            part *= 2;
        }
        for text in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(text) = text.strip_suffix(b"\n") else { break };
            self.at += text.len() as u64 + 1;
            to.write_all(line(self.at, String::from_utf8_lossy(text).into_owned()).to_text().as_bytes())?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(dir: &Path, from: (u64, u64)) -> Vec<Line> {
        let mut text = Vec::new();
        follow(dir, from, Duration::ZERO, &mut text).expect("files");
        let lines = std::str::from_utf8(&text).expect("text").lines();
        lines.map(|line| serde_json::from_str(line).expect("a line")).collect()
    }

    #[test]
    fn a_job_is_told_from_any_byte() {
        let dir = std::env::temp_dir().join(format!("edgebench-serve-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        std::fs::write(dir.join("ledger"), "one\ntwo\nthr").expect("a file");
        let ledger = |at, line: &str| Line::Ledger { at, line: line.into() };
        assert_eq!(told(&dir, (0, 0)), [ledger(4, "one"), ledger(8, "two"), Line::Dead]);
        std::fs::write(dir.join("out"), "{}").expect("a file");
        finish(&dir, 1).expect("a file");
        let exit = Line::Exit { code: 1, stdout: "{}".into() };
        assert_eq!(told(&dir, (4, 0)), [ledger(8, "two"), exit]);
        let held = claim(&dir).expect("a lock");
        assert!(held.is_some() && claim(&dir).expect("a lock").is_none());
        std::fs::remove_dir_all(&dir).expect("the directory is there");
    }
}
