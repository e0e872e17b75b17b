//! Text for a shell at the other end.

/// `text` as one word of a POSIX shell.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A script for `sh`, as a command for whatever login shell there is: most understand single quotes alike, so that the script
/// itself must do without them.
///
/// # Panics
/// If there is one in it, which is a mistake of this program.
#[must_use]
pub fn script(text: &str) -> String {
    assert!(!text.contains('\''), "a script with single quotes: {text}");
    format!("exec sh -c '{text}'")
}

/// `name` as the name of a file anywhere: what is no letter, digit, dot, dash or underscore becomes an underscore.
#[must_use]
pub fn tame(name: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(tame).take(120).collect();
    if name.is_empty() || name.starts_with(['.', '-']) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_one_word() {
        assert_eq!(quote("a-b_c/d.tflite"), "a-b_c/d.tflite");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
    }

    #[test]
    fn names_are_tame() {
        assert_eq!(tame("my model (1).tflite"), "my_model__1_.tflite");
        assert_eq!(tame("../x"), "_.._x");
        assert_eq!(tame(""), "_");
    }
}
