//! `.safetensors`.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::{Entry, Layout, Number};
use crate::{Net, Params};

/// Metadata: the order of axes, see [`Layout::name`].
const LAYOUT: &str = "layout";

/// An open file.
pub(super) struct Safe {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    layout: Option<String>,
}

impl Safe {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Safe, String> {
        let broken = |error| format!("not a readable .safetensors file: {error}");
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let layout = header.metadata().as_ref().and_then(|metadata| metadata.get(LAYOUT).cloned());
        let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
        let entry =
            |(name, view): (&str, TensorView<'_>)| Entry { name: name.to_owned(), shape: view.shape().to_vec() };
        let mut entries: Vec<Entry> = file.iter().map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Safe { bytes, entries, layout })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn layout(&self) -> Option<&str> {
        self.layout.as_deref()
    }

    pub(super) fn read(&self, at: usize) -> Result<Vec<f32>, String> {
        let file = SafeTensors::deserialize(&self.bytes).map_err(|error| error.to_string())?;
        let view = file.tensor(&self.entries[at].name).map_err(|error| error.to_string())?;
        let number = match view.dtype() {
            Dtype::F16 => Number::F16,
            Dtype::BF16 => Number::Bf16,
            Dtype::F32 => Number::F32,
            Dtype::F64 => Number::F64,
            other => return Err(format!("elements of type {other:?}, expected F32")),
        };
        Ok(number.read(view.data()))
    }
}

/// The file; the same numbers give the same bytes.
pub(super) fn bytes(net: &Net, params: &Params) -> Result<Vec<u8>, String> {
    let bytes = |values: &Vec<f32>| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let data: Vec<Vec<u8>> = params.tensors().iter().map(bytes).collect();
    let views = net.tensors().iter().zip(&data).map(|(tensor, bytes)| {
        TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map(|view| (tensor.name.clone(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let metadata = HashMap::from([(LAYOUT.to_owned(), Layout::Tflite.name().to_owned())]);
    serialize(views, Some(metadata)).map_err(|error| error.to_string())
}
