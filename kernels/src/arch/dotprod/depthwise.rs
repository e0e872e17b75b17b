//! int8 depthwise convolution of 3×3 kernels with `sdot`. Four lines are brought together so that the four codes of a channel in a column are a
//! dot product: three of them make a pixel. With stride 1, four lines serve two lines of the output.

use super::columns::{COLUMN, Tiles, interleave, tiles_1, tiles_2};
use crate::arch::neon::depthwise as neon;
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
/// whether [`quick`] holds.
struct Constants;

impl Constants {
    const AT: usize = 64;
    const QUICK: usize = 16 * 3 + Self::AT;
}

/// Strides that have code here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Stride 1: tiles of 2 × 2 pixels.
    Dense,
    /// Stride 2: tiles of 4 pixels of a line.
    Strided,
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

    /// Pixels of a tile side by side, and lines.
    const fn tile(self) -> (usize, usize) {
        match self {
            Form::Dense => (2, 2),
            Form::Strided => (4, 1),
        }
    }

    /// Columns under the tiles of a line.
    const fn columns(self, out_w: usize) -> usize {
        match self {
            Form::Dense => (if out_w < 2 { 2 } else { out_w }) + 2,
            Form::Strided => (if out_w < 4 { 4 } else { out_w }) * 2 + 1,
        }
    }

    /// Bytes of a block's table: weights, 8 scales, the bias of two pixels.
    const fn table(self) -> usize {
        match self {
            Form::Dense => 192 + 32 + 64,
            Form::Strided => 96 + 32 + 64,
        }
    }
}

/// Bytes of scratch space.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    let columns = Form::of(s).map_or(0, |form| form.columns(s.out_w) * COLUMN);
    columns.max(neon::scratch_len(s))
}

