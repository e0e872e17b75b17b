//! The embedded set.

use edgebench::data::{OpenOptions, open};

use super::{open_default, pixels, train};

#[test]
fn the_split_is_fixed_and_complete() {
    let (test, train) = (open_default("digits").unwrap(), open("digits".as_ref(), &train()).unwrap());
    assert_eq!((test.len(), train.len()), (359, 1438));
    assert_eq!((test.classes(), test.shape.as_slice()), (10, &[32, 32, 3][..]));
    assert!(test.attribution.unwrap().contains("CC BY 4.0"));
    // The source holds 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 images of 0 to 9.
    let count = |digit| [&test, &train].iter().flat_map(|set| &set.labels).filter(|&&label| label == digit).count();
    assert_eq!((0..10).map(count).collect::<Vec<_>>(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert_eq!(test.sha256().unwrap(), "b3da6dea20a9eec39703a2ea9f0d4f5c268ac69c199216621e300b96cafaa1c2");
}

#[test]
fn values_become_pixels_of_four_by_four() {
    let train = open("digits".as_ref(), &OpenOptions { limit: Some(1), ..train() }).unwrap();
    let image = pixels(&train, 0);
    // The first image of the source is a zero whose first row is 0 0 5 13 9 1 0 0.
    let row = [0, 0, 80, 207, 143, 16, 0, 0];
    for (at, &pixel) in image.iter().take(4 * 96).enumerate() {
        assert_eq!(pixel, row[at % 96 / 12], "value {at}");
    }
    assert_eq!((train.labels[0], image.len()), (0, 3072));
}
