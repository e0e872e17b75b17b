//! Runs a network on a Cortex-M board: no operating system, no heap, no parser.
//!
//! The plan is source that `edgebench emit` wrote; its arena is a static. Requests come from the file `request.bin` and answers go to
//! `answers.bin` where the emulator (or the debug probe) runs, in frames with digests ([`frame`]).
//!
//! With the feature `corrupt` it corrupts images first, in a second static.
//!
//! Everything `unsafe` is in `entry`, `semihosting`, `cycles`, and the two blocks below that hand the statics out.
#![no_std]
#![no_main]

mod cycles;
mod entry;
mod frame;
#[cfg(feature = "corrupt")]
mod images;
mod semihosting;

/// What `edgebench emit` wrote.
mod plan {
    #![allow(missing_docs, dead_code)]
    include!(concat!(env!("OUT_DIR"), "/plan.rs"));
}

use core::panic::PanicInfo;

#[cfg(feature = "corrupt")]
use edgebench_corrupt::Room;
use edgebench_kernels::digest::Digest;
use edgebench_kernels::{Block, Kernels, Memory};

use frame::{Incoming, Outgoing};
use plan::{LAYERS, Layer, Port, STEPS};
use semihosting::File;

/// Activations and scratch space; a block to spare for loads that run past the last tensor.
static mut ARENA: [Block; plan::ARENA / Block::SIZE + 1] = [Block::ZERO; _];

/// What images are corrupted in.
#[cfg(feature = "corrupt")]
static mut WORKSPACE: [u64; images::WORKSPACE] = [0; _];

#[cfg(feature = "corrupt")]
const NO_IMAGE: &str = "an image that cannot be corrupted so, that is damaged, or for which the workspace is too small";

/// Exit code of a panic, as a Rust program on an operating system has it.
const PANICKED: u32 = 101;

/// Called once, after reset.
fn main() -> ! {
    // SAFETY: this is the only place that names `ARENA`, and it is reached once: by `entry::start`.
    let arena = unsafe { &mut *core::ptr::addr_of_mut!(ARENA) };
    #[cfg(feature = "corrupt")]
    // SAFETY: as for `ARENA`.
    let workspace = unsafe { &mut *core::ptr::addr_of_mut!(WORKSPACE) };
    let (request, answers) = (File::open(c"request.bin"), File::create(c"answers.bin"));
    let (Some(request), Some(answers)) = (request, answers) else {
        semihosting::say(c"request.bin cannot be read, or answers.bin cannot be written\n");
        semihosting::exit(2)
    };
    let done = plan::ISA.kernels().is_some_and(|kernels| {
        let memory = Memory::of_bytes(&plan::WEIGHTS.0, Block::bytes_mut(arena));
        let counts = cycles::start();
        Device {
            request,
            answers,
            memory,
            kernels,
            counts,
            #[cfg(feature = "corrupt")]
            images: None,
            #[cfg(feature = "corrupt")]
            workspace,
        }
        .serve()
    });
    semihosting::exit(if done { 0 } else { 2 })
}

/// The network and its connection.
struct Device {
    request: File,
    answers: File,
    memory: Memory<'static>,
    kernels: &'static Kernels,
    counts: bool,
    #[cfg(feature = "corrupt")]
    images: Option<images::Images>,
    /// Until there are images.
    #[cfg(feature = "corrupt")]
    workspace: &'static mut [u64],
}

impl Device {
    /// Answers requests to the end; false if the connection broke.
    fn serve(mut self) -> bool {
        let mut fits = self.ready();
        while fits {
            let Some(mut frame) = Incoming::next(&mut self.request) else {
                return self.refuse("the request ends without an end");
            };
            fits = match frame.kind {
                frame::INPUTS => match self.inputs(&mut frame) {
                    Some(flags) => self.answer(flags),
                    None => return self.refuse("inputs of another length, or damaged"),
                },
                #[cfg(feature = "corrupt")]
                frame::PIPELINE => {
                    let room = Room::new(core::mem::take(&mut self.workspace));
                    self.images = images::Images::read(&mut frame, &mut self.request, room);
                    self.images.is_some()
                        || return self.refuse("a pipeline that is none, a second one, or one that is damaged")
                }
                #[cfg(feature = "corrupt")]
                frame::IMAGE => match self.image(&mut frame) {
                    Some(flags) => self.answer(flags),
                    None => return self.refuse(NO_IMAGE),
                },
                #[cfg(feature = "corrupt")]
                frame::CORRUPT => match self.pixels(&mut frame) {
                    Some(fits) => fits,
                    None => return self.refuse(NO_IMAGE),
                },
                frame::END if frame.is_whole(&mut self.request) => return self.done(),
                _ => return self.refuse("a frame of an unknown kind, or damaged"),
            };
            if entry::stack_overflowed() {
                return self.refuse("the stack is too small, answers may be wrong; give it more in board.toml");
            }
        }
        false
    }

