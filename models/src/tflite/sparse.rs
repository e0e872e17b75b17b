//! Sparse tensors: the stored values, and where in the dense tensor they belong.
//!
//! The format nests dimensions in `traversal_order`: first those of the tensor, then those of a block that divides some of
//! them. A dense dimension of size `d` continues every position of the enclosing one with `d` positions. A compressed
//! dimension continues position `p` with the indices `indices[segments[p]..segments[p + 1]]`. Values are stored for the
//! positions of the innermost dimension, in this order; everything else is zero.

use super::codes::DimensionType;
use super::schema::{DimensionMetadata, IndexVector, Sparsity};
use crate::Error;

/// Most dimensions of tensor and block together; LiteRT has room for 6.
const MAX_LEVELS: usize = 16;

/// One dimension of the nest.
struct Level<'a> {
    /// Which dimension of the tensor it indexes.
    dim: usize,
    /// What one step of it means along that dimension, in elements.
    step: usize,
    /// Number of indices it may have.
    size: usize,
    /// Segments and indices if it is compressed.
    compressed: Option<(&'a IndexVector, &'a IndexVector)>,
}

/// The nest, checked on its own: order, block and sizes agree with `shape`.
fn levels<'a>(sparsity: &'a Sparsity, shape: &[i32]) -> Result<Vec<Level<'a>>, &'static str> {
    let (rank, blocks) = (shape.len(), sparsity.block_map.len());
    let count = rank + blocks;
    if count == 0 || count > MAX_LEVELS {
        return Err("an impossible number of dimensions");
    }
    if sparsity.traversal_order.len() != count || sparsity.dim_metadata.len() != count {
        return Err("a number of levels that is not that of the dimensions");
    }
    let order: Vec<usize> =
        sparsity.traversal_order.iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
    if (0..count).any(|d| !order.contains(&d)) || order[..rank].iter().any(|&d| d >= rank) {
        return Err("a traversal order that is no permutation of the tensor's, then the block's dimensions");
    }
    // Sizes of the block along each dimension of the tensor.
    let mut block = vec![1; rank];
    let mut divides = vec![None; count];
    for (i, &dim) in sparsity.block_map.iter().enumerate() {
        let dim = usize::try_from(dim).ok().filter(|&dim| dim < rank && block[dim] == 1);
        let dim = dim.ok_or("a block map that names no dimension, or one twice")?;
        let at = order.iter().position(|&d| d == rank + i).ok_or("a block dimension that is not traversed")?;
        let meta = &sparsity.dim_metadata[at];
        if meta.format != DimensionType::DENSE || meta.dense_size < 1 {
            return Err("a block dimension that is not dense");
        }
        block[dim] = meta.dense_size as usize;
        divides[rank + i] = Some(dim);
    }
    order.iter().zip(&sparsity.dim_metadata).map(|(&d, meta)| level(d, meta, shape, &block, divides[d])).collect()
}

fn level<'a>(
    d: usize,
    meta: &'a DimensionMetadata,
    shape: &[i32],
    block: &[usize],
    divides: Option<usize>,
) -> Result<Level<'a>, &'static str> {
    if let Some(dim) = divides {
        return Ok(Level { dim, step: 1, size: block[dim], compressed: None });
    }
    let whole = usize::try_from(shape[d]).map_err(|_| "a negative size")?;
    if whole % block[d] != 0 {
        return Err("a block that does not divide its dimension");
    }
    let size = whole / block[d];
    let compressed = match meta.format {
        DimensionType::DENSE if usize::try_from(meta.dense_size) == Ok(size) => None,
        DimensionType::DENSE => return Err("a dense level of another size than its dimension"),
        DimensionType::SPARSE_CSR => Some((&meta.array_segments, &meta.array_indices)),
        _ => return Err("a level that is neither dense nor compressed"),
    };
    Ok(Level { dim: d, step: block[d], size, compressed })
}

