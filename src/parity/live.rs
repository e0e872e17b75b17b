//! A target on this machine.

use std::sync::Arc;

use edgebench_kernels::digest::digest;
use edgebench_models::graph::DType;
use edgebench_models::{Graph, LowerOptions, Session};

use super::error::ParityError;
use super::trace::{Hex, Layer};
use crate::model::ModelFile;

/// A network whose every tensor can be looked at, and the same network as it is deployed.
#[derive(Debug)]
pub struct Live {
    /// Keeps every tensor.
    all: Session,
    /// Shares memory between layers, as in evaluations.
    deployed: Session,
    places: Vec<Place>,
}

/// Where the bytes of a layer are.
#[derive(Clone, Copy, Debug)]
enum Place {
    Tensor(usize, DType),
    Output(usize),
}

impl Live {
    /// `model` for these options, with the layers that it computes.
    ///
    /// # Errors
    /// A model or an instruction set that cannot be run here.
    pub fn new(model: &ModelFile, options: &LowerOptions) -> Result<(Self, Vec<Layer>), ParityError> {
        let graph = model.graph()?;
        let all = Session::new(model.plan(&LowerOptions { keep_all: true, ..*options })?)?;
        let deployed = Session::new(model.plan(options)?)?;
        let (layers, places) = layers(&graph).into_iter().unzip();
        Ok((Self { all, deployed, places }, layers))
    }

    /// Runs one sample.
    ///
    /// # Errors
    /// Inputs that are not the model's.
    pub fn run(&mut self, inputs: &[Vec<u8>]) -> Result<(), ParityError> {
        for session in [&mut self.all, &mut self.deployed] {
            for (port, bytes) in inputs.iter().enumerate() {
                session.set_input(port, bytes)?;
            }
            session.run();
        }
        Ok(())
    }

    /// The bytes of a layer after a run; `None` where it was computed while lowering.
    pub fn bytes(&mut self, layer: usize) -> Option<Vec<u8>> {
        match self.places[layer] {
            Place::Tensor(id, dtype) => self.all.tensor(id, dtype),
            Place::Output(port) => Some(self.deployed.output(port)),
        }
    }

    /// The digests of all layers after a run.
    pub fn digests(&mut self) -> Vec<Option<Hex>> {
        (0..self.places.len()).map(|layer| self.bytes(layer).map(|bytes| Hex(digest(&bytes)))).collect()
    }

    /// The plan as it is deployed.
    #[must_use]
    pub fn plan(&self) -> &Arc<edgebench_models::Plan> {
        self.deployed.plan()
    }
}

/// What a network computes: the outputs of all operators in order, and its own.
#[must_use]
pub fn layers_of(graph: &Graph) -> Vec<Layer> {
    layers(graph).into_iter().map(|(layer, _)| layer).collect()
}

/// What every operator computes, in order, and the outputs.
fn layers(graph: &Graph) -> Vec<(Layer, Place)> {
    let layer = |operator: Option<usize>, op: &str, id: usize| {
        let tensor = &graph.tensors[id];
        let (name, dtype) = (tensor.name.clone(), tensor.dtype.name().to_owned());
        Layer { operator, op: op.to_owned(), tensor: id, name, dtype, shape: tensor.shape.clone() }
    };
    let mut layers = Vec::new();
    for node in &graph.nodes {
        for &id in &node.outputs {
            let place = Place::Tensor(id, graph.tensors[id].dtype);
            layers.push((layer(Some(node.index), node.op.name(), id), place));
        }
    }
    for (port, &id) in graph.outputs.iter().enumerate() {
        layers.push((layer(None, Layer::OUTPUT, id), Place::Output(port)));
    }
    layers
}
