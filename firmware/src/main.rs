//! Runs a network on a Cortex-M board: no operating system, no heap, no parser.
//!
//! The plan is source that `edgebench emit` wrote; its arena is a static. Requests come from the file `request.bin` and answers go to
//! `answers.bin` where the emulator (or the debug probe) runs, in frames with digests ([`frame`]).
//!
//! With the feature `corrupt` it corrupts images first, in a workspace of its own.
//!
//! Everything `unsafe` is in `entry`, `semihosting`, `cycles`, `workspace` with its caller, and the one block below that hands the arena out.
#![no_std]
#![no_main]

#[cfg(feature = "corrupt")]
extern crate alloc;

mod cycles;
mod entry;
mod frame;
#[cfg(feature = "corrupt")]
mod images;
mod semihosting;
#[cfg(feature = "corrupt")]
mod workspace;

/// What `edgebench emit` wrote.
mod plan {
    #![allow(missing_docs, dead_code)]
    include!(concat!(env!("OUT_DIR"), "/plan.rs"));
}

use core::panic::PanicInfo;

use edgebench_kernels::digest::Digest;
use edgebench_kernels::{Block, Kernels, Memory};

use frame::{Incoming, Outgoing};
use plan::{LAYERS, Layer, Port, STEPS};
use semihosting::File;

/// Activations and scratch space; a block to spare for loads that run past the last tensor.
static mut ARENA: [Block; plan::ARENA / Block::SIZE + 1] = [Block::ZERO; _];

/// Exit code of a panic, as a Rust program on an operating system has it.
const PANICKED: u32 = 101;

/// Called once, after reset.
fn main() -> ! {
    // SAFETY: this is the only place that names `ARENA`, and it is reached once: by `entry::start`.
    let arena = unsafe { &mut *core::ptr::addr_of_mut!(ARENA) };
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
                    self.images = images::Images::read(&mut frame, &mut self.request);
                    self.images.is_some() || return self.refuse("a pipeline that is none, or damaged")
                }
                #[cfg(feature = "corrupt")]
                frame::IMAGE => match self.image(&mut frame) {
                    Some(flags) => self.answer(flags),
                    None => return self.refuse("an image that cannot be corrupted so, or damaged"),
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
        let flags = self.images.as_mut()?.image(frame, &mut self.request, input)?;
        if flip {
            input.iter_mut().for_each(|code| *code ^= 0x80);
        }
        Some(flags)
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
