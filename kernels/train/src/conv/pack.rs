//! Weights in the order in which tiles read them: `[part][group][panel][tap][source channel][lane]`, a lane being a destination
//! channel; the last panel is filled up with zeros.

use super::product::{Product, ProductPart};
use crate::ConvShape;
use crate::scratch::Scratch;

/// Floats of a part's panels for one group.
pub(super) fn panel_len(part: &ProductPart, [src_c, dst_c]: [usize; 2], lanes: usize) -> usize {
    dst_c.next_multiple_of(lanes) * part.taps.len() * src_c
}

/// Floats of all panels.
pub(super) fn packed_len(p: &Product, lanes: usize) -> usize {
    p.groups * p.parts.iter().map(|part| panel_len(part, p.channels, lanes)).sum::<usize>()
}

/// Packs for the forward pass: a lane is a row of `weights`.
pub(super) fn pack_forward(s: &ConvShape, p: &Product, lanes: usize, weights: &[f32], to: &mut Scratch) {
    let (row, outputs) = (s.row_len(), s.out_c / s.groups);
    let to = to.floats(packed_len(p, lanes));
    let panels = to.chunks_exact_mut(row * lanes);
    let firsts = (0..s.groups).flat_map(|g| (0..outputs).step_by(lanes).map(move |o| (g * outputs + o, outputs - o)));
    for (panel, (first, left)) in panels.zip(firsts) {
        let valid = left.min(lanes);
        let rows = &weights[first * row..][..valid * row];
        // A block of the rows at a time, so that both sides stay in the first cache.
        for (block, panel) in panel.chunks_mut(64 * lanes).enumerate() {
            for lane in 0..lanes {
                let to = panel.iter_mut().skip(lane).step_by(lanes);
                if lane < valid {
                    to.zip(&rows[lane * row + block * 64..]).for_each(|(to, w)| *to = *w);
                } else {
                    to.for_each(|to| *to = 0.0);
                }
            }
        }
    }
}

/// Packs for the input gradient: a lane is an input channel.
pub(super) fn pack_backward(s: &ConvShape, p: &Product, lanes: usize, weights: &[f32], to: &mut Scratch) {
    let (row, [outputs, inputs]) = (s.row_len(), p.channels);
    let mut to = to.floats(packed_len(p, lanes)).chunks_exact_mut(lanes);
    for part in &p.parts {
        for group in 0..s.groups {
            for first in (0..inputs).step_by(lanes) {
                let valid = (inputs - first).min(lanes);
                for tap in &part.taps {
                    for o in group * outputs..(group + 1) * outputs {
                        let Some(to) = to.next() else { return };
                        let from = &weights[o * row + tap * inputs + first..][..valid];
                        if valid == lanes {
                            to.copy_from_slice(from);
                        } else {
                            to[..valid].copy_from_slice(from);
                            to[valid..].fill(0.0);
                        }
                    }
                }
            }
        }
    }
}
