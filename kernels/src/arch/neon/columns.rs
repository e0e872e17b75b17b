//! int8 depthwise convolution of 3×3 kernels by blocks of assembly. Four lines of 16 channels are brought together column by column; with stride 1
//! they serve two lines of the output. How a column lies and how it is multiplied is an instruction set's ([`Columns`]).

use core::arch::aarch64::*;
use core::marker::PhantomData;

use super::depthwise as neon;
use crate::arith::{RequantData, Rounding};
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::span::view_mut;

/// Bytes before the tables of the blocks: those of [`neon`], then the [`Constants`].
const HEAD: usize = 128;
/// Largest number of columns: the distance between lines is a register, the scratch space not endless.
const COLUMNS: usize = 4096;
/// Added to a float of less than 2²², it leaves the nearest integer in the lowest bits.
const MAGIC: f32 = 12_582_912.0;

/// What all blocks share, in the tables: 16 bytes that are added in rounding, 16 times the lower limit, 16 times the upper limit, then
/// whether [`is_quick`] holds.
struct Constants;

impl Constants {
    const AT: usize = 64;
    const QUICK: usize = 16 * 3 + Self::AT;
    /// Whether there is what [`one_pixel`] needs.
    const ONE: usize = Self::QUICK + 1;
}

/// Bytes of a column of four lines: 16 channels.
pub(in crate::arch) const COLUMN: usize = 64;

/// Strides that have code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::arch) enum Form {
    /// Stride 1: tiles of two lines.
    Dense,
    /// Stride 2: tiles of one line.
    Strided,
}

/// Four lines: where they are, and codes from pixel to pixel.
pub(in crate::arch) type Four = [(*const i8, usize); 4];

/// How an instruction set multiplies columns.
pub(in crate::arch) trait Columns {
    /// Whether weights may be −128.
    const LOWEST: bool;
    /// Whether [`Columns::tiles`] writes 8 channels where there are no more.
    const HALVES: bool;
    /// Pixels of a tile side by side.
    fn width(form: Form) -> usize;
    /// Bytes of the table of 16 channels.
    fn table(form: Form) -> usize;
    /// Writes the table of 16 channels, or 8: weights of a tap and channel, bias and scale of a channel.
    fn fill(form: Form, weight: impl Fn(usize, usize) -> i8, numbers: impl Fn(usize) -> (i32, f32), to: &mut [u8]);
    /// Writes columns of four lines.
    ///
    /// # Safety
    /// 16 channels, or 8 if `half`, are readable at each place; `count ≥ 1` columns may be written.
    unsafe fn interleave(lines: Four, to: *mut i8, count: usize, half: bool);
    /// The codes of some tiles.
    ///
    /// # Safety
    /// The CPU has the features; the columns, the tables and the codes of all tiles are there.
    unsafe fn tiles(form: Form, quick: bool, tiles: &Tiles);
}

/// Where a line's columns are, its tables, and where its codes go. The blocks of assembly know where the first four fields are.
#[repr(C)]
pub(in crate::arch) struct Tiles {
    /// The columns.
    pub(in crate::arch) columns: *const i8,
    /// How many tiles, at least one.
    pub(in crate::arch) count: usize,
    /// The output of each line.
    pub(in crate::arch) to: [*mut i8; 2],
    /// The table.
    pub(in crate::arch) table: *const u8,
    /// The layer's [`Constants`].
    pub(in crate::arch) constants: *const u8,
    /// Codes from pixel to pixel.
    pub(in crate::arch) pitch: usize,
    /// How many times 8 channels: two, or one.
    pub(in crate::arch) blocks: usize,
}

impl Form {
    fn of(s: &ConvShape) -> Option<Form> {
        let fits = (s.k_h, s.k_w, s.dilation_h, s.dilation_w) == (3, 3, 1, 1)
            && s.in_c == s.out_c
            && s.in_c.is_multiple_of(8)
            && s.out_w < COLUMNS / 2;
        match (s.stride_h, s.stride_w) {
            (1, 1) if fits => Some(Form::Dense),
            (2, 2) if fits => Some(Form::Strided),
            _ => None,
        }
    }

    /// Lines of a tile.
    const fn height(self) -> usize {
        match self {
            Form::Dense => 2,
            Form::Strided => 1,
        }
    }

    /// Columns under the tiles of a line, of `width` pixels at least.
    fn columns(self, out_w: usize, width: usize) -> usize {
        match self {
            Form::Dense => out_w.max(width) + 2,
            Form::Strided => out_w.max(width) * 2 + 1,
        }
    }
}

