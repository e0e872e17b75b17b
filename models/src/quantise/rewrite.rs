//! The int8 model: codes for constants, types and scales for activations, QUANTIZE where a scale changes.

use std::collections::{BTreeMap, HashMap};

use super::edit::{Editor, id};
use super::network::{Network, Role};
use super::params::{
    Params, bias_code, bias_scale, channel_maxima, room_for_bias, tensor_codes, weight_codes, weight_scale,
};
use super::scales::Scales;
use super::{Error, QuantiseOptions, Ranges};
use crate::tflite::{BuiltinOperator as B, Operator, Quantization, Tensor, TensorType};

/// An int8 model that is being made.
pub(super) struct Rewriter<'n, 'm> {
    network: &'n Network<'m>,
    ranges: &'n Ranges,
    options: &'n QuantiseOptions,
    scales: &'n Scales,
    pub(super) editor: Editor,
    operators: Vec<Operator>,
    /// Constants by (float tensor, bits of their scales).
    known: HashMap<(usize, Vec<u32>), usize>,
    /// Tensors brought to another scale, by (tensor, bits of the scale, zero point).
    rescaled: HashMap<(usize, u32, i32), usize>,
    /// The int8 constant for an operand (node, position).
    pub(super) constants: BTreeMap<(usize, usize), usize>,
}

/// Weights on the way to codes.
struct Weights {
    shape: Vec<usize>,
    axis: usize,
    values: Vec<f32>,
    scales: Vec<f32>,
    /// The one scale is that of the largest weight, nobody has said or enlarged it.
    own: bool,
}

impl<'n, 'm> Rewriter<'n, 'm> {
    pub(super) fn new(
        network: &'n Network<'m>,
        scales: &'n Scales,
        ranges: &'n Ranges,
        options: &'n QuantiseOptions,
    ) -> Self {
        Rewriter {
            network,
            ranges,
            options,
            scales,
            editor: Editor::new(network.model.clone()),
            operators: Vec::new(),
            known: HashMap::new(),
            rescaled: HashMap::new(),
            constants: BTreeMap::new(),
        }
    }

