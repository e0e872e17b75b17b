//! One machine through the user's own `ssh`: commands there, and what their failures mean.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::address::Address;
use super::error::RemoteError;
use super::shell;

/// What OpenSSH's client exits with when it is not the command that failed.
const SSH_FAILED: i32 = 255;

/// A machine that commands can be given to. All of them share one connection where OpenSSH can (ControlMaster).
#[derive(Debug)]
pub struct Ssh {
    /// Who.
    pub address: Address,
    program: Vec<String>,
    /// Directory of the socket of the shared connection.
    sockets: Option<PathBuf>,
}

impl Ssh {
    /// Nothing is connected yet. `EDGEBENCH_SSH` may name another client, with options: `ssh -F file`.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let asked = std::env::var("EDGEBENCH_SSH").unwrap_or_default();
        let mut program: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
        if program.is_empty() {
            program.push("ssh".into());
        }
        Self { address, program, sockets: sockets() }
    }

    /// `ssh` with options and a command for the other end.
    fn command(&self, options: &[&str], remote: &str) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]);
        // A machine that is switched off is noticed after 15 s.
        for option in ["ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"] {
            command.args(["-o", option]);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            // Nobody is there to answer.
            command.args(["-o", "BatchMode=yes"]);
        }
        if let Some(dir) = &self.sockets {
            let mut path = OsString::from("ControlPath=");
            path.push(dir.join("%C"));
            command.arg("-o").arg(path);
        }
        let Address { user, host, port } = &self.address;
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        if let Some(user) = user {
            command.args(["-l", user]);
        }
        command.args(options).args(["-T", "--", host, remote]);
        command
    }

    /// Connects, so that later commands need not; again after a cut.
    ///
    /// # Errors
    /// What keeps us out.
    pub fn connect(&self) -> Result<(), RemoteError> {
        let options: &[&str] = match self.sockets {
            // The connection stays for half a minute after its last command, in the background.
            Some(_) => &["-o", "ControlMaster=auto", "-o", "ControlPersist=30"],
            None => &[],
        };
        // A file: what stays in the background would keep a pipe open.
        let errors = Scratch::new()?;
        let mut command = self.command(options, "true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.writer()?);
        let status = command.status().map_err(self.no_ssh())?;
        if status.success() { Ok(()) } else { Err(self.failure(&errors.text())) }
    }

    fn no_ssh(&self) -> impl Fn(std::io::Error) -> RemoteError + '_ {
        |source| RemoteError::NoSsh { program: self.program.join(" "), source }
    }

    /// Runs a script of `sh` there; gives what it prints.
    ///
    /// # Errors
    /// A failed connection, or a script that fails: `what` it was to do is named.
    pub fn run(&self, what: &'static str, script: &str) -> Result<String, RemoteError> {
        let output = self.command(&[], &shell::script(script)).stdin(Stdio::null()).output().map_err(self.no_ssh())?;
        self.result(what, &output)
    }

    /// Runs a script of `sh` there, to which `input` is given from byte `from` on.
    ///
    /// # Errors
    /// As [`Ssh::run`], and an input that cannot be read.
    pub fn feed(
        &self,
        what: &'static str,
        script: &str,
        (input, from): (&mut dyn Read, u64),
    ) -> Result<String, RemoteError> {
        let mut command = self.command(&[], &shell::script(script));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(self.no_ssh())?;
        let io = RemoteError::io(Path::new("what is to be sent"));
        std::io::copy(&mut input.take(from), &mut std::io::sink()).map_err(&io)?;
        if let Some(mut pipe) = child.stdin.take() {
            // A pipe that is closed early is the other end's doing, which it tells below.
            let _ = std::io::copy(input, &mut pipe);
        }
        self.result(what, &child.wait_with_output().map_err(io)?)
    }

    /// Starts a script of `sh` there whose output is read while it runs; its standard error goes to `errors`.
    ///
    /// # Errors
    /// No `ssh`.
    pub fn start(&self, script: &str, errors: File) -> Result<Child, RemoteError> {
        let mut command = self.command(&[], &shell::script(script));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().map_err(self.no_ssh())
    }

    fn result(&self, what: &'static str, output: &Output) -> Result<String, RemoteError> {
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code().is_none_or(|code| code == SSH_FAILED) {
            return Err(self.failure(&said));
        }
        Err(RemoteError::Command { host: self.address.to_string(), what, words: words(&said) })
    }

    /// What it means that `ssh` itself failed, by its words (they are the same in every language).
    #[must_use]
    pub fn failure(&self, said: &str) -> RemoteError {
        let host = self.address.to_string();
        let has = |these: &[&str]| these.iter().any(|words| said.contains(words));
        let words = words(said);
        if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "host key for"]) {
            RemoteError::HostKey { host, words }
        } else if has(&["Permission denied", "Too many authentication failures", "No supported authentication"]) {
            RemoteError::Refused { host, words }
        } else if has(&[
            "Could not resolve",
            "Connection refused",
            "Connection timed out",
            "Operation timed out",
            "No route to host",
            "Network is unreachable",
            "Host is down",
        ]) {
            RemoteError::Unreachable { host, words }
        } else {
            RemoteError::Lost { host, words }
        }
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // The shared connection closes by itself after a while; this is only tidier.
        if let Some(dir) = &self.sockets {
            let mut command = self.command(&["-O", "exit"], "true");
            let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
            let _ = std::fs::remove_dir(dir);
        }
    }
}

/// A directory for sockets of shared connections that nobody else may use: their paths must be short (104 bytes on some systems).
fn sockets() -> Option<PathBuf> {
    if !cfg!(unix) {
        return None;
    }
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = base.join(format!("edgebench-{}", std::process::id()));
    let made = private_dir(&dir).is_ok() && dir.as_os_str().len() + 41 + 20 < 104;
    made.then_some(dir)
}

#[cfg(unix)]
fn private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            // Another connection of this process made it, or somebody else did, in a directory that all share.
            let (there, own) = (std::fs::symlink_metadata(dir)?, std::fs::metadata("/proc/self")?);
            let mine = there.is_dir() && there.uid() == own.uid() && there.mode() & 0o077 == 0;
            if mine { Ok(()) } else { Err(error) }
        }
        other => other,
    }
}

#[cfg(not(unix))]
fn private_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir(dir)
}

/// The last words of a message that may have many lines and decoration.
#[must_use]
pub fn words(said: &str) -> String {
    let decoration = |line: &&str| !line.is_empty() && !line.chars().all(|c| "@* -".contains(c));
    let lines: Vec<&str> = said.lines().map(str::trim).filter(decoration).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { "it said nothing".into() } else { last.join("; ") }
}

/// A file for what a command says, gone with this value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty file.
    ///
    /// # Errors
    /// No room for temporary files.
    pub fn new() -> Result<Self, RemoteError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("edgebench-{}-{}.txt", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        File::create_new(&path).map_err(RemoteError::io(&path))?;
        Ok(Self(path))
    }

    /// To be written by a command.
    ///
    /// # Errors
    /// A file that has vanished.
    pub fn writer(&self) -> Result<File, RemoteError> {
        File::options().append(true).open(&self.0).map_err(RemoteError::io(&self.0))
    }

    /// What is in it.
    #[must_use]
    pub fn text(&self) -> String {
        std::fs::read(&self.0).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that stays is no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}
