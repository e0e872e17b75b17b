//! One image under many corruptions, on one picture.

use edgebench_corrupt::{Corruption, Severity};
use image::{Rgb, RgbImage};

use super::font;
use super::generator::{CorruptError, Generator};

/// Small images are enlarged to about this side, pixel by pixel.
const SIDE: usize = 96;
const GAP: usize = 6;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([30, 30, 40]);
/// Pixels of a dot of the font.
const DOT: usize = 2;

/// Rows of kinds, columns of severities, the clean image before them; names to the left, levels above.
///
/// # Errors
/// An image number that is not there, or an image that cannot be read or corrupted.
pub fn contact_sheet(
    generator: &mut Generator<'_>,
    kinds: &[Corruption],
    severities: &[Severity],
    index: usize,
) -> Result<RgbImage, CorruptError> {
    let count = generator.data().len();
    if index >= count {
        return Err(CorruptError::NoImage { index, count });
    }
    let [height, width, channels] = generator.shape();
    let scale = (SIDE / height.max(width)).max(1);
    let (cell_height, cell_width) = (height * scale + GAP, width * scale + GAP);
    let longest = kinds.iter().map(|&kind| generator.name(kind).len()).max().unwrap_or(0);
    let left = font::width(longest) * DOT + 2 * GAP;
    let top = font::HEIGHT * DOT + 2 * GAP;
    let across = left + cell_width * (severities.len() + 1);
    let down = top + cell_height * kinds.len();
    let mut sheet = RgbImage::from_pixel(across as u32, down as u32, PAPER);
    let mut head = |column: usize, text: &str| {
        let x = left + column * cell_width + (cell_width - GAP).saturating_sub(font::width(text.len()) * DOT) / 2;
        font::write(&mut sheet, text, [GAP, x], DOT, INK);
    };
    head(0, "clean");
    for (column, severity) in severities.iter().enumerate() {
        head(column + 1, &severity.to_string());
    }
    let clean = generator.data().sample(index)?;
    let clean = match &clean.values {
        crate::data::Values::U8(pixels) => pixels.to_vec(),
        _ => Vec::new(),
    };
    let mut image = vec![0; height * width * channels];
    for (row, &kind) in kinds.iter().enumerate() {
        let y = top + row * cell_height;
        let middle = y + (cell_height - GAP).saturating_sub(font::HEIGHT * DOT) / 2;
        font::write(&mut sheet, generator.name(kind), [middle, GAP], DOT, INK);
        paste(&mut sheet, &clean, [height, width, channels], [y, left], scale);
        for (column, &severity) in severities.iter().enumerate() {
            generator.fill((kind, severity), index..index + 1, &mut image, || ())?;
            paste(&mut sheet, &image, [height, width, channels], [y, left + (column + 1) * cell_width], scale);
        }
    }
    Ok(sheet)
}

fn paste(sheet: &mut RgbImage, pixels: &[u8], [height, width, channels]: [usize; 3], at: [usize; 2], scale: usize) {
    for y in 0..height * scale {
        for x in 0..width * scale {
            let pixel = &pixels[(y / scale * width + x / scale) * channels..][..channels];
            let colour = if channels == 1 { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] };
            sheet.put_pixel((at[1] + x) as u32, (at[0] + y) as u32, Rgb(colour));
        }
    }
}
