//! A trace: the digest of every tensor that a network computes for some inputs, as a JSON file (`docs/parity.md`).

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::element;

/// Name and version of the format.
pub const FORMAT: &str = "edgebench.trace/1";

/// The largest trace that is read: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

/// What a target computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// [`FORMAT`].
    pub schema: String,
    /// Who computed it, in words.
    pub target: String,
    /// Name of the model's file.
    pub file: String,
    /// Hash of the model's file, in hex.
    pub sha256: String,
    /// What the inputs were, in words.
    pub inputs: String,
    /// Tensors in the order in which they are computed.
    pub layers: Vec<Layer>,
    /// What they held, for each sample.
    pub samples: Vec<TraceSample>,
}

/// A tensor that a network computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Operator: its position in the file; `null` for an output of the network as it is deployed.
    pub operator: Option<usize>,
    /// What computes it: the schema's name of the operator, or [`Layer::OUTPUT`].
    pub op: String,
    /// Number of the tensor in the file.
    pub tensor: usize,
    /// Name of the tensor in the file.
    pub name: String,
    /// Element type, by NumPy's name.
    pub dtype: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

impl Layer {
    /// The `op` of an output of the network as it is deployed: with memory shared between layers.
    pub const OUTPUT: &str = "output";
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operator {
            Some(at) => write!(f, "operator {at} {} (tensor {} {:?})", self.op, self.tensor, self.name),
            None => write!(f, "{} (tensor {} {:?}) as deployed", self.op, self.tensor, self.name),
        }
    }
}

/// What the tensors held for one sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSample {
    /// Digest of each input of the network.
    pub inputs: Vec<Hex>,
    /// Digest of each layer; `null` where the target does not compute it.
    pub digests: Vec<Option<Hex>>,
    /// The bytes of each layer in base64, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Option<String>>>,
}

impl TraceSample {
    /// The bytes of a layer, if they are there.
    #[must_use]
    pub fn bytes(&self, layer: usize) -> Option<Vec<u8>> {
        let text = self.values.as_ref()?.get(layer)?.as_ref()?;
        STANDARD.decode(text).ok()
    }
}

/// `bytes` as they stand in a trace.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A digest: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        hex.to_string()
    }
}

impl TryFrom<String> for Hex {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Hex {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        value.map(Self).ok_or_else(|| format!("{text:.40?} is no digest, expected 16 hexadecimal digits"))
    }
}

/// What is wrong with a trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The operating system refused.
    #[error("{path}: cannot be read", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Not a trace, or a damaged one.
    #[error("{path}: {problem}; expected a file that edgebench parity --record wrote", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Reads the trace at `path`.
///
/// # Errors
/// A file that cannot be read, is no trace, or contradicts itself.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    let io = |source| TraceError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes).map_err(|problem| TraceError::Malformed { path: path.into(), problem })
}

/// The trace in a file's bytes, or what is wrong with it.
///
/// # Errors
/// In words.
pub fn parse(bytes: &[u8]) -> Result<Trace, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| format!("no trace ({error})"))?;
    if head.schema != FORMAT {
        return Err(format!("its schema is {:.60?}, expected {FORMAT:?}", head.schema));
    }
    let trace: Trace = serde_json::from_slice(bytes).map_err(|error| format!("a damaged trace ({error})"))?;
    trace.check()?;
    Ok(trace)
}

impl Trace {
    /// Whether all that belongs together is there.
    fn check(&self) -> Result<(), String> {
        let layers = self.layers.len();
        for (at, sample) in self.samples.iter().enumerate() {
            let found = sample.digests.len();
            if found != layers || sample.values.as_ref().is_some_and(|values| values.len() != layers) {
                return Err(format!("sample {at} has {found} digests, expected one for each of {layers} layers"));
            }
            for (layer, about) in self.layers.iter().enumerate() {
                let Some(Some(text)) = sample.values.as_ref().map(|values| &values[layer]) else { continue };
                let bytes = STANDARD.decode(text).map_err(|error| format!("sample {at}, {about}: {error}"))?;
                let wanted = about.len().ok_or_else(|| format!("{about}: shape or type are impossible"))?;
                if bytes.len() != wanted {
                    return Err(format!("sample {at}, {about}: {} bytes, expected {wanted}", bytes.len()));
                }
                if sample.digests[layer] != Some(Hex(edgebench_kernels::digest::digest(&bytes))) {
                    return Err(format!("sample {at}, {about}: its digest is not that of its values"));
                }
            }
        }
        Ok(())
    }
}

impl Layer {
    /// Bytes of the tensor; `None` for a type that no tensor has, or too many.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        self.shape.iter().try_fold(element::size(&self.dtype)?, |len, &side| len.checked_mul(side))
    }

    /// Whether the tensor has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}
