//! Quantised activations: codes of 8 or 16 bits.

use crate::span::Number;

/// A code of 8 or 16 bits.
pub trait Code: Number + Default + Ord {
    /// The smallest code.
    const LO: i32;
    /// The largest code.
    const HI: i32;
    /// Its value.
    fn wide(self) -> i32;
    /// The code of a value that has been limited to the type's range.
    fn narrow(value: i32) -> Self;
    /// The code nearest to a value.
    #[inline(always)]
    fn limit(value: i32) -> Self {
        Self::narrow(value.clamp(Self::LO, Self::HI))
    }
}

impl Code for i8 {
    const LO: i32 = i8::MIN as i32;
    const HI: i32 = i8::MAX as i32;
    #[inline(always)]
    fn wide(self) -> i32 {
        i32::from(self)
    }
    #[inline(always)]
    fn narrow(value: i32) -> i8 {
        value as i8
    }
}

impl Code for i16 {
    const LO: i32 = i16::MIN as i32;
    const HI: i32 = i16::MAX as i32;
    #[inline(always)]
    fn wide(self) -> i32 {
        i32::from(self)
    }
    #[inline(always)]
    fn narrow(value: i32) -> i16 {
        value as i16
    }
}

/// Whether codes have 16 bits. Without the feature `wide` they never have: what would be done with them is not compiled.
#[inline(always)]
pub(crate) fn is_wide(wide: bool) -> bool {
    assert!(cfg!(feature = "wide") || !wide, "16-bit codes need the feature `wide` of edgebench-kernels");
    cfg!(feature = "wide") && wide
}
