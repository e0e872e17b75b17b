//! From samples to the bytes of a model's input tensor, counted where values are clamped.

use sha2::{Digest, Sha256};

use super::preprocess::{Preprocess, PreprocessError};
use super::quantise::{Clipping, InputType};
use super::samples::{Sample, Values};

/// How the channels of an image become those of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    Same,
    /// Grey is repeated in all three.
    Repeat,
    /// `(299 R + 587 G + 114 B + 500) / 1000`
    Luma,
}

/// Turns samples of one shape into inputs of one model. Build once, use for every sample and thread.
#[derive(Clone, Debug)]
pub struct Pipeline {
    input: InputType,
    sample_shape: Vec<usize>,
    channels: Channels,
    /// For every channel of the input, the bytes of the 256 pixel values one after the other, and how far each was clamped.
    tables: Vec<Table>,
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Table {
    /// Channel of the image that feeds this channel of the input.
    from: usize,
    bytes: Vec<u8>,
    over: Vec<u32>,
}

impl Pipeline {
    /// A pipeline from 8-bit images of shape `image` = `[height, width, channels]` to an input of shape
    /// `model` (the same three, after the batch dimension).
    ///
    /// # Errors
    /// Shapes that do not agree, or a scale that is not a positive number.
    pub fn for_pixels(
        kind: Preprocess,
        image: &[usize],
        model: &[usize],
        input: InputType,
    ) -> Result<Self, PreprocessError> {
        check_scale(&input)?;
        let (&[found_height, found_width, found], &[height, width, wanted]) = (image, model) else {
            return Err(PreprocessError::Shape(format!(
                "the samples are images of shape {image:?}, the model takes {model:?} a sample; \
                 expected height, width and channels of both"
            )));
        };
        if (found_height, found_width) != (height, width) {
            return Err(PreprocessError::Size { found_height, found_width, height, width });
        }
        let mut notes = Vec::new();
        let channels = match (found, wanted) {
            (1, 1) | (3, 3) => Channels::Same,
            (1, 3) => Channels::Repeat,
            (3, 1) => Channels::Luma,
            _ => {
                let problem = format!("the images have {found} channels, the model takes {wanted}; expected 1 or 3");
                return Err(PreprocessError::Shape(problem));
            }
        };
        match channels {
            Channels::Same => {}
            Channels::Repeat => notes.push("grey images repeated in three channels".into()),
            Channels::Luma => notes.push("colour images turned grey: (299 R + 587 G + 114 B) / 1000".into()),
        }
        if wanted == 1 && matches!(kind, Preprocess::Caffe | Preprocess::Imagenet) {
            let problem =
                format!("{kind} preprocessing is per colour, the model takes grey images; use raw, unit or signed");
            return Err(PreprocessError::Shape(problem));
        }
        let reversed = kind == Preprocess::Caffe && channels == Channels::Same;
        let source = |channel| {
            if reversed { wanted - 1 - channel } else { channel }
        };
        let tables = (0..wanted).map(|channel| Table::new(kind, channel, source(channel), &input)).collect();
        Ok(Self { input, sample_shape: image.to_vec(), channels, tables, notes })
    }

    /// A pipeline for arrays of real values or codes of `sample` shape: they must have the model's shape, where
    /// dimensions of 1 do not count. Real values are quantised where the input is; codes must be `int8` on both sides.
    ///
    /// # Errors
    /// Shapes or types that do not agree, or a scale that is not a positive number.
    pub fn for_arrays(sample: &[usize], model: &[usize], input: InputType) -> Result<Self, PreprocessError> {
        check_scale(&input)?;
        let squeezed = |shape: &[usize]| shape.iter().copied().filter(|&dim| dim != 1).collect::<Vec<_>>();
        if squeezed(sample) != squeezed(model) {
            let problem = format!("the samples have shape {sample:?}, the model takes {model:?} a sample");
            return Err(PreprocessError::Shape(problem));
        }
        let (channels, tables, notes) = (Channels::Same, Vec::new(), Vec::new());
        Ok(Self { input, sample_shape: sample.to_vec(), channels, tables, notes })
    }

