//! What stands between a data set and the input of a plan.

use edgebench_models::Plan;
use edgebench_models::graph::DType;
use edgebench_models::plan::Port;

use crate::data::Dataset;
use crate::data::pipeline::Pipeline;
use crate::data::preprocess::{Origin, Preprocess, PreprocessError, choose};
use crate::data::quantise::InputType;

/// Why a model does not fit the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// Not one input and one output.
    #[error("the model has {inputs} inputs and {outputs} outputs, a classifier has one of each")]
    Ports {
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
    /// The first dimension of the input is not 1.
    #[error("the model takes a fixed batch of {0}, expected 1; convert it with a batch of 1")]
    Batch(usize),
    /// An input that no image becomes.
    #[error("the model's input is {0}, expected float32, or int8, uint8 or int16 with one scale")]
    InputType(String),
    /// An output that holds no scores.
    #[error("the model's output is {0}, expected scores: float32, int8, uint8 or int16")]
    OutputType(&'static str),
    /// Another number of classes than the data have.
    #[error("the model gives {scores} scores, but {data} has {classes} classes{hint}")]
    Classes {
        /// Scores that the model gives.
        scores: usize,
        /// Name of the data.
        data: String,
        /// Classes of the data.
        classes: usize,
        /// What may be wrong.
        hint: &'static str,
    },
    /// The pixels cannot become the input.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
}

/// How samples become the input of a model.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// Does it.
    pub pipeline: Pipeline,
    /// What a pixel means and who said so; `None` for arrays.
    pub kind: Option<(Preprocess, Origin)>,
}

/// Who may say what a pixel means.
#[derive(Clone, Debug)]
pub struct Sayings {
    /// The user.
    pub asked: Option<Preprocess>,
    /// The model's side file.
    pub side_file: Option<Preprocess>,
    /// Name of the side file, for messages.
    pub side_file_name: String,
}

/// Shape of one sample as the model takes it: its input without the batch of 1.
///
/// # Errors
/// A model that is no classifier of single samples.
pub fn sample_shape(plan: &Plan) -> Result<&[usize], Misfit> {
    let ([input], [_]) = (&plan.inputs[..], &plan.outputs[..]) else {
        return Err(Misfit::Ports { inputs: plan.inputs.len(), outputs: plan.outputs.len() });
    };
    match &input.shape[..] {
        [1, rest @ ..] => Ok(rest),
        [batch, ..] => Err(Misfit::Batch(*batch)),
        [] => Err(Misfit::InputType("a single number".into())),
    }
}

/// Finds out how `data` become inputs of `plan`, and that its outputs are scores for their classes.
///
/// # Errors
/// Says what does not fit.
pub fn prepare(plan: &Plan, data: &Dataset, sayings: &Sayings) -> Result<Preparation, Misfit> {
    sample_shape(plan)?;
    check_classes(&plan.outputs[0], data)?;
    prepare_inputs(plan, data, sayings)
}

/// As [`prepare`], whatever the outputs are.
///
/// # Errors
/// Says what does not fit.
pub fn prepare_inputs(plan: &Plan, data: &Dataset, sayings: &Sayings) -> Result<Preparation, Misfit> {
    let shape = sample_shape(plan)?;
    let input = input_type(&plan.inputs[0])?;
    if !data.samples().is_pixels() {
        return Ok(Preparation { pipeline: Pipeline::for_arrays(&data.shape, shape, input)?, kind: None });
    }
    let (kind, origin) = choose(sayings.asked, sayings.side_file, &input, &sayings.side_file_name)?;
    let pipeline = Pipeline::for_pixels(kind, &data.shape, shape, input)?;
    Ok(Preparation { pipeline, kind: Some((kind, origin)) })
}

/// Whether an output holds scores for the classes of `data`.
///
/// # Errors
/// Says what does not fit.
pub fn check_classes(output: &Port, data: &Dataset) -> Result<(), Misfit> {
    if !matches!(output.dtype, DType::F32 | DType::I8 | DType::U8 | DType::I16) {
        return Err(Misfit::OutputType(output.dtype.name()));
    }
    let (scores, classes) = (output.shape.iter().product(), data.classes());
    // Without names the number of classes is only known from the labels that occur.
    let fits = if data.class_names.is_some() { scores == classes } else { scores >= classes };
    if fits {
        return Ok(());
    }
    let hint = match (scores, classes) {
        (100, 20) => "; leave --coarse out",
        (20, 100) => "; add --coarse",
        _ if scores == classes + 1 => "; perhaps class 0 of the model is a background",
        _ => "; choose the data that it was trained for with --data",
    };
    Err(Misfit::Classes { scores, data: data.name.clone(), classes, hint })
}

fn input_type(port: &Port) -> Result<InputType, Misfit> {
    let per_tensor = port.quant.as_ref().filter(|q| q.scale.len() == 1);
    let quant = per_tensor.and_then(|q| Some((q.scale[0], i32::try_from(q.zero_point[0]).ok()?)));
    match (port.dtype, quant) {
        (DType::F32, _) => Ok(InputType::F32),
        (DType::I8, Some((scale, zero_point))) => Ok(InputType::i8(scale, zero_point)),
        (DType::U8, Some((scale, zero_point))) => Ok(InputType::u8(scale, zero_point)),
        (DType::I16, Some((scale, zero_point))) => Ok(InputType::i16(scale, zero_point)),
        (other, Some(_)) => Err(Misfit::InputType(other.name().into())),
        (other, None) => Err(Misfit::InputType(format!("{other} without a scale"))),
    }
}
