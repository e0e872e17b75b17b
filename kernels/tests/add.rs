//! ADD on every instruction set that runs here, against the rule in 64 bits: all lengths, broadcasting, in place, wild multipliers.

mod common;

use common::{Fill, Rng};
use edgebench_kernels::ops::binary::{AXES, Binary, BinaryRule, Level};
use edgebench_kernels::{Block, Isa, Memory, Place, Span, run};

const SIZE: usize = 2112;

fn span(index: usize, len: usize) -> Span {
    Span { place: Place::Arena, offset: index * SIZE, len }
}

fn any_add(rng: &mut Rng, [len_a, len_b]: [usize; 2], n: usize) -> Binary {
    // XNNPACK's multipliers have up to 21 bits; now and then any 32.
    let bits = rng.of(&[11, 11, 11, 0]);
    let mut multiplier = || (rng.next() as i32) >> bits;
    let (ma, mb) = (multiplier(), multiplier());
    let mut levels = [Level::ONE; AXES];
    levels[AXES - 1] = Level { count: n, a: usize::from(len_a > 1), b: usize::from(len_b > 1) };
    let lo = rng.of(&[-128, -128, -7, 0]);
    Binary {
        a: span(0, len_a),
        b: span(1, len_b),
        output: span(2, n),
        levels,
        wide: false,
        rule: BinaryRule::Add { ma, mb, bias: rng.next() as i32 >> 3, shift: 10 + rng.below(22) as u32 },
        zero_a: 0,
        zero_b: 0,
        zero: rng.of(&[-128, 127, 0, 5]),
        lo,
        hi: rng.of(&[127, 127, 90, 0]),
    }
}

fn expected(step: &Binary, a: &[i8], b: &[i8]) -> Vec<i8> {
    let BinaryRule::Add { ma, mb, bias, shift } = step.rule else { unreachable!("made above") };
    let code = |i: usize| {
        let (x, y) = (i64::from(a[i % a.len()]), i64::from(b[i % b.len()]));
        let sum = (i64::from(bias) + x * i64::from(ma) + y * i64::from(mb)) as i32;
        (i64::from(sum >> shift) + i64::from(step.zero)).clamp(step.lo.into(), step.hi.into()) as i8
    };
    (0..step.levels[AXES - 1].count).map(code).collect()
}

fn check(isa: Isa, step: Binary, a: &[i8], b: &[i8]) {
    let mut arena = vec![Block([0xA5; 64]); 3 * SIZE / Block::SIZE];
    let bytes = Block::bytes_mut(&mut arena);
    for (at, codes) in [(0, a), (SIZE, b)] {
        bytes[at..].iter_mut().zip(codes).for_each(|(to, from)| *to = from.cast_unsigned());
    }
    run(&[step.into()], isa.kernels().expect("an available one"), &mut Memory::new(&[], &mut arena));
    let (to, n) = (step.output.offset, step.output.len);
    let got: Vec<i8> = Block::bytes(&arena)[to..to + n].iter().map(|b| b.cast_signed()).collect();
    assert_eq!(got, expected(&step, a, b), "{isa}, {step:?}");
    assert!(Block::bytes(&arena)[to + n..(to / SIZE + 1) * SIZE].iter().all(|&b| b == 0xA5), "{isa}, {step:?}: beyond");
}

#[test]
fn every_length_and_broadcast() {
    let mut rng = Rng(21);
    for n in (1..=200).chain([1023, 1024, 1025, 2049]) {
        for lens in [[n, n], [n, n], [1, n], [n, 1]] {
            let step = any_add(&mut rng, lens, n);
            let fill = rng.of(&[Fill::Random, Fill::Extremes]);
            let (a, b) = (rng.codes(lens[0], fill), rng.codes(lens[1], Fill::Random));
            for isa in Isa::available() {
                check(isa, step, &a, &b);
                if lens == [n, n] {
                    check(isa, Binary { output: step.a, ..step }, &a, &b);
                    check(isa, Binary { output: step.b, ..step }, &a, &b);
                }
            }
        }
    }
}
