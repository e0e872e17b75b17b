//! The embedded set: Optical Recognition of Handwritten Digits.

use std::path::Path;

use super::error::Result;
use super::{Dataset, OpenOptions, Parts, Samples, Split};

/// Written by `scripts/make_digits.py`: an 8-byte magic, a count, then label and 64 values 0..16 an image.
static DIGITS: &[u8] = include_bytes!("digits.bin");
const HEADER: usize = 12;
const RECORD: usize = 65;
/// 8 × 8 images become 32 × 32.
const SCALE: usize = 4;
/// Every fifth image, from the fifth on, belongs to the test split.
const TEST_EVERY: usize = 5;

pub(crate) const ATTRIBUTION: &str = "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, \
UCI Machine Learning Repository (1998), https://doi.org/10.24432/C50P49, CC BY 4.0; \
1,797 images as in scikit-learn, here enlarged from 8x8 to 32x32 RGB";

/// The digits as 32 × 32 × 3 pixels: value·255/16 rounded, every pixel repeated 4 × 4, the same in all three
/// channels. Test split: index % 5 = 4 (359 images); train split: the other 1,438. Writers are not kept
/// apart (the source does not name them), so figures are a little optimistic for unseen writers.
pub(crate) fn open(options: &OpenOptions) -> Result<Dataset> {
    let limit = options.limit.unwrap_or(usize::MAX);
    let chosen = DIGITS[HEADER..]
        .chunks_exact(RECORD)
        .enumerate()
        .filter(|(index, _)| (index % TEST_EVERY == TEST_EVERY - 1) == (options.split == Split::Test))
        .take(limit);
    let (mut labels, mut data) = (Vec::new(), Vec::new());
    for (_, record) in chosen {
        labels.push(u32::from(record[0]));
        enlarge(&record[1..], &mut data);
    }
    let shape = vec![8 * SCALE, 8 * SCALE, 3];
    let parts = Parts {
        name: "digits".into(),
        source: format!(
            "embedded handwritten digits, {} split (index % 5 {} 4)",
            options.split,
            match options.split {
                Split::Test => "=",
                Split::Train => "!=",
            }
        ),
        split: Some(options.split),
        samples: Samples::U8 { shape: shape.clone(), data },
        shape,
        labels,
        class_names: Some((0..10).map(|digit| digit.to_string()).collect()),
        notes: Vec::new(),
    };
    let mut dataset = Dataset::new(Path::new("digits"), parts)?;
    dataset.attribution = Some(ATTRIBUTION);
    Ok(dataset)
}

fn enlarge(values: &[u8], out: &mut Vec<u8>) {
    for row in values.chunks_exact(8) {
        for _ in 0..SCALE {
            for &value in row {
                let pixel = ((u32::from(value) * 255 + 8) / 16) as u8;
                out.extend(std::iter::repeat_n(pixel, SCALE * 3));
            }
        }
    }
}