    fn ready(&mut self) -> bool {
        let sha256 = plan::SHA256.as_bytes();
        let mut frame = Outgoing::new(&mut self.answers, frame::READY, sha256.len() + 8);
        frame.put(sha256);
        frame.put(&(LAYERS.len() as u32).to_le_bytes());
        frame.put(&(output_bytes() as u32).to_le_bytes());
        frame.end()
    }

    /// Puts inputs in their places; the flags that came with them.
    fn inputs(&mut self, frame: &mut Incoming) -> Option<u32> {
        let mut flags = [0; 4];
        let mut fits = frame.take(&mut self.request, &mut flags);
        for port in &plan::INPUTS {
            let bytes = self.memory.write::<u8>(port.span);
            fits = fits && frame.take(&mut self.request, bytes);
            if port.flip {
                bytes.iter_mut().for_each(|code| *code ^= 0x80);
            }
        }
        (fits && frame.is_whole(&mut self.request)).then_some(u32::from_le_bytes(flags))
    }

    /// Makes an image the network's input; the flags that came with it.
    #[cfg(feature = "corrupt")]
    fn image(&mut self, frame: &mut Incoming) -> Option<u32> {
        let [Port { span, flip }] = plan::INPUTS[..] else { return None };
        let input = self.memory.write::<u8>(span);
        let images = self.images.as_mut()?;
        let flags = images.image(frame, &mut self.request)?;
        images.input(input).then_some(())?;
        if flip {
            input.iter_mut().for_each(|code| *code ^= 0x80);
        }
        Some(flags)
    }

    /// Corrupts an image and sends it back; whether there was room for it.
    #[cfg(feature = "corrupt")]
    fn pixels(&mut self, frame: &mut Incoming) -> Option<bool> {
        let images = self.images.as_mut()?;
        images.image(frame, &mut self.request)?;
        let pixels = images.corrupted();
        let mut frame = Outgoing::new(&mut self.answers, frame::PIXELS, pixels.len());
        frame.put(pixels);
        Some(frame.end())
    }

    /// Runs the network and tells what it answers.
    fn answer(&mut self, flags: u32) -> bool {
        let mut digests = [0; LAYERS.len()];
        let (mut cycles, tells) = (0_u64, flags & frame::DIGESTS != 0);
        self.look(0, tells, &mut digests);
        for (at, step) in STEPS.iter().enumerate() {
            let begin = cycles::now();
            step.run(self.kernels, &mut self.memory);
            cycles += u64::from(cycles::now().wrapping_sub(begin));
            self.look(at + 1, tells, &mut digests);
        }
        let told = if tells { 8 * LAYERS.len() } else { 0 };
        let mut frame = Outgoing::new(&mut self.answers, frame::ANSWER, 8 + told + output_bytes());
        frame.put(&(if self.counts { cycles } else { u64::MAX }).to_le_bytes());
        if tells {
            digests.iter().for_each(|digest| frame.put(&digest.to_le_bytes()));
        }
        for Port { span, flip } in plan::OUTPUTS {
            let bytes = self.memory.read(span);
            if flip { frame.put_flipped(bytes) } else { frame.put(bytes) }
        }
        frame.end()
    }

    /// Digests of the layers that are complete after so many steps.
    fn look(&self, steps: usize, tells: bool, digests: &mut [u64; LAYERS.len()]) {
        if !tells {
            return;
        }
        for (layer, to) in LAYERS.iter().zip(digests) {
            let &Some(Layer { after, span, flip }) = layer else { continue };
            if after == steps {
                let (bytes, mut digest) = (self.memory.read(span), Digest::new());
                if flip {
                    digest.update_flipped(bytes)
                } else {
                    digest.update(bytes)
                }
                *to = digest.finish();
            }
        }
    }

    fn done(mut self) -> bool {
        let ((used, stack), sizes) = (entry::stack(), entry::sizes());
        let words = [used, stack, plan::ARENA as u32, sizes.code, sizes.flash, sizes.statics];
        let mut frame = Outgoing::new(&mut self.answers, frame::DONE, 4 * words.len());
        words.iter().for_each(|word| frame.put(&word.to_le_bytes()));
        frame.end()
    }

    fn refuse(mut self, why: &str) -> bool {
        let mut frame = Outgoing::new(&mut self.answers, frame::REFUSED, why.len());
        frame.put(why.as_bytes());
        frame.end();
        false
    }
}

fn output_bytes() -> usize {
    plan::OUTPUTS.iter().map(|port| port.span.len).sum()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    semihosting::say(c"panic\n");
    semihosting::exit(PANICKED)
}
