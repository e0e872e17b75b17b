//! From real values to the codes of a quantised input.

/// Scale, zero point and the range of the codes of a quantised tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantisation {
    /// Real value of one step; positive and finite.
    pub scale: f32,
    /// Code of the real value 0.
    pub zero_point: i32,
    /// Smallest code.
    pub low: i32,
    /// Largest code.
    pub high: i32,
}

/// What happened to the values of one or more inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clipping {
    /// Values seen.
    pub values: u64,
    /// Values whose code was out of range (not a number counts as one).
    pub clipped: u64,
    /// Largest distance of such a code from the range, in steps.
    pub worst: u32,
}

/// A share of clipped values above this is worth a warning.
pub const CLIPPING_TO_WARN: f64 = 0.001;

impl Clipping {
    /// Share of clipped values, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.values == 0 { 0.0 } else { self.clipped as f64 / self.values as f64 }
    }

    /// Adds what happened to other values.
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.clipped += other.clipped;
        self.worst = self.worst.max(other.worst);
    }

    /// A text for the user when more than one value in a thousand was clipped.
    pub fn warning(&self) -> Option<String> {
        (self.share() > CLIPPING_TO_WARN).then(|| {
            format!(
                "{:.2} % of the input values lie outside the range of the quantised input and were clamped \
                 (by up to {} steps); check --preprocess",
                100.0 * self.share(),
                self.worst
            )
        })
    }
}

impl Quantisation {
    /// Code of `x`: clamp(rne(x · (1 / scale)) + zero point), every step in binary32 and rounded half to even, as QUANTIZE of mode
    /// `litert` does it and PyTorch's simulation (SPEC C): pixels often lie in the middle of two codes, and a model must be given here
    /// what it was trained on. With by how many steps it was clamped; not a number gives the zero point and counts as clamped.
    pub fn code(&self, x: f32) -> (i32, u32) {
        if x.is_nan() {
            return (self.zero_point.clamp(self.low, self.high), 1);
        }
        // The conversion saturates.
        let steps = (x * (1.0 / self.scale)).round_ties_even() as i64;
        let unclamped = steps.saturating_add(self.zero_point.into());
        let code = unclamped.clamp(self.low.into(), self.high.into());
        (code as i32, u32::try_from(unclamped.abs_diff(code)).unwrap_or(u32::MAX))
    }

    /// [`Quantisation::code`], counted in `clipping`.
    pub fn counted(&self, x: f32, clipping: &mut Clipping) -> i32 {
        let (code, over) = self.code(x);
        clipping.add(Clipping { values: 1, clipped: u64::from(over > 0), worst: over });
        code
    }
}

/// Element type of a model's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InputType {
    /// Real values.
    F32,
    /// Unsigned 8-bit codes.
    U8(Quantisation),
    /// Signed 8-bit codes.
    I8(Quantisation),
    /// Signed 16-bit codes.
    I16(Quantisation),
}

impl InputType {
    /// `uint8` with this scale and zero point.
    pub fn u8(scale: f32, zero_point: i32) -> Self {
        Self::U8(Quantisation { scale, zero_point, low: 0, high: 255 })
    }

    /// `int8` with this scale and zero point.
    pub fn i8(scale: f32, zero_point: i32) -> Self {
        Self::I8(Quantisation { scale, zero_point, low: -128, high: 127 })
    }

    /// `int16` with this scale and zero point.
    pub fn i16(scale: f32, zero_point: i32) -> Self {
        Self::I16(Quantisation { scale, zero_point, low: -32768, high: 32767 })
    }

    /// Scale, zero point and range, unless real.
    pub fn quantisation(&self) -> Option<&Quantisation> {
        match self {
            Self::F32 => None,
            Self::U8(q) | Self::I8(q) | Self::I16(q) => Some(q),
        }
    }

    /// Bytes of one element.
    pub fn size(&self) -> usize {
        match self {
            Self::F32 => 4,
            Self::U8(_) | Self::I8(_) => 1,
            Self::I16(_) => 2,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::U8(_) => "uint8",
            Self::I8(_) => "int8",
            Self::I16(_) => "int16",
        }
    }

    /// Appends one code or (for `F32`) the real value itself, little endian.
    pub(crate) fn push(&self, x: f32, clipping: &mut Clipping, out: &mut Vec<u8>) {
        match self {
            Self::F32 => out.extend(x.to_le_bytes()),
            Self::U8(q) | Self::I8(q) => out.push(q.counted(x, clipping) as u8),
            Self::I16(q) => out.extend((q.counted(x, clipping) as i16).to_le_bytes()),
        }
    }
}
