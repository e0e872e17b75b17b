//! From a trained network to a standard `.tflite`: float, float with simulated quantisation, or int8.

use edgebench_models::build::{Builder, Kernel, Value, Window};
use edgebench_models::graph::{Activation as Fused, Padding as Pads};
use edgebench_models::quantise::{self, CalibrateOptions, Io, Origin, QuantiseOptions, Range, Ranges};
use edgebench_models::tflite::{Model, TensorType};

use crate::fold::affine;
use crate::net::{self, Activation, LayerId, Op, Padding, Pool, Role};
use crate::recipe::{Export, Recipe};
use crate::technique::Channels;
use crate::{Error, Net, Params, Trainer, fold};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// float32 weights and arithmetic.
    Float,
    /// As [`Form::Float`], with weights on their int8 grid, and QUANTIZE and DEQUANTIZE wherever training simulated quantisation.
    Simulated,
}

/// A float model, and where what was trained is in it.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The model.
    pub model: Model,
    /// The tensor that holds the value of each layer; `None` for one that is fused into a later layer.
    values: Vec<Option<usize>>,
    /// For each tensor of the network that is a kernel, the constant that holds it.
    kernels: Vec<Option<usize>>,
}

/// The float model of `net`, with a softmax behind the logits. Batch normalisation is folded; dropout goes.
///
/// # Errors
/// [`Error::Export`] if the file's format cannot say it.
pub fn float(net: &Net, params: &Params, form: Form) -> Result<Exported, Error> {
    let folded;
    let (net, params) = if net.layers().iter().any(|layer| matches!(layer.op, Op::BatchNorm { .. })) {
        folded = fold(net, params)?;
        (&folded.0, &folded.1)
    } else {
        (net, params)
    };
    Exporter::new(net, params, form).run()
}

/// The float model of `net` as it stands: batch normalisation is a MUL and an ADD, as converters leave it that cannot fold it.
///
/// # Errors
/// As [`float`].
pub(crate) fn as_it_is(net: &Net, params: &Params) -> Result<Exported, Error> {
    Exporter::new(net, params, Form::Float).run()
}

impl Exported {
    /// The tensor that holds the value of `layer`.
    pub(crate) fn tensor(&self, layer: LayerId) -> Option<usize> {
        self.values[layer]
    }
}

/// What a recipe promises as its file, of the network that its last stage has left. Without simulated quantisation, int8 ranges are the
/// smallest and largest values over `samples` (inputs).
///
/// # Errors
/// [`Error::Export`] if the format cannot say it, or there are no samples where they are needed.
pub fn artifact<S: AsRef<[f32]>>(
    trainer: &Trainer,
    recipe: &Recipe,
    io: Io,
    samples: impl IntoIterator<Item = S>,
) -> Result<Model, Error> {
    let net = trainer.net();
    let simulates = net.layers().iter().any(|layer| layer.op == Op::FakeQuant);
    match recipe.export {
        Export::Float if simulates => Ok(float(net, &trainer.effective(), Form::Simulated)?.model),
        Export::Float => Ok(float(net, &trainer.stripped(), Form::Float)?.model),
        Export::Int8 if recipe.has_qat() => trained_int8(trainer, io),
        Export::Int8 => {
            let params = trainer.stripped();
            let exported = float(net, &params, Form::Float)?;
            let calibrated = quantise::calibrate(&exported.model, samples, &CalibrateOptions::default());
            let ranges = calibrated.map_err(|error| refuse(net, error))?;
            quantised(trainer, &exported, ranges, io)
        }
    }
}

/// The int8 model of a network that was trained with simulated quantisation: its ranges, its scales, its codes.
///
/// # Errors
/// [`Error::Export`] if a range is missing or the format cannot say it.
pub fn trained_int8(trainer: &Trainer, io: Io) -> Result<Model, Error> {
    let exported = float(trainer.net(), &trainer.stripped(), Form::Float)?;
    quantised(trainer, &exported, Ranges::new(), io)
}

