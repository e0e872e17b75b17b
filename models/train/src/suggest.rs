//! What a mistyped name may have meant.

/// ` (did you mean "…"?)` for the closest of `known`, or nothing if none is close.
#[must_use]
pub fn suggest(name: &str, known: &[&str]) -> String {
    let close = |known: &&&str| distance(name, known) <= 1 + name.len() / 4;
    let best = known.iter().filter(close).min_by_key(|known| distance(name, known));
    best.map_or_else(String::new, |best| format!(" (did you mean {best:?}?)"))
}

/// Insertions, deletions and replacements from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_suggested() {
        let known = ["resnet8", "resnet20", "mobilenetv2_035"];
        assert_eq!(suggest("resnet9", &known), " (did you mean \"resnet8\"?)");
        assert_eq!(suggest("mobilnetv2_035", &known), " (did you mean \"mobilenetv2_035\"?)");
        assert_eq!(suggest("alexnet", &known), "");
    }
}
