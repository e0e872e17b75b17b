//! One machine: look at it, send what it needs, start a job, follow it over as many connections as it takes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::address::Address;
use super::error::RemoteError;
use super::facts::Facts;
use super::job::{Description, FORMAT, Job};
use super::line::Line;
use super::parcel::Parcel;
use super::program::{Arch, find};
use super::send::{SPARE, no_room};
use super::shell::quote;
use super::ssh::{Scratch, Ssh, words};

/// The longest line that is taken: a cell has two bytes for each image.
const MAX_LINE: u64 = 1 << 29;

/// How often a job that was killed is started again.
const MOST_KILLS: u32 = 3;

/// Between two attempts to connect, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(20)];

/// A machine that is ready for jobs: it has the program.
#[derive(Debug)]
pub struct Host {
    pub(super) ssh: Ssh,
    /// Its directory, absolute, as a word of a shell.
    pub(super) cache: String,
    /// Keeps apart what several senders do at the same time.
    pub(super) sender: String,
    /// The program there, relative to the directory of a job, with what it is started by.
    start: String,
    /// Hash of the program.
    pub program: String,
    /// How long a connection may be gone.
    patience: Duration,
}

/// How jobs are run on machines.
#[derive(Clone, Debug)]
pub struct Manner<'a> {
    /// The program to send; `None`: the one that is found.
    pub program: Option<&'a Path>,
    /// What the program is started by there: `taskset -c 3`, `nice`, an emulator.
    pub with: Option<&'a str>,
    /// How long a connection may be gone.
    pub patience: Duration,
}

/// A job on its machine.
#[derive(Debug)]
pub struct Running {
    /// Its directory, relative to the machine's.
    dir: String,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code: 0 or 1.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// How often the connection was lost on the way.
    pub cuts: u32,
}

