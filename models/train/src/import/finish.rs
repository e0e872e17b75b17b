//! What the output depends on, batch normalisation folded.

use edgebench_models::Graph;

use super::walk::{Value, Walk};
use super::{Head, Imported};
use crate::net::{LayerId, Op};
use crate::{Error, Net, Params};

pub(super) fn finish(walk: Walk<'_>, graph: &Graph) -> Result<Imported, Error> {
    let output = graph.outputs[0];
    let (layer, head) = match walk.values.get(&output) {
        Some(Value::Layer(layer)) => (*layer, Head::Logits),
        Some(Value::Softmax(layer)) => (*layer, Head::Softmax),
        _ => (0, Head::Logits),
    };
    let (net, numbers) = needed(&walk, layer)?;
    let params = Params::new(&net, numbers)?;
    let (net, params) = crate::fold(&net, &params)?;
    Ok(Imported { net, params, head, simulated: walk.simulated })
}

/// The layers that `output` depends on; it is the last of them.
fn needed(walk: &Walk<'_>, output: LayerId) -> Result<(Net, Vec<Vec<f32>>), Error> {
    let layers = walk.net.layers();
    let mut wanted = vec![false; layers.len()];
    wanted[output] = true;
    for at in (0..=output).rev().filter(|at| *at > 0) {
        if wanted[at] {
            layers[at].inputs.iter().for_each(|&input| wanted[input] = true);
        }
    }
    if output == 0 || !wanted[0] {
        let problem = "the output of the file does not depend on its input by any layer".into();
        return Err(Error::Net { layer: layers[output].name.clone(), problem });
    }
    let mut net = Net::new(walk.net.name(), walk.net.input())?;
    let mut numbers = Vec::new();
    let mut place = vec![0; layers.len()];
    for at in (1..=output).filter(|&at| wanted[at]) {
        let inputs: Vec<LayerId> = layers[at].inputs.iter().map(|&input| place[input]).collect();
        place[at] = net.add(layers[at].name.clone(), layers[at].op.clone(), &inputs)?;
        numbers.extend(walk.net.tensors_of(at).map(|tensor| walk.numbers[tensor].clone()));
    }
    Ok((net, numbers))
}

impl Imported {
    /// The same network without the quantisation that the file simulates: kernels stay rounded as they are.
    ///
    /// # Errors
    /// [`Error::Net`] if nothing is left.
    pub fn plain(&self) -> Result<Imported, Error> {
        let mut net = Net::new(self.net.name(), self.net.input())?;
        let mut numbers = Vec::new();
        let mut place = vec![0; self.net.layers().len()];
        for (at, layer) in self.net.layers().iter().enumerate().skip(1) {
            let inputs: Vec<LayerId> = layer.inputs.iter().map(|&input| place[input]).collect();
            if layer.op == Op::FakeQuant {
                place[at] = inputs[0];
                continue;
            }
            place[at] = net.add(layer.name.clone(), layer.op.clone(), &inputs)?;
            numbers.extend(self.net.tensors_of(at).map(|tensor| self.params.get(tensor).to_vec()));
        }
        if net.output() == 0 {
            return Err(net.problem(0, "the file simulates quantisation of its input and does nothing else"));
        }
        let params = Params::new(&net, numbers)?;
        Ok(Imported { net, params, head: self.head, simulated: false })
    }
}
