//! The few letters that a contact sheet needs, 3 × 5 dots each.

use image::{Rgb, RgbImage};

/// Dots.
pub(super) const HEIGHT: usize = 5;
const WIDTH: usize = 3;

/// Letters in alphabetical order, each five rows of three dots.
const LETTERS: [&str; 26] = [
    ".#.#.#####.##.#",
    "##.#.###.#.###.",
    ".###..#..#...##",
    "##.#.##.##.###.",
    "####..##.#..###",
    "####..##.#..#..",
    ".###..#.##.#.##",
    "#.##.#####.##.#",
    "###.#..#..#.###",
    "..#..#..##.#.#.",
    "#.##.###.#.##.#",
    "#..#..#..#..###",
    "#.#####.##.##.#",
    "##.#.##.##.##.#",
    ".#.#.##.##.#.#.",
    "##.#.###.#..#..",
    ".#.#.##.#.#...#",
    "##.#.###.#.##.#",
    ".###...#...###.",
    "###.#..#..#..#.",
    "#.##.##.##.####",
    "#.##.##.##.#.#.",
    "#.##.##.#####.#",
    "#.##.#.#.#.##.#",
    "#.##.#.#..#..#.",
    "###..#.#.#..###",
];
const DIGITS: [&str; 10] = [
    "####.##.##.####",
    ".#.##..#..#.###",
    "##...#.#.#..###",
    "##...#.#...###.",
    "#.##.####..#..#",
    "####..##...###.",
    ".###..####.####",
    "###..#.#..#..#.",
    "####.#####.####",
    "####.####..###.",
];
const DASH: &str = "......###......";
const BLANK: &str = "...............";

/// Dots across a text of so many letters.
pub(super) fn width(letters: usize) -> usize {
    letters * (WIDTH + 1)
}

fn glyph(c: char) -> &'static str {
    match c.to_ascii_lowercase() {
        c @ 'a'..='z' => LETTERS[c as usize - 'a' as usize],
        c @ '0'..='9' => DIGITS[c as usize - '0' as usize],
        '-' => DASH,
        _ => BLANK,
    }
}

/// Writes `text` with its upper left corner at [y, x], a dot being `dot` pixels; what does not fit is left out.
pub(super) fn write(image: &mut RgbImage, text: &str, [top, left]: [usize; 2], dot: usize, ink: Rgb<u8>) {
    for (at, c) in text.chars().enumerate() {
        for (i, _) in glyph(c).bytes().enumerate().filter(|&(_, mark)| mark == b'#') {
            let (y, x) = (top + i / WIDTH * dot, left + (at * (WIDTH + 1) + i % WIDTH) * dot);
            for (dy, dx) in (0..dot * dot).map(|i| (i / dot, i % dot)) {
                if let Some(pixel) = image.get_pixel_mut_checked((x + dx) as u32, (y + dy) as u32) {
                    *pixel = ink;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_written() {
        for glyph in LETTERS.into_iter().chain(DIGITS) {
            assert_eq!(glyph.len(), WIDTH * HEIGHT, "{glyph}");
        }
        for kind in edgebench_corrupt::Corruption::ALL {
            assert!(kind.name().chars().all(|c| c == '_' || glyph(c) != BLANK), "{kind}");
        }
    }
}
