//! The arena as a drawing: time from left to right, addresses from top to bottom, a letter for each buffer.

use std::fmt::Write;

use super::table::{bytes, shorten};
use crate::inspect::arena::{ArenaMap, BufferRow};

/// Most columns and lines of the drawing.
const COLUMNS: usize = 66;
const LINES: usize = 16;

/// The drawing and its legend.
#[must_use]
pub fn render(map: &ArenaMap) -> String {
    let times = map.steps.len() + 1;
    if map.bytes == 0 {
        return String::new();
    }
    let per_column = times.div_ceil(COLUMNS);
    let columns = times.div_ceil(per_column);
    // A column of a short network is drawn wider.
    let wide = (48 / columns).clamp(1, 4);
    let per_line = map.bytes.div_ceil(LINES);
    let mut text = String::new();
    for line in 0..map.bytes.div_ceil(per_line) {
        let mut cells = String::new();
        for column in 0..columns {
            let span = (line * per_line, (line + 1) * per_line);
            let buffer = (column * per_column..((column + 1) * per_column).min(times))
                .find_map(|time| owner(map, time, span))
                .map_or('·', letter);
            (0..wide).for_each(|_| cells.push(buffer));
        }
        let _ = writeln!(text, "{:>6.1} KiB  {cells}", (line * per_line) as f64 / 1024.0);
    }
    let end = map.steps.last().copied().unwrap_or(0);
    let width = (columns * wide).max(2);
    let _ = writeln!(text, "{:>10}  0{:>w$}", "operator", end, w = width - 1);
    text + &legend(map)
}

/// The buffer that has most of the bytes `span` at `time`; nothing if less than half of them are in use.
fn owner(map: &ArenaMap, time: usize, (from, to): (usize, usize)) -> Option<usize> {
    let overlap = |b: &BufferRow| (b.offset + b.len).min(to).saturating_sub(b.offset.max(from));
    let alive = map.buffers.iter().enumerate().filter(|(_, b)| b.lives_at(time) && overlap(b) > 0);
    let (at, most) = alive.map(|(at, b)| (at, overlap(b))).max_by_key(|&(at, most)| (most, usize::MAX - at))?;
    (2 * most >= (to - from).min(map.bytes - from) || map.buffers[at].len < to - from).then_some(at)
}

fn letter(at: usize) -> char {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char::from(LETTERS[at % LETTERS.len()])
}

/// The largest buffers.
fn legend(map: &ArenaMap) -> String {
    let mut order: Vec<usize> = (0..map.buffers.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(map.buffers[at].len), at));
    order.truncate(8);
    order.sort_unstable();
    let mut text = String::new();
    for at in order {
        let buffer = &map.buffers[at];
        let operator = |step: usize| map.steps.get(step).or(map.steps.last()).copied().unwrap_or(0);
        let life = format!("{}–{}", operator(buffer.first_step), operator(buffer.last_step));
        let more = match buffer.tensors.len() {
            0 | 1 => String::new(),
            n => format!(" and {} in its place", n - 1),
        };
        let first = buffer.tensors.first().map_or("", String::as_str);
        let name = shorten(first, 48 - more.len());
        let _ = writeln!(text, "{:>10}  {}  {life:<8} {name}{more}", bytes(buffer.len as u64), letter(at));
    }
    text
}
