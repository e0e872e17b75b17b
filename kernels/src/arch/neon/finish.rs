//! The end of a tile in assembly: from sums to codes, in one of three ways (`driver::Finish`).
//!
//! `quick` rounds by adding a number whose last bit is one, with the zero point in it, and takes the lowest 16 bits of what is left; `any`
//! knows numbers that do not fit, odd zero points and limits; `sums` writes the sums.

/// Reads scales and what else the way needs: `quick` v28, `any` v28 (zero point), v29 and v30 (limits).
macro_rules! load_constants {
    (quick $scale:literal) => {
        concat!($scale, "\nldr q28, [{constants}]")
    };
    (any $scale:literal) => {
        concat!($scale, "\nld1 {{v28.16b, v29.16b, v30.16b}}, [{constants}]")
    };
    (sums $scale:literal) => {
        "// {scale} {constants}"
    };
}

/// Sums in floats, times scales.
macro_rules! scaled {
    ($($v:literal $scale:literal),*) => {
        concat!($("scvtf v", $v, ".4s, v", $v, ".4s\n",)* $("fmul v", $v, ".4s, v", $v, ".4s, v", $scale, ".4s\n",)* "")
    };
}

/// Rounded by adding v28.
macro_rules! added {
    ($($v:literal)*) => { concat!($("fadd v", $v, ".4s, v", $v, ".4s, v28.4s\n",)* "") };
}

/// Rounded.
macro_rules! rounded {
    ($($v:literal)*) => { concat!($("fcvtns v", $v, ".4s, v", $v, ".4s\n",)* "") };
}

/// Codes of four registers of sums in the first.
macro_rules! codes_of_four {
    (quick $a:literal $b:literal $d:literal $e:literal) => {
        concat!(
            added!($a $b $d $e),
            "uzp1 v", $a, ".8h, v", $a, ".8h, v", $b, ".8h\nuzp1 v", $d, ".8h, v", $d, ".8h, v", $e, ".8h\n",
            "sqxtn v", $a, ".8b, v", $a, ".8h\nsqxtn2 v", $a, ".16b, v", $d, ".8h\n"
        )
    };
    (any $a:literal $b:literal $d:literal $e:literal) => {
        concat!(
            rounded!($a $b $d $e),
            "sqxtn v", $a, ".4h, v", $a, ".4s\nsqxtn v", $d, ".4h, v", $d, ".4s\n",
            "sqxtn2 v", $a, ".8h, v", $b, ".4s\nsqxtn2 v", $d, ".8h, v", $e, ".4s\n",
            "sqadd v", $a, ".8h, v", $a, ".8h, v28.8h\nsqadd v", $d, ".8h, v", $d, ".8h, v28.8h\n",
            "sqxtn v", $a, ".8b, v", $a, ".8h\nsqxtn2 v", $a, ".16b, v", $d, ".8h\n",
            "smax v", $a, ".16b, v", $a, ".16b, v29.16b\nsmin v", $a, ".16b, v", $a, ".16b, v30.16b\n"
        )
    };
}

/// Ends a pixel of 16 channels (four scales), or two of 8 (two scales).
macro_rules! finish_four {
    (sums $a:literal $b:literal $d:literal $e:literal $s0:literal $s1:literal $s2:literal $s3:literal) => {
        concat!("st1 {{v", $a, ".4s, v", $b, ".4s, v", $d, ".4s, v", $e, ".4s}}, [{to}], {to_pitch}")
    };
    (sums $a:literal $b:literal $d:literal $e:literal $s0:literal $s1:literal) => {
        concat!("st1 {{v", $a, ".4s, v", $b, ".4s}}, [{to}], {to_pitch}\nst1 {{v", $d, ".4s, v", $e, ".4s}}, [{to}], {to_pitch}")
    };
    ($way:ident $a:literal $b:literal $d:literal $e:literal $s0:literal $s1:literal $s2:literal $s3:literal) => {
        concat!(
            scaled!($a $s0, $b $s1, $d $s2, $e $s3), codes_of_four!($way $a $b $d $e),
            "st1 {{v", $a, ".16b}}, [{to}], {to_pitch}"
        )
    };
    ($way:ident $a:literal $b:literal $d:literal $e:literal $s0:literal $s1:literal) => {
        concat!(
            scaled!($a $s0, $b $s1, $d $s0, $e $s1), codes_of_four!($way $a $b $d $e),
            "st1 {{v", $a, ".d}}[0], [{to}], {to_pitch}\nst1 {{v", $a, ".d}}[1], [{to}], {to_pitch}"
        )
    };
}

/// Ends a pixel of 8 channels.
macro_rules! finish_two {
    (sums $a:literal $b:literal $s0:literal $s1:literal) => {
        concat!("st1 {{v", $a, ".4s, v", $b, ".4s}}, [{to}], {to_pitch}")
    };
    (quick $a:literal $b:literal $s0:literal $s1:literal) => {
        concat!(
            scaled!($a $s0, $b $s1), added!($a $b),
            "uzp1 v", $a, ".8h, v", $a, ".8h, v", $b, ".8h\nsqxtn v", $a, ".8b, v", $a, ".8h\n",
            "st1 {{v", $a, ".8b}}, [{to}], {to_pitch}"
        )
    };
    (any $a:literal $b:literal $s0:literal $s1:literal) => {
        concat!(
            scaled!($a $s0, $b $s1), rounded!($a $b),
            "sqxtn v", $a, ".4h, v", $a, ".4s\nsqxtn2 v", $a, ".8h, v", $b, ".4s\n",
            "sqadd v", $a, ".8h, v", $a, ".8h, v28.8h\nsqxtn v", $a, ".8b, v", $a, ".8h\n",
            "smax v", $a, ".8b, v", $a, ".8b, v29.8b\nsmin v", $a, ".8b, v", $a, ".8b, v30.8b\n",
            "st1 {{v", $a, ".8b}}, [{to}], {to_pitch}"
        )
    };
}
