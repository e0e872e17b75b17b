//! Forward pass and input gradient of depthwise layers of multiplier 1.

use super::tile::{Tiles, most, tiles};
use crate::arch::{Op, Vector};
use crate::conv::Start;
use crate::walk::{Dim, Part, Strips, chunk_len, tile_len};

/// Floats of source and destination that should stay in the second cache.
const CHUNK: usize = 128 * 1024;

/// One direction of `n` images.
///
/// Safety: slices have the lengths that the shape says, and parts are those of the shape.
pub(super) struct Multiply<'a> {
    pub parts: &'a [Part],
    pub channels: usize,
    pub src: &'a [f32],
    pub weights: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub dst: &'a mut [f32],
    /// Elements of a source and of a destination image.
    pub image: [usize; 2],
    /// Whether chains start at what the destination holds.
    pub accumulate: bool,
}

impl Op for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let [src_len, dst_len] = self.image;
        let start = match self.bias {
            _ if self.accumulate => Start::Destination,
            Some(bias) => Start::Bias(bias.as_ptr()),
            None => Start::Zero,
        };
        let chunk = chunk_len(CHUNK, src_len + dst_len);
        for (src, dst) in self.src.chunks(chunk * src_len).zip(self.dst.chunks_mut(chunk * dst_len)) {
            let n = src.len() / src_len;
            let images = Dim { count: n, src: src_len, dst: dst_len };
            for part in self.parts {
                for rect in &part.rects {
                    let strips = Strips::new(rect, images, (most::<V>(), 4));
                    let mr = tile_len(strips.line.count, most::<V>());
                    let (tiles_of_line, rest) = (strips.line.count / mr, strips.line.count % mr);
                    strips.for_each(|s, d| {
                        let args = Tiles {
                            taps: &rect.taps,
                            places: &part.taps,
                            src: src.as_ptr().wrapping_add(s),
                            src_pitch: strips.line.src,
                            weights: self.weights.as_ptr(),
                            dst: dst.as_mut_ptr().wrapping_add(rect.dst + d),
                            dst_pitch: strips.line.dst,
                            channels: self.channels,
                            start,
                            tiles: tiles_of_line,
                        };
                        // SAFETY: the walk stays inside of source and destination images; the caller vouches for the rest.
                        unsafe {
                            tiles::<V>(args, mr);
                            if rest > 0 {
                                let done = tiles_of_line * mr;
                                let src = args.src.wrapping_add(done * args.src_pitch);
                                let dst = args.dst.wrapping_add(done * args.dst_pitch);
                                tiles::<V>(Tiles { src, dst, tiles: 1, ..args }, rest);
                            }
                        }
                    });
                }
            }
        }
    }
}
