//! CAST: every pair of number types, element by element.
//!
//! As in C, floats are truncated toward zero and wide integers wrap into narrow ones; where C leaves the result open (a float out
//! of the target's range, NaN) it saturates and NaN gives 0. Anything but zero is `true`.

use crate::isa::Kernels;
use crate::span::{Memory, Number, Span, view, view_mut};
use crate::step::{Access, Run};

/// Number types that are cast from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum NumberKind {
    F32,
    /// Binary16; only read.
    F16,
    F64,
    I8,
    /// Unsigned codes, held with the top bit flipped.
    U8,
    I16,
    I32,
    U32,
    I64,
    Bool,
}

/// `output[i] = (to) input[i]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cast {
    /// `n` elements of type `from`.
    pub input: Span,
    /// `n` elements of type `to`.
    pub output: Span,
    /// Type of the input.
    pub from: NumberKind,
    /// Type of the output; not [`NumberKind::F16`].
    pub to: NumberKind,
}

impl Run for Cast {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input], [output]) = memory.split([self.input], [self.output]);
        match self.from {
            NumberKind::F32 => self.float::<f32>(input, output, f64::from),
            NumberKind::F64 => self.float::<f64>(input, output, |v| v),
            NumberKind::F16 => self.float::<u16>(input, output, |v| f64::from(f16_to_f32(v))),
            NumberKind::I8 => self.integer::<i8>(input, output, i64::from),
            NumberKind::U8 => self.integer::<u8>(input, output, |v| i64::from(v ^ 0x80)),
            NumberKind::I16 => self.integer::<i16>(input, output, i64::from),
            NumberKind::I32 => self.integer::<i32>(input, output, i64::from),
            NumberKind::U32 => self.integer::<u32>(input, output, i64::from),
            NumberKind::I64 => self.integer::<i64>(input, output, |v| v),
            NumberKind::Bool => self.integer::<u8>(input, output, |v| i64::from(v != 0)),
        }
    }
}

impl Cast {
    fn float<A: Number>(&self, input: &[u8], output: &mut [u8], read: impl Fn(A) -> f64 + Copy) {
        match self.to {
            NumberKind::F32 => each(input, output, |v: A| read(v) as f32),
            NumberKind::F64 => each(input, output, read),
            NumberKind::I8 => each(input, output, |v: A| read(v) as i8),
            NumberKind::U8 => each(input, output, |v: A| read(v) as u8 ^ 0x80),
            NumberKind::I16 => each(input, output, |v: A| read(v) as i16),
            NumberKind::I32 => each(input, output, |v: A| read(v) as i32),
            NumberKind::U32 => each(input, output, |v: A| read(v) as u32),
            NumberKind::I64 => each(input, output, |v: A| read(v) as i64),
            NumberKind::Bool => each(input, output, |v: A| u8::from(read(v) != 0.0)),
            NumberKind::F16 => {}
        }
    }

    fn integer<A: Number>(&self, input: &[u8], output: &mut [u8], read: impl Fn(A) -> i64 + Copy) {
        match self.to {
            NumberKind::F32 => each(input, output, |v: A| read(v) as f32),
            NumberKind::F64 => each(input, output, |v: A| read(v) as f64),
            NumberKind::I8 => each(input, output, |v: A| read(v) as i8),
            NumberKind::U8 => each(input, output, |v: A| read(v) as u8 ^ 0x80),
            NumberKind::I16 => each(input, output, |v: A| read(v) as i16),
            NumberKind::I32 => each(input, output, |v: A| read(v) as i32),
            NumberKind::U32 => each(input, output, |v: A| read(v) as u32),
            NumberKind::I64 => each(input, output, read),
            NumberKind::Bool => each(input, output, |v: A| u8::from(read(v) != 0)),
            NumberKind::F16 => {}
        }
    }
}

#[inline(always)]
fn each<A: Number, B: Number>(input: &[u8], output: &mut [u8], convert: impl Fn(A) -> B) {
    for (&x, y) in view::<A>(input).iter().zip(view_mut::<B>(output)) {
        *y = convert(x);
    }
}

/// The binary32 number of binary16 bits; exact.
#[must_use]
pub fn f16_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, bits >> 10 & 31, u32::from(bits & 0x3FF));
    let magnitude = match exponent {
        0 => fraction as f32 / 16_777_216.0,
        31 => f32::from_bits(0x7F80_0000 | fraction << 13),
        _ => f32::from_bits((u32::from(exponent) + 112) << 23 | fraction << 13),
    };
    f32::from_bits(sign | magnitude.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    fn cast(from: NumberKind, to: NumberKind, input: &[u8], len: usize) -> [u8; 64] {
        let mut arena = [Block::ZERO; 2];
        Block::bytes_mut(&mut arena)[..input.len()].copy_from_slice(input);
        let span = |offset, len| Span { place: Place::Arena, offset, len };
        let step = Cast { input: span(0, input.len()), output: span(64, len), from, to };
        step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], &mut arena));
        arena[1].0
    }

    #[test]
    fn floats_truncate_and_saturate() {
        let values = [1.9_f32, -1.9, 300.0, -1e20, f32::NAN];
        let mut bytes = [0; 20];
        for (b, v) in bytes.chunks_exact_mut(4).zip(values) {
            b.copy_from_slice(&v.to_ne_bytes());
        }
        assert_eq!(cast(NumberKind::F32, NumberKind::I8, &bytes, 5)[..5], [1, 255, 127, 128, 0]);
        assert_eq!(cast(NumberKind::F32, NumberKind::Bool, &bytes, 5)[..5], [1; 5]);
    }

    #[test]
    fn unsigned_codes_are_held_flipped() {
        assert_eq!(cast(NumberKind::I8, NumberKind::U8, &[1, 255], 2)[..2], [0x81, 0x7F]);
        assert_eq!(cast(NumberKind::U8, NumberKind::I16, &[0x80, 0x7F], 4)[..4], [0, 0, 255, 0]);
    }

    #[test]
    fn binary16_is_read_exactly() {
        let cases = [(0x3C00, 1.0), (0xC000, -2.0), (0x0001, 5.960_464_5e-8), (0x7BFF, 65504.0), (0x8000, -0.0)];
        for (bits, value) in cases {
            assert_eq!(f16_to_f32(bits).to_bits(), f32::to_bits(value));
        }
        assert!(f16_to_f32(0x7E00).is_nan());
        assert_eq!(f16_to_f32(0xFC00), f32::NEG_INFINITY);
    }
}
