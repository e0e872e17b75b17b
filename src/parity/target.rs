//! What can be compared, and how it is named on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use edgebench_kernels::Isa;
use edgebench_models::Arithmetic;

use crate::remote::Address;

/// Most threads of a target.
const MOST_THREADS: usize = 1024;

/// One of the two that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This program on this machine.
    Here(Setting),
    /// This program on another machine.
    There(Address, Setting),
    /// Firmware on a board.
    Board(String, Arithmetic),
    /// What another run left behind.
    Trace(PathBuf),
}

/// How a network is lowered for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Instruction set; `None`: the fastest that runs there.
    pub isa: Option<Isa>,
    /// Whose integers.
    pub arithmetic: Arithmetic,
    /// Threads that share an image.
    pub threads: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self { isa: None, arithmetic: Arithmetic::Litert, threads: 1 }
    }
}

/// What is wrong with the name of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not one of the kinds.
    #[error(
        "{0:?} is no target, expected isa:NAME, mode:NAME or threads:N (several joined by commas, with ssh://user@host before \
         them for another machine), qemu:BOARD, or trace:FILE"
    )]
    Unknown(String),
    /// A part of a name that is given twice.
    #[error("{0}: is given twice")]
    Twice(String),
    /// A name or number that does not exist.
    #[error("{part}: {problem}")]
    Value {
        /// The part of the name.
        part: String,
        /// What is wrong, and what is expected.
        problem: String,
    },
}

impl FromStr for Target {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.starts_with("ssh://") {
            let (address, setting) = text.split_once(',').map_or((text, None), |(a, b)| (a, Some(b)));
            let wrong = |problem| TargetError::Value { part: address.to_owned(), problem };
            let setting = setting.map_or(Ok(Setting::default()), str::parse)?;
            return Ok(Self::There(address.parse().map_err(wrong)?, setting));
        }
        if let Some(rest) = text.strip_prefix("qemu:") {
            let (board, setting) = rest.split_once(',').map_or((rest, None), |(a, b)| (a, Some(b)));
            let setting: Setting = setting.map_or(Ok(Setting::default()), str::parse)?;
            let only_mode = Setting { arithmetic: setting.arithmetic, ..Setting::default() } == setting;
            if board.is_empty() || !only_mode {
                let problem = "expected the name of a board, with ,mode:NAME behind it at most".to_owned();
                return Err(TargetError::Value { part: text.to_owned(), problem });
            }
            return Ok(Self::Board(board.to_owned(), setting.arithmetic));
        }
        match text.strip_prefix("trace:") {
            Some(path) if !path.is_empty() => Ok(Self::Trace(path.into())),
            _ => text.parse().map(Self::Here),
        }
    }
}

impl FromStr for Setting {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let mut setting = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',') {
            let unknown = || TargetError::Unknown(text.to_owned());
            let (kind, value) = part.split_once(':').ok_or_else(unknown)?;
            let wrong = |problem: String| TargetError::Value { part: part.to_owned(), problem };
            if seen.contains(&kind) {
                return Err(TargetError::Twice(kind.to_owned()));
            }
            seen.push(kind);
            match kind {
                "isa" => setting.isa = Some(value.parse().map_err(|error| wrong(format!("{error}")))?),
                "mode" => setting.arithmetic = value.parse().map_err(|error| wrong(format!("{error}")))?,
                "threads" => {
                    let number = value.parse().ok().filter(|n| (1..=MOST_THREADS).contains(n));
                    setting.threads = number.ok_or_else(|| wrong(format!("expected 1 to {MOST_THREADS}")))?;
                }
                _ => return Err(unknown()),
            }
        }
        Ok(setting)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(isa) = self.isa {
            write!(f, "isa:{isa},")?;
        }
        write!(f, "mode:{}", self.arithmetic)?;
        if self.threads > 1 { write!(f, ",threads:{}", self.threads) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_lowered() {
        let scalar = Setting { isa: Some(Isa::Scalar), ..Setting::default() };
        assert_eq!("isa:scalar".parse(), Ok(Target::Here(scalar)));
        let all = Setting { arithmetic: Arithmetic::Tflm, threads: 3, ..scalar };
        assert_eq!("threads:3,isa:scalar,mode:tflm".parse(), Ok(Target::Here(all)));
        assert_eq!(all.to_string().parse(), Ok(Target::Here(all)));
        let there = Target::There("ssh://me@pi:22".parse().expect("an address"), scalar);
        assert_eq!("ssh://me@pi:22,isa:scalar".parse(), Ok(there));
        let board = Target::Board("mps2-an386".into(), Arithmetic::Tflm);
        assert_eq!("qemu:mps2-an386,mode:tflm".parse(), Ok(board));
        assert_eq!("trace:a:b,c.json".parse(), Ok(Target::Trace("a:b,c.json".into())));
    }

    #[test]
    fn other_names_are_refused() {
        let refused = |text: &str| text.parse::<Target>().expect_err(text).to_string();
        assert!(refused("avx2").contains("expected isa:NAME"));
        assert!(refused("trace:").contains("no target"));
        assert!(refused("qemu:").contains("the name of a board"));
        assert!(refused("qemu:mps2-an386,threads:2").contains("mode:NAME"));
        assert!(refused("isa:avx3").contains("avx512vnni"));
        assert!(refused("mode:x").contains("reference"));
        assert!(refused("threads:0").contains("1 to 1024"));
        assert!(refused("isa:scalar,isa:avx2").contains("twice"));
    }
}
