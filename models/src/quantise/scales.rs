//! Which scale every activation gets, and where a scale must change on the way.
//!
//! This follows the converter step by step, because the order of its steps shows in the result:
//! 1. ranges that can be had from a neighbour are dropped: behind an operator that keeps the scale of its one float operand,
//!    before one that joins several, and behind one with a fixed scale;
//! 2. those that are left stand firm, and spread over the operators that keep a scale;
//! 3. where two meet, a QUANTIZE goes between: behind the operator whose result is to have another scale, or before the one
//!    whose operand is.

use std::collections::BTreeMap;

use super::Error;
use super::network::{Network, Role};
use super::params::Params;
use super::ranges::{Origin, Ranges};

/// The scales of a network.
#[derive(Debug, Default)]
pub(super) struct Scales {
    /// By tensor; `None` for what is no activation.
    pub(super) params: Vec<Option<Params>>,
    /// Operands (node, position) that must be brought to another scale first.
    pub(super) before: BTreeMap<(usize, usize), Params>,
    /// Results (node, position) that the operator gives in another scale than the tensor has.
    pub(super) behind: BTreeMap<(usize, usize), Params>,
}

/// Finds the scales.
///
/// # Errors
/// If an activation has no range and none can be had from a neighbour.
pub(super) fn assign(network: &Network<'_>, ranges: &Ranges) -> Result<Scales, Error> {
    let kept = without_redundant(network, ranges);
    let count = network.float.len();
    let mut params: Vec<Option<Params>> = vec![None; count];
    for tensor in (0..count).filter(|&t| kept[t]) {
        params[tensor] = ranges.get(tensor).map(super::Range::params);
    }
    let mut spread = Spread {
        network,
        scales: Scales { params, ..Scales::default() },
        firm: kept,
        done: vec![false; network.nodes.len()],
        waiting: (0..network.nodes.len()).collect(),
    };
    spread.run();
    let scales = spread.scales;
    for tensor in (0..count).filter(|&t| network.is_activation(t)) {
        let used = network.producer[tensor].is_some() || !network.users[tensor].is_empty();
        if used && scales.params[tensor].is_none() {
            return Err(Error::NoRange { tensor, name: network.name(tensor) });
        }
    }
    Ok(scales)
}

/// The float operands that are no constants.
fn activations<'n>(network: &'n Network<'_>, node: usize) -> impl Iterator<Item = usize> + 'n {
    network.nodes[node].inputs.iter().flatten().copied().filter(|&tensor| network.is_activation(tensor))
}

/// How many float operands a node has, constants among them.
fn float_operands(network: &Network<'_>, node: usize) -> usize {
    network.nodes[node].inputs.iter().flatten().filter(|&&tensor| network.float[tensor]).count()
}

/// Which tensors have a range that counts.
fn without_redundant(network: &Network<'_>, ranges: &Ranges) -> Vec<bool> {
    let count = network.float.len();
    let has: Vec<bool> = (0..count).map(|t| network.is_activation(t) && ranges.get(t).is_some()).collect();
    let trained = |tensor: usize| ranges.get(tensor).is_some_and(|range| range.origin == Origin::Trained);
    let role = |node: usize| network.nodes[node].role;
    let fixed = |tensor: usize| network.producer[tensor].is_some_and(|node| matches!(role(node), Role::Fixed(_)));
    let mut redundant: Vec<bool> = (0..count).map(|t| has[t] && fixed(t)).collect();
    // Forwards: behind an operator of one float operand.
    let mut stack: Vec<usize> = (0..count).filter(|&t| has[t]).collect();
    while let Some(tensor) = stack.pop() {
        for &(user, _) in &network.users[tensor] {
            if role(user) != Role::Same || float_operands(network, user) > 1 {
                continue;
            }
            for &result in network.nodes[user].outputs.iter().filter(|&&r| has[r] && !trained(r)) {
                if !std::mem::replace(&mut redundant[result], true) {
                    stack.push(result);
                }
            }
        }
    }
    // Backwards: before an operator that joins, as far as scales are kept.
    let mut stack: Vec<usize> = (0..count).filter(|&t| has[t] && !redundant[t]).collect();
    let mut seen = vec![false; count];
    while let Some(tensor) = stack.pop() {
        let Some(node) = network.producer[tensor].filter(|&node| role(node) == Role::Same) else { continue };
        for operand in activations(network, node).filter(|&t| has[t] && !trained(t)) {
            redundant[operand] = true;
            if !std::mem::replace(&mut seen[operand], true) {
                stack.push(operand);
            }
        }
    }
    (0..count).map(|t| has[t] && !redundant[t]).collect()
}

