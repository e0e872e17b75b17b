//! Everything that is said about one file.

use std::path::Path;

use anyhow::{Result, anyhow};
use edgebench_models::tflite::Model;
use edgebench_models::{Graph, LowerOptions, lower};

use super::arena::ArenaMap;
use super::constants::Contents;
use super::lints::findings;
use super::network::Network;
use crate::eval::size::zip6;
use crate::model::ModelFile;
use crate::report::eval::SizeRow;
use crate::report::inspect::{ConstantRow, InspectRow, OperatorRow, PlannedArena, QuantisationRow, TensorRow};

/// Describes a file; the arena is the one that lowering with `options` plans.
///
/// # Errors
/// A damaged file, or one without a network. What cannot be lowered is described all the same.
pub fn describe(file: &ModelFile, options: &LowerOptions) -> Result<InspectRow> {
    let model = file.read()?;
    let network = Network::new(&model).ok_or_else(|| anyhow!("{}: there is no network in it", file.file))?;
    let (arena, problem) = match plan(&model, options) {
        Ok(arena) => (Some(arena), None),
        Err(problem) => (None, Some(problem.to_string())),
    };
    let ids = |list: &[i32]| list.iter().filter_map(|&id| usize::try_from(id).ok()).collect();
    let tensors: Vec<TensorRow> = (0..network.graph.tensors.len()).map(|id| tensor(&network, id)).collect();
    let numbers = |row: &&TensorRow| row.constant.is_some_and(|c| c.distinct.is_some());
    let zip_name =
        Path::new(&file.file).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(InspectRow {
        file: file.file.clone(),
        sha256: file.sha256(),
        description: model.description.clone(),
        size: SizeRow { raw: file.bytes.len() as u64, zip6: zip6(&zip_name, &file.bytes) },
        runs: problem.is_none(),
        problem,
        macs: (0..network.len()).map(|op| network.macs(op)).fold(0, u64::saturating_add),
        parameters: tensors.iter().filter(numbers).map(|row| row.shape.iter().product::<usize>() as u64).sum(),
        inputs: ids(&network.graph.inputs),
        outputs: ids(&network.graph.outputs),
        operators: (0..network.len()).map(|op| operator(&network, op)).collect(),
        tensors,
        metadata: model.metadata.iter().map(|entry| entry.name.clone()).collect(),
        arena,
        findings: findings(&network),
    })
}

fn plan(model: &Model, options: &LowerOptions) -> Result<PlannedArena, edgebench_models::Error> {
    let graph = Graph::from_model(model)?;
    let plan = lower(&graph, options)?;
    let map = ArenaMap::of(&graph, &plan);
    Ok(PlannedArena { arithmetic: plan.arithmetic.name(), isa: plan.isa.name(), map })
}

fn operator(network: &Network<'_>, op: usize) -> OperatorRow {
    OperatorRow {
        index: op,
        op: network.name(op),
        details: network.details(op),
        inputs: network.inputs(op).collect(),
        outputs: network.outputs(op).collect(),
        shape: network.outputs(op).next().map_or(Vec::new(), |id| network.shape(id)),
        macs: network.macs(op),
        weight_bytes: network.weight_bytes(op),
    }
}

fn tensor(network: &Network<'_>, id: usize) -> TensorRow {
    let tensor = network.tensor(id);
    let quantisation = tensor.quantization.as_ref().filter(|q| !q.scale.is_empty()).map(|q| QuantisationRow {
        scales: q.scale.len(),
        axis: q.quantized_dimension,
        scale_min: q.scale.iter().copied().fold(f32::INFINITY, f32::min),
        scale_max: q.scale.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        zero_point_min: q.zero_point.iter().copied().min().unwrap_or(0),
        zero_point_max: q.zero_point.iter().copied().max().unwrap_or(0),
    });
    let constant = network.stored(id).map(|bytes| {
        let contents = Contents::of(network, id);
        ConstantRow {
            bytes: bytes.len() as u64,
            stored_sparse: tensor.sparsity.is_some(),
            sparsity: contents.map(|c| c.sparsity()),
            distinct: contents.map(|c| c.distinct),
            min: contents.map(|c| c.min),
            max: contents.map(|c| c.max),
            entropy_bits: contents.map(|c| c.entropy_bits),
        }
    });
    TensorRow {
        index: id,
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string().to_lowercase(),
        shape: network.shape(id),
        quantisation,
        constant,
    }
}
