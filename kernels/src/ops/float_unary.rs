//! Element-wise float32 functions of one operand; see [`super::float_math`].

use crate::isa::Kernels;
use crate::ops::conv_f32::clamp_f32;
use crate::ops::float_math::{elu, exp, gelu, hard_swish, logistic, tanh};
use crate::span::{Memory, Span};
use crate::step::{Access, Run};

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum UnaryF32Kind {
    /// Clamp to `[lo, hi]`: RELU and its kin.
    Clamp {
        lo: f32,
        hi: f32,
    },
    Elu,
    LeakyRelu {
        alpha: f32,
    },
    /// In the order of LiteRT's reference kernel, or in XNNPACK's.
    HardSwish {
        reference: bool,
    },
    Gelu {
        approximate: bool,
    },
    Logistic,
    Tanh,
    Exp,
    Rsqrt,
    Abs,
    Neg,
}

/// `output[i] = f(input[i])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnaryF32 {
    /// `n` `f32`s.
    pub input: Span,
    /// `n` `f32`s.
    pub output: Span,
    /// `f`.
    pub kind: UnaryF32Kind,
}

impl Run for UnaryF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::ReadInPlace);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        match self.kind {
            UnaryF32Kind::Clamp { lo, hi } => self.map(memory, |x| clamp_f32(x, lo, hi)),
            UnaryF32Kind::Elu => self.map(memory, elu),
            UnaryF32Kind::LeakyRelu { alpha } => self.map(memory, |x| if x < 0.0 { x * alpha } else { x }),
            UnaryF32Kind::HardSwish { reference } => self.map(memory, |x| hard_swish(x, reference)),
            UnaryF32Kind::Gelu { approximate } => self.map(memory, |x| gelu(x, approximate)),
            UnaryF32Kind::Logistic => self.map(memory, logistic),
            UnaryF32Kind::Tanh => self.map(memory, tanh),
            UnaryF32Kind::Exp => self.map(memory, |x| exp(f64::from(x)) as f32),
            UnaryF32Kind::Rsqrt => self.map(memory, |x| 1.0 / libm::sqrtf(x)),
            UnaryF32Kind::Abs => self.map(memory, f32::abs),
            UnaryF32Kind::Neg => self.map(memory, |x| -x),
        }
    }
}

impl UnaryF32 {
    #[inline(always)]
    fn map(&self, memory: &mut Memory<'_>, f: impl Fn(f32) -> f32) {
        memory.elementwise::<f32, f32>(self.input, self.output, |_, input, output| {
            for (&x, y) in input.iter().zip(output) {
                *y = f(x);
            }
        });
    }
}
