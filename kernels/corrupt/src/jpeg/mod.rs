//! What JPEG loses, as libjpeg loses it (integer "slow" DCT, 4:2:0 for colour, smooth up-sampling). The coding behind it loses
//! nothing and is left out.

mod dct;
mod sample;
mod tables;

use crate::job::Job;
use crate::params::Table;
use crate::room::NoRoom;
use sample::Plane;

/// Quality.
const JPEG: Table<i32> = Table { cifar: [80, 65, 58, 50, 40], imagenet: [25, 18, 15, 10, 7] };

/// Encoded and decoded.
pub(crate) fn compression(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let quality = job.constants(&JPEG);
    let (height, width) = (job.image.height, job.image.width);
    let blocks = |n: usize| n.div_ceil(8) * 8;
    let luma = Plane { height: blocks(height), width: blocks(width) };
    let y = job.room.take(luma.len())?;
    if job.image.channels == 1 {
        for (row, line) in y.chunks_exact_mut(luma.width).enumerate() {
            let from = &job.image.data[row.min(height - 1) * width..][..width];
            sample::copy_extended(from.iter().copied(), line);
        }
        lose(y, luma, &tables::scaled(&tables::LUMINANCE, quality));
        for (out, line) in job.out.chunks_exact_mut(width).zip(y.chunks_exact(luma.width)) {
            out.copy_from_slice(&line[..width]);
        }
        return Ok(());
    }
    let chroma = Plane { height: blocks(height.div_ceil(2)), width: blocks(width.div_ceil(2)) };
    let (cb, cr) = (job.room.take(chroma.len())?, job.room.take(chroma.len())?);
    sample::luma(job.image, luma, y);
    for (plane, factors) in [(&mut *cb, sample::BLUE), (&mut *cr, sample::RED)] {
        let full = sample::chroma(job.image, factors, job.room.rest().take(job.image.pixels())?);
        sample::halve(full, [height, width], chroma, plane);
    }
    lose(y, luma, &tables::scaled(&tables::LUMINANCE, quality));
    let coarse = tables::scaled(&tables::CHROMINANCE, quality);
    lose(cb, chroma, &coarse);
    lose(cr, chroma, &coarse);
    sample::join(job.image, [y, cb, cr], [luma, chroma], job.room.rest(), job.out)
}

/// Every 8 × 8 block to frequencies, quantised, and back.
fn lose(plane: &mut [u8], size: Plane, table: &[i32; 64]) {
    for y in (0..size.height).step_by(8) {
        for x in (0..size.width).step_by(8) {
            let mut block = [0i32; 64];
            for (row, line) in block.chunks_exact_mut(8).enumerate() {
                let from = &plane[(y + row) * size.width + x..][..8];
                line.iter_mut().zip(from).for_each(|(b, &v)| *b = i32::from(v) - 128);
            }
            dct::forward(&mut block);
            for (c, &q) in block.iter_mut().zip(table) {
                // The transform has a factor of 8 in it.
                let size = (c.abs() + 4 * q) / (8 * q);
                *c = c.signum() * size * q;
            }
            dct::inverse(&mut block);
            for (row, line) in block.chunks_exact(8).enumerate() {
                let to = &mut plane[(y + row) * size.width + x..][..8];
                to.iter_mut().zip(line).for_each(|(to, &v)| *to = (v + 128).clamp(0, 255) as u8);
            }
        }
    }
}
