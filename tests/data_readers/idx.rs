//! IDX files.

use std::io::Write;

use edgebench::data::{OpenOptions, open};

use super::{dir_with, open_default, pixels, refused, train};

fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| file.extend(dim.to_be_bytes()));
    file.extend(data);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const IMAGES: &str = "t10k-images-idx3-ubyte";
const LABELS: &str = "t10k-labels-idx1-ubyte";

#[test]
fn pairs_are_found_plain_and_zipped() {
    let images = idx(&[3, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let labels = idx(&[3], &[0, 2, 1]);
    let dir = dir_with(&[(IMAGES, &images), (LABELS, &labels)]);
    let data = open_default(dir.path()).unwrap();
    assert_eq!((data.labels.as_slice(), data.shape.as_slice()), (&[0, 2, 1][..], &[2, 2, 1][..]));
    assert_eq!(pixels(&data, 1), [5, 6, 7, 8]);
    let limited = OpenOptions { limit: Some(2), ..OpenOptions::default() };
    assert_eq!(open(dir.path(), &limited).unwrap().len(), 2);
    refused(open(dir.path(), &train()), &["train split", "missing"]);

    let (images_gz, labels_gz) = (format!("{IMAGES}.gz"), format!("{LABELS}.gz"));
    let zipped = dir_with(&[(&images_gz, &gzip(&images)), (&labels_gz, &gzip(&labels))]);
    assert_eq!(open_default(zipped.path()).unwrap().sha256().unwrap(), data.sha256().unwrap());
    assert_eq!(open_default(zipped.path().join(images_gz)).unwrap().len(), 3);
}

#[test]
fn damage_is_named() {
    let images = idx(&[2, 2, 2], &[0; 8]);
    let with = |images: &[u8], labels: &[u8]| open_default(dir_with(&[(IMAGES, images), (LABELS, labels)]).path());
    refused(open_default(dir_with(&[(IMAGES, &images)]).path()), &[LABELS, "missing"]);
    refused(with(&images[..images.len() - 1], &idx(&[2], &[0, 1])), &[IMAGES, "[2, 2, 2]", "8 bytes", "7"]);
    refused(with(&images, &idx(&[3], &[0, 1, 2])), &["3 labels", "2 images"]);
    refused(with(&images, &images), &["one label an image"]);
    refused(with(&idx(&[u32::MAX; 3], &[0; 8]), &idx(&[2], &[0, 1])), &["declares"]);
    refused(with(&idx(&[0, 2, 2], &[]), &idx(&[0], &[])), &["no sample"]);
    refused(with(b"\0\0\x0d\x01\0\0\0\0", &idx(&[2], &[0, 1])), &["unsigned bytes"]);
    // A zip bomb: the header declares more than the stream holds, or more than is read.
    let zipped = |bytes: &[u8]| {
        let files = [("t10k-images-idx3-ubyte.gz", &gzip(bytes)[..]), (LABELS, &idx(&[2], &[0, 1])[..])];
        open_default(dir_with(&files).path())
    };
    refused(zipped(&idx(&[2, 1000, 1000], &[0; 8])), &["the data end after 8 bytes"]);
    refused(zipped(&idx(&[2, 20_000, 20_000], &[0; 8])), &["800000000 bytes", "no real samples"]);
    refused(zipped(&idx(&[2, u32::MAX, u32::MAX], &[0; 8])), &["limit"]);
}

#[test]
fn damaged_files_do_not_panic() {
    super::torture(&idx(&[2, 2, 2], &[0; 8]), IMAGES, &[(LABELS, &idx(&[2], &[0, 1]))]);
    super::torture(
        &gzip(&idx(&[2, 2, 2], &[0; 8])),
        "a-images-idx3-ubyte.gz",
        &[("a-labels-idx1-ubyte", &idx(&[2], &[0, 1]))],
    );
}
