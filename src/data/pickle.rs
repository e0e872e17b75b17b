//! Just enough of Python's pickle format to read dictionaries of numbers, text, lists and one byte array.
//!
//! Nothing is executed: the only names that are resolved are those of a NumPy byte array, every other one is
//! an error that says so. Byte strings are ranges of the file, so memory is bounded by the file's size.

use std::ops::Range;

/// Containers nest three deep in the data that are read here.
const MAX_DEPTH: usize = 8;

/// What a pickle holds. Byte ranges point into the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Bytes(Range<usize>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// `module name`, one of [`GLOBALS`].
    Global(&'static str),
    /// A NumPy element type by its short name.
    ElementType(Range<usize>),
    /// A NumPy array of bytes; empty until its state has been read.
    ByteArray {
        shape: Vec<usize>,
        data: Range<usize>,
    },
    /// Where a group of arguments begins.
    Mark,
}

const RECONSTRUCT: &str = "numpy.core.multiarray _reconstruct";
const NDARRAY: &str = "numpy ndarray";
const DTYPE: &str = "numpy dtype";
const GLOBALS: [(&str, &str); 4] = [
    (RECONSTRUCT, RECONSTRUCT),
    ("numpy._core.multiarray _reconstruct", RECONSTRUCT),
    (NDARRAY, NDARRAY),
    (DTYPE, DTYPE),
];

type Result<T> = std::result::Result<T, String>;

/// Reads the one object that `file` holds.
///
/// # Errors
/// Words for what was found, where: a cut file, an operation that is not needed for data, a name that is refused.
pub(crate) fn read(file: &[u8]) -> Result<Value> {
    let mut machine = Machine { file, at: 0, stack: Vec::new(), memo: Vec::new() };
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(value)) => return Ok(value),
            Err(problem) => return Err(format!("pickle, byte {at}: {problem}")),
        }
    }
}

struct Machine<'a> {
    file: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: Vec<Option<Value>>,
}

