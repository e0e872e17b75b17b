//! Who computes a network: this CPU, or libtorch.

use std::fmt;
use std::str::FromStr;

/// What runs the layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executor {
    /// The engine of this crate: the same bits for any number of threads.
    #[default]
    Cpu,
    /// libtorch (feature `torch`), on its CPU or on the CUDA device of this number. What it gives is not the same to the bit from one
    /// device to the other, nor from one version to the next.
    Torch(Option<usize>),
}

/// An executor and the threads of the parts that always run here: images, optimiser, masks and centroids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Threads.
    pub threads: usize,
    /// What runs the layers.
    pub executor: Executor,
}

impl From<usize> for Workers {
    /// So many threads of this CPU.
    fn from(threads: usize) -> Workers {
        Workers { threads, executor: Executor::Cpu }
    }
}

impl Executor {
    /// Whether this build has it.
    ///
    /// # Errors
    /// How to get one that has.
    pub fn check(self) -> Result<(), String> {
        match self {
            Executor::Torch(_) if !cfg!(feature = "torch") => Err(format!(
                "executor {self}: this edgebench was built without libtorch; build it with `--features torch` (see docs/torch.md), or \
                 leave --executor out to train on the CPU"
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Executor::Cpu => f.write_str("cpu"),
            Executor::Torch(None) => f.write_str("torch"),
            Executor::Torch(Some(number)) => write!(f, "torch:cuda:{number}"),
        }
    }
}

impl FromStr for Executor {
    type Err = String;

    fn from_str(text: &str) -> Result<Executor, String> {
        let expected =
            || format!("{text:?} is no executor; there are cpu, torch (libtorch's CPU), torch:cuda and torch:cuda:N");
        match text {
            "cpu" => Ok(Executor::Cpu),
            "torch" => Ok(Executor::Torch(None)),
            "torch:cuda" => Ok(Executor::Torch(Some(0))),
            _ => {
                let number = text.strip_prefix("torch:cuda:").and_then(|number| number.parse().ok());
                Ok(Executor::Torch(Some(number.ok_or_else(expected)?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for executor in [Executor::Cpu, Executor::Torch(None), Executor::Torch(Some(0)), Executor::Torch(Some(3))] {
            assert_eq!(executor.to_string().parse(), Ok(executor));
        }
        assert_eq!("torch:cuda".parse(), Ok(Executor::Torch(Some(0))));
        for wrong in ["", "gpu", "torch:", "torch:cuda:", "torch:cuda:-1", "cuda"] {
            assert!(wrong.parse::<Executor>().unwrap_err().contains("torch:cuda:N"), "{wrong}");
        }
    }

    #[test]
    fn a_build_without_libtorch_says_so() {
        assert_eq!(Executor::Cpu.check(), Ok(()));
        assert_eq!(Executor::Torch(None).check().is_ok(), cfg!(feature = "torch"));
    }
}
