//! Instruction sets, and one static table of functions for each.
//!
//! Holding a [`Kernels`] is the proof that this CPU can run it: [`Isa::kernels`] hands one out only after it has found the
//! features that its functions need, and the table's calls are the only way in.
//!
//! To add an instruction set: one variant in [`Isa`], one arm in each function of its `impl`, one folder under `arch/`.

use core::fmt;
use core::str::FromStr;

use crate::arch;
use crate::arith::RequantData;
use crate::ops::binary::AddRow;
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::conv_f32::{ConvF32, DataF32};
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::depthwise_f32::DepthwiseF32;
use crate::ops::max_pool::{MaxPool, MaxPoolData};

/// An instruction set that kernels are written for. Every variant exists on every target, so that reports can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Portable Rust.
    Scalar,
    /// aarch64: NEON is always there.
    Neon,
    /// aarch64 with dot products (`sdot`).
    DotProd,
    /// aarch64 with dot products and int8 matrix products (`smmla`).
    I8mm,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX2, FMA and AVX-VNNI.
    AvxVnni,
    /// x86-64 with AVX-512 F, BW, VL, DQ and VNNI.
    Avx512Vnni,
    /// Arm Cortex-M with DSP instructions (M4, M7, M33); elsewhere the same in portable Rust.
    Dsp,
    /// Arm Cortex-M with Helium (M55); elsewhere the same in portable Rust.
    Mve,
}

impl Isa {
    /// All of them, fastest first.
    pub const ALL: [Isa; 9] =
        [Isa::Avx512Vnni, Isa::AvxVnni, Isa::Avx2, Isa::I8mm, Isa::DotProd, Isa::Neon, Isa::Scalar, Isa::Mve, Isa::Dsp];