/// Bytes of the tables.
pub(super) fn tables_len(s: &ConvShape) -> usize {
    match Form::of(s) {
        None => neon::tables_len(s),
        Some(form) => (HEAD + s.out_c / 8 * form.table()).next_multiple_of(64),
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
pub(super) fn tables(s: &ConvShape, weights: &[i8], (requant, pad): (&RequantData<'_>, i8), to: &mut [u8]) {
    neon::tables(s, weights, (requant, pad), to);
    let Some(form) = Form::of(s).filter(|_| requant.rule.rounding == Rounding::F32Even) else {
        return;
    };
    let (rule, row_len) = (&requant.rule, s.out_c.next_multiple_of(64));
    let scale: &[f32] = crate::span::view(requant.multiplier);
    let quick = is_quick(s, weights, requant);
    let (head, blocks) = to.split_at_mut(HEAD);
    head[Constants::QUICK] = u8::from(quick);
    let zero = rule.zero_point as i16;
    for (i, to) in head[Constants::AT..][..16].iter_mut().enumerate() {
        *to = if quick { (MAGIC + f32::from(zero)).to_ne_bytes()[i % 4] } else { zero.to_ne_bytes()[i % 2] };
    }
    head[Constants::AT + 16..][..16].fill(rule.lo as i8 as u8);
    head[Constants::AT + 32..][..16].fill(rule.hi as i8 as u8);
    for (block, to) in blocks.chunks_exact_mut(form.table()).take(s.out_c / 8).enumerate() {
        let (w, rest) = to.split_at_mut(form.table() - 96);
        for (i, to) in w.iter_mut().enumerate() {
            // Column, channel, and what the line of a tile that this is for sees of the four lines.
            let (kx, c, ky) = (i / 32 % 3, i / 4 % 8, (i % 4).wrapping_sub(i / 96));
            *to = if ky < 3 { weights[(ky * 3 + kx) * row_len + 8 * block + c] as u8 } else { 0 };
        }
        let numbers = rest.chunks_exact_mut(4).enumerate();
        for (i, to) in numbers {
            let c = 8 * block + i % 8;
            to.copy_from_slice(&if i < 8 { scale[c].to_ne_bytes() } else { requant.bias[c].to_ne_bytes() });
        }
    }
}

/// A layer whose shape has code here.
struct Layer<'a> {
    s: &'a ConvShape,
    form: Form,
    tables: &'a [u8],
    quick: bool,
    /// Columns under a line, and how many of them are of the image.
    columns: usize,
    middle: usize,
}

impl Layer<'_> {
    /// A line of tiles of a block of 8 channels: `x` of the first pixel, how many tiles.
    ///
    /// # Safety
    /// As [`tiles_1`].
    #[inline(always)]
    unsafe fn line(&self, block: usize, columns: *const i8, count: usize, to: [*mut i8; 2], pitch: usize) {
        let table = self.tables[HEAD + block * self.form.table()..][..self.form.table()].as_ptr();
        let constants = self.tables[Constants::AT..].as_ptr();
        let tiles = Tiles { columns, count, table, constants, to, pitch };
        // SAFETY: as this function's.
        unsafe {
            match (self.form, self.quick) {
                (Form::Dense, true) => tiles_1::<true>(&tiles),
                (Form::Dense, false) => tiles_1::<false>(&tiles),
                (Form::Strided, true) => tiles_2::<true>(&tiles),
                (Form::Strided, false) => tiles_2::<false>(&tiles),
            }
        }
    }

    /// Lines `y…` (one or two, as the tile has) of an image's output, for a block of 8 channels.
    ///
    /// # Safety
    /// The CPU has dot products; `columns` are all columns, and `to` is the image's output.
    #[inline(always)]
    unsafe fn lines(&self, y: usize, block: usize, columns: *const i8, to: *mut i8) {
        let (s, (width, height)) = (self.s, self.form.tile());
        let line_len = s.out_w * s.out_c;
        let first = to.wrapping_add(y * line_len + 8 * block);
        // SAFETY: as this function's: tiles that reach beyond the output write to `there`.
        unsafe {
            if s.out_w >= width && s.out_h >= height {
                let second = if height == 2 { first.wrapping_add(line_len) } else { first };
                self.line(block, columns, s.out_w / width, [first, second], s.out_c);
                if !s.out_w.is_multiple_of(width) {
                    // The last tile begins inside the one before.
                    let x = s.out_w - width;
                    let to = [first, second].map(|at| at.wrapping_add(x * s.out_c));
                    self.line(block, columns.wrapping_add(x * s.stride_w * COLUMN), 1, to, s.out_c);
                }
                return;
            }
            let mut x = 0;
            while x < s.out_w {
                x = x.min(s.out_w.max(width) - width);
                let mut there = [[0_i8; 32]; 2];
                let lines = there.each_mut().map(|line| line.as_mut_ptr());
                self.line(block, columns.wrapping_add(x * s.stride_w * COLUMN), 1, lines, 8);
                for (i, line) in there.iter().enumerate().take(height.min(s.out_h)) {
                    for (j, codes) in line.chunks_exact(8).enumerate().take(width.min(s.out_w)) {
                        let to = first.wrapping_add(i * line_len + (x + j) * s.out_c);
                        to.copy_from_nonoverlapping(codes.as_ptr(), 8);
                    }
                }
                x += width;
            }
        }
    }

    /// An image.
    ///
    /// # Safety
    /// The CPU has dot products; input and output have the shape's sizes.
    #[inline(always)]
    unsafe fn image(&self, input: &[i8], pad: &[i8; 16], scratch: &mut [i8], to: *mut i8) {
        let (s, height) = (self.s, self.form.tile().1);
        let line_len = s.in_w * s.in_c;
        let left = s.pad_left.min(self.columns);
        let mut y = 0;
        while y < s.out_h {
            // The last tile may begin inside the one before.
            let top = y.min(s.out_h.max(height) - height);
            let lines = [0, 1, 2, 3].map(|i| {
                let row = (top * s.stride_h + i).wrapping_sub(s.pad_top);
                // The fourth line of a strided kernel is multiplied by zero.
                let there = row < s.in_h && (i < 3 || self.form == Form::Dense);
                if there { (input[row * line_len..].as_ptr(), s.in_c) } else { (pad.as_ptr(), 0) }
            });
            for channel in (0..s.in_c).step_by(16) {
                let half = channel + 16 > s.in_c;
                let lines = lines.map(|(at, step)| (if step == 0 { at } else { at.wrapping_add(channel) }, step));
                // SAFETY: lines of the image have all channels of all its columns, the padding 16 codes; the columns were counted
                // when the scratch space was (asserted by the caller).
                unsafe {
                    if self.middle > 0 {
                        interleave(lines, scratch[left * COLUMN..].as_mut_ptr(), self.middle, half);
                    }
                    self.lines(top, channel / 8, scratch.as_ptr(), to);
                    if !half {
                        self.lines(top, channel / 8 + 1, scratch[COLUMN / 2..].as_ptr(), to);
                    }
                }
            }
            y += height;
        }
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let Some(form) = Form::of(s).filter(|_| step.requant.rounding == Rounding::F32Even) else {
        // SAFETY: every CPU with dot products has NEON.
        return unsafe { neon::depthwise(step, data) };
    };
    let DepthwiseData { input, output, tables, scratch, .. } = data;
    let (columns, scratch) = (form.columns(s.out_w), view_mut::<i8>(scratch));
    assert!(
        scratch.len() >= columns * COLUMN && tables.len() >= tables_len(s),
        "scratch space or tables are too small"
    );
    assert_eq!(output.len(), s.batch * s.out_h * s.out_w * s.out_c, "output has another shape");
    let left = s.pad_left.min(columns);
    let middle = s.in_w.min(columns - left);
    // The padding columns stay as they are.
    scratch[..left * COLUMN].fill(step.pad_value);
    scratch[(left + middle) * COLUMN..columns * COLUMN].fill(step.pad_value);
    let layer = Layer { s, form, tables, quick: tables[Constants::QUICK] == 1, columns, middle };
    let image_len = s.in_h * s.in_w * s.in_c;
    for (image, output) in output.chunks_exact_mut((s.out_h * s.out_w * s.out_c).max(1)).enumerate() {
        let input = &input[image * image_len..][..image_len];
        // SAFETY: this function has the feature; the sizes are the shape's (asserted above).
        unsafe { layer.image(input, &[step.pad_value; 16], scratch, output.as_mut_ptr()) };
    }
}
