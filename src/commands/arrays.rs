//! Between `.npy` and `.npz` files and the inputs and outputs of a plan.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use edgebench_models::Plan;
use edgebench_models::graph;
use edgebench_models::plan::Port;

use crate::data::npy::{self, Array, DType};
use crate::data::npz;

/// The arrays of a run: one for each input of the plan, and how many times it runs.
pub(super) struct Inputs {
    pub(super) arrays: Vec<Array>,
    pub(super) runs: usize,
}

impl Inputs {
    /// Bytes of input `port` for run `run`.
    pub(super) fn of(&self, port: usize, run: usize) -> &[u8] {
        let bytes = &self.arrays[port].bytes;
        let each = bytes.len() / self.runs;
        &bytes[run * each..][..each]
    }
}

/// Reads `path` and checks it against the inputs of `plan`.
pub(super) fn read(path: &Path, plan: &Plan) -> Result<Inputs> {
    let arrays = if is_npz(path)? { from_npz(path, plan)? } else { vec![npy::read_npy(path)?] };
    let (found, wanted) = (arrays.len(), plan.inputs.len());
    ensure!(
        found == wanted,
        "{}: {found} array, the model has {wanted} inputs; give a .npz with one array for each: {}",
        path.display(),
        names(&plan.inputs)
    );
    let mut runs = None;
    for (port, array) in plan.inputs.iter().zip(&arrays) {
        let n = count(port, array).with_context(|| format!("{}: array for input {:?}", path.display(), port.name))?;
        match runs {
            Some((first, name)) if first != n => {
                bail!("{}: {first} samples for input {name:?}, but {n} for {:?}", path.display(), port.name)
            }
            _ => runs = Some((n, &port.name)),
        }
    }
    let runs = runs.map_or(1, |(n, _)| n);
    Ok(Inputs { arrays, runs })
}

fn is_npz(path: &Path) -> Result<bool> {
    use std::io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    ensure!(!file.metadata()?.is_dir(), "{}: a directory, expected a .npy or .npz file", path.display());
    file.take(2).read_to_end(&mut head).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(head == b"PK")
}

/// One array for each input: by the tensor's name, else `input_0`, `input_1`, …; a single array needs no name.
fn from_npz(path: &Path, plan: &Plan) -> Result<Vec<Array>> {
    let mut arrays = npz::read_npz(path)?;
    if let ([_], [_]) = (&arrays[..], &plan.inputs[..]) {
        return Ok(arrays.into_iter().map(|(_, array)| array).collect());
    }
    let mut found = Vec::new();
    for (at, port) in plan.inputs.iter().enumerate() {
        let unique = plan.inputs.iter().filter(|p| p.name == port.name).count() == 1;
        let numbered = format!("input_{at}");
        let position = arrays.iter().position(|(name, _)| unique && *name == port.name);
        let position = position.or_else(|| arrays.iter().position(|(name, _)| *name == numbered));
        let position = position.ok_or_else(|| {
            anyhow!(
                "{}: no array for input {:?} (or {numbered}); the model has {}",
                path.display(),
                port.name,
                names(&plan.inputs)
            )
        })?;
        found.push(arrays.swap_remove(position).1);
    }
    if let Some((name, _)) = arrays.first() {
        bail!("{}: array {name:?} belongs to no input; the model has {}", path.display(), names(&plan.inputs));
    }
    Ok(found)
}

/// How many times the model runs over `array`: its leading dimension in units of the model's.
fn count(port: &Port, array: &Array) -> Result<usize> {
    let (found, wanted) = (array.dtype.name(), port.dtype.name());
    ensure!(found == wanted, "element type is {found}, the model takes {wanted} (nothing is converted on the way)");
    let fits = match (&array.shape[..], &port.shape[..]) {
        ([], []) => return Ok(1),
        ([n, rest @ ..], [b, tail @ ..]) => rest == tail && *b > 0 && n.is_multiple_of(*b) && *n > 0,
        _ => false,
    };
    ensure!(fits, "shape is {:?}, expected {}", array.shape, wanted_shape(&port.shape));
    Ok(array.shape[0] / port.shape[0])
}

fn wanted_shape(shape: &[usize]) -> String {
    match shape {
        [] => "a single number".into(),
        [1, tail @ ..] => format!("[N{}]", tail.iter().map(|d| format!(", {d}")).collect::<String>()),
        [b, tail @ ..] => {
            format!("[N{}] with N a multiple of {b}", tail.iter().map(|d| format!(", {d}")).collect::<String>())
        }
    }
}

fn names(ports: &[Port]) -> String {
    let name = |(at, port): (usize, &Port)| format!("{:?} (input_{at}, {} {:?})", port.name, port.dtype, port.shape);
    ports.iter().enumerate().map(name).collect::<Vec<_>>().join(", ")
}

/// The output of all runs as one array: run after run along the leading dimension.
pub(super) fn stack(dtype: graph::DType, shape: &[usize], runs: usize, bytes: Vec<u8>) -> Result<Array> {
    let mut shape = shape.to_vec();
    match shape.first_mut() {
        Some(first) => *first *= runs,
        None => shape.push(runs),
    }
    Array::new(element(dtype)?, shape, bytes).map_err(|problem| anyhow!(problem))
}

/// The element type of a file for that of a tensor.
pub(super) fn element(dtype: graph::DType) -> Result<DType> {
    Ok(match dtype {
        graph::DType::F32 => DType::F32,
        graph::DType::I8 | graph::DType::I4 => DType::I8,
        graph::DType::U8 => DType::U8,
        graph::DType::I16 => DType::I16,
        graph::DType::I32 => DType::I32,
        graph::DType::I64 => DType::I64,
        graph::DType::Bool => DType::Bool,
        other => bail!("{other} arrays are not written; supported: bool, uint8, int8, int16, int32, int64, float32"),
    })
}

/// Writes `.npy`, or `.npz` if there are several or the name asks for it; gives the path that was written.
pub(super) fn write(path: &Path, ports: &[Port], arrays: &[Array]) -> Result<PathBuf> {
    let asked = path.extension().is_some_and(|e| e == "npz");
    if let ([array], false) = (arrays, asked) {
        npy::write_npy(path, array)?;
        return Ok(path.to_owned());
    }
    let path = if path.extension().is_some_and(|e| e == "npy") { path.with_extension("npz") } else { path.to_owned() };
    let unique =
        |name: &str| ports.iter().filter(|p| p.name == name).count() == 1 && !name.is_empty() && !name.contains('/');
    let name = |(at, port): (usize, &Port)| {
        if unique(&port.name) { port.name.clone() } else { format!("output_{at}") }
    };
    let names: Vec<String> = ports.iter().enumerate().map(name).collect();
    let named: Vec<(&str, &Array)> = names.iter().map(String::as_str).zip(arrays).collect();
    npz::write_npz(&path, &named)?;
    Ok(path)
}
