//! Weight gradient: for each weight, the sum over pixels of input times output gradient.
//!
//! A row of `dw` (an output channel) falls into [`Slice`]s: its taps, each over the pixels for which it is inside, or, where a tap
//! has few channels, its kernel rows, which are consecutive in a copy of the input with zeros at both ends of its lines. Pixels go
//! by in bands that stay in a cache; chains go on from `dw`.

use core::ops::Range;

use super::gradient_tile::{Lines, Sums, add_sums};
use super::tile::{most, panels};
use crate::arch::{Op, Vector};
use crate::walk::{Dim, merged, tile_len};
use crate::{ConvShape, Scratch};

/// Bytes of a band that should stay in the first cache.
const BAND: usize = 32 * 1024;
/// Pixels of a packed band.
const PACKED: usize = 256;
/// Floats from pixel to pixel of packed output gradients.
const DY_PITCH: usize = 16;
/// Floats from tile to tile of packed output gradients: not a power of two, for the sake of caches.
const DY_TILE: usize = (PACKED + 1) * DY_PITCH;

/// A part of a row of `dw`.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// Places in the row.
    k: Range<usize>,
    /// Rows and columns of the output for which it is inside.
    pixels: [Range<usize>; 2],
    /// Where its input of the first of those pixels starts.
    x: usize,
    /// Whether it is of the copy.
    padded: bool,
}

/// The slices of a row.
pub(super) fn slices(s: &ConvShape) -> Vec<Slice> {
    let ic = s.in_c / s.groups;
    let inside = |d: usize, tap: usize| {
        let (input, output) = ([s.in_h, s.in_w][d], [s.out_h, s.out_w][d]);
        let first = s.pad[d].saturating_sub(tap * s.dilation[d]).div_ceil(s.stride[d]);
        let end = (input + s.pad[d]).saturating_sub(tap * s.dilation[d]).div_ceil(s.stride[d]).min(output);
        first..end.max(first)
    };
    let at = |d: usize, tap: usize| inside(d, tap).start * s.stride[d] + tap * s.dilation[d] - s.pad[d];
    let mut all = Vec::new();
    // Where vectors (the longest there are, so that zeros are multiplied on every instruction set or on none) would be less than 60 %
    // full, the copy costs less.
    let padded = s.kernel[1] > 1 && ic * 10 < ic.next_multiple_of(16) * 6 && (s.dilation[1], s.groups) == (1, 1);
    if padded {
        let rows = (0..s.kernel[0]).filter(|ky| !inside(0, *ky).is_empty());
        all.extend(rows.map(|ky| {
            let first = ky * s.kernel[1] * ic;
            let pixels = [inside(0, ky), 0..s.out_w];
            Slice { k: first..first + s.kernel[1] * ic, pixels, x: at(0, ky) * padded_shape(s).in_w * ic, padded }
        }));
        return all;
    }
    for ky in 0..s.kernel[0] {
        for kx in 0..s.kernel[1] {
            let pixels = [inside(0, ky), inside(1, kx)];
            if pixels.iter().any(Range::is_empty) {
                continue;
            }
            let x = (at(0, ky) * s.in_w + at(1, kx)) * s.in_c;
            let first = (ky * s.kernel[1] + kx) * ic;
            all.push(Slice { k: first..first + ic, pixels, x, padded });
        }
    }
    all
}

/// The copy of the input: a line holds all that windows see, and lines at the end leave room for whole vectors.
fn padded_shape(s: &ConvShape) -> ConvShape {
    let in_w = (s.out_w - 1) * s.stride[1] + s.kernel[1];
    ConvShape { in_h: s.in_h + 64usize.div_ceil(in_w * s.in_c), in_w, ..*s }
}

/// The gradient of some outputs over `n` images.
///
/// Safety: slices have the lengths that the shape says.
pub(super) struct Gradient<'a> {
    pub shape: &'a ConvShape,
    pub slices: &'a [Slice],
    pub n: usize,
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub dw: &'a mut [f32],
    pub outputs: Range<usize>,
    pub scratch: &'a mut Scratch,
}

/// Some outputs of one group.
struct Group<'a> {
    s: &'a ConvShape,
    /// First input channel.
    input: usize,
    /// Outputs.
    outputs: Range<usize>,
    /// Whether vectors of inputs may be read as a whole.
    whole: bool,
}

impl Op for Gradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let s = self.shape;
        let (ic, oc) = (s.in_c / s.groups, s.out_c / s.groups);
        for g in 0..s.groups {
            let outputs = self.outputs.start.max(g * oc)..self.outputs.end.min((g + 1) * oc);
            if outputs.is_empty() {
                continue;
            }
            let rows = outputs.start - self.outputs.start..outputs.end - self.outputs.start;
            let dw = &mut self.dw[rows.start * s.row_len()..rows.end * s.row_len()];
            let padded = self.slices.iter().any(|slice| slice.padded);
            let group = Group { s, input: g * ic, outputs, whole: padded };
            // SAFETY: as this function's.
            unsafe {
                if padded {
                    group.padded::<V>(self.slices, (self.x, self.dy), dw, self.scratch);
                } else if group.is_direct(self.slices, self.n) {
                    group.direct::<V>(self.slices, (self.x, self.dy), dw);
                } else {
                    for slice in self.slices {
                        group.packed::<V>(slice, (self.x, self.dy), dw, self.scratch);
                    }
                }
            }
        }
    }
}