/// Bytes of scratch space.
pub(in crate::arch) fn scratch_len<C: Columns>(s: &ConvShape) -> usize {
    let columns = Form::of(s).map_or(0, |form| form.columns(s.out_w, C::width(form)) * COLUMN);
    columns.max(neon::scratch_len(s))
}

/// Where the tables of the blocks end.
fn blocks_end<C: Columns>(s: &ConvShape, form: Form) -> usize {
    HEAD + s.out_c.div_ceil(16) * C::table(form)
}

/// Whether [`one_pixel`] runs.
fn is_one(s: &ConvShape) -> bool {
    s.out_h * s.out_w == 1 && s.out_c >= 16
}

/// The taps that see the image of [`one_pixel`], by row and column.
fn taps_of_one(s: &ConvShape) -> [Option<usize>; 9] {
    core::array::from_fn(|tap| {
        let row = ConvShape::source(0, 1, tap / 3, 1, s.pad_top, s.in_h)?;
        let column = ConvShape::source(0, 1, tap % 3, 1, s.pad_left, s.in_w)?;
        Some(row * s.in_w + column)
    })
}

/// Bytes of the tables.
pub(in crate::arch) fn tables_len<C: Columns>(s: &ConvShape) -> usize {
    match Form::of(s) {
        None => neon::tables_len(s),
        Some(form) => (blocks_end::<C>(s, form) + if is_one(s) { 4 * s.out_c } else { 0 }).next_multiple_of(64),
    }
}

/// Whether the shortest way to the codes is right: all codes are allowed, sums with zero point fit in 16 bits, and the zero point is even (adding
/// it before rounding leaves what is half way between two integers at the same choice).
fn is_quick(s: &ConvShape, weights: &[i8], requant: &RequantData<'_>) -> bool {
    let scale: &[f32] = crate::span::view(requant.multiplier);
    let (rule, row_len) = (&requant.rule, s.out_c.next_multiple_of(64));
    let fits = |c: usize| {
        let sum: i64 = weights[c..].iter().step_by(row_len).map(|w| i64::from(w.unsigned_abs())).sum();
        let most = sum * 128 + i64::from(requant.bias[c]).abs();
        most < 1 << 24 && most as f32 * scale[c].abs() < 32_000.0
    };
    rule.lo <= -128 && rule.hi >= 127 && rule.zero_point % 2 == 0 && (0..s.out_c).all(fits)
}

/// See [`crate::ops::depthwise::depthwise_tables`].
pub(in crate::arch) fn tables<C: Columns>(
    s: &ConvShape,
    weights: &[i8],
    (requant, pad): (&RequantData<'_>, i8),
    to: &mut [u8],
) {
    neon::tables(s, weights, (requant, pad), to);
    let Some(form) = Form::of(s).filter(|_| requant.rule.rounding == Rounding::F32Even) else {
        return;
    };
    let (rule, row_len) = (&requant.rule, s.out_c.next_multiple_of(64));
    let scale: &[f32] = crate::span::view(requant.multiplier);
    let quick = is_quick(s, weights, requant);
    let (head, blocks) = to.split_at_mut(HEAD);
    head[Constants::ONE] = u8::from(is_one(s));
    let (blocks, one) = blocks.split_at_mut(blocks_end::<C>(s, form) - HEAD);
    if is_one(s) {
        let outside = taps_of_one(s).map(|place| place.is_none());
        for (c, to) in one.chunks_exact_mut(4).enumerate().take(s.out_c) {
            let sum: i32 = (0..9).filter(|&tap| outside[tap]).map(|tap| i32::from(weights[tap * row_len + c])).sum();
            to.copy_from_slice(&requant.bias[c].wrapping_add(sum * i32::from(pad)).to_ne_bytes());
        }
    }
    head[Constants::QUICK] = u8::from(quick);
    let zero = rule.zero_point as i16;
    for (i, to) in head[Constants::AT..][..16].iter_mut().enumerate() {
        *to = if quick { (MAGIC + f32::from(zero)).to_ne_bytes()[i % 4] } else { zero.to_ne_bytes()[i % 2] };
    }
    head[Constants::AT + 16..][..16].fill(rule.lo as i8 as u8);
    head[Constants::AT + 32..][..16].fill(rule.hi as i8 as u8);
    for (block, to) in blocks.chunks_exact_mut(C::table(form)).enumerate() {
        // Numbers are padded to a multiple of 64.
        let weight = |tap: usize, c: usize| weights[tap * row_len + 16 * block + c];
        C::fill(form, weight, |c| (requant.bias[16 * block + c], scale[16 * block + c]), to);
    }
}

/// A layer whose shape has code here.
struct Layer<'a, C> {
    s: &'a ConvShape,
    form: Form,
    tables: &'a [u8],
    quick: bool,
    /// Columns under a line that are of the image.
    middle: usize,
    set: PhantomData<C>,
}

