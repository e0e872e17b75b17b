//! What model files hold.

use serde::Serialize;

use super::eval::SizeRow;
use crate::inspect::arena::ArenaMap;
use crate::inspect::lints::Finding;

/// What model files hold.
#[derive(Clone, Debug, Serialize)]
pub struct InspectReport {
    /// [`InspectReport::SCHEMA`].
    pub schema: &'static str,
    /// One for each file, in the order of the command line.
    pub models: Vec<InspectRow>,
    /// What is found by comparing the files.
    pub findings: Vec<Finding>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct InspectRow {
    /// The file, as given.
    pub file: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// The author's description.
    pub description: String,
    /// Bytes of the file.
    pub size: SizeRow,
    /// Whether edgebench can run it.
    pub runs: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Multiply-accumulates of one run.
    pub macs: u64,
    /// Elements of the constants that hold numbers.
    pub parameters: u64,
    /// Inputs, as indices into `tensors`.
    pub inputs: Vec<usize>,
    /// Outputs, as indices into `tensors`.
    pub outputs: Vec<usize>,
    /// In execution order.
    pub operators: Vec<OperatorRow>,
    /// All tensors.
    pub tensors: Vec<TensorRow>,
    /// Names of the metadata.
    pub metadata: Vec<String>,
    /// Arithmetic and instruction set that the arena is planned for, and the arena; absent if the model does not run.
    pub arena: Option<PlannedArena>,
    /// What the lints say, the worst first.
    pub findings: Vec<Finding>,
}

/// An arena and what it is for.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedArena {
    /// Whose integers.
    pub arithmetic: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// Where everything lies.
    #[serde(flatten)]
    pub map: ArenaMap,
}

/// One operator.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorRow {
    /// Position in the file.
    pub index: usize,
    /// Its name.
    pub op: String,
    /// Window, stride, activation.
    pub details: String,
    /// Tensors; absent optional ones are left out.
    pub inputs: Vec<usize>,
    /// Tensors.
    pub outputs: Vec<usize>,
    /// Shape of the first output.
    pub shape: Vec<usize>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of the constants it reads, as stored.
    pub weight_bytes: u64,
}

/// One tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorRow {
    /// Position in the file.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Element type, in lower case.
    pub dtype: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// How codes relate to real numbers.
    pub quantisation: Option<QuantisationRow>,
    /// Absent for activations.
    pub constant: Option<ConstantRow>,
}

/// `real = scale · (code − zero_point)`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QuantisationRow {
    /// Number of scales: 1 for a scale per tensor.
    pub scales: usize,
    /// The dimension that several scales run along.
    pub axis: i32,
    /// Smallest scale.
    pub scale_min: f32,
    /// Largest scale.
    pub scale_max: f32,
    /// Smallest zero point.
    pub zero_point_min: i64,
    /// Largest zero point.
    pub zero_point_max: i64,
}

/// What a constant is made of.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ConstantRow {
    /// Bytes in the file.
    pub bytes: u64,
    /// Whether the file stores it as a sparse tensor.
    pub stored_sparse: bool,
    /// Share of zeros, 0 to 1; this and what follows is absent for types without numbers.
    pub sparsity: Option<f64>,
    /// Different values.
    pub distinct: Option<u64>,
    /// Smallest code or value.
    pub min: Option<f64>,
    /// Largest code or value.
    pub max: Option<f64>,
    /// Shannon entropy in bits per element.
    pub entropy_bits: Option<f64>,
}

impl InspectReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.inspect/1";
}
