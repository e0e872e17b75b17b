//! Element-wise functions: a [`Lane`] computes a vector, [`Stream`] goes over all elements.

use crate::arch::{Op, Vector};

/// What is done with a vector of elements.
pub(crate) trait Lane {
    /// Elements from `i` on, whose channels are those from `channel` on; `n` of them unless `WHOLE`.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs; what the type points to is valid for those elements and channels.
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, channel: usize, n: usize);
}

/// A vector from `at` on.
///
/// # Safety
/// The CPU has the features that `V` needs; `at` is valid for the elements.
#[inline(always)]
pub(crate) unsafe fn get<V: Vector, const WHOLE: bool>(at: *const f32, n: usize) -> V {
    // SAFETY: as this function's.
    unsafe { if WHOLE { V::load(at) } else { V::load_first(at, n) } }
}

/// Writes a vector.
///
/// # Safety
/// As [`get`].
#[inline(always)]
pub(crate) unsafe fn put<V: Vector, const WHOLE: bool>(at: *mut f32, v: V, n: usize) {
    // SAFETY: as this function's.
    unsafe { if WHOLE { V::store(at, v) } else { V::store_first(at, v, n) } }
}

/// All elements of a row, from element `first` on.
///
/// # Safety
/// As [`Lane::at`], for `len` elements and channels.
#[inline(always)]
pub(crate) unsafe fn row<V: Vector, L: Lane>(lane: &L, first: usize, len: usize) {
    let whole = len - len % V::LANES;
    // SAFETY: as this function's.
    unsafe {
        for c in (0..whole).step_by(V::LANES) {
            lane.at::<V, true>(first + c, c, V::LANES);
        }
        if whole < len {
            lane.at::<V, false>(first + whole, whole, len - whole);
        }
    }
}

/// A lane over `len` elements in rows of `period` channels.
///
/// Safety: as [`Lane::at`] for all of them.
pub(crate) struct Stream<L> {
    pub len: usize,
    pub period: usize,
    pub lane: L,
}

impl<L: Lane> Op for Stream<L> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for first in (0..self.len).step_by(self.period.max(1)) {
            // SAFETY: as this type's.
            unsafe { row::<V, L>(&self.lane, first, self.period.min(self.len - first)) };
        }
    }
}

/// Floats of a row at least, so that few loops are short.
const ROW: usize = 128;

/// Per-channel constants, repeated until they fill whole vectors and rows are not short.
pub(crate) struct Periodic {
    repeated: Vec<f32>,
    /// Channels of a row: constants, or as many repetitions as fill vectors.
    pub period: usize,
}

impl Periodic {
    /// Repeats each of `constants`, which have the same length, where it does not fill vectors.
    pub(crate) fn new(constants: &[&[f32]], lanes: usize, len: usize) -> Periodic {
        let channels = constants[0].len();
        // Lanes are a power of two.
        let shared = 1 << channels.trailing_zeros().min(lanes.trailing_zeros());
        let times = lanes / shared;
        let times = times * ROW.div_ceil(times * channels);
        // Short tensors are not worth it.
        let times = if len < 4 * times * channels { 1 } else { times };
        let mut repeated = Vec::new();
        if times > 1 {
            repeated.reserve(constants.len() * times * channels);
            constants.iter().for_each(|c| (0..times).for_each(|_| repeated.extend_from_slice(c)));
        }
        Periodic { repeated, period: times * channels }
    }

    /// Where constant number `i` starts: `own`, or its repetition.
    pub(crate) fn at(&self, i: usize, own: &[f32]) -> *const f32 {
        if self.repeated.is_empty() { own.as_ptr() } else { self.repeated[i * self.period..].as_ptr() }
    }
}
