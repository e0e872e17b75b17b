//! Folders of images.

use std::io::Cursor;

use edgebench::data::{OpenOptions, Split, open};
use image::{ImageFormat, RgbImage};

use super::{dir_with, open_default, pixels, refused, train};

fn png(width: u32, height: u32, rgb: [u8; 3]) -> Vec<u8> {
    encode(width, height, rgb, ImageFormat::Png)
}

fn encode(width: u32, height: u32, rgb: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, image::Rgb(rgb)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn classes_and_images_come_in_order_of_name() {
    let (red, green) = (png(3, 2, [255, 0, 0]), png(3, 2, [0, 255, 0]));
    let jpeg = encode(3, 2, [0, 0, 255], ImageFormat::Jpeg);
    let files: [(&str, &[u8]); 6] = [
        ("b/2.png", &green),
        ("b/1.png", &red),
        ("a/x.JPG", &jpeg),
        ("c/0.png", &red),
        ("c/notes.txt", b"not an image"),
        (".hidden/0.png", b"not an image"),
    ];
    let dir = dir_with(&files);
    let data = open_default(dir.path()).unwrap();
    assert_eq!(data.labels, [0, 1, 1, 2]);
    assert_eq!(data.class_names.as_ref().unwrap(), &["a", "b", "c"]);
    assert_eq!((data.shape.as_slice(), data.split), (&[2, 3, 3][..], None));
    assert_eq!(pixels(&data, 1), [255, 0, 0].repeat(6));
    assert_eq!(pixels(&data, 2), [0, 255, 0].repeat(6));
    assert!(pixels(&data, 0)[2] > 250, "blue, through JPEG");
    let limited = open(dir.path(), &OpenOptions { limit: Some(3), ..OpenOptions::default() }).unwrap();
    assert_eq!(limited.labels, [0, 1, 2], "every class in turn");
    assert!(limited.notes[0].contains("3 of 4 images"));
    assert!(limited.notes[1].contains("JPEG"));
}

#[test]
fn parts_are_chosen_by_split() {
    let image = png(1, 1, [1, 2, 3]);
    let dir = dir_with(&[("train/a/0.png", &image), ("train/b/0.png", &image), ("val/a/0.png", &image)]);
    assert_eq!(open(dir.path(), &train()).unwrap().len(), 2);
    let test = open_default(dir.path()).unwrap();
    assert_eq!((test.len(), test.split), (1, Some(Split::Test)));
    let dir = dir_with(&[("train/a/0.png", &image)]);
    refused(open_default(dir.path()), &["test split", "missing"]);
}

#[test]
fn sizes_must_agree_unless_resized() {
    let dir = dir_with(&[("a/0.png", &png(4, 4, [9; 3])), ("a/1.png", &png(6, 2, [9; 3]))]);
    refused(open_default(dir.path()), &["1.png", "2x6", "4x4", "0.png", "--resize"]);
    let resized = OpenOptions { resize: Some([8, 5]), ..OpenOptions::default() };
    let data = open(dir.path(), &resized).unwrap();
    assert_eq!(data.shape, [8, 5, 3]);
    assert_eq!(pixels(&data, 0), [9; 120]);
    assert_eq!(pixels(&data, 1), [9; 120]);
    assert!(data.notes[0].contains("8x5"));
    let again = data.resized(2, 2).unwrap();
    assert_eq!(pixels(&again, 1), [9; 12]);
}

#[test]
fn damaged_images_are_named() {
    let good = png(4, 4, [9; 3]);
    let dir = dir_with(&[("a/0.png", &good), ("a/1.png", b"no image at all")]);
    refused(open_default(dir.path()), &["1.png", "not a readable PNG or JPEG"]);
    // The header is sound, the pixels are not: found when the image is asked for.
    let dir = dir_with(&[("a/0.png", &good[..good.len() - 20])]);
    let data = open_default(dir.path()).unwrap();
    assert!(data.sample(0).unwrap_err().to_string().contains("0.png"));
    // A size that would take 16 TiB.
    let mut huge = good.clone();
    huge[16..24].copy_from_slice(&[0, 0x20, 0, 0, 0, 0x20, 0, 0]);
    assert!(open_default(dir_with(&[("a/0.png", &huge)]).path()).is_err());
}