impl<C: Columns> Layer<'_, C> {
    /// A line (or two, as the tile has) of an image's output, for one or two blocks of channels.
    ///
    /// # Safety
    /// The CPU has the features; `tiles` knows all columns and the line's output; its count is that of all tiles of the line.
    #[inline(always)]
    unsafe fn line(&self, mut tiles: Tiles) {
        let (s, width) = (self.s, C::width(self.form));
        let rest = s.out_w % width;
        for _ in 0..2 {
            // SAFETY: as this function's.
            unsafe { C::tiles(self.form, self.quick, &tiles) };
            if rest == 0 || tiles.count == 0 {
                return;
            }
            // The last tile begins inside the one before.
            let x = s.out_w - width;
            tiles.columns = tiles.columns.wrapping_add(x * s.stride_w * COLUMN);
            tiles.to = tiles.to.map(|at| at.wrapping_add(x * s.out_c));
            tiles.count = 1;
        }
    }

    /// The same by way of a buffer, where tiles reach beyond the output.
    ///
    /// # Safety
    /// As [`Layer::line`].
    #[inline(never)]
    unsafe fn line_by_tiles(&self, tiles: Tiles) {
        let (s, (width, height)) = (self.s, (C::width(self.form), self.form.height()));
        let mut x = 0;
        while x < s.out_w {
            x = x.min(s.out_w.max(width) - width);
            let mut there = [[0_i8; 64]; 2];
            let to = there.each_mut().map(|line| line.as_mut_ptr());
            let columns = tiles.columns.wrapping_add(x * s.stride_w * COLUMN);
            // SAFETY: as this function's; the buffer has room for a tile of 16 channels.
            unsafe { C::tiles(self.form, self.quick, &Tiles { columns, count: 1, to, pitch: 16, ..tiles }) };
            for (line, to) in there.iter().zip(tiles.to).take(height.min(s.out_h)) {
                for (j, codes) in line.chunks_exact(16).enumerate().take(width.min(s.out_w)) {
                    let to = to.wrapping_add((x + j) * s.out_c);
                    // SAFETY: the pixel's channels are there.
                    unsafe { to.copy_from_nonoverlapping(codes.as_ptr(), 8 * tiles.blocks) };
                }
            }
            x += width;
        }
    }

    /// An image.
    ///
    /// # Safety
    /// The CPU has the features; input and output have the shape's sizes.
    #[inline(always)]
    unsafe fn image(&self, input: &[i8], pad: &[i8; 16], scratch: &mut [i8], to: *mut i8) {
        let (s, (width, height)) = (self.s, (C::width(self.form), self.form.height()));
        let (in_len, out_len) = (s.in_w * s.in_c, s.out_w * s.out_c);
        let (columns, middle) =
            (scratch.as_ptr(), scratch[s.pad_left.min(self.form.columns(s.out_w, width)) * COLUMN..].as_mut_ptr());
        let fits = s.out_w >= width && s.out_h >= height;
        let (tables, constants) = (self.tables[HEAD..].as_ptr(), self.tables[Constants::AT..].as_ptr());
        let mut y = 0;
        while y < s.out_h {
            // The last tile may begin inside the one before.
            let top = y.min(s.out_h.max(height) - height);
            let mut lines = [0, 1, 2, 3].map(|i| {
                let row = (top * s.stride_h + i).wrapping_sub(s.pad_top);
                // The fourth line of a strided kernel is multiplied by zero.
                let there = row < s.in_h && (i < 3 || self.form == Form::Dense);
                if there { (input[row * in_len..].as_ptr(), s.in_c, 16) } else { (pad.as_ptr(), 0, 0) }
            });
            let mut first = to.wrapping_add(top * out_len);
            let (mut table, mut left) = (tables, s.in_c);
            while left > 0 {
                let blocks = if left >= 16 { 2 } else { 1 };
                let to = [first, first.wrapping_add(out_len)];
                let tiles = Tiles { columns, count: s.out_w / width, to, table, constants, pitch: s.out_c, blocks };
                // SAFETY: lines of the image have all channels of all its columns, the padding 16 codes; the columns were counted
                // when the scratch space was (asserted by the caller).
                unsafe {
                    if self.middle > 0 {
                        C::interleave(lines.map(|(at, step, _)| (at, step)), middle, self.middle, blocks == 1);
                    }
                    if fits && (C::HALVES || blocks == 2) {
                        self.line(tiles);
                    } else {
                        self.line_by_tiles(tiles);
                    }
                }
                lines = lines.map(|(at, step, more)| (at.wrapping_add(more), step, more));
                first = first.wrapping_add(16);
                table = table.wrapping_add(C::table(self.form));
                left -= 8 * blocks;
            }
            y += height;
        }
    }
}

