//! The quantisation tables of Annex K.1 and libjpeg's quality.

#[rustfmt::skip]
pub(super) const LUMINANCE: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

#[rustfmt::skip]
pub(super) const CHROMINANCE: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// `table` for a quality of 1 to 100.
pub(super) fn scaled(table: &[u8; 64], quality: i32) -> [i32; 64] {
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    table.map(|q| ((i32::from(q) * percent + 50) / 100).clamp(1, 255))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_50_is_the_table_and_less_is_coarser() {
        assert_eq!(scaled(&LUMINANCE, 50), LUMINANCE.map(i32::from));
        assert_eq!(scaled(&LUMINANCE, 80)[..4], [6, 4, 4, 6]);
        assert_eq!(scaled(&CHROMINANCE, 7)[..4], [121, 129, 171, 255]);
    }
}
