//! int8 depthwise convolution of 3×3 kernels by blocks of assembly. Four lines of 16 channels are brought together column by column; with stride 1
//! they serve two lines of the output. How a column lies and how it is multiplied is an instruction set's ([`Columns`]).

use core::marker::PhantomData;

use super::depthwise as neon;
use super::one_pixel::{Numbers, is_one, one_pixel};
use super::square::{self, Square};
use super::tables::{Constants, HEAD, blocks_end, tables_len};
use crate::arith::Rounding;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::span::view_mut;

/// Largest number of columns: the distance between lines is a register, the scratch space not endless.
const COLUMNS: usize = 4096;
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
    /// Whether the four weights of a channel in the tables of [`Square`] lie side by side.
    const TOGETHER: bool;
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
    /// A layer of [`Square`]'s, for one image.
    ///
    /// # Safety
    /// The CPU has the features; input, output and tables are those of such a layer, with one block of channels at least.
    unsafe fn square(form: Square, layer: square::Layer);
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
    pub(super) fn of(s: &ConvShape) -> Option<Form> {
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
    // SAFETY: as this function's.
    unsafe {
        if s.out_h * s.out_w > 4 {
            return by_columns::<C>(step, form, data);
        }
        if let Some(square) = Square::of(s) {
            by_squares::<C>(step, square, data);
        } else if is_one(s) && data.tables[Constants::ONE] == 1 {
            by_pixels::<C>(step, form, data);
        } else {
            by_columns::<C>(step, form, data);
        }
    }
}

/// Checks the operands' sizes, but for scratch space. Returns the lengths of an image and of its output, the constants, and whether the short way
/// to codes is right.
#[inline(always)]
fn checked<C: Columns>(s: &ConvShape, data: &DepthwiseData<'_>) -> (usize, usize, *const u8, bool) {
    let (in_len, out_len) = (s.in_h * s.in_w * s.in_c, s.out_h * s.out_w * s.out_c);
    assert!(data.tables.len() >= tables_len::<C>(s), "tables are too small");
    assert_eq!(data.output.len(), s.batch * out_len, "output has another shape");
    assert_eq!(data.input.len(), s.batch * in_len, "input has another shape");
    (in_len, out_len, data.tables[Constants::AT..].as_ptr(), data.tables[Constants::QUICK] == 1)
}

/// Outputs of 2×2 pixels.
///
/// # Safety
/// As [`depthwise`].
#[inline(never)]
unsafe fn by_squares<C: Columns>(step: &Depthwise, form: Square, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let (in_len, out_len, constants, quick) = checked::<C>(s, &data);
    assert!(out_len > 0, "no channels");
    for image in 0..s.batch {
        let (input, output) = (data.input.as_ptr().wrapping_add(image * in_len), data.output.as_mut_ptr());
        let (output, tables) = (output.wrapping_add(image * out_len), data.tables[HEAD..].as_ptr());
        let layer = square::Layer { input, output, tables, constants, quick, pitch: s.out_c, blocks: s.out_c / 16 };
        // SAFETY: input, output and tables have the shape's sizes (`checked`), and there is a block of channels.
        unsafe { C::square(form, layer) };
    }
}

/// Outputs of one pixel, which sees a pixel of the image.
///
/// # Safety
/// As [`depthwise`].
#[inline(never)]
unsafe fn by_pixels<C: Columns>(step: &Depthwise, form: Form, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let (in_len, out_len, constants, quick) = checked::<C>(s, &data);
    let bias: &[i32] = crate::span::view(&data.tables[blocks_end::<C>(s, form)..]);
    let scale: &[f32] = crate::span::view(data.requant.multiplier);
    assert!(bias.len().min(scale.len()) >= s.out_c, "numbers of channels are missing");
    assert!(data.weights.len() >= 9 * s.out_c.next_multiple_of(64), "weights are missing");
    let numbers = Numbers { bias: bias.as_ptr(), scale: scale.as_ptr(), constants, quick };
    for image in 0..s.batch {
        let input = data.input.as_ptr().wrapping_add(image * in_len);
        let output = data.output.as_mut_ptr().wrapping_add(image * out_len);
        // SAFETY: input, output and weights have the shape's sizes, and so have the numbers (asserted above).
        unsafe { one_pixel(s, input, data.weights.as_ptr(), &numbers, output) };
    }
}

/// Any number of pixels.
///
/// # Safety
/// As [`depthwise`].
#[inline(never)]
unsafe fn by_columns<C: Columns>(step: &Depthwise, form: Form, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let (in_len, out_len, _, quick) = checked::<C>(s, &data);
    let DepthwiseData { input, output, tables, scratch, .. } = data;
    let (columns, scratch) = (form.columns(s.out_w, C::width(form)), view_mut::<i8>(scratch));
    assert!(scratch.len() >= columns * COLUMN, "scratch space is too small");
    let left = s.pad_left.min(columns);
    let middle = s.in_w.min(columns - left);
    // The padding columns stay as they are.
    let (all, _) = scratch.as_chunks_mut::<COLUMN>();
    all[..left].fill([step.pad_value; COLUMN]);
    all[left + middle..columns].fill([step.pad_value; COLUMN]);
    let layer = Layer::<C> { s, form, tables, quick, middle, set: PhantomData };
    let pad = [step.pad_value; 16];
    for (image, output) in output.chunks_exact_mut(out_len.max(1)).enumerate() {
        let input = &input[image * in_len..][..in_len];
        // SAFETY: as this function's; the sizes are the shape's (asserted above).
        unsafe { layer.image(input, &pad, scratch, output.as_mut_ptr()) };
    }
}