/// Number of values that are stored for a sparse tensor of this shape, once every segment and index has been checked.
pub(super) fn stored(sparsity: &Sparsity, shape: &[i32]) -> Result<usize, &'static str> {
    let mut positions = 1_usize;
    for level in levels(sparsity, shape)? {
        positions = match level.compressed {
            None => positions.checked_mul(level.size).ok_or("more values than can be counted")?,
            Some((segments, indices)) => {
                check_compressed(segments, indices, positions, level.size)?;
                indices.len()
            }
        };
    }
    Ok(positions)
}

/// One segment per position of the enclosing level, in order, covering all indices; indices ascending and below `size`.
fn check_compressed(
    segments: &IndexVector,
    indices: &IndexVector,
    positions: usize,
    size: usize,
) -> Result<(), &'static str> {
    if positions.checked_add(1) != Some(segments.len()) || segments.get(0) != Some(0) {
        return Err("segments that do not continue the enclosing level");
    }
    let mut start = 0;
    for position in 1..=positions {
        let end = segments.get(position).filter(|&end| end >= start && end <= indices.len());
        let end = end.ok_or("segments that are out of order")?;
        let mut next = 0;
        for i in start..end {
            let index = indices.get(i).filter(|&index| index >= next && index < size);
            next = index.ok_or("indices that are out of order or range")? + 1;
        }
        start = end;
    }
    if start == indices.len() { Ok(()) } else { Err("segments that do not cover all indices") }
}

/// The dense form, row-major, of a sparse tensor: `data` holds the stored values, `element` bytes each.
///
/// # Errors
/// [`Error::Model`] if the parts contradict each other, [`Error::Limit`] if the dense form has more than 2^31 bytes.
pub fn densify(sparsity: &Sparsity, shape: &[i32], data: &[u8], element: usize) -> Result<Vec<u8>, Error> {
    let wrong = |expected: String, got: String| Error::Model { what: "sparse tensor".to_owned(), expected, got };
    let values = stored(sparsity, shape).map_err(|what| wrong("well-formed levels".to_owned(), what.to_owned()))?;
    let levels = levels(sparsity, shape).map_err(|what| wrong("well-formed levels".to_owned(), what.to_owned()))?;
    if values.checked_mul(element) != Some(data.len()) {
        return Err(wrong(format!("{values} values of {element} bytes"), format!("{} bytes", data.len())));
    }
    let limit = 1_usize << 31;
    let bytes = shape.iter().try_fold(element, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
    let Some(bytes) = bytes.filter(|&bytes| bytes <= limit) else {
        let what = "a sparse tensor's dense form, in bytes,".to_owned();
        return Err(Error::Limit { what, limit, got: bytes.unwrap_or(usize::MAX) });
    };
    if bytes == 0 {
        return Ok(Vec::new());
    }
    // Bytes between neighbours along each dimension.
    let mut stride = vec![element; shape.len()];
    for dim in (1..shape.len()).rev() {
        stride[dim - 1] = stride[dim] * shape[dim] as usize;
    }
    let mut dense = vec![0; bytes];
    // Byte offsets of the positions of the level at hand.
    let mut offsets = vec![0_usize];
    for level in &levels {
        let step = level.step * stride[level.dim];
        offsets = match level.compressed {
            None => offsets.iter().flat_map(|at| (0..level.size).map(move |i| at + i * step)).collect(),
            Some((segments, indices)) => {
                let segment = |p: usize| segments.get(p).unwrap_or(0)..segments.get(p + 1).unwrap_or(0);
                let index = |i: usize| indices.get(i).unwrap_or(0);
                let each = offsets.iter().enumerate();
                each.flat_map(|(p, at)| segment(p).map(move |i| at + index(i) * step)).collect()
            }
        };
    }
    for (at, value) in offsets.into_iter().zip(data.chunks_exact(element.max(1))) {
        dense[at..at + element].copy_from_slice(value);
    }
    Ok(dense)
}
