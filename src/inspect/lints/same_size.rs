//! Files of one size whose zip archives differ: whatever separates them is gone once they are unpacked.

use super::{Finding, Severity};

/// What a file weighs.
#[derive(Clone, Debug)]
pub struct Weight {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub raw: u64,
    /// Bytes of a zip archive of it.
    pub zip6: u64,
    /// What must be equal for two files to be versions of one network: multiply-accumulates and parameters.
    pub network: [u64; 2],
}

/// Sizes within this share of each other are the same.
const SAME: f64 = 0.02;
/// Archives that differ by more than this share do not hold the same.
const DIFFERENT: f64 = 0.1;

/// Looks at all files of a comparison together: one finding for each network and size.
#[must_use]
pub fn same_size(files: &[Weight]) -> Vec<Finding> {
    let mut order: Vec<&Weight> = files.iter().collect();
    order.sort_by_key(|file| (file.network, file.raw));
    let same = |a: &&Weight, b: &&Weight| a.network == b.network && (b.raw - a.raw) as f64 <= SAME * b.raw as f64;
    order.chunk_by(same).filter_map(differing).collect()
}

fn differing(group: &[&Weight]) -> Option<Finding> {
    let small = group.iter().min_by_key(|file| file.zip6)?;
    let large = group.iter().max_by_key(|file| file.zip6)?;
    if (large.zip6 - small.zip6) as f64 <= DIFFERENT * large.zip6 as f64 {
        return None;
    }
    let message = format!(
        "{} files of the same network have the same size, about {} bytes, but between {} bytes ({}) and {} bytes ({}) in a zip \
         archive: the difference exists only while they are packed",
        group.len(),
        small.raw,
        small.zip6,
        small.name,
        large.zip6,
        large.name
    );
    Some(Finding { lint: "same-size", severity: Severity::Warning, operators: Vec::new(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, raw: u64, zip6: u64) -> Weight {
        Weight { name: name.into(), raw, zip6, network: [1, 1] }
    }

    #[test]
    fn files_of_one_size_and_different_archives_are_named() {
        let found = same_size(&[file("a", 1000, 900), file("b", 1001, 400), file("c", 500, 400), file("d", 1000, 880)]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].message.starts_with("3 files") && found[0].message.contains("400 bytes (b) and 900 bytes (a)")
        );
    }

    #[test]
    fn other_networks_are_not_compared() {
        let other = Weight { network: [2, 1], ..file("b", 1000, 400) };
        assert!(same_size(&[file("a", 1000, 900), other]).is_empty());
        assert!(same_size(&[file("a", 1000, 900), file("c", 1000, 890)]).is_empty());
    }
}
