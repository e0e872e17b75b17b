//! Where two sides differ first.

use super::element::{Element, index};
use super::error::ParityError;
use super::side::{Inputs, Side};
use super::trace::{Hex, Layer};
use crate::report::parity::{Difference, ElementRow, LayerRow};

/// Every layer, with the samples in which the two sides differ; and the first difference, of the first layer that differs in any
/// sample. `inputs` has those of every sample where a side runs here; a layer that one side does not compute is not compared.
///
/// # Errors
/// Sides of different networks or inputs, and sides without anything in common.
pub fn compare(
    a: &mut Side,
    b: &mut Side,
    samples: usize,
    inputs: Option<&[Inputs]>,
) -> Result<(Vec<LayerRow>, Option<Difference>), ParityError> {
    check(a, b)?;
    let mut rows: Vec<LayerRow> = a.layers.iter().cloned().map(LayerRow::new).collect();
    let mut first: Option<Difference> = None;
    for sample in 0..samples {
        let these = inputs.map(|inputs| &inputs[sample]);
        let (seen_a, digests_a) = a.go_to(sample, these)?;
        let (seen_b, digests_b) = b.go_to(sample, these)?;
        if seen_a != seen_b {
            return Err(ParityError::Inputs { sample, a: a.target.clone(), b: b.target.clone() });
        }
        for (at, pair) in digests_a.into_iter().zip(digests_b).enumerate() {
            let (Some(of_a), Some(of_b)) = pair else { continue };
            rows[at].compared += 1;
            if of_a == of_b {
                continue;
            }
            rows[at].differ += 1;
            if first.as_ref().is_none_or(|first| at < first.layer) {
                let element = match (a.bytes(at), b.bytes(at)) {
                    (Some(a), Some(b)) => element(&rows[at].about, &a, &b),
                    _ => None,
                };
                first = Some(difference((at, sample), &rows[at].about, [of_a, of_b], element));
            }
        }
    }
    if rows.iter().all(|row| row.compared == 0) {
        return Err(ParityError::Nothing { a: a.target.clone(), b: b.target.clone() });
    }
    Ok((rows, first))
}

fn check(a: &Side, b: &Side) -> Result<(), ParityError> {
    let most = a.layers.len().max(b.layers.len());
    let Some(at) = (0..most).find(|&at| a.layers.get(at) != b.layers.get(at)) else { return Ok(()) };
    let words = |side: &Side| side.layers.get(at).map_or_else(|| format!("{at} layers"), ToString::to_string);
    Err(ParityError::Layers { a: a.target.clone(), of_a: words(a), b: b.target.clone(), of_b: words(b) })
}

fn difference(
    (layer, sample): (usize, usize),
    about: &Layer,
    [a, b]: [Hex; 2],
    element: Option<ElementRow>,
) -> Difference {
    Difference { layer, about: about.clone(), sample, digest_a: a.to_string(), digest_b: b.to_string(), element }
}

/// The first element that differs, and how many do.
fn element(about: &Layer, a: &[u8], b: &[u8]) -> Option<ElementRow> {
    let size = super::element::size(&about.dtype)?;
    let pairs = a.chunks_exact(size).zip(b.chunks_exact(size)).enumerate();
    let mut row: Option<ElementRow> = None;
    for (at, (of_a, of_b)) in pairs.filter(|(_, (a, b))| a != b) {
        let (a, b) = (Element::read(&about.dtype, of_a)?, Element::read(&about.dtype, of_b)?);
        let row = row.get_or_insert_with(|| ElementRow {
            index: index(at, &about.shape),
            flat: at,
            a,
            b,
            differ: 0,
            of: about.shape.iter().product(),
            largest: 0.0,
        });
        row.differ += 1;
        row.largest = row.largest.max(a.distance(b));
    }
    row
}
