//! One engine or the other behind one face.

use edgebench_train_kernels::Kernels;
use rayon::ThreadPool;

#[cfg(feature = "torch")]
use super::torch::TorchEngine;
use super::{Batch, Engine, Executor, Outcome, Workers};
use crate::{Error, Net, Params};

/// What computes a network.
#[derive(Debug)]
pub(crate) enum Machine {
    /// This CPU.
    Cpu(Box<Engine>),
    /// libtorch.
    #[cfg(feature = "torch")]
    Torch(Box<TorchEngine>),
}

/// The same call on whichever it is.
macro_rules! either {
    ($machine:expr, $engine:ident => $call:expr) => {
        match $machine {
            Machine::Cpu($engine) => $call,
            #[cfg(feature = "torch")]
            Machine::Torch($engine) => $call,
        }
    };
}

impl Machine {
    pub(crate) fn new(net: &Net, workers: Workers, kernels: Kernels) -> Result<Machine, Error> {
        workers.executor.check().map_err(|problem| Error::Torch { problem })?;
        match workers.executor {
            Executor::Cpu => Ok(Machine::Cpu(Box::new(Engine::new(net, workers.threads, kernels)?))),
            #[cfg(feature = "torch")]
            Executor::Torch(cuda) => {
                Ok(Machine::Torch(Box::new(TorchEngine::new(net, workers.threads, cuda, kernels)?)))
            }
            #[cfg(not(feature = "torch"))]
            Executor::Torch(_) => Err(Error::Torch { problem: "not in this build".into() }),
        }
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        either!(self, engine => engine.pool())
    }

    pub(crate) fn kernels(&self) -> &Kernels {
        either!(self, engine => engine.kernels())
    }

    pub(crate) fn gradients(&self) -> &[Vec<f32>] {
        either!(self, engine => engine.gradients())
    }

    pub(crate) fn load(&mut self, params: &Params) -> Result<(), Error> {
        match self {
            Machine::Cpu(engine) => {
                engine.load(params);
                Ok(())
            }
            #[cfg(feature = "torch")]
            Machine::Torch(engine) => engine.load(params),
        }
    }

    pub(crate) fn step(&mut self, params: &mut Params, batch: &Batch<'_>) -> Result<Outcome, Error> {
        match self {
            Machine::Cpu(engine) => Ok(engine.step(params, batch)),
            #[cfg(feature = "torch")]
            Machine::Torch(engine) => engine.step(params, batch),
        }
    }

    pub(crate) fn infer(
        &mut self,
        params: &Params,
        images: usize,
        fill: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<Vec<f32>, Error> {
        match self {
            Machine::Cpu(engine) => Ok(engine.infer(params, images, fill)),
            #[cfg(feature = "torch")]
            Machine::Torch(engine) => engine.infer(params, images, fill),
        }
    }
}
