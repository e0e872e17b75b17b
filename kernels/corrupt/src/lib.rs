//! The 19 corruptions of CIFAR-10-C and ImageNet-C (Hendrycks and Dietterich, 2019) for 8-bit images of any size, grey or RGB.
//!
//! An output byte is a function of image, [`Corruption`], [`Severity`], [`Constants`], seed and image number, and of nothing
//! else: random numbers are counted ([`Corruptor`]), reals are computed by single IEEE 754 operations and by `libm` in software, so
//! that threads, order, CPU and operating system change no byte.
//!
//! ```
//! use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};
//!
//! let pixels = [100u8; 32 * 32 * 3];
//! let image = ImageView::new(&pixels, 32, 32, 3)?;
//! let mut foggy = [0u8; 32 * 32 * 3];
//! let mut corruptor = Corruptor::new(Constants::Cifar, 7);
//! corruptor.apply(Corruption::Fog, Severity::new(3)?, image, 0, &mut foggy)?;
//! # Ok::<(), edgebench_corrupt::Error>(())
//! ```
//!
//! The rules are those of the published generators, quirks included: values are cut, not rounded, to 8 bits; the swap of
//! `glass_blur` copies; `zoom_blur` counts the image twice. The published arrays were made without a seed, so what is random
//! agrees in distribution; what is not random agrees by value (`docs/corruptions.md` has the figures). `frost` needs photographs; without
//! them it draws its own and is called [`SYNTHETIC_FROST`].
//!
//! To add a corruption, write a function over the `Job` of `job.rs` and add one line to the table in `kind.rs`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod blur;
mod colour;
mod corruptor;
mod edges;
mod elastic;
mod error;
mod filter;
mod fog;
mod frost;
mod ice;
mod image;
mod job;
mod jpeg;
#[cfg(feature = "alloc")]
mod kept;
mod kind;
mod motion;
mod noise;
mod normal;
mod params;
mod photograph;
mod pixelate;
mod poisson;
pub mod rng;
mod room;
mod snow;
mod spatter;
mod zoom;

pub use corruptor::Corruptor;
pub use error::Error;
pub use frost::SYNTHETIC_FROST;
pub use image::{ImageView, MAX_SIDE};
pub use kind::Corruption;
pub use params::{Constants, Severity};
#[cfg(feature = "alloc")]
pub use photograph::Photograph;
pub use room::{NoRoom, Room};
