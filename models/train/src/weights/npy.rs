//! Arrays of floats in NumPy's `.npy` format, versions 1 to 3, little endian.

use std::io::Read;

use super::Number;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longer headers belong to structured types, which are not read.
const MAX_HEADER: usize = 1 << 16;
/// More dimensions than any tensor has.
const MAX_DIMS: usize = 8;

/// What the header of an array says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) number: Number,
    pub(super) shape: Vec<usize>,
    /// The first axis runs fastest.
    pub(super) fortran: bool,
}

/// Header and elements of an array of `f32`.
pub(super) fn bytes(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let dims: String = shape.iter().map(|dim| format!("{dim},")).collect();
    let dims = if shape.len() > 1 { dims.trim_end_matches(',') } else { &dims };
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({dims}), }}");
    let start = MAGIC.len() + 4;
    let padded = (start + text.len() + 1).next_multiple_of(64);
    let mut bytes = Vec::with_capacity(padded + 4 * values.len());
    bytes.extend(MAGIC);
    bytes.extend([1, 0]);
    // Eight dimensions make a header of a few hundred bytes.
    bytes.extend(u16::try_from(padded - start).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(padded - 1, b' ');
    bytes.push(b'\n');
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Reads the header of an array; the elements follow.
pub(super) fn header(stream: &mut impl Read) -> Result<Header, String> {
    let cut = |_| "cut inside of the NPY header".to_owned();
    let mut start = [0; 8];
    stream.read_exact(&mut start).map_err(cut)?;
    if &start[..6] != MAGIC {
        return Err(format!("expected the NPY magic, found {:?}", start[..6].escape_ascii().to_string()));
    }
    let mut length = [0; 4];
    let bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        other => return Err(format!("NPY version {other}, expected 1, 2 or 3")),
    };
    stream.read_exact(&mut length[..bytes]).map_err(cut)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(format!("an NPY header of {length} bytes, expected at most {MAX_HEADER}"));
    }
    let mut text = vec![0; length];
    stream.read_exact(&mut text).map_err(cut)?;
    parse(std::str::from_utf8(&text).map_err(|_| "the NPY header is not text")?)
}

fn parse(text: &str) -> Result<Header, String> {
    let after = |key: &str| {
        let rest = text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        rest.ok_or_else(|| format!("the NPY header lacks {key:?}"))
    };
    let descr = after("descr")?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(word, _)| word);
    let number = match descr {
        Some("<f2") => Number::F16,
        Some("<f4") => Number::F32,
        Some("<f8") => Number::F64,
        other => {
            let found = other.unwrap_or("a structure");
            return Err(format!("elements of type {found:?}, expected float32; convert with .astype('float32')"));
        }
    };
    let fortran = after("fortran_order")?;
    let fortran = match (fortran.starts_with("True"), fortran.starts_with("False")) {
        (true, _) => true,
        (_, true) => false,
        _ => return Err("the NPY header lacks an order".into()),
    };
    let shape = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(dims, _)| dims);
    let dims = shape.ok_or("the NPY header lacks a shape")?.split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let shape: Vec<usize> = dims
        .map(|dim| dim.parse().map_err(|_| format!("expected a dimension in the NPY header, found {dim:?}")))
        .collect::<Result<_, _>>()?;
    if shape.len() > MAX_DIMS {
        return Err(format!("{} dimensions, expected at most {MAX_DIMS}", shape.len()));
    }
    Ok(Header { number, shape, fortran })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 3], vec![1, 2, 3, 4]] {
            let values = vec![1.5; shape.iter().product()];
            let file = bytes(&shape, &values);
            assert_eq!((file.len() - 4 * values.len()) % 64, 0);
            let found = header(&mut &file[..]).unwrap();
            assert_eq!(found, Header { number: Number::F32, shape, fortran: false });
        }
    }

    #[test]
    fn headers_of_every_kind() {
        let of = |text: &str| parse(text);
        let fortran = of("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }").unwrap();
        assert_eq!(fortran, Header { number: Number::F64, shape: vec![2, 3], fortran: true });
        for (text, word) in [
            ("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", "astype"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "a structure"),
            ("{'descr': '<f4', 'shape': (2,), }", "fortran_order"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "-2"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", "shape"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "9 dimensions"),
        ] {
            let problem = of(text).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        let file = bytes(&[2], &[1.0, 2.0]);
        (0..64).for_each(|cut| assert!(header(&mut &file[..cut]).is_err(), "{cut}"));
    }
}
