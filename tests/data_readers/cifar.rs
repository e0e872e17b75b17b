//! CIFAR, binary version.

use edgebench::data::{OpenOptions, open};

use super::{dir_with, open_default, pixels, refused, train};

/// Records with the given label bytes; red is 10 + record, green 20, blue 30, except a marked first pixel.
fn records(labels: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        file.extend_from_slice(label);
        let mut planes = vec![10 + at as u8; 1024];
        planes[1] = 99;
        planes.extend([20; 1024]);
        planes.extend([30; 1024]);
        file.extend(planes);
    }
    file
}

#[test]
fn the_ten_classes_are_read_with_channels_last() {
    let names = b"plane\ncar\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let (test, train_batch) = (records(&[&[3], &[9]]), records(&[&[1]]));
    let train_files = (1..=5).map(|i| format!("data_batch_{i}.bin")).collect::<Vec<_>>();
    let mut files: Vec<(&str, &[u8])> = vec![("test_batch.bin", &test), ("batches.meta.txt", names)];
    files.extend(train_files.iter().map(|name| (&**name, &train_batch[..])));
    let dir = dir_with(&files);

    let data = open_default(dir.path()).unwrap();
    assert_eq!((data.labels.as_slice(), data.classes()), (&[3, 9][..], 10));
    assert_eq!(data.shape, [32, 32, 3]);
    assert_eq!(data.class_names.as_ref().unwrap()[0], "plane");
    let image = pixels(&data, 1);
    assert_eq!(image[..6], [11, 20, 30, 99, 20, 30]);
    assert_eq!(image.len(), 3072);

    let data = open(dir.path(), &train()).unwrap();
    assert_eq!(data.labels, [1; 5]);
    let data = open(dir.path(), &OpenOptions { limit: Some(3), ..train() }).unwrap();
    assert_eq!(data.len(), 3);
    // One level up works too, and so does one file.
    let file = open_default(dir.path().join("test_batch.bin")).unwrap();
    assert_eq!(file.sha256().unwrap(), open_default(dir.path()).unwrap().sha256().unwrap());
    assert_ne!(file.sha256().unwrap(), data.sha256().unwrap());
}

#[test]
fn the_hundred_classes_have_fine_and_coarse_labels() {
    let dir = dir_with(&[("cifar-100-binary/test.bin", &records(&[&[7, 77], &[19, 99]]))]);
    assert_eq!(open_default(dir.path()).unwrap().labels, [77, 99]);
    let coarse = OpenOptions { coarse: true, ..OpenOptions::default() };
    let data = open(dir.path(), &coarse).unwrap();
    assert_eq!((data.labels.as_slice(), data.classes()), (&[7, 19][..], 20));
}

#[test]
fn resizing_is_noted_and_keeps_the_hash() {
    let dir = dir_with(&[("test_batch.bin", &records(&[&[3]]))]);
    let data = open_default(dir.path()).unwrap();
    let large = data.resized(64, 48).unwrap();
    assert_eq!((large.shape.as_slice(), pixels(&large, 0).len()), (&[64, 48, 3][..], 64 * 48 * 3));
    assert!(large.notes[0].contains("32x32 to 64x48"), "{:?}", large.notes);
    assert_eq!(large.sha256().unwrap(), data.sha256().unwrap());
    assert!(data.resized(0, 5).is_err());
    assert!(data.resized(usize::MAX, 5).is_err());
}

#[test]
fn damage_is_named() {
    let cut = records(&[&[3]])[..3000].to_vec();
    let dir = dir_with(&[("test_batch.bin", &cut)]);
    refused(open_default(dir.path()), &["test_batch.bin", "3073", "3000"]);
    refused(open_default(dir.path().join("test_batch.bin")), &["3073", "3074", "3000"]);
    refused(open(dir.path(), &train()), &["data_batch_1.bin", "missing"]);

    let dir = dir_with(&[("test_batch.bin", &records(&[&[3], &[10]]))]);
    refused(open_default(dir.path()), &["label 10", "record 1", "0..10"]);
    let dir = dir_with(&[("test.bin", &records(&[&[3, 100]]))]);
    refused(open_default(dir.path()), &["label 100", "0..100"]);
    let dir = dir_with(&[("test_batch.bin", &records(&[&[3]])), ("batches.meta.txt", b"a\nb\n")]);
    refused(open_default(dir.path()), &["batches.meta.txt", "10 class names", "2"]);
    let dir = dir_with(&[("test_batch.bin", b"")]);
    refused(open_default(dir.path()), &["0 bytes"]);
}
