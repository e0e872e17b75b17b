//! The official CIFAR-10 layout in full size, where a directory holds it.

use std::env;
use std::path::PathBuf;

use edgebench::data::{OpenOptions, open};

use super::{pixels, train};

#[test]
fn a_whole_cifar10_is_read() {
    let Some(dir) = env::var_os("EDGEBENCH_CIFAR10").map(PathBuf::from) else {
        notice("skipped: EDGEBENCH_CIFAR10 does not name a directory with cifar-10-batches-bin");
        return;
    };
    let test = open(&dir, &OpenOptions::default()).unwrap();
    assert_eq!((test.len(), test.class_names.as_ref().unwrap()[3].as_str()), (10_000, "cat"));
    assert_eq!(test.labels[..4], [3, 8, 8, 0], "the test set begins cat, ship, ship, airplane");
    assert_eq!(pixels(&test, 9_999).len(), 3072);
    let train = open(&dir, &OpenOptions { limit: Some(12_345), ..train() }).unwrap();
    assert_eq!((train.len(), train.labels[..3].to_vec()), (12_345, vec![6, 9, 9]));
    for class in 0..10 {
        assert_eq!(test.labels.iter().filter(|&&label| label == class).count(), 1000);
    }
}

/// Says something that the test harness does not swallow.
fn notice(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
