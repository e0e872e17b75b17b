//! The list of corruptions: the one place where a corruption is added.

use core::fmt;
use core::str::FromStr;

use crate::job::Job;
use crate::room::NoRoom;
use crate::{Error, blur, colour, elastic, fog, frost, jpeg, motion, noise, pixelate, snow, spatter, zoom};

/// Variant = number (it enters the random numbers: never reuse one), name, part of the benchmark, random, function.
macro_rules! corruptions {
    ($($kind:ident = $number:literal, $name:literal, $benchmark:literal, $random:literal, $apply:path;)*) => {
        /// A corruption, named as the files of CIFAR-10-C are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Corruption {
            $(#[doc = $name] $kind = $number,)*
        }

        impl Corruption {
            /// All 19: the 15 of the benchmark in the order of the paper, then the four extra ones.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$kind),*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$kind => Entry { name: $name, benchmark: $benchmark, random: $random, apply: $apply },)*
                }
            }
        }
    };
}

struct Entry {
    name: &'static str,
    benchmark: bool,
    random: bool,
    apply: fn(&mut Job<'_>) -> Result<(), NoRoom>,
}

corruptions! {
    GaussianNoise = 0, "gaussian_noise", true, true, noise::gaussian;
    ShotNoise = 1, "shot_noise", true, true, noise::shot;
    ImpulseNoise = 2, "impulse_noise", true, true, noise::impulse;
    DefocusBlur = 3, "defocus_blur", true, false, blur::defocus;
    GlassBlur = 4, "glass_blur", true, true, blur::glass;
    MotionBlur = 5, "motion_blur", true, true, motion::motion;
    ZoomBlur = 6, "zoom_blur", true, false, zoom::zoom;
    Snow = 7, "snow", true, true, snow::snow;
    Frost = 8, "frost", true, true, frost::frost;
    Fog = 9, "fog", true, true, fog::fog;
    Brightness = 10, "brightness", true, false, colour::brightness;
    Contrast = 11, "contrast", true, false, colour::contrast;
    ElasticTransform = 12, "elastic_transform", true, true, elastic::elastic;
    Pixelate = 13, "pixelate", true, false, pixelate::pixelate;
    JpegCompression = 14, "jpeg_compression", true, false, jpeg::compression;
    SpeckleNoise = 15, "speckle_noise", false, true, noise::speckle;
    GaussianBlur = 16, "gaussian_blur", false, false, blur::gaussian;
    Spatter = 17, "spatter", false, true, spatter::spatter;
    Saturate = 18, "saturate", false, false, colour::saturate;
}

impl Corruption {
    /// The 15 of the benchmark, in the order of the paper.
    pub fn benchmark() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_benchmark())
    }

    /// As the files of CIFAR-10-C are called: `gaussian_noise`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The corruption with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is one of the 15 of the benchmark; the other four are meant for tuning.
    #[must_use]
    pub fn is_benchmark(self) -> bool {
        self.entry().benchmark
    }

    /// Whether its result depends on seed and image number.
    #[must_use]
    pub fn is_random(self) -> bool {
        self.entry().random
    }

    pub(crate) fn apply(self, job: &mut Job<'_>) -> Result<(), NoRoom> {
        (self.entry().apply)(job)
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Corruption {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::by_name(name).ok_or(Error::UnknownCorruption)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_and_four() {
        assert_eq!(Corruption::ALL.len(), 19);
        assert_eq!(Corruption::benchmark().count(), 15);
        for (number, kind) in Corruption::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert_eq!(Corruption::by_name(kind.name()), Some(kind));
        }
        assert!("frosty".parse::<Corruption>().is_err());
    }
}
