//! What a pixel means to a model, and how that is found out: explicit, and recorded with its [`Origin`].
//!
//! [`super::pipeline`] then does it.

use super::quantise::{InputType, Quantisation};

/// What a model expects of an 8-bit pixel `x`, per colour channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preprocess {
    /// `x`, 0 to 255.
    Raw,
    /// `x / 255`, 0 to 1.
    Unit,
    /// `x / 127.5 - 1`, -1 to 1 (Keras calls it "tf").
    Signed,
    /// Blue, green, red order, less the means 103.939, 116.779, 123.68.
    Caffe,
    /// `(x / 255 - mean) / deviation` with ImageNet's means and deviations (Keras calls it "torch").
    Imagenet,
}

/// Blue, green, red.
const CAFFE_MEANS: [f32; 3] = [103.939, 116.779, 123.68];
/// Red, green, blue.
const IMAGENET_MEANS: [f32; 3] = [0.485, 0.456, 0.406];
/// Red, green, blue.
const IMAGENET_DEVIATIONS: [f32; 3] = [0.229, 0.224, 0.225];

impl Preprocess {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Unit, Self::Signed, Self::Caffe, Self::Imagenet];

    /// The name on the command line and in side files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Unit => "unit",
            Self::Signed => "signed",
            Self::Caffe => "caffe",
            Self::Imagenet => "imagenet",
        }
    }

    /// Value of pixel `x` in channel `channel` of the model's input (for caffe, channel 0 is blue).
    pub fn value(self, x: u8, channel: usize) -> f32 {
        let x = f32::from(x);
        match self {
            Self::Raw => x,
            Self::Unit => x / 255.0,
            Self::Signed => x / 127.5 - 1.0,
            Self::Caffe => x - CAFFE_MEANS[channel % 3],
            Self::Imagenet => (x / 255.0 - IMAGENET_MEANS[channel % 3]) / IMAGENET_DEVIATIONS[channel % 3],
        }
    }

    /// The smallest and largest value over all pixels and channels.
    fn range(self) -> (f32, f32) {
        let values = (0..3).flat_map(|channel| [self.value(0, channel), self.value(255, channel)]);
        values.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
    }

    /// What the quantisation of an 8-bit input says: a scale within 1 % and a zero point within 1 of what the
    /// converter gives for exactly this range of values. At most one kind fits.
    pub fn from_quantisation(quantisation: &Quantisation) -> Option<Self> {
        if quantisation.high - quantisation.low != 255 {
            return None;
        }
        Self::ALL.into_iter().find(|kind| {
            let (low, high) = kind.range();
            let scale = (high - low) / 255.0;
            let zero_point = quantisation.low as f32 - low / scale;
            (quantisation.scale / scale - 1.0).abs() <= 0.01
                && (quantisation.zero_point as f32 - zero_point).abs() <= 1.0
        })
    }
}

impl std::fmt::Display for Preprocess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Preprocess {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == s);
        known.ok_or_else(|| format!("unknown preprocessing {s:?}; expected raw, unit, signed, caffe or imagenet"))
    }
}

/// Who said which preprocessing to use; a result records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user, on the command line.
    Asked,
    /// The side file of the model.
    SideFile,
    /// The quantisation of the model's input.
    Quantisation,
}

impl Origin {
    /// `"asked"`, `"side file"` or `"input quantisation"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::SideFile => "side file",
            Self::Quantisation => "input quantisation",
        }
    }
}

/// Why samples cannot become a model's input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// Neither the user, nor the side file, nor the quantisation says what a pixel means.
    #[error(
        "the {input} input does not tell what a pixel means to the model; give --preprocess \
         raw (0..255), unit (0..1), signed (-1..1), caffe or imagenet, or write it into {side_file}: [input] preprocess = \"…\""
    )]
    Unknown {
        /// The input's type and quantisation.
        input: String,
        /// Name of the side file.
        side_file: String,
    },
    /// Image and input differ in size.
    #[error(
        "the images are {found_height}x{found_width}, the model takes {height}x{width}; resize them with --resize \
         or choose data of that size"
    )]
    Size {
        /// Height of the images.
        found_height: usize,
        /// Width of the images.
        found_width: usize,
        /// Height of the model's input.
        height: usize,
        /// Width of the model's input.
        width: usize,
    },
    /// Sample and input differ in shape or kind.
    #[error("{0}")]
    Shape(String),
    /// A scale that no model can have meant.
    #[error("the input's scale is {0}, expected a positive number; the model file is damaged")]
    Scale(String),
}

/// Finds the preprocessing for pixels: what was asked for, else the side file, else the quantisation.
///
/// # Errors
/// [`PreprocessError::Unknown`] when none of them says.
pub fn choose(
    asked: Option<Preprocess>,
    side_file: Option<Preprocess>,
    input: &InputType,
    side_file_name: &str,
) -> Result<(Preprocess, Origin), PreprocessError> {
    let derived = || input.quantisation().and_then(Preprocess::from_quantisation);
    let found = asked.map(|kind| (kind, Origin::Asked));
    let found = found.or_else(|| side_file.map(|kind| (kind, Origin::SideFile)));
    found.or_else(|| derived().map(|kind| (kind, Origin::Quantisation))).ok_or_else(|| {
        let input = match input.quantisation() {
            Some(q) => format!("{} (scale {}, zero point {})", input.name(), q.scale, q.zero_point),
            None => input.name().into(),
        };
        PreprocessError::Unknown { input, side_file: side_file_name.into() }
    })
}