    /// SHA-256 (hex) over everything that decides an input beside the sample: shape, channels, element type, and the bytes of
    /// all 256 values of a pixel.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{} {:?} {:?}", self.input.name(), self.sample_shape, self.channels));
        for table in &self.tables {
            hash.update([table.from as u8]);
            hash.update(&table.bytes);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What a device needs to do the same, as words of 32 bits (little-endian): rows, columns and channels of an image, whether it is
    /// turned grey, channels of the input, bytes of an element; then for each channel of the input the one of the image that feeds it,
    /// and the elements that the 256 values of a pixel become. `None` where samples are no pixels.
    #[must_use]
    pub fn to_device(&self) -> Option<Vec<u8>> {
        let &[height, width, channels] = &self.sample_shape[..] else { return None };
        let luma = usize::from(self.channels == Channels::Luma);
        let words = [height, width, channels, luma, self.tables.len(), self.input.size()];
        let mut bytes = Vec::new();
        let put =
            |word: usize, bytes: &mut Vec<u8>| bytes.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
        words.iter().for_each(|&word| put(word, &mut bytes));
        for table in &self.tables {
            put(table.from, &mut bytes);
            bytes.extend(&table.bytes);
        }
        (!self.tables.is_empty()).then_some(bytes)
    }

    /// Bytes of the elements in [`Pipeline::to_device`].
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.tables.iter().map(|table| table.bytes.len()).sum()
    }

    /// Conversions that a result must mention.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Bytes of one input.
    pub fn input_bytes(&self) -> usize {
        let values: usize = self.sample_shape.iter().product();
        let values = match self.channels {
            Channels::Same => values,
            Channels::Repeat => values * 3,
            Channels::Luma => values / 3,
        };
        values * self.input.size()
    }

    /// Appends the input made of `sample` to `out`: [`Pipeline::input_bytes`] bytes in the input's own type, little
    /// endian, in the order of the model's shape. Gives what was clamped.
    ///
    /// # Errors
    /// A sample of another shape or type than the pipeline was made for.
    pub fn append(&self, sample: &Sample<'_>, out: &mut Vec<u8>) -> Result<Clipping, PreprocessError> {
        if sample.shape != self.sample_shape {
            let problem = format!("a sample of shape {:?}, expected {:?}", sample.shape, self.sample_shape);
            return Err(PreprocessError::Shape(problem));
        }
        let mut clipping = Clipping::default();
        match (&sample.values, &self.input) {
            (Values::U8(pixels), _) if !self.tables.is_empty() => self.pixels(pixels, &mut clipping, out),
            (Values::F32(values), input) => {
                values.iter().for_each(|&x| input.push(x, &mut clipping, out));
            }
            (Values::I8(codes), InputType::I8(_)) => {
                clipping.values = codes.len() as u64;
                out.extend(codes.iter().map(|&code| code as u8));
            }
            (values, input) => {
                let found = match values {
                    Values::U8(_) => "8-bit pixels without a preprocessing",
                    Values::I8(_) => "int8 codes",
                    Values::F32(_) => "real values",
                };
                let problem = format!("the samples are {found}, the model takes {}", input.name());
                return Err(PreprocessError::Shape(problem));
            }
        }
        Ok(clipping)
    }

    fn pixels(&self, pixels: &[u8], clipping: &mut Clipping, out: &mut Vec<u8>) {
        out.reserve(self.input_bytes());
        let stored = self.sample_shape[2];
        let grey;
        let (pixels, stored) = match self.channels {
            Channels::Luma => {
                grey = pixels.chunks_exact(3).map(luma).collect::<Vec<u8>>();
                (&grey[..], 1)
            }
            _ => (pixels, stored),
        };
        let size = self.input.size();
        let (mut clipped, mut worst) = (0, 0);
        for pixel in pixels.chunks_exact(stored) {
            for table in &self.tables {
                let x = usize::from(pixel[table.from.min(stored - 1)]);
                out.extend_from_slice(&table.bytes[x * size..][..size]);
                clipped += u64::from(table.over[x] > 0);
                worst = worst.max(table.over[x]);
            }
        }
        let values = (pixels.len() / stored * self.tables.len()) as u64;
        clipping.add(Clipping { values, clipped, worst });
    }
}

impl Table {
    fn new(kind: Preprocess, channel: usize, from: usize, input: &InputType) -> Self {
        let (mut bytes, mut over) = (Vec::with_capacity(256 * input.size()), Vec::with_capacity(256));
        for x in 0..=255 {
            let mut clipping = Clipping::default();
            input.push(kind.value(x, channel), &mut clipping, &mut bytes);
            over.push(clipping.worst);
        }
        Self { from, bytes, over }
    }
}

fn luma(rgb: &[u8]) -> u8 {
    let weighted = 299 * u32::from(rgb[0]) + 587 * u32::from(rgb[1]) + 114 * u32::from(rgb[2]);
    ((weighted + 500) / 1000) as u8
}

fn check_scale(input: &InputType) -> Result<(), PreprocessError> {
    match input.quantisation() {
        Some(q) if !(q.scale.is_finite() && q.scale > 0.0) => Err(PreprocessError::Scale(q.scale.to_string())),
        _ => Ok(()),
    }
}