impl Host {
    /// Connects, and sends the program.
    ///
    /// # Errors
    /// A machine that cannot be reached, is not what it was, has no room, or is of an architecture without a program.
    pub fn new(address: Address, manner: &Manner<'_>) -> Result<Self, RemoteError> {
        let ssh = Ssh::new(address);
        let name = ssh.address.to_string();
        ssh.connect()?;
        let said = ssh.run(
            "looking at it",
            "umask 077; echo edgebench:; uname -s; uname -m; d=\"${XDG_CACHE_HOME:-$HOME/.cache}/edgebench\"; \
             mkdir -p \"$d/blobs\" \"$d/dirs\" \"$d/jobs\" && cd \"$d\" && pwd -P",
        );
        let said = said.map_err(|error| no_room(error, &name))?;
        let mut lines = said.lines().skip_while(|line| *line != "edgebench:").skip(1);
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (system, machine, cache) = (next(), next(), next());
        let arch = Arch::by_uname(&machine).filter(|_| system == "Linux");
        let Some(arch) = arch else {
            return Err(RemoteError::Platform { host: name, found: format!("{system} on {machine}") });
        };
        if !cache.starts_with('/') || cache.contains(['\'', '\n']) {
            return Err(RemoteError::Protocol {
                host: name,
                problem: format!("no directory for its files: {cache:?}"),
            });
        }
        let program = Parcel::of(&find(manner.program, arch, &name)?)?;
        let with = manner.with.map_or_else(String::new, |with| format!("{with} "));
        let sender = Sha256::digest(&name).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        // A script has no single quotes; in double quotes these four keep their meaning.
        let cache =
            format!("\"{}\"", cache.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`"));
        let host = Self {
            ssh,
            cache,
            sender,
            start: format!("{with}../../blobs/{}", program.sha256),
            program: program.sha256.clone(),
            patience: manner.patience,
        };
        host.send(std::slice::from_ref(&program), &mut |_| {})?;
        host.run("making the program executable", &format!("chmod 700 blobs/{}", program.sha256))?;
        Ok(host)
    }

    /// Its address.
    #[must_use]
    pub fn name(&self) -> String {
        self.ssh.address.to_string()
    }

    /// What it tells about itself now.
    ///
    /// # Errors
    /// A program that does not start there.
    pub fn facts(&self) -> Result<Facts, RemoteError> {
        let script = format!("mkdir -p jobs/facts && cd jobs/facts && {} host facts; r=$?; exit $r", self.start);
        let text = self.again(|| self.run("asking for its state", &script));
        let host = self.name();
        let text = text.map_err(|error| match error {
            RemoteError::Command { words, .. } => RemoteError::DoesNotStart { host: host.clone(), words },
            other => other,
        })?;
        let json = text.find('{').map_or("", |at| &text[at..]);
        serde_json::from_str(json)
            .map_err(|error| RemoteError::Protocol { host, problem: format!("no facts: {error}") })
    }

    /// Starts a job whose parcels are there, unless it is running or done.
    ///
    /// # Errors
    /// A connection that is lost for good, or no room.
    pub fn start(&self, job: &Job) -> Result<Running, RemoteError> {
        let dir = format!("jobs/{}", job.id(&self.program));
        let description = Description { schema: FORMAT.into(), args: job.args.clone() };
        let text = serde_json::to_string(&description).expect("a description is plain data");
        let mut script = format!("umask 077; mkdir -p {dir}");
        for Parcel { name, sha256, is_dir, .. } in &job.parcels {
            let (group, _) = name.split_once('/').unwrap_or(("", name));
            let place = if *is_dir { "dirs" } else { "blobs" };
            script += &format!(" && mkdir -p {dir}/in/{group} && ln -sfn ../../../../{place}/{sha256} {dir}/in/{name}");
        }
        script += &format!(" && cat > {dir}/job.{0} && mv {dir}/job.{0} {dir}/job.json", self.sender);
        let script = self.inside(&script);
        let feed = || self.ssh.feed("preparing the run", &script, (&mut text.as_bytes(), 0)).map(|_| ());
        self.again(feed).map_err(|error| self.or_full(error))?;
        let running = Running { dir };
        self.begin(&running)?;
        Ok(running)
    }

    fn begin(&self, running: &Running) -> Result<(), RemoteError> {
        let script = format!(
            "cd {} && case \"$(cat exit 2>/dev/null)\" in 0|1) exit 0;; esac; rm -f exit; s=; \
             if command -v setsid >/dev/null; then s=setsid; fi; \
             $s nohup {} host run . </dev/null >>out 2>>err & exit 0",
            running.dir, self.start
        );
        self.again(|| self.run("starting the run", &script)).map(|_| ()).map_err(|error| self.or_full(error))
    }

    fn or_full(&self, error: RemoteError) -> RemoteError {
        match no_room(error, &self.name()) {
            RemoteError::Full { .. } => self.full(SPARE, self.free().unwrap_or(0)),
            other => other,
        }
    }

    /// Tells `sink` what the job writes, until it ends.
    ///
    /// # Errors
    /// Those of `sink`; a job that fails, and a connection that is lost for good.
    pub fn follow<E: From<RemoteError>>(
        &self,
        running: &Running,
        mut sink: impl FnMut(Line) -> Result<(), E>,
    ) -> Result<Ended, E> {
        let (mut at, mut said, mut last_words) = (0, 0, Vec::new());
        let (mut cuts, mut kills) = (0, 0);
        let mut gone: Option<Instant> = None;
        let mut pause = PAUSES[0];
        loop {
            let ended = self.stream(running, (at, said), |line| {
                (gone, pause) = (None, PAUSES[0]);
                match &line {
                    Line::Ledger { at: end, .. } => at = *end,
                    Line::Said { at: end, line } => {
                        said = *end;
                        last_words.push(line.clone());
                    }
                    _ => {}
                }
                sink(line)
            })?;
            let host = self.name();
            let last = || words(&last_words.join("\n"));
            match ended {
                Stream::Ended(Line::Exit { code, stdout }) if code <= 1 => return Ok(Ended { code, stdout, cuts }),
                Stream::Ended(Line::Exit { code, .. }) => {
                    return Err(RemoteError::Failed { host, code, words: last() }.into());
                }
                Stream::Ended(_) => {
                    kills += 1;
                    if kills >= MOST_KILLS {
                        return Err(RemoteError::Killed { host, times: kills, words: last() }.into());
                    }
                    self.begin(running)?;
                }
                Stream::Cut(error) => {
                    if !error.is_passing() {
                        return Err(error.into());
                    }
                    if gone.is_none() {
                        cuts += 1;
                        sink(Line::Said { at: said, line: format!("warning: {error}; trying again") })?;
                    }
                    let since = *gone.get_or_insert_with(Instant::now);
                    if since.elapsed() > self.patience {
                        return Err(RemoteError::Gone { host, words: error.to_string() }.into());
                    }
                    sleep(pause);
                    pause = (2 * pause).min(PAUSES[1]);
                    // If it does not come back yet, the next attempt says so.
                    let _ = self.ssh.connect();
                }
            }
        }
    }

    /// One connection.
    fn stream<E: From<RemoteError>>(
        &self,
        running: &Running,
        (at, said): (u64, u64),
        mut sink: impl FnMut(Line) -> Result<(), E>,
    ) -> Result<Stream, E> {
        let errors = Scratch::new()?;
        let script =
            format!("cd {} && {} host follow . --ledger {at} --said {said}; r=$?; exit $r", running.dir, self.start);
        let mut child = Process(self.ssh.start(&self.inside(&script), errors.writer()?)?);
        let mut lines = BufReader::new(child.0.stdout.take().expect("it was piped"));
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
            // A line without its end was cut.
            if read.is_err() || !text.ends_with(b"\n") {
                break;
            }
            if !text.starts_with(b"{") && !text.starts_with(b"\"") {
                // What a login shell says.
                continue;
            }
            let problem =
                |error| RemoteError::Protocol { host: self.name(), problem: format!("a line that is none: {error}") };
            match serde_json::from_slice::<Line>(&text).map_err(problem)? {
                line @ (Line::Exit { .. } | Line::Dead) => return Ok(Stream::Ended(line)),
                line => sink(line)?,
            }
        }
        let status = child.0.wait().map_err(RemoteError::io(Path::new("ssh")))?;
        let said = errors.text();
        Ok(Stream::Cut(match status.code() {
            Some(code) if (1..255).contains(&code) => {
                RemoteError::Command { host: self.name(), what: "following the run", words: words(&said) }
            }
            _ => self.ssh.failure(&said),
        }))
    }

    /// Takes a file out of a job's directory.
    ///
    /// # Errors
    /// A file that is not there.
    pub fn fetch(&self, running: &Running, name: &str) -> Result<String, RemoteError> {
        self.again(|| self.run("fetching a result", &format!("cat {}/{}", running.dir, quote(name))))
    }

    /// Removes a job that is done; that it stays is no harm.
    pub fn remove(&self, running: &Running) {
        let _ = self.run("removing a run", &format!("rm -rf {}", running.dir));
    }

    pub(super) fn inside(&self, script: &str) -> String {
        format!("cd {} && {script}", self.cache)
    }

    pub(super) fn run(&self, what: &'static str, script: &str) -> Result<String, RemoteError> {
        self.ssh.run(what, &self.inside(script))
    }

    /// Until it works, or the connection was gone for too long.
    pub(super) fn again<T>(&self, mut attempt: impl FnMut() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        let begin = Instant::now();
        let mut pause = PAUSES[0];
        loop {
            match attempt() {
                Err(error) if error.is_passing() => {
                    if begin.elapsed() > self.patience {
                        return Err(RemoteError::Gone { host: self.name(), words: error.to_string() });
                    }
                    sleep(pause);
                    pause = (2 * pause).min(PAUSES[1]);
                    let _ = self.ssh.connect();
                }
                other => return other,
            }
        }
    }
}

/// How a connection ended.
enum Stream {
    /// With the job.
    Ended(Line),
    /// Before the job.
    Cut(RemoteError),
}

/// A process that does not outlive its user.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, or nobody reads it any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
