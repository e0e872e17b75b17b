//! Plain tables: columns two blanks apart, a line under the head, no box around it.

/// Columns that every report fits in; on wider terminals names are shortened less.
pub const NARROW: usize = 80;

/// Which side of a column its cells keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under a head.
#[derive(Clone, Debug)]
pub struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[(&str, Align)]) -> Self {
        let rows = vec![head.iter().map(|(name, _)| (*name).to_owned()).collect()];
        Self { align: head.iter().map(|column| column.1).collect(), rows }
    }

    /// Appends a row; missing cells are empty.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let one_line = |cell: S| cell.into().replace(['\n', '\r'], " ");
        let mut cells: Vec<String> = cells.into_iter().map(one_line).collect();
        cells.resize(self.align.len(), String::new());
        self.rows.push(cells);
    }

    /// The table as lines; no blanks at their ends.
    #[must_use]
    pub fn to_text(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.align.len()).map(width).collect();
        let mut text = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            push_line(
                &mut text,
                row.iter().zip(&widths).zip(&self.align).map(|((cell, &w), &align)| pad(cell, w, align)),
            );
            if at == 0 {
                push_line(&mut text, widths.iter().map(|&w| "─".repeat(w)));
            }
        }
        text
    }
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    let line = cells.collect::<Vec<_>>().join("  ");
    text.push_str(line.trim_end());
    text.push('\n');
}

/// `text` in at most `width` characters, the middle left out where it does not fit.
#[must_use]
pub fn shorten(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width || width < 3 {
        return text.to_owned();
    }
    let tail = (width - 1) / 2;
    let head = width - 1 - tail;
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}

/// `text` in lines of at most `width` characters where its blanks allow it, each with a line end.
#[must_use]
pub fn wrap(text: &str, width: usize) -> String {
    let (mut lines, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if used > 0 {
            let fits = used + 1 + len <= width;
            lines.push(if fits { ' ' } else { '\n' });
            used = if fits { used + 1 } else { 0 };
        }
        lines.push_str(word);
        used += len;
    }
    lines.push('\n');
    lines
}

/// An integer with a comma between thousands.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in at most eight characters: three significant digits or four.
#[must_use]
pub fn bytes(n: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = n as f64 / unit as f64;
        match value {
            _ if value < 9.995 => format!("{value:.2} {name}"),
            _ if value < 99.95 => format!("{value:.1} {name}"),
            _ => format!("{value:.0} {name}"),
        }
    };
    match n {
        0..10_000 => format!("{n} B"),
        10_000..1_023_488 => scaled(1 << 10, "KiB"),
        1_023_488..1_048_051_712 => scaled(1 << 20, "MiB"),
        _ => scaled(1 << 30, "GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("op", Align::Left), ("n", Align::Right)]);
        table.row(["CONV_2D", "7"]);
        table.row(["ADD", "120"]);
        assert_eq!(table.to_text(), "op         n\n───────  ───\nCONV_2D    7\nADD      120\n");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten("abcdefghij", 7), "abc…hij");
        assert_eq!(shorten("abcdefghij", 10), "abcdefghij");
        assert_eq!(shorten("ääääääääää", 6), "äää…ää");
    }

    #[test]
    fn sizes_are_short() {
        let sizes =
            [0, 9_999, 10_000, 102_348, 102_400, 1_023_487, 1_023_488, 10_480_500, 1_048_051_711, 1_048_051_712];
        let expected = [
            "0 B", "9999 B", "9.77 KiB", "99.9 KiB", "100 KiB", "999 KiB", "0.98 MiB", "9.99 MiB", "999 MiB",
            "0.98 GiB",
        ];
        assert_eq!(sizes.map(bytes).each_ref().map(String::as_str), expected);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678].map(grouped).each_ref().map(String::as_str)
        );
    }
}