struct Spread<'n, 'm> {
    network: &'n Network<'m>,
    scales: Scales,
    /// Tensors whose scale comes from a range.
    firm: Vec<bool>,
    /// Nodes that have had their turn.
    done: Vec<bool>,
    /// Nodes that may have something to do, the next one last.
    waiting: Vec<usize>,
}

impl Spread<'_, '_> {
    fn run(&mut self) {
        while let Some(node) = self.waiting.pop() {
            if self.done[node] {
                continue;
            }
            match self.network.nodes[node].role {
                Role::Same => {
                    // A node around which nothing is known yet comes again when something is.
                    let Some(params) = self.choose(node) else { continue };
                    self.done[node] = true;
                    for position in 0..self.network.nodes[node].inputs.len() {
                        self.set_operand(node, position, params);
                    }
                    for position in 0..self.network.nodes[node].outputs.len() {
                        self.set_result(node, position, params);
                    }
                }
                Role::Fixed(params) => {
                    self.done[node] = true;
                    self.set_result(node, 0, params);
                }
                _ => self.done[node] = true,
            }
        }
    }

    /// The scale that a node keeps: its one operand's if that is firm, else its one result's if that is firm, else the first
    /// firm one; without any, the same among those that are known.
    fn choose(&self, node: usize) -> Option<Params> {
        let network = self.network;
        let node = &network.nodes[node];
        let params = |tensor: &usize| self.scales.params[*tensor];
        let operands: Vec<usize> =
            node.inputs.iter().flatten().copied().filter(|&t| network.is_activation(t)).collect();
        for firm in [true, false] {
            let known = |tensor: &&usize| params(tensor).is_some() && self.firm[**tensor] == firm;
            let of_operands: Vec<&usize> = operands.iter().filter(known).collect();
            let of_results: Vec<&usize> = node.outputs.iter().filter(known).collect();
            let found = match (&of_operands[..], &of_results[..]) {
                ([one], _) if node.inputs.len() == 1 => Some(*one),
                (_, [one]) if node.outputs.len() == 1 => Some(*one),
                (operands, results) => operands.first().or(results.first()).copied(),
            };
            if let Some(tensor) = found {
                return params(tensor);
            }
        }
        None
    }

    fn set_operand(&mut self, node: usize, position: usize, params: Params) {
        let Some(tensor) = self.network.nodes[node].inputs[position] else { return };
        if !self.network.is_activation(tensor) {
            return;
        }
        match self.scales.params[tensor] {
            Some(known) if known == params => {}
            Some(_) => {
                self.scales.before.insert((node, position), params);
            }
            None => self.settle(tensor, params),
        }
    }

    fn set_result(&mut self, node: usize, position: usize, params: Params) {
        let tensor = self.network.nodes[node].outputs[position];
        if !self.network.is_activation(tensor) {
            return;
        }
        match self.scales.params[tensor] {
            Some(known) if known == params => {}
            Some(_) => {
                self.scales.behind.insert((node, position), params);
            }
            None => self.settle(tensor, params),
        }
    }

    /// A tensor has its scale now; its neighbours may have theirs from it.
    fn settle(&mut self, tensor: usize, params: Params) {
        self.scales.params[tensor] = Some(params);
        let neighbours = self.network.users[tensor].iter().map(|&(node, _)| node);
        self.waiting.extend(neighbours.chain(self.network.producer[tensor]));
    }
}
