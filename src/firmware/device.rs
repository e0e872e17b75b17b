//! A program that runs: what it is asked, and what it says.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::FirmwareError;
use super::facts::runner;
use super::frame;
use super::program::Program;
use super::scratch::Scratch;

/// What the network answered to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Cycles of all steps, where the board counts them.
    pub cycles: Option<u64>,
    /// Digest of each layer, if they were asked for; `None` where the program does not tell it.
    pub digests: Vec<Option<u64>>,
    /// Outputs, one after the other.
    pub outputs: Vec<u8>,
}

/// What a program used, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Use {
    /// Stack that was used.
    pub stack: u32,
    /// Stack that there is.
    pub stack_size: u32,
    /// Activations and scratch space.
    pub arena: u32,
    /// Instructions.
    pub code: u32,
    /// All that lies in flash.
    pub flash: u32,
    /// Statics, the arena among them.
    pub statics: u32,
}

impl Use {
    /// RAM that was needed.
    #[must_use]
    pub fn ram(&self) -> u32 {
        self.statics + self.stack
    }
}

/// Requests for a program.
#[derive(Debug)]
pub struct Device<'a> {
    program: &'a Program,
    patience: Duration,
    request: Vec<u8>,
    /// Whether each answer tells digests.
    tells: bool,
    wanted: usize,
}

impl<'a> Device<'a> {
    /// Nothing yet. `patience`: how long nothing may come.
    #[must_use]
    pub fn new(program: &'a Program, patience: Duration, tells: bool) -> Self {
        Self { program, patience, request: Vec::new(), tells, wanted: 0 }
    }

    /// One more run of the network, on these inputs.
    pub fn inputs(&mut self, inputs: &[Vec<u8>]) {
        let flags = self.flags();
        let parts: Vec<&[u8]> = std::iter::once(&flags[..]).chain(inputs.iter().map(Vec::as_slice)).collect();
        frame::put(&mut self.request, frame::INPUTS, &parts);
        self.wanted += 1;
    }

    /// What the images that follow are, and how their pixels become inputs: [`crate::data::pipeline::Pipeline::to_device`].
    pub fn pipeline(&mut self, pipeline: &[u8]) {
        frame::put(&mut self.request, frame::PIPELINE, &[pipeline]);
    }

    /// One more run of the network, on an image that is corrupted there as `how` says.
    pub fn image(&mut self, how: &[u8], pixels: &[u8]) {
        let flags = self.flags();
        frame::put(&mut self.request, frame::IMAGE, &[&flags, how, pixels]);
        self.wanted += 1;
    }

    fn flags(&self) -> [u8; 4] {
        if self.tells { frame::DIGESTS } else { 0 }.to_le_bytes()
    }