    /// The name on the command line, in JSON and in `EDGEBENCH_ISA`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Neon => "neon",
            Isa::DotProd => "dotprod",
            Isa::I8mm => "i8mm",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avxvnni",
            Isa::Avx512Vnni => "avx512vnni",
            Isa::Dsp => "dsp",
            Isa::Mve => "mve",
        }
    }

    /// Whether this build contains kernels for it.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Isa::Scalar | Isa::Dsp | Isa::Mve => true,
            Isa::Neon | Isa::DotProd | Isa::I8mm => cfg!(target_arch = "aarch64"),
            Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => cfg!(target_arch = "x86_64"),
        }
    }

    /// Whether it is a microcontroller's. On other machines its kernels are portable Rust of the same layout: for lowering, and to compare
    /// with; nothing chooses them by itself.
    #[must_use]
    pub const fn is_for_microcontrollers(self) -> bool {
        matches!(self, Isa::Dsp | Isa::Mve)
    }

    /// The kernels, or `None` if this build does not contain them or this CPU cannot run them.
    #[must_use]
    pub fn kernels(self) -> Option<&'static Kernels> {
        match self {
            Isa::Scalar => Some(&arch::scalar::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Some(&arch::neon::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::DotProd if has_dotprod() => Some(&arch::dotprod::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::I8mm if has_i8mm() => Some(&arch::i8mm::KERNELS),
            Isa::Dsp => Some(&arch::mcu::dsp::KERNELS),
            Isa::Mve => Some(&arch::mcu::mve::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if has_avx2() => Some(&arch::avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni if has_avxvnni() => Some(&arch::avxvnni::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni if has_avx512vnni() => Some(&arch::avx512vnni::KERNELS),
            _ => None,
        }
    }

    /// Those that run here, fastest first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Self::ALL.into_iter().filter(|isa| !isa.is_for_microcontrollers() && isa.kernels().is_some())
    }

    /// The fastest that runs here.
    #[must_use]
    pub fn detect() -> Isa {
        Self::available().next().unwrap_or(Isa::Scalar)
    }
}

#[cfg(all(target_arch = "aarch64", feature = "std"))]
fn has_dotprod() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

#[cfg(all(target_arch = "aarch64", not(feature = "std")))]
const fn has_dotprod() -> bool {
    cfg!(target_feature = "dotprod")
}

#[cfg(all(target_arch = "aarch64", feature = "std"))]
fn has_i8mm() -> bool {
    has_dotprod() && std::arch::is_aarch64_feature_detected!("i8mm")
}

#[cfg(all(target_arch = "aarch64", not(feature = "std")))]
const fn has_i8mm() -> bool {
    cfg!(all(target_feature = "dotprod", target_feature = "i8mm"))
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avxvnni() -> bool {
    has_avx2() && std::arch::is_x86_feature_detected!("avxvnni")
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx512vnni() -> bool {
    has_avx2()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vnni")
}

#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
const fn has_avx2() -> bool {
    cfg!(all(target_feature = "avx2", target_feature = "fma"))
}

#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
const fn has_avxvnni() -> bool {
    has_avx2() && cfg!(target_feature = "avxvnni")
}

#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
const fn has_avx512vnni() -> bool {
    cfg!(all(
        target_feature = "avx2",
        target_feature = "fma",
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512vl",
        target_feature = "avx512dq",
        target_feature = "avx512vnni"
    ))
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no instruction set has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownIsa;

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown instruction set, expected one of")?;
        for isa in Isa::ALL {
            write!(f, " {isa}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownIsa {}

impl FromStr for Isa {
    type Err = UnknownIsa;
    fn from_str(name: &str) -> Result<Isa, UnknownIsa> {
        Self::ALL.into_iter().find(|isa| isa.name() == name).ok_or(UnknownIsa)
    }
}

/// How an instruction set wants int8 weights: see [`crate::ops::pack::pack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackSpec {
    /// Output channels side by side in one register tile.
    pub nr: usize,
    /// Consecutive inputs of one output channel that lie together (4 for dot-product instructions).
    pub kr: usize,
    /// What the kernel adds to an activation code before it multiplies (128 where it needs `u8`); lowering takes
    /// `offset · Σ w` out of the bias.
    pub offset: i32,
    /// Bytes per activation code in scratch space; 0 if the kernel reads the input where it lies.
    pub code_size: usize,
    /// Whether codes of a kernel's column are shared by the pixels that see it. It pays to hold pixels of other than `kr` channels so
    /// that they fill dot products ([`PackSpec::held_channels`]).
    pub slides: bool,
    /// Weights that lie together where a kernel's weights are one run ([`PackSpec::joined`]); 0 if none are.
    pub joins: usize,
}

impl PackSpec {
    /// The first layer of an image classifier: 3×3 kernels over three channels, whose kernel rows would not fill dot products. Their 27 weights
    /// are one run, of which so many lie together.
    #[must_use]
    pub const fn joined(self, s: &ConvShape) -> Option<usize> {
        let fits = s.in_c == 3 && s.k_h == 3 && s.k_w == 3 && s.groups == 1 && s.dilation_h == 1 && s.dilation_w == 1;
        if self.joins > 0 && fits && s.out_c.is_multiple_of(16) { Some(self.joins) } else { None }
    }

    /// Channels per pixel in scratch space: those of the input, or with a few more if that makes no more dot products of a kernel
    /// row of three columns, all of whose outputs are one tile wide.
    #[must_use]
    pub const fn held_channels(self, s: &ConvShape) -> usize {
        let held = s.in_c.next_multiple_of(self.kr);
        let rows = s.k_w == 3 && s.stride_w == 1 && s.dilation_w == 1 && s.groups == 1 && s.out_c <= self.nr;
        let spread = s.in_c == 3 && s.k_w * held == (s.k_w * s.in_c).next_multiple_of(self.kr);
        if self.slides && rows && spread { held } else { s.in_c }
    }
}

/// See [`crate::ops::depthwise::depthwise_tables`].
type TablesFn = unsafe fn(&ConvShape, &[i8], (&RequantData<'_>, i8), &mut [u8]);

/// The functions of one instruction set.
pub struct Kernels {
    pub(crate) isa: Isa,
    /// Layout of int8 convolution weights.
    pub conv_pack: PackSpec,
    /// Output channels side by side in one register tile of float32 convolution weights.
    pub conv_f32_nr: usize,
    pub(crate) conv: unsafe fn(&Conv, ConvData<'_>),
    pub(crate) depthwise: unsafe fn(&Depthwise, DepthwiseData<'_>),
    pub(crate) depthwise_scratch: fn(&ConvShape) -> usize,
    pub(crate) depthwise_tables_len: fn(&ConvShape) -> usize,
    pub(crate) depthwise_tables: TablesFn,
    pub(crate) conv_f32: unsafe fn(&ConvF32, DataF32<'_>),
    pub(crate) depthwise_f32: unsafe fn(&DepthwiseF32, DataF32<'_>),
    pub(crate) add: unsafe fn(&AddRow, &[i8], &[i8], &mut [i8]),
    pub(crate) max_pool: unsafe fn(&MaxPool, MaxPoolData<'_>),
    pub(crate) peak_int8: unsafe fn(u64) -> u64,
    pub(crate) peak_f32: unsafe fn(u64) -> u64,
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kernels").field(&self.isa).finish()
    }
}

impl Kernels {
    /// Whose they are.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn conv(&self, step: &Conv, data: ConvData<'_>) {
        // SAFETY: `Isa::kernels` hands out `self` only after it has found the features that `self.isa` needs.
        unsafe { (self.conv)(step, data) }
    }

    pub(crate) fn depthwise(&self, step: &Depthwise, data: DepthwiseData<'_>) {
        // SAFETY: as in `conv`.
        unsafe { (self.depthwise)(step, data) }
    }

    pub(crate) fn depthwise_tables(
        &self,
        shape: &ConvShape,
        weights: &[i8],
        requant: (&RequantData<'_>, i8),
        to: &mut [u8],
    ) {
        // SAFETY: as in `conv`.
        unsafe { (self.depthwise_tables)(shape, weights, requant, to) }
    }

    pub(crate) fn conv_f32(&self, step: &ConvF32, data: DataF32<'_>) {
        // SAFETY: as in `conv`.
        unsafe { (self.conv_f32)(step, data) }
    }

    pub(crate) fn depthwise_f32(&self, step: &DepthwiseF32, data: DataF32<'_>) {
        // SAFETY: as in `conv`.
        unsafe { (self.depthwise_f32)(step, data) }
    }

    /// `out[i] = a[i] ⊕ b[i]`; an operand of length 1 is broadcast.
    pub(crate) fn add(&self, rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
        assert!([1, out.len()].contains(&a.len()) && [1, out.len()].contains(&b.len()), "operands of another length");
        // SAFETY: as in `conv`.
        unsafe { (self.add)(rule, a, b, out) }
    }

    pub(crate) fn max_pool(&self, step: &MaxPool, data: MaxPoolData<'_>) {
        // SAFETY: as in `conv`.
        unsafe { (self.max_pool)(step, data) }
    }

    pub(crate) fn peak_int8(&self, iterations: u64) -> u64 {
        // SAFETY: as in `conv`.
        unsafe { (self.peak_int8)(iterations) }
    }

    pub(crate) fn peak_f32(&self, iterations: u64) -> u64 {
        // SAFETY: as in `conv`.
        unsafe { (self.peak_f32)(iterations) }
    }
}