impl Group<'_> {
    fn dims(&self, n: usize, slice: &Slice) -> [Dim; 3] {
        let s = self.s;
        [
            Dim { count: n, src: s.x_len(), dst: s.y_len() },
            Dim { count: slice.pixels[0].len(), src: s.stride[0] * s.in_w * s.in_c, dst: s.out_w * s.out_c },
            Dim { count: slice.pixels[1].len(), src: s.stride[1] * s.in_c, dst: s.out_c },
        ]
    }

    fn is_direct(&self, slices: &[Slice], n: usize) -> bool {
        let long = |slice: &Slice| merged(self.dims(n, slice))[2].count >= 6;
        self.s.in_c + self.s.out_c <= 400 && slices.iter().all(long)
    }

    /// Tiles of all outputs and all vectors of a slice, `sums` being that of the first.
    ///
    /// # Safety
    /// As [`Sums`], for all of them; output gradients lie side by side.
    #[inline(always)]
    unsafe fn tiles<V: Vector>(&self, sums: Sums, len: usize) {
        let vectors = len.div_ceil(V::LANES);
        let mut vector = 0;
        while vector < vectors {
            let np = panels(vectors - vector);
            let first = vector * V::LANES;
            let mr = tile_len(self.outputs.len(), most::<V>(np));
            for o in (0..self.outputs.len()).step_by(mr) {
                let tile = Sums {
                    x: sums.x.wrapping_add(first),
                    dy: sums.dy.wrapping_add(o),
                    dw: sums.dw.wrapping_add(o * sums.dw_pitch + first),
                    valid: len - first,
                    ..sums
                };
                // SAFETY: as this function's.
                unsafe { add_sums::<V>(tile, mr.min(self.outputs.len() - o), np) };
            }
            vector += np;
        }
    }

    /// Reads inputs and output gradients where they lie.
    ///
    /// # Safety
    /// As [`Gradient`].
    #[inline(always)]
    unsafe fn direct<V: Vector>(&self, slices: &[Slice], (x, dy): (&[f32], &[f32]), dw: &mut [f32]) {
        let s = self.s;
        let n = x.len() / s.x_len();
        let pixels = (BAND / 4 / (s.in_c + s.out_c)).max(96);
        if let [slice] = slices {
            let dims = merged(self.dims(n, slice));
            if dims[0].count * dims[1].count == 1 {
                for first in (0..dims[2].count).step_by(pixels) {
                    let columns = pixels.min(dims[2].count - first);
                    let lines = Lines { rows: 1, columns, x_pitch: [0, dims[2].src], dy_pitch: [0, dims[2].dst] };
                    let at = (slice.x + first * dims[2].src, self.first_dy(slice) + first * dims[2].dst);
                    // SAFETY: as this function's; the band is inside.
                    unsafe { self.band::<V>(slice, lines, (&x[at.0..], &dy[at.1..]), dw) };
                }
                return;
            }
        }
        let rows = pixels.div_ceil(s.out_w);
        for (x, dy) in x.chunks_exact(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
            for top in (0..s.out_h).step_by(rows) {
                for slice in slices {
                    let [h, w] = &slice.pixels;
                    let band = top.max(h.start)..(top + rows).min(h.end);
                    if band.is_empty() {
                        continue;
                    }
                    let [_, down, along] = self.dims(1, slice);
                    let lines = Lines {
                        rows: band.len(),
                        columns: w.len(),
                        x_pitch: [down.src, along.src],
                        dy_pitch: [down.dst, along.dst],
                    };
                    let by = band.start - h.start;
                    let at = (slice.x + by * down.src, self.first_dy(slice) + by * down.dst);
                    // SAFETY: as this function's; the band is inside.
                    unsafe { self.band::<V>(slice, lines, (&x[at.0..], &dy[at.1..]), dw) };
                }
            }
        }
    }

    /// Where the first pixel of a slice starts in the output.
    fn first_dy(&self, slice: &Slice) -> usize {
        (slice.pixels[0].start * self.s.out_w + slice.pixels[1].start) * self.s.out_c
    }

    /// A slice over some pixels, the first of which start at `x` and `dy`.
    ///
    /// # Safety
    /// As [`Gradient`], and the lines are inside.
    #[inline(always)]
    unsafe fn band<V: Vector>(&self, slice: &Slice, lines: Lines, (x, dy): (&[f32], &[f32]), dw: &mut [f32]) {
        let sums = Sums {
            lines,
            x: x[self.input..].as_ptr(),
            dy: dy[self.outputs.start..].as_ptr(),
            dw: dw[slice.k.start..].as_mut_ptr(),
            dw_pitch: self.s.row_len(),
            valid: 0,
            whole: self.whole,
        };
        // SAFETY: as this function's.
        unsafe { self.tiles::<V>(sums, slice.k.len()) };
    }

    /// Copies an image, with zeros at both ends of its lines, then reads the copy.
    ///
    /// # Safety
    /// As [`Gradient`].
    #[inline(always)]
    unsafe fn padded<V: Vector>(
        &self,
        slices: &[Slice],
        (x, dy): (&[f32], &[f32]),
        dw: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (s, wide) = (self.s, padded_shape(self.s));
        let (from, to) = (s.in_w * s.in_c, wide.in_w * s.in_c);
        let before = s.pad[1] * s.in_c;
        let len = from.min(to - before);
        let copy = scratch.floats(wide.x_len());
        copy.fill(0.0);
        for (x, dy) in x.chunks_exact(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
            for (x, to) in x.chunks_exact(from).zip(copy.chunks_exact_mut(to)) {
                to[before..before + len].copy_from_slice(&x[..len]);
            }
            let group = Group { s: &wide, outputs: self.outputs.clone(), ..*self };
            // SAFETY: the slices are those of the copy, behind which there is room for whole vectors.
            unsafe { group.direct::<V>(slices, (copy, dy), dw) };
        }
    }

    /// Copies what tiles read, so that each reads consecutive memory.
    ///
    /// # Safety
    /// As [`Gradient`].
    #[inline(always)]
    unsafe fn packed<V: Vector>(
        &self,
        slice: &Slice,
        (x, dy): (&[f32], &[f32]),
        dw: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let s = self.s;
        let (dims, outputs, len) = (self.dims(x.len() / s.x_len(), slice), self.outputs.len(), slice.k.len());
        let pixels: usize = dims.iter().map(|d| d.count).product();
        let mr = tile_len(outputs, most::<V>(2)).min(DY_PITCH);
        let (dy_len, x_len) = (DY_TILE * outputs.div_ceil(mr), PACKED * 3 * V::LANES);
        let (packed_dy, packed_x) = scratch.floats(dy_len + x_len).split_at_mut(dy_len);
        let place = |pixel: usize| {
            let (row, column) = (pixel / dims[2].count, pixel % dims[2].count);
            [row / dims[1].count, row % dims[1].count, column]
        };
        for first in (0..pixels).step_by(PACKED) {
            let count = PACKED.min(pixels - first);
            let each = |pitch: fn(&Dim) -> usize| {
                let mut at = place(first);
                (0..count).map(move |_| {
                    let offset = at.iter().zip(&dims).map(|(at, dim)| at * pitch(dim)).sum::<usize>();
                    for d in [2, 1, 0] {
                        at[d] += 1;
                        if at[d] < dims[d].count {
                            break;
                        }
                        at[d] = 0;
                    }
                    offset
                })
            };
            for (pixel, offset) in each(|d| d.dst).enumerate() {
                let from = &dy[self.first_dy(slice) + offset + self.outputs.start..][..outputs];
                for (tile, o) in (0..outputs).step_by(mr).enumerate() {
                    let to = &mut packed_dy[tile * DY_TILE + pixel * DY_PITCH..][..DY_PITCH];
                    copy::<V>(&from[o..outputs.min(o + mr)], to);
                }
            }
            let vectors = len.div_ceil(V::LANES);
            let mut vector = 0;
            while vector < vectors {
                let np = panels(vectors - vector);
                let (start, pitch) = (vector * V::LANES, np * V::LANES);
                for (to, offset) in packed_x.chunks_exact_mut(pitch).zip(each(|d| d.src)) {
                    let from = &x[slice.x + offset + self.input + start..][..(len - start).min(pitch)];
                    copy::<V>(from, to);
                }
                let most = most::<V>(np).min(mr);
                for (tile, o) in (0..outputs).step_by(mr).enumerate() {
                    let end = outputs.min(o + mr);
                    for part in (o..end).step_by(most) {
                        let sums = Sums {
                            lines: Lines { rows: 1, columns: count, x_pitch: [0, pitch], dy_pitch: [0, DY_PITCH] },
                            x: packed_x.as_ptr(),
                            dy: packed_dy[tile * DY_TILE + part - o..].as_ptr(),
                            dw: dw[part * s.row_len() + slice.k.start + start..].as_mut_ptr(),
                            dw_pitch: s.row_len(),
                            valid: len - start,
                            whole: true,
                        };
                        // SAFETY: as this function's; packed inputs are whole vectors.
                        unsafe { add_sums::<V>(sums, most.min(end - part), np) };
                    }
                }
                vector += np;
            }
        }
    }
}

/// Copies to the start of `to`, whole vectors of it; what follows in the last is zero.
#[inline(always)]
fn copy<V: Vector>(from: &[f32], to: &mut [f32]) {
    for (from, to) in from.chunks(V::LANES).zip(to.chunks_exact_mut(V::LANES)) {
        // SAFETY: no more than the slices have; only code for `V` calls this.
        unsafe { V::store(to.as_mut_ptr(), V::load_first(from.as_ptr(), from.len())) };
    }
}