impl Machine<'_> {
    fn take(&mut self, count: usize) -> Result<Range<usize>> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.file.len());
        let range = self.at..end.ok_or_else(|| "the file is cut".to_string())?;
        self.at = range.end;
        Ok(range)
    }

    /// A little endian unsigned number of `count` bytes.
    fn number(&mut self, count: usize) -> Result<u64> {
        let range = self.take(count)?;
        Ok(self.file[range].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte)))
    }

    fn sized(&mut self, length_bytes: usize) -> Result<Range<usize>> {
        let count = self.number(length_bytes)?;
        self.take(usize::try_from(count).map_err(|_| "the file is cut".to_string())?)
    }

    fn line(&mut self) -> Result<Range<usize>> {
        let rest = &self.file[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("the file is cut")?;
        let range = self.take(length + 1)?;
        Ok(range.start..range.end - 1)
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().filter(|value| *value != Value::Mark).ok_or_else(|| "nothing to work on".into())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).ok_or("no mark")?;
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if depth(&value) > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        self.stack.push(value);
        Ok(())
    }

    /// One operation; the object once it is complete.
    fn step(&mut self) -> Result<Option<Value>> {
        let code = self.number(1)? as u8;
        let value = match code {
            b'.' => return self.pop().map(Some),
            0x80 => return self.protocol(),
            0x95 => return self.take(8).map(|_| None),
            b'q' => return self.put(1).map(|()| None),
            b'r' => return self.put(4).map(|()| None),
            0x94 => return self.memoize(self.memo.len()).map(|()| None),
            b'a' | b'e' | b's' | b'u' => return self.extend(code).map(|()| None),
            b'b' => return self.build().map(|()| None),
            b'(' => Value::Mark,
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool(code == 0x88),
            b'K' => Value::Int(self.number(1)? as i64),
            b'M' => Value::Int(self.number(2)? as i64),
            b'J' => Value::Int(i64::from(self.number(4)? as u32 as i32)),
            b'U' | b'C' | 0x8c => Value::Bytes(self.sized(1)?),
            b'T' | b'X' | b'B' => Value::Bytes(self.sized(4)?),
            0x8e => Value::Bytes(self.sized(8)?),
            b']' => Value::List(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            b')' => Value::Tuple(Vec::new()),
            b't' => Value::Tuple(self.pop_to_mark()?),
            0x85..=0x87 => self.tuple(usize::from(code - 0x84))?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Bytes(name), Value::Bytes(module)) => self.global(module, name)?,
                _ => return Err("a name that is not text".into()),
            },
            b'R' => self.reduce()?,
            other => {
                return Err(format!("operation {other:#04x} is not needed for data and is refused"));
            }
        };
        if let (Value::Mark, true) = (&value, code == b'(') {
            self.stack.push(value);
            return Ok(None);
        }
        self.push(value).map(|()| None)
    }

    fn protocol(&mut self) -> Result<Option<Value>> {
        match self.number(1)? {
            2..=5 => Ok(None),
            other => Err(format!("pickle protocol {other}, expected 2 to 5")),
        }
    }

    fn put(&mut self, index_bytes: usize) -> Result<()> {
        let index = self.number(index_bytes)? as usize;
        self.memoize(index)
    }

    fn memoize(&mut self, index: usize) -> Result<()> {
        // Writers number their memo upwards, one an object: an index beyond the file's size is hostile.
        if index > self.file.len() {
            return Err(format!("memo index {index} is out of range"));
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        // Containers are not kept: sharing them would need reference counts, and data files do not share any.
        self.memo[index] = match self.stack.last() {
            Some(Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Mark) | None => None,
            Some(value) => Some(value.clone()),
        };
        Ok(())
    }

    fn get(&mut self, index_bytes: usize) -> Result<Value> {
        let index = self.number(index_bytes)? as usize;
        let known = self.memo.get(index).cloned().flatten();
        known.ok_or_else(|| format!("memo entry {index} is not there or is a shared container, which is refused"))
    }

    fn tuple(&mut self, count: usize) -> Result<Value> {
        let start = self.stack.len().checked_sub(count).ok_or("nothing to work on")?;
        let values = self.stack.split_off(start);
        if values.contains(&Value::Mark) { Err("nothing to work on".into()) } else { Ok(Value::Tuple(values)) }
    }

    /// APPEND, APPENDS, SETITEM and SETITEMS.
    fn extend(&mut self, code: u8) -> Result<()> {
        let mut new = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        if new.iter().any(|value| depth(value) >= MAX_DEPTH) {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        match (code, self.stack.last_mut()) {
            (b'a' | b'e', Some(Value::List(list))) => list.append(&mut new),
            (b's' | b'u', Some(Value::Dict(pairs))) if new.len() % 2 == 0 => {
                let mut new = new.into_iter();
                while let (Some(key), Some(value)) = (new.next(), new.next()) {
                    pairs.push((key, value));
                }
            }
            _ => return Err("items for something that is neither list nor dictionary".into()),
        }
        Ok(())
    }

    fn global(&self, module: Range<usize>, name: Range<usize>) -> Result<Value> {
        let word =
            |range: Range<usize>| String::from_utf8_lossy(&self.file[range]).chars().take(60).collect::<String>();
        let full = format!("{} {}", word(module), word(name));
        match GLOBALS.iter().find(|(known, _)| *known == full) {
            Some((_, global)) => Ok(Value::Global(global)),
            None => Err(format!("it names {full:?}, which is refused: only plain data are read")),
        }
    }

    fn reduce(&mut self) -> Result<Value> {
        let Value::Tuple(arguments) = self.pop()? else {
            return Err("arguments that are not a tuple".into());
        };
        match (self.pop()?, &arguments[..]) {
            (Value::Global(RECONSTRUCT), [Value::Global(NDARRAY), ..]) => {
                Ok(Value::ByteArray { shape: Vec::new(), data: 0..0 })
            }
            (Value::Global(DTYPE), [Value::Bytes(name), ..]) => Ok(Value::ElementType(name.clone())),
            _ => Err("a call that is not needed for data and is refused".into()),
        }
    }

    fn build(&mut self) -> Result<()> {
        let Value::Tuple(state) = self.pop()? else {
            return Err("a state that is not a tuple".into());
        };
        let (shape, data) = match (self.stack.last(), &state[..]) {
            // The state of an element type says byte order and alignment, which bytes do not have.
            (Some(Value::ElementType(_)), _) => return Ok(()),
            (
                Some(Value::ByteArray { .. }),
                [Value::Int(_), Value::Tuple(shape), Value::ElementType(kind), Value::Bool(false), Value::Bytes(data)],
            ) => {
                let name = &self.file[kind.clone()];
                if name != b"u1" {
                    return Err(format!("an array of element type {:?}, expected u1", name.escape_ascii().to_string()));
                }
                (shape, data.clone())
            }
            _ => return Err("an array that is not plain bytes in C order".into()),
        };
        let dim = |value: &Value| match value {
            Value::Int(dim) => usize::try_from(*dim).ok(),
            _ => None,
        };
        let shape: Vec<usize> = shape.iter().map(dim).collect::<Option<_>>().ok_or("a shape that is not of numbers")?;
        if shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(data.len()) {
            return Err(format!("an array of shape {shape:?} with {} bytes", data.len()));
        }
        self.stack.pop();
        self.push(Value::ByteArray { shape, data })
    }
}

/// How deep containers nest; only called on values whose parts were checked, so the recursion is short.
fn depth(value: &Value) -> usize {
    let deepest = |values: &[Value]| values.iter().map(depth).max().unwrap_or(0) + 1;
    match value {
        Value::List(values) | Value::Tuple(values) => deepest(values),
        Value::Dict(pairs) => pairs.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or(0) + 1,
        _ => 0,
    }
}