/// An image whose output is one pixel: the taps that see the image, 16 channels at a time, with the weights as they were. What the others see is in
/// the bias.
///
/// # Safety
/// The CPU has NEON; input and output have the shape's sizes, weights those of [`Depthwise::weights`].
#[inline(always)]
unsafe fn one_pixel(s: &ConvShape, input: &[i8], weights: &[i8], finish: &neon::Finish<'_>, output: &mut [i8]) {
    let row_len = s.out_c.next_multiple_of(64);
    let (mut taps, mut count) = ([(0, 0); 9], 0);
    for (tap, place) in taps_of_one(s).into_iter().enumerate() {
        if let Some(place) = place {
            taps[count] = (place * s.in_c, tap * row_len);
            count += 1;
        }
    }
    let (input, weights) = (input.as_ptr(), weights.as_ptr());
    for at in (0..s.out_c).step_by(16) {
        // The last sixteen may begin among those before.
        let at = at.min(s.out_c - 16);
        let mut sums = finish.bias(at);
        for &(code, weight) in &taps[..count] {
            // SAFETY: every tap has all channels.
            unsafe {
                let (x, w) = (vld1q_s8(input.add(code + at)), vld1q_s8(weights.add(weight + at)));
                neon::add_wide(&mut sums, vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
            }
        }
        finish.write(sums, finish.scales(at), at, &mut output[at..at + 16]);
    }
}

/// See [`Depthwise`].
///
/// # Safety
/// The CPU has the features of `C`.
#[inline(always)]
pub(in crate::arch) unsafe fn depthwise<C: Columns>(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let ours = step.requant.rounding == Rounding::F32Even && (C::LOWEST || data.tables.first() == Some(&1));
    let Some(form) = Form::of(s).filter(|_| ours) else {
        // SAFETY: NEON is always there.
        return unsafe { neon::depthwise(step, data) };
    };
    let DepthwiseData { input, output, weights, requant, tables, scratch } = data;
    let (columns, scratch) = (form.columns(s.out_w, C::width(form)), view_mut::<i8>(scratch));
    assert!(
        scratch.len() >= columns * COLUMN && tables.len() >= tables_len::<C>(s),
        "scratch space or tables are too small"
    );
    assert_eq!(output.len(), s.batch * s.out_h * s.out_w * s.out_c, "output has another shape");
    assert_eq!(input.len(), s.batch * s.in_h * s.in_w * s.in_c, "input has another shape");
    let (in_len, out_len) = (s.in_h * s.in_w * s.in_c, s.out_h * s.out_w * s.out_c);
    if tables[Constants::ONE] == 1 && is_one(s) && weights.len() >= 9 * s.out_c.next_multiple_of(64) {
        let bias = crate::span::view(&tables[blocks_end::<C>(s, form)..]);
        let requant = RequantData { bias, ..requant };
        let finish = neon::Finish::new(&requant);
        for (input, output) in input.chunks_exact(in_len.max(1)).zip(output.chunks_exact_mut(out_len)) {
            // SAFETY: as this function's; the sizes are the shape's (asserted above).
            unsafe { one_pixel(s, input, weights, &finish, output) };
        }
        return;
    }
    let left = s.pad_left.min(columns);
    let middle = s.in_w.min(columns - left);
    // The padding columns stay as they are.
    scratch[..left * COLUMN].fill(step.pad_value);
    scratch[(left + middle) * COLUMN..columns * COLUMN].fill(step.pad_value);
    let layer = Layer::<C> { s, form, tables, quick: tables[Constants::QUICK] == 1, middle, set: PhantomData };
    let pad = [step.pad_value; 16];
    for (image, output) in output.chunks_exact_mut(out_len.max(1)).enumerate() {
        let input = &input[image * in_len..][..in_len];
        // SAFETY: as this function's; the sizes are the shape's (asserted above).
        unsafe { layer.image(input, &pad, scratch, output.as_mut_ptr()) };
    }
}