/// The int8 model. Ranges that training has found, here or before the network was read from a file, win over those that are given.
fn quantised(trainer: &Trainer, exported: &Exported, mut ranges: Ranges, io: Io) -> Result<Model, Error> {
    let net = trainer.net();
    weight_scales(exported, trainer, &mut ranges)?;
    for (at, layer) in net.layers().iter().enumerate().filter(|(_, layer)| layer.op == Op::FakeQuant) {
        let range = net.tensor(at, Role::Range).map(|range| trainer.params.get(range)).unwrap_or_default();
        let (&[min, max], Some(tensor)) = (range, exported.values[layer.inputs[0]]) else { continue };
        // Of an activation that was always 0, or of nothing yet.
        if min < max || ranges.get(tensor).is_none() {
            ranges.insert(tensor, Range { min, max, origin: Origin::Trained }).map_err(|error| refuse(net, error))?;
        }
    }
    let options = QuantiseOptions { io, ..QuantiseOptions::default() };
    quantise::quantise(&exported.model, &ranges, &options).map_err(|error| refuse(net, error))
}

/// The scales of kernels whose clusters are shared by all channels (they keep the codes as few as the values), and of those that were
/// quantised in training.
fn weight_scales(exported: &Exported, trainer: &Trainer, ranges: &mut Ranges) -> Result<(), Error> {
    let stripped = trainer.stripped();
    for (at, path) in trainer.paths.iter().enumerate() {
        let (Some(path), Some(tensor)) = (path, exported.kernels[at]) else { continue };
        if path.quantised || path.clusters.as_ref().is_some_and(|clusters| clusters.is_shared()) {
            let channels = Channels::of(&trainer.net().tensors()[at]);
            let scales = path.scales(channels, stripped.get(at));
            ranges.set_weight_scales(tensor, scales).map_err(|error| refuse(trainer.net(), error))?;
        }
    }
    Ok(())
}

fn refuse(net: &Net, problem: impl std::fmt::Display) -> Error {
    Error::Export { net: net.name().to_owned(), problem: problem.to_string() }
}

struct Exporter<'a> {
    net: &'a Net,
    params: &'a Params,
    form: Form,
    builder: Builder,
    /// The value of each layer.
    place: Vec<Option<Value>>,
    /// The activation that each layer takes into its operator.
    fused: Vec<Fused>,
    /// For each kernel of the network, the value of its operator.
    product: Vec<Option<Value>>,
}

impl<'a> Exporter<'a> {
    fn new(net: &'a Net, params: &'a Params, form: Form) -> Self {
        let layers = net.layers();
        let uses = net.uses();
        let mut fused = vec![Fused::None; layers.len()];
        for layer in layers {
            let Op::Act(act @ (Activation::Relu | Activation::Relu6)) = layer.op else { continue };
            let from = layer.inputs[0];
            let takes = matches!(layers[from].op, Op::Conv(_) | Op::Depthwise { .. } | Op::Dense { .. } | Op::Add);
            if takes && uses[from] == 1 {
                fused[from] = if act == Activation::Relu { Fused::Relu } else { Fused::Relu6 };
            }
        }
        let product = vec![None; net.tensors().len()];
        Exporter {
            net,
            params,
            form,
            builder: Builder::new(net.name()),
            place: vec![None; layers.len()],
            fused,
            product,
        }
    }

    fn run(mut self) -> Result<Exported, Error> {
        let net = self.net;
        let problem = |error: edgebench_models::Error| refuse(net, error);
        for at in 0..net.layers().len() {
            let value = self.layer(at).map_err(problem)?;
            self.place[at] = Some(value);
        }
        let logits = self.place[net.output()].ok_or_else(|| refuse(net, "there are no logits"))?;
        let logits = self.flat(logits, net.classes()).map_err(problem)?;
        self.builder.label("scores");
        let scores = self.builder.softmax(logits, 1.0).map_err(problem)?;
        let Exporter { builder, place, product, .. } = self;
        let model = builder.finish(&[("scores", scores)]).map_err(problem)?;
        let constant = |value: &Option<Value>| {
            let tensor = i32::try_from(value.as_ref()?.tensor()).ok()?;
            let operator = model.subgraphs[0].operators.iter().find(|op| op.outputs.contains(&tensor))?;
            usize::try_from(*operator.inputs.get(1)?).ok()
        };
        let kernels = product.iter().map(constant).collect();
        let values = place.into_iter().map(|value| value.map(Value::tensor)).collect();
        Ok(Exported { model, values, kernels })
    }

