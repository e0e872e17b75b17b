//! What is done with each pixel of each window, a vector of channels at a time.

use crate::PoolShape;
use crate::arch::{Op, Vector};
use crate::stream::{Lane, get, put, row};

/// A pixel of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Where the input pixel starts in its image.
    input: usize,
    /// Where the output pixel starts in its image.
    output: usize,
    /// Whether it is its window's first.
    first: bool,
    /// 1 / pixels of the window.
    share: f32,
}

/// The pixels of all windows of an image, in order.
pub(super) fn taps(s: &PoolShape) -> Vec<Tap> {
    let mut all = Vec::new();
    for oy in 0..s.out_h {
        for ox in 0..s.out_w {
            let (rows, columns) = (s.span(0, oy), s.span(1, ox));
            let share = 1.0 / (rows.len() * columns.len()) as f32;
            for iy in rows.clone() {
                for ix in columns.clone() {
                    all.push(Tap {
                        input: (iy * s.in_w + ix) * s.channels,
                        output: (oy * s.out_w + ox) * s.channels,
                        first: iy == rows.start && ix == columns.start,
                        share,
                    });
                }
            }
        }
    }
    all
}

/// What is done with a tap.
pub(super) trait Rule {
    /// The same for all its channels, given what to add to the places of inputs and outputs.
    ///
    /// # Safety
    /// The tap is inside of the images.
    unsafe fn lane(&self, tap: Tap) -> impl Lane;
}

/// Every tap of `n` images.
///
/// Safety: the rule points to as many images of the shape.
pub(super) struct EachTap<'a, R> {
    pub s: &'a PoolShape,
    pub n: usize,
    pub taps: Vec<Tap>,
    pub rule: R,
}

impl<R: Rule> Op for EachTap<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for image in 0..self.n {
            for tap in &self.taps {
                let input = image * self.s.x_len() + tap.input;
                let output = image * self.s.y_len() + tap.output;
                // SAFETY: as this type's.
                unsafe {
                    let lane = self.rule.lane(Tap { input, output, ..*tap });
                    row::<V, _>(&lane, 0, self.s.channels);
                }
            }
        }
    }
}

/// A rule and its lane: the fields, where they are for a tap, what is done with elements `i`, `n` of them.
macro_rules! rule {
    ($rule:ident { $($field:ident: $kind:ty),* }, $lane:ident { $($more:ident: $more_kind:ty),* },
     |$tap:ident| [$($at:expr),*; $($value:expr),*], |$a:ident, $i:ident, $n:ident| $body:expr) => {
        #[derive(Clone, Copy)]
        pub(super) struct $rule {
            $(pub $field: $kind),*
        }

        struct $lane {
            $($field: $kind,)*
            $($more: $more_kind),*
        }

        impl Rule for $rule {
            #[inline(always)]
            unsafe fn lane(&self, $tap: Tap) -> impl Lane {
                // SAFETY: the caller vouches for the tap.
                unsafe { $lane { $($field: self.$field.add($at),)* $($more: $value),* } }
            }
        }

        impl Lane for $lane {
            #[inline(always)]
            unsafe fn at<V: Vector, const WHOLE: bool>(&self, $i: usize, _: usize, $n: usize) {
                let $a = self;
                // SAFETY: as this function's.
                unsafe { $body }
            }
        }
    };
}

rule!(Max { x: *const f32, y: *mut f32 }, MaxLane { first: bool },
    |tap| [tap.input, tap.output; tap.first], |a, i, n| {
        let x = get::<V, WHOLE>(a.x.add(i), n);
        let y = if a.first { x } else { get::<V, WHOLE>(a.y.add(i), n) };
        put::<V, WHOLE>(a.y.add(i), V::max(x, y), n);
    }
);

// What is left of a window's gradient goes to the first pixel that equals its maximum.
rule!(MaxBack { x: *const f32, y: *const f32, dy: *const f32, left: *mut f32, dx: *mut f32 }, MaxBackLane { first: bool },
    |tap| [tap.input, tap.output, tap.output, 0, tap.input; tap.first], |a, i, n| {
        let (x, y, zero) = (get::<V, WHOLE>(a.x.add(i), n), get::<V, WHOLE>(a.y.add(i), n), V::splat(0.0));
        let left = get::<V, WHOLE>(if a.first { a.dy } else { a.left.cast_const() }.add(i), n);
        let given = V::where_gt(y, x, zero, left);
        put::<V, WHOLE>(a.left.add(i), V::where_gt(y, x, left, zero), n);
        put::<V, WHOLE>(a.dx.add(i), V::add(get::<V, WHOLE>(a.dx.add(i), n), given), n);
    }
);

rule!(Average { x: *const f32, y: *mut f32 }, AverageLane { first: bool },
    |tap| [tap.input, tap.output; tap.first], |a, i, n| {
        let x = get::<V, WHOLE>(a.x.add(i), n);
        let sum = if a.first { x } else { V::add(get::<V, WHOLE>(a.y.add(i), n), x) };
        put::<V, WHOLE>(a.y.add(i), sum, n);
    }
);

rule!(AverageBack { dy: *const f32, dx: *mut f32 }, AverageBackLane { share: f32 },
    |tap| [tap.output, tap.input; tap.share], |a, i, n| {
        let part = V::mul(get::<V, WHOLE>(a.dy.add(i), n), V::splat(a.share));
        put::<V, WHOLE>(a.dx.add(i), V::add(get::<V, WHOLE>(a.dx.add(i), n), part), n);
    }
);

/// `y · by`
pub(super) struct Scaled {
    pub y: *mut f32,
    pub by: f32,
}

impl Lane for Scaled {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe { put::<V, WHOLE>(self.y.add(i), V::mul(get::<V, WHOLE>(self.y.add(i), n), V::splat(self.by)), n) };
    }
}
