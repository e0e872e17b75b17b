//! The integer DCT of libjpeg's `jfdctint.c` and `jidctint.c` (Loeffler, Ligtenberg and Moschytz), 13 fractional bits.

const BITS: u32 = 13;
/// Fractional bits that are kept between the two passes.
const PASS: u32 = 2;

const F_0_298631336: i32 = 2446;
const F_0_390180644: i32 = 3196;
const F_0_541196100: i32 = 4433;
const F_0_765366865: i32 = 6270;
const F_0_899976223: i32 = 7373;
const F_1_175875602: i32 = 9633;
const F_1_501321110: i32 = 12299;
const F_1_847759065: i32 = 15137;
const F_1_961570560: i32 = 16069;
const F_2_053119869: i32 = 16819;
const F_2_562915447: i32 = 20995;
const F_3_072711026: i32 = 25172;

#[inline(always)]
fn descale(x: i32, bits: u32) -> i32 {
    (x + (1 << (bits - 1))) >> bits
}

/// The rotation that both transforms share, of their four odd values.
#[inline(always)]
fn odd([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let z5 = (a + c + b + d) * F_1_175875602;
    let z1 = (a + d) * -F_0_899976223;
    let z2 = (b + c) * -F_2_562915447;
    let z3 = (a + c) * -F_1_961570560 + z5;
    let z4 = (b + d) * -F_0_390180644 + z5;
    [a * F_0_298631336 + z1 + z3, b * F_2_053119869 + z2 + z4, c * F_3_072711026 + z2 + z3, d * F_1_501321110 + z1 + z4]
}

/// One line of the forward transform; the first and the fifth output are left to the caller's scale.
#[inline(always)]
fn forward_line(d: [i32; 8]) -> ([i32; 2], [i32; 6]) {
    let [s0, s1, s2, s3] = [d[0] + d[7], d[1] + d[6], d[2] + d[5], d[3] + d[4]];
    let (e0, e3, e1, e2) = (s0 + s3, s0 - s3, s1 + s2, s1 - s2);
    let z1 = (e2 + e3) * F_0_541196100;
    let o = odd([d[3] - d[4], d[2] - d[5], d[1] - d[6], d[0] - d[7]]);
    let even = [z1 + e3 * F_0_765366865, z1 - e2 * F_1_847759065];
    ([e0 + e1, e0 - e1], [o[3], even[0], o[2], o[1], even[1], o[0]])
}

/// Values around 0 to coefficients, which are 8 times those of the definition.
pub(super) fn forward(block: &mut [i32; 64]) {
    for row in block.as_chunks_mut::<8>().0 {
        let ([d0, d4], rest) = forward_line(*row);
        let [d1, d2, d3, d5, d6, d7] = rest.map(|x| descale(x, BITS - PASS));
        *row = [d0 << PASS, d1, d2, d3, d4 << PASS, d5, d6, d7];
    }
    for x in 0..8 {
        let ([d0, d4], rest) = forward_line(core::array::from_fn(|y| block[y * 8 + x]));
        let [d1, d2, d3, d5, d6, d7] = rest.map(|x| descale(x, BITS + PASS));
        let column = [descale(d0, PASS), d1, d2, d3, descale(d4, PASS), d5, d6, d7];
        (0..8).for_each(|y| block[y * 8 + x] = column[y]);
    }
}

#[inline(always)]
fn inverse_line(c: [i32; 8], bits: u32) -> [i32; 8] {
    let z1 = (c[2] + c[6]) * F_0_541196100;
    let (t2, t3) = (z1 - c[6] * F_1_847759065, z1 + c[2] * F_0_765366865);
    let (t0, t1) = ((c[0] + c[4]) << BITS, (c[0] - c[4]) << BITS);
    let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
    let o = odd([c[7], c[5], c[3], c[1]]);
    let odd = [o[3], o[2], o[1], o[0]];
    core::array::from_fn(|i| {
        let sum = if i < 4 { even[i] + odd[i] } else { even[7 - i] - odd[7 - i] };
        descale(sum, bits)
    })
}

/// Coefficients to values around 0.
pub(super) fn inverse(block: &mut [i32; 64]) {
    for x in 0..8 {
        let column = inverse_line(core::array::from_fn(|y| block[y * 8 + x]), BITS - PASS);
        (0..8).for_each(|y| block[y * 8 + x] = column[y]);
    }
    for row in block.as_chunks_mut::<8>().0 {
        *row = inverse_line(*row, BITS + PASS + 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_has_one_coefficient() {
        let mut block = [-128; 64];
        forward(&mut block);
        assert_eq!(block[0], -128 * 64);
        assert!(block[1..].iter().all(|&c| c == 0));
    }

    #[test]
    fn back_again_within_one() {
        let values: [i32; 64] = core::array::from_fn(|i| (i * i * 37 % 256) as i32 - 128);
        let mut block = values;
        forward(&mut block);
        block.iter_mut().for_each(|c| *c = descale(*c, 3));
        inverse(&mut block);
        assert!(values.iter().zip(block).all(|(a, b)| (a - b).abs() <= 1), "{block:?}");
    }
}
