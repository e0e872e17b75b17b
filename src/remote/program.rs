//! The program for an architecture.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::RemoteError;

/// An architecture that programs are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// `x86_64`
    X86,
    /// `aarch64`
    Arm64,
    /// `armv7`
    Armv7,
}

impl Arch {
    /// By what `uname -m` says.
    #[must_use]
    pub fn by_uname(machine: &str) -> Option<Self> {
        Some(match machine {
            "x86_64" | "amd64" => Self::X86,
            "aarch64" | "arm64" => Self::Arm64,
            "armv7l" | "armv7" | "armv8l" => Self::Armv7,
            _ => return None,
        })
    }

    /// The name that `uname -m` has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::Armv7 => "armv7",
        }
    }

    /// What programs for it are built for.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
            Self::Armv7 => "armv7-unknown-linux-musleabihf",
        }
    }

    /// This program's own.
    #[must_use]
    pub fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "arm" => Some(Self::Armv7),
            name if std::env::consts::OS == "linux" => Self::by_uname(name),
            _ => None,
        }
    }

    /// Of a program, by the machine in the header of an ELF file; what it is otherwise.
    ///
    /// # Errors
    /// A file that is no ELF program, or for another machine, in words.
    pub fn of_program(head: &[u8]) -> Result<Self, String> {
        let (Some(b"\x7fELF"), Some(&[low, high])) = (head.get(..4), head.get(18..20)) else {
            return Err("no Linux machine (it is no ELF file)".into());
        };
        match u16::from_le_bytes([low, high]) {
            0x3e => Ok(Self::X86),
            0xb7 => Ok(Self::Arm64),
            0x28 => Ok(Self::Armv7),
            other => Err(format!("another machine (ELF {other})")),
        }
    }
}

/// The program to send to a machine: the one that was asked for, or `edgebench-TARGET` beside this program or in
/// `EDGEBENCH_PROGRAMS`, or this program itself.
///
/// # Errors
/// None for `arch`, or one for another machine.
pub fn find(asked: Option<&Path>, arch: Arch, host: &str) -> Result<PathBuf, RemoteError> {
    if let Some(path) = asked {
        return check(path, arch, host).map(|()| path.into());
    }
    let own = std::env::current_exe().ok();
    let mut looked = Vec::new();
    let dirs = [
        std::env::var_os("EDGEBENCH_PROGRAMS").map(PathBuf::from),
        own.as_deref().and_then(Path::parent).map(Path::to_owned),
    ];
    let musl = arch.target();
    for dir in dirs.into_iter().flatten() {
        for target in [musl.to_owned(), musl.replace("musl", "gnu")] {
            let path = dir.join(format!("edgebench-{target}"));
            if path.is_file() {
                return check(&path, arch, host).map(|()| path);
            }
            looked.push(path.display().to_string());
        }
    }
    match own {
        Some(own) if Arch::here() == Some(arch) => Ok(own),
        _ => Err(RemoteError::NoProgram {
            host: host.into(),
            arch: arch.name().into(),
            target: arch.target(),
            looked: looked.join(", "),
        }),
    }
}

fn check(path: &Path, arch: Arch, host: &str) -> Result<(), RemoteError> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(RemoteError::io(path))?;
    file.take(64).read_to_end(&mut head).map_err(RemoteError::io(path))?;
    let found = match Arch::of_program(&head) {
        Ok(found) if found == arch => return Ok(()),
        Ok(found) => found.name().into(),
        Err(words) => words,
    };
    let (host, wanted) = (host.into(), arch.name().into());
    Err(RemoteError::WrongProgram { path: path.into(), found, host, wanted, target: arch.target() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_for_this_machine() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("a program");
        if let Some(here) = Arch::here() {
            assert_eq!(Arch::of_program(&own[..64]), Ok(here));
        }
        assert!(Arch::of_program(b"#!/bin/sh").is_err());
        assert_eq!(Arch::by_uname("armv7l"), Some(Arch::Armv7));
        assert_eq!(Arch::by_uname("riscv64"), None);
    }
}
