//! The header of a `.npy` file: magic, version, and a Python dictionary of three keys.

use std::io::Read;

use super::npy::DType;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longer headers belong to structured types, which are not read.
const MAX_HEADER: usize = 1 << 16;
/// NumPy's own limit.
const MAX_DIMS: usize = 64;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
}

impl Header {
    /// The header in the file, padded with blanks so that the data begin at a multiple of 64.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let dims: String = self.shape.iter().map(|dim| format!("{dim},")).collect();
        let dims = if self.shape.len() > 1 { dims.trim_end_matches(',') } else { &dims };
        let text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({dims}), }}", self.dtype.descr());
        let unpadded = MAGIC.len() + 4 + text.len() + 1;
        let padded = unpadded.next_multiple_of(64) - MAGIC.len() - 4;
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((padded as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.resize(MAGIC.len() + 4 + padded - 1, b' ');
        bytes.push(b'\n');
        bytes
    }
}

/// Reads a header; gives it and its length in bytes.
pub(crate) fn parse(stream: &mut impl Read) -> Result<(Header, u64), String> {
    let mut start = [0; 8];
    stream.read_exact(&mut start).map_err(|_| "shorter than an NPY header".to_string())?;
    if &start[..6] != MAGIC {
        return Err(format!("expected the NPY magic \\x93NUMPY, found {:?}", start[..6].escape_ascii().to_string()));
    }
    let length_bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        other => {
            return Err(format!("NPY format version {other} is not known, expected 1, 2 or 3"));
        }
    };
    let mut length = [0; 4];
    stream.read_exact(&mut length[..length_bytes]).map_err(|_| "cut inside the NPY header".to_string())?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(format!("an NPY header of {length} bytes, the limit is {MAX_HEADER}"));
    }
    let mut text = vec![0; length];
    stream.read_exact(&mut text).map_err(|_| "cut inside the NPY header".to_string())?;
    let text = std::str::from_utf8(&text).map_err(|_| "the NPY header is not text".to_string())?;
    Ok((dictionary(text)?, (8 + length_bytes + length) as u64))
}

fn dictionary(text: &str) -> Result<Header, String> {
    let mut rest = Rest(text.trim());
    let (mut dtype, mut shape) = (None, None);
    rest.expect('{')?;
    while !rest.accept('}') {
        let key = rest.quoted()?;
        rest.expect(':')?;
        match key {
            "descr" => dtype = Some(dtype_of(rest.quoted().map_err(|_| STRUCTURED.to_string())?)?),
            "fortran_order" if rest.word() == "False" => {}
            "fortran_order" => {
                return Err("not in C order; write it with numpy.ascontiguousarray".into());
            }
            "shape" => shape = Some(rest.tuple()?),
            other => return Err(format!("unknown key {other:?} in the NPY header")),
        }
        if !rest.accept(',') {
            rest.expect('}')?;
            break;
        }
    }
    match (dtype, shape) {
        (Some(dtype), Some(shape)) => Ok(Header { dtype, shape }),
        _ => Err("the NPY header lacks descr or shape".into()),
    }
}

const STRUCTURED: &str = "a structured element type is not read; save plain numbers";

fn dtype_of(descr: &str) -> Result<DType, String> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or(("", ""));
    let found = DType::ALL.iter().find(|(_, known, _)| &known[1..] == kind);
    match (order, found) {
        ("<" | "|" | "=", Some((dtype, ..))) => Ok(*dtype),
        (">", Some((dtype, ..))) if dtype.size() == 1 => Ok(*dtype),
        (">", Some((_, _, name))) => Err(format!("{descr:?} is big endian; save it with .astype('{name}')")),
        _ => {
            let known: Vec<&str> = DType::ALL.iter().map(|row| row.2).collect();
            Err(format!("element type {descr:?} is not read, expected {}; convert with .astype(…)", known.join(", ")))
        }
    }
}

/// What is left of the dictionary's text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn accept(&mut self, wanted: char) -> bool {
        let found = self.0.trim_start().strip_prefix(wanted);
        self.0 = found.unwrap_or(self.0);
        found.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.accept(wanted) {
            Ok(())
        } else {
            Err(format!("expected {wanted:?} in the NPY header, found {:?}", head(self.0)))
        }
    }

    fn quoted(&mut self) -> Result<&'a str, String> {
        let text = self.0.trim_start();
        let inside = text.strip_prefix('\'').and_then(|t| t.split_once('\''));
        let inside = inside.or_else(|| text.strip_prefix('"').and_then(|t| t.split_once('"')));
        let (word, rest) =
            inside.ok_or_else(|| format!("expected a quoted word in the NPY header, found {:?}", head(text)))?;
        self.0 = rest;
        Ok(word)
    }

    fn word(&mut self) -> &'a str {
        let text = self.0.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        self.0 = &text[end..];
        &text[..end]
    }

    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        let mut dims = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            // Python 2 wrote long integers as 3L.
            let word = self.word().trim_end_matches('L');
            dims.push(word.parse().map_err(|_| format!("expected a dimension in the NPY header, found {word:?}"))?);
            if dims.len() > MAX_DIMS {
                return Err(format!("an array of more than {MAX_DIMS} dimensions"));
            }
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(dims)
    }
}

fn head(text: &str) -> String {
    text.chars().take(20).collect()
}