    /// Runs the program until it has answered everything. `done` is told of answers as they come.
    ///
    /// # Errors
    /// A program that cannot be started, breaks down, falls silent, or answers something else.
    pub fn run(mut self, done: &mut dyn FnMut(u64)) -> Result<(Vec<Answer>, Use), FirmwareError> {
        frame::put(&mut self.request, frame::END, &[]);
        let scratch = Scratch::new()?;
        let request = scratch.path().join("request.bin");
        fs::write(&request, &self.request).map_err(FirmwareError::io(request.display().to_string()))?;
        let board = &self.program.board;
        let (name, arguments) = (runner(board)?, &board.run[1..]);
        let log = scratch.path().join("log");
        let file = || File::create(&log).map_err(FirmwareError::io(log.display().to_string()));
        let mut command = Command::new(name);
        command.args(arguments).arg(&self.program.elf).current_dir(scratch.path());
        let both = file()?;
        let other = both.try_clone().map_err(FirmwareError::io("the program's messages"))?;
        let child = command.stdin(Stdio::null()).stdout(both).stderr(other).spawn().map_err(FirmwareError::io(name))?;
        let mut watch = Watch { child, seen: Vec::new(), told: 0, news: Instant::now() };
        let path = scratch.path().join("answers.bin");
        let status = loop {
            let ended = watch.child.try_wait().map_err(FirmwareError::io(name))?;
            watch.read(&path, done);
            if let Some(status) = ended {
                break status;
            }
            if watch.news.elapsed() > self.patience {
                return Err(FirmwareError::Silent { board: board.name.clone(), seconds: self.patience.as_secs() });
            }
            sleep(Duration::from_millis(20));
        };
        let said = fs::read(&log).unwrap_or_default();
        self.read(&watch.seen, (status.to_string(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    /// All that came.
    fn read(&self, mut bytes: &[u8], (status, said): (String, String)) -> Result<(Vec<Answer>, Use), FirmwareError> {
        let board = &self.program.board.name;
        let protocol = |problem: String| FirmwareError::Protocol { board: board.clone(), problem };
        let (mut answers, mut end) = (Vec::new(), None);
        while let Some((kind, payload, rest)) = frame::take(bytes).map_err(protocol)? {
            bytes = rest;
            match kind {
                frame::READY if payload.starts_with(self.program.sha256.as_bytes()) => {}
                frame::READY => {
                    return Err(protocol("the program is of another model; was another one built meanwhile?".into()));
                }
                frame::ANSWER => {
                    answers.push(self.answer(payload).ok_or_else(|| protocol("an answer of another length".into()))?)
                }
                frame::DONE => end = used(payload),
                frame::REFUSED => {
                    return Err(protocol(format!("the program refuses: {}", String::from_utf8_lossy(payload))));
                }
                _ => return Err(protocol(format!("a frame of unknown kind {kind}"))),
            }
        }
        match end {
            Some(end) if answers.len() == self.wanted && bytes.is_empty() => Ok((answers, end)),
            _ => {
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                Err(FirmwareError::Ended { board: board.clone(), status, answers: answers.len(), said })
            }
        }
    }

    fn answer(&self, payload: &[u8]) -> Option<Answer> {
        let (cycles, rest) = payload.split_first_chunk::<8>()?;
        let told = if self.tells { self.program.layers.len() } else { 0 };
        let (digests, outputs) = rest.split_at_checked(8 * told)?;
        let wanted: usize = self.program.plan.outputs.iter().map(|port| port.span.len).sum();
        let words = digests.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let digests = words.zip(&self.program.layers).map(|(word, told)| told.then_some(word)).collect();
        let cycles = Some(u64::from_le_bytes(*cycles)).filter(|&cycles| cycles != u64::MAX);
        (outputs.len() == wanted).then(|| Answer { cycles, digests, outputs: outputs.to_vec() })
    }
}

fn used(payload: &[u8]) -> Option<Use> {
    let word = |at: usize| payload.get(4 * at..4 * at + 4)?.try_into().ok().map(u32::from_le_bytes);
    Some(Use {
        stack: word(0)?,
        stack_size: word(1)?,
        arena: word(2)?,
        code: word(3)?,
        flash: word(4)?,
        statics: word(5)?,
    })
}

/// A program that runs, and what has come from it.
struct Watch {
    child: Child,
    seen: Vec<u8>,
    told: usize,
    /// When something came last.
    news: Instant,
}

impl Watch {
    /// Reads what is new.
    fn read(&mut self, path: &std::path::Path, done: &mut dyn FnMut(u64)) {
        let Ok(mut file) = File::open(path) else { return };
        let before = self.seen.len();
        if file.seek(SeekFrom::Start(self.seen.len() as u64)).is_ok() {
            // What is not there yet comes next time.
            let _ = file.read_to_end(&mut self.seen);
        }
        if self.seen.len() > before {
            self.news = Instant::now();
        }
        while let Ok(Some((kind, _, rest))) = frame::take(&self.seen[self.told..]) {
            self.told = self.seen.len() - rest.len();
            if kind == frame::ANSWER {
                done(1);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