    /// Rewrites all operators.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        for tensor in 0..self.network.float.len() {
            if let Some(params) = self.scales.params[tensor] {
                self.set_params(tensor, params);
            }
        }
        let network = self.network;
        network.graph().inputs.iter().flat_map(|&i| usize::try_from(i)).for_each(|input| self.rescale(input));
        for node in 0..self.network.nodes.len() {
            let mut op = self.network.graph().operators[node].clone();
            match self.network.nodes[node].role {
                Role::Untouched => {}
                Role::Product { axis } => self.product(node, axis, &mut op)?,
                _ => self.operands(node, &mut op),
            }
            self.bring_operands(node, &mut op);
            self.emit(node, op);
        }
        self.editor.model.subgraphs[0].operators = std::mem::take(&mut self.operators);
        Ok(())
    }

    fn set_params(&mut self, tensor: usize, params: Params) {
        let tensor = self.editor.tensor(tensor);
        tensor.dtype = TensorType::INT8;
        tensor.quantization = Some(Box::new(quant(params)));
    }

    /// Takes operands that are needed in another scale from where [`Rewriter::rescale`] has put them.
    fn bring_operands(&self, node: usize, op: &mut Operator) {
        for position in 0..op.inputs.len() {
            let Some(params) = self.scales.before.get(&(node, position)) else { continue };
            let Some(tensor) = self.network.nodes[node].inputs[position] else { continue };
            if let Some(&rescaled) = self.rescaled.get(&(tensor, params.scale.to_bits(), params.zero_point)) {
                op.inputs[position] = id(rescaled);
            }
        }
    }

    /// Adds the operator, and QUANTIZE behind results that are to have another scale.
    fn emit(&mut self, node: usize, mut op: Operator) {
        let outputs = &self.network.nodes[node].outputs;
        let mut behind = Vec::new();
        for (position, &tensor) in outputs.iter().enumerate() {
            if let Some(&params) = self.scales.behind.get(&(node, position)) {
                let given = self.like(tensor, params);
                op.outputs[position] = id(given);
                behind.push(self.editor.operator(B::QUANTIZE, given, tensor));
            }
        }
        self.operators.push(op);
        self.operators.extend(behind);
        outputs.iter().for_each(|&tensor| self.rescale(tensor));
    }

    /// Adds QUANTIZE to every other scale in which a tensor is needed, right where it becomes known.
    fn rescale(&mut self, tensor: usize) {
        for &(node, position) in &self.network.users[tensor] {
            let Some(&params) = self.scales.before.get(&(node, position)) else { continue };
            let key = (tensor, params.scale.to_bits(), params.zero_point);
            if !self.rescaled.contains_key(&key) {
                let rescaled = self.like(tensor, params);
                let quantize = self.editor.operator(B::QUANTIZE, tensor, rescaled);
                self.operators.push(quantize);
                self.rescaled.insert(key, rescaled);
            }
        }
    }

    /// A new int8 activation in the shape of another.
    fn like(&mut self, tensor: usize, params: Params) -> usize {
        let old = self.editor.tensor(tensor).clone();
        let (name, quantization) = (format!("{}_requantized", old.name), Some(Box::new(quant(params))));
        self.editor.add_tensor(Tensor { name, dtype: TensorType::INT8, quantization, ..old })
    }

    /// Constant operands: of their own scale, or of the one that the operator keeps.
    fn operands(&mut self, node: usize, op: &mut Operator) {
        let node_ref = &self.network.nodes[node];
        for position in 0..op.inputs.len() {
            let Some(tensor) = node_ref.inputs[position] else { continue };
            if !(self.network.constant[tensor] && self.network.float[tensor]) {
                continue;
            }
            let values = self.network.values(tensor);
            let kept = match node_ref.role {
                Role::Same => node_ref.outputs.first().and_then(|&t| self.scales.params[t]),
                _ => None,
            };
            let params = kept.unwrap_or_else(|| {
                let bounds = values.iter().fold((0.0_f32, 0.0_f32), |(lo, hi), &v| (lo.min(v), hi.max(v)));
                Params::of_range(bounds.0, bounds.1)
            });
            let codes = || values.iter().map(|&value| params.code(value).cast_unsigned()).collect();
            let key = (tensor, vec![params.scale.to_bits(), params.zero_point.cast_unsigned()]);
            let constant = match self.known.get(&key) {
                Some(&constant) => constant,
                None => self.editor.add_constant(tensor, TensorType::INT8, codes(), quant(params)),
            };
            self.known.insert(key, constant);
            self.constants.insert((node, position), constant);
            op.inputs[position] = id(constant);
        }
    }

    /// Weights and bias.
    fn product(&mut self, node: usize, axis: usize, op: &mut Operator) -> Result<(), Error> {
        let inputs = &self.network.nodes[node].inputs;
        let absent = || self.network.refuse(node, "it has no input or no weights");
        let (Some(x), Some(w)) = (inputs[0], inputs[1]) else { return Err(absent()) };
        let input = match self.scales.before.get(&(node, 0)).copied().or(self.scales.params[x]) {
            Some(params) => params.scale,
            None => return Err(self.network.refuse(node, "its input is constant; remove the operator")),
        };
        let mut weights = self.weights(node, w, axis)?;
        let bias = inputs.get(2).copied().flatten();
        let bias_values = bias.map(|tensor| self.network.values(tensor));
        let channels = weights.shape[axis];
        if let Some(values) = bias_values.as_ref().filter(|values| values.len() != channels) {
            let why = format!("its bias has {} elements, its weights {channels} channels", values.len());
            return Err(self.network.refuse(node, why));
        }
        let bias_scales = make_room(&mut weights, bias_values.as_deref().unwrap_or(&[]), input);
        let constant = self.weight_constant(w, &weights);
        self.constants.insert((node, 1), constant);
        op.inputs[1] = id(constant);
        if let (Some(tensor), Some(values)) = (bias, bias_values) {
            let scale = |channel: usize| bias_scales[channel.min(bias_scales.len() - 1)];
            let codes = values.iter().enumerate().map(|(channel, &value)| bias_code(value, scale(channel)));
            let bytes: Vec<u8> = codes.flat_map(i32::to_le_bytes).collect();
            let quant = symmetric(bias_scales.clone(), 0);
            let constant = self.editor.add_constant(tensor, TensorType::INT32, bytes, quant);
            self.constants.insert((node, 2), constant);
            op.inputs[2] = id(constant);
        }
        Ok(())
    }

    /// The weights of a node with their scales: said, or their own.
    fn weights(&self, node: usize, tensor: usize, axis: usize) -> Result<Weights, Error> {
        let (shape, values) = (self.network.shape(tensor), self.network.values(tensor));
        let maxima = channel_maxima(&values, &shape, axis);
        let whole = self.network.nodes[node].kind == B::FULLY_CONNECTED && !self.options.per_channel_dense;
        if let Some(said) = self.ranges.weight_scales(tensor) {
            if said.len() != 1 && said.len() != maxima.len() {
                let expected = format!("1 or {} scales", maxima.len());
                let (name, got) = (self.network.name(tensor), said.len().to_string());
                return Err(Error::Given { what: "weight scales", name, expected, got });
            }
            return Ok(Weights { shape, axis, values, scales: said.to_vec(), own: false });
        }
        let scales = match whole {
            true => vec![weight_scale(maxima.iter().fold(0.0, |a: f32, &b| a.max(b)))],
            false => maxima.iter().map(|&most| weight_scale(most)).collect(),
        };
        Ok(Weights { shape, axis, values, scales, own: whole })
    }

    /// The int8 constant of weights, made once for each set of scales.
    fn weight_constant(&mut self, tensor: usize, weights: &Weights) -> usize {
        let key = (tensor, weights.scales.iter().map(|s| s.to_bits()).collect::<Vec<u32>>());
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let codes = match weights.own {
            true => tensor_codes(&weights.values),
            false => weight_codes(&weights.values, &weights.shape, weights.axis, &weights.scales),
        };
        let bytes = codes.into_iter().map(i8::cast_unsigned).collect();
        let axis = if weights.scales.len() == 1 { 0 } else { id(weights.axis) };
        let quant = symmetric(weights.scales.clone(), axis);
        let constant = self.editor.add_constant(tensor, TensorType::INT8, bytes, quant);
        self.known.insert(key, constant);
        constant
    }
}

/// The scales of a bias; those of the weights grow where a bias would overflow.
fn make_room(weights: &mut Weights, bias: &[f32], input: f32) -> Vec<f32> {
    let mut scales: Vec<f32> = weights.scales.iter().map(|&scale| bias_scale(input, scale)).collect();
    for (channel, &value) in bias.iter().enumerate() {
        let at = channel.min(scales.len() - 1);
        if let Some((weight, bias)) = room_for_bias(value, input, weights.scales[at])
            && bias > scales[at]
        {
            (weights.scales[at], scales[at]) = (weight, bias);
            weights.own = false;
        }
    }
    scales
}

fn quant(params: Params) -> Quantization {
    let (scale, zero_point) = (vec![params.scale], vec![i64::from(params.zero_point)]);
    Quantization { scale, zero_point, ..Quantization::default() }
}

fn symmetric(scale: Vec<f32>, quantized_dimension: i32) -> Quantization {
    let zero_point = vec![0; scale.len()];
    Quantization { scale, zero_point, quantized_dimension, ..Quantization::default() }
}