    fn layer(&mut self, at: LayerId) -> Result<Value, edgebench_models::Error> {
        let net = self.net;
        let layer = &net.layers()[at];
        let shape = net.shape(at);
        let of = |place: &[Option<Value>], input: usize| place[layer.inputs[input]].expect("layers come in order");
        let first = |place: &[Option<Value>]| of(place, 0);
        if !matches!(layer.op, Op::Input | Op::Dropout(_) | Op::FakeQuant) {
            self.builder.label(&layer.name);
        }
        match &layer.op {
            Op::Input => self.builder.input("image", &[1, shape.h, shape.w, shape.c]),
            Op::Conv(_) | Op::Depthwise { .. } | Op::Dense { .. } => self.product(at),
            Op::Act(_) if self.fused[layer.inputs[0]] != Fused::None => Ok(first(&self.place)),
            Op::Act(Activation::Relu) => self.builder.relu(first(&self.place)),
            Op::Act(Activation::Relu6) => self.builder.relu6(first(&self.place)),
            Op::Act(Activation::HardSwish) => self.builder.hard_swish(first(&self.place)),
            Op::Add => self.builder.add(of(&self.place, 0), of(&self.place, 1), self.fused[at]),
            Op::Pad([top, bottom, left, right]) => {
                self.builder.pad(first(&self.place), &[[0, 0], [*top, *bottom], [*left, *right], [0, 0]])
            }
            Op::Upsample(_) => self.builder.resize_nearest_neighbor(first(&self.place), [shape.h, shape.w]),
            Op::Pool(kind, window) => {
                let moves = moves(window, Fused::None);
                match kind {
                    Pool::Max => self.builder.max_pool_2d(first(&self.place), window.kernel, moves),
                    Pool::Average => self.builder.average_pool_2d(first(&self.place), window.kernel, moves),
                }
            }
            // As Keras has it: the image is gone, which is what a dense layer takes.
            Op::GlobalAveragePool => self.builder.mean(first(&self.place), &[1, 2], false),
            Op::Flatten => self.flat(first(&self.place), shape.len()),
            Op::Dropout(_) => Ok(first(&self.place)),
            Op::BatchNorm { .. } => {
                let (scale, shift) = affine(net, self.params, at);
                let x = self.builder.mul_constant(first(&self.place), &[shape.c], &scale)?;
                self.builder.add_constant(x, &[shape.c], &shift)
            }
            Op::FakeQuant if self.form == Form::Simulated => self.simulated(at),
            Op::FakeQuant => Ok(first(&self.place)),
        }
    }

    /// QUANTIZE and DEQUANTIZE.
    fn simulated(&mut self, at: LayerId) -> Result<Value, edgebench_models::Error> {
        let layer = &self.net.layers()[at];
        let from = self.place[layer.inputs[0]].expect("layers come in order");
        let range = self.net.tensor(at, Role::Range).map(|range| self.params.get(range)).unwrap_or(&[0.0; 2]);
        let Some(rule) = crate::quant::activation(range) else { return Ok(from) };
        self.builder.label(&layer.name);
        let codes = self.builder.quantize(from, TensorType::INT8, rule.scale, i64::from(rule.zero_point))?;
        self.builder.dequantize(codes)
    }

    /// `[1, len]`.
    fn flat(&mut self, x: Value, len: usize) -> Result<Value, edgebench_models::Error> {
        if self.builder.shape(x) == [1, len] { Ok(x) } else { self.builder.reshape(x, &[len]) }
    }

    fn product(&mut self, at: LayerId) -> Result<Value, edgebench_models::Error> {
        let net = self.net;
        let layer = &net.layers()[at];
        let mut x = self.place[layer.inputs[0]].expect("layers come in order");
        let kernel = net.tensors_of(at).start;
        let info = &net.tensors()[kernel];
        let bias = net.tensor(at, Role::Bias).map(|bias| self.params.get(bias));
        let weights = Kernel { shape: &info.shape, values: self.params.get(kernel), bias };
        let fused = self.fused[at];
        let value = match &layer.op {
            Op::Conv(net::Conv { window, .. }) => self.builder.conv_2d(x, &weights, moves(window, fused)),
            Op::Depthwise { window, .. } => self.builder.depthwise_conv_2d(x, &weights, moves(window, fused)),
            _ => {
                self.builder.label(&format!("{}/flat", layer.name));
                x = self.flat(x, net.shape(layer.inputs[0]).len())?;
                self.builder.label(&layer.name);
                self.builder.fully_connected(x, &weights, fused)
            }
        }?;
        self.product[kernel] = Some(value);
        Ok(value)
    }
}

fn moves(window: &net::Window, activation: Fused) -> Window {
    let padding = match window.padding {
        Padding::Same => Pads::Same,
        Padding::Valid => Pads::Valid,
    };
    Window { padding, stride: window.stride, dilation: window.dilation, activation }
}
