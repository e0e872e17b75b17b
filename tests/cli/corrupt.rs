//! `edgebench corrupt`.

use std::path::Path;

use edgebench::data::npy::{DType, read_npy};
use edgebench_corrupt::Corruption;

use crate::{Files, at, edgebench, json, noise, number};

fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn arrays_have_the_layout_of_cifar_10_c() {
    let files = Files::new();
    let out = files.name("c");
    let report = json(&["corrupt", "--limit", "7", "--output", &out, "--json", "--threads", "3"]);
    assert_eq!(at(&report, "schema"), "edgebench.corrupt/1");
    assert_eq!(number(&report, "images"), 7.0);
    assert_eq!(at(&report, "constants"), "cifar");
    let mut wanted: Vec<String> = Corruption::ALL.map(|kind| format!("{kind}.npy")).to_vec();
    wanted.iter_mut().for_each(|name| {
        if name == "frost.npy" {
            *name = "frost-synthetic.npy".into();
        }
    });
    wanted.push("labels.npy".into());
    wanted.sort();
    assert_eq!(listing(Path::new(&out)), wanted);
    let fog = read_npy(&files.path("c/fog.npy")).expect("an array");
    assert_eq!((fog.dtype, &fog.shape[..]), (DType::U8, &[35, 32, 32, 3][..]));
    let labels = read_npy(&files.path("c/labels.npy")).expect("an array");
    assert_eq!((labels.dtype, &labels.shape[..]), (DType::U8, &[35][..]));
    assert_eq!(labels.bytes[..7], labels.bytes[28..]);
    // Nothing is overwritten, and nothing of other data is added.
    for (limit, said) in [("7", "there already"), ("6", "the labels of other images")] {
        let again = edgebench(&["corrupt", "--limit", limit, "--corruptions", "fog", "--output", &out]);
        assert_eq!(again.code, Some(2));
        assert!(again.stderr.contains(said), "{}", again.stderr);
    }
    assert_eq!(read_npy(&files.path("c/fog.npy")).expect("an array"), fog);
}

#[test]
fn threads_and_limits_change_no_byte_and_seeds_do() {
    let files = Files::new();
    let make = |name: &str, threads: &str, limit: &str, seed: &str| {
        let (out, kinds) = (files.name(name), "gaussian_noise,frost,elastic_transform");
        let args = ["corrupt", "--limit", limit, "--corruptions", kinds, "--threads", threads, "--seed", seed];
        assert_eq!(edgebench(&[&args[..], &["--output", &out]].concat()).code, Some(0));
        let read = |kind: &str| read_npy(&files.path(&format!("{name}/{kind}.npy"))).expect("an array").bytes;
        ["gaussian_noise", "frost-synthetic", "elastic_transform"].map(read)
    };
    let one = make("a", "1", "9", "5");
    assert_eq!(one, make("b", "8", "9", "5"));
    let fewer = make("c", "2", "4", "5");
    for (one, fewer) in one.iter().zip(&fewer) {
        assert_eq!(one[..4 * 3072], fewer[..4 * 3072]);
        assert_eq!(one[9 * 3072..][..4 * 3072], fewer[4 * 3072..][..4 * 3072]);
    }
    assert!(one.iter().zip(make("d", "2", "9", "6")).all(|(a, b)| *a != b));
}

#[test]
fn folders_of_images_can_be_read_again_and_are_equal() {
    let files = Files::new();
    let (npy, png) = (files.name("npy"), files.name("png"));
    let common = ["--limit", "12", "--corruptions", "jpeg_compression", "--output"];
    assert_eq!(edgebench(&[&["corrupt"], &common[..], &[&npy]].concat()).code, Some(0));
    let more = ["--format", "png", "--severity", "2,5"];
    assert_eq!(edgebench(&[&["corrupt"], &common[..], &[&png], &more].concat()).code, Some(0));
    assert_eq!(listing(&files.path("png")), ["jpeg_compression"]);
    assert_eq!(listing(&files.path("png/jpeg_compression")), ["2", "5"]);
    let array = read_npy(&files.path("npy/jpeg_compression.npy")).expect("an array");
    let mut seen = 0;
    for class in listing(&files.path("png/jpeg_compression/5")) {
        for name in listing(&files.path(&format!("png/jpeg_compression/5/{class}"))) {
            let path = files.path(&format!("png/jpeg_compression/5/{class}/{name}"));
            let image = image::open(path).expect("an image").to_rgb8();
            let index: usize = name.trim_end_matches(".png").parse().expect("a number");
            assert_eq!(image.as_raw()[..], array.bytes[(4 * 12 + index) * 3072..][..3072]);
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
    // A second time nothing is overwritten.
    let again = edgebench(&[&["corrupt"], &common[..], &[&png], &more].concat());
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
}

#[test]
fn a_sheet_has_a_row_a_kind_and_a_column_a_severity() {
    let files = Files::new();
    let sheet = files.name("sheet.png");
    let report = json(&["corrupt", "--limit", "3", "--sheet", &sheet, "--sheet-image", "2", "--json"]);
    assert_eq!(at(&report, "written.0"), &serde_json::json!(sheet));
    let image = image::open(&sheet).expect("a picture").to_rgb8();
    assert!(image.height() as usize > 19 * 96 && image.width() as usize > 6 * 96);
    let beyond = edgebench(&["corrupt", "--limit", "3", "--sheet", &sheet, "--sheet-image", "3"]);
    assert_eq!(beyond.code, Some(2));
    assert!(beyond.stderr.contains("no image 3, the data have 3"), "{}", beyond.stderr);
}

#[test]
fn photographs_of_frost_are_taken_and_checked() {
    let files = Files::new();
    let dir = files.path("frost");
    std::fs::create_dir(&dir).expect("a directory");
    let frost = dir.display().to_string();
    let out = files.name("out");
    let args = ["corrupt", "--limit", "2", "--corruptions", "frost", "--output", &out, "--frost-dir", &frost];
    let empty = edgebench(&args);
    assert_eq!(empty.code, Some(2));
    assert!(empty.stderr.contains("a photograph of frost is missing"), "{}", empty.stderr);
    let picture = |side: u32| image::RgbImage::from_pixel(side, side, image::Rgb([200, 210, 220]));
    picture(100).save(dir.join("a.png")).expect("a picture");
    let small = edgebench(&args);
    assert_eq!(small.code, Some(2));
    assert!(small.stderr.contains("20 x 20 pixels"), "{}", small.stderr);
    assert!(!files.path("out/frost.npy").exists());
    picture(200).save(dir.join("a.png")).expect("a picture");
    assert_eq!(edgebench(&args).code, Some(0));
    assert!(files.path("out/frost.npy").exists());
    assert_eq!(listing(&files.path("out")), ["frost.npy", "labels.npy"]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let files = Files::new();
    let out = files.name("out");
    for (args, said) in [
        (&["corrupt", "--output", &out, "--severity", "1-3"][..], "all five severities"),
        (&["corrupt", "--output", &out, "--severity", "0"], "expected 1 to 5"),
        (&["corrupt", "--output", &out, "--corruptions", "mist"], "fog"),
        (&["corrupt"], "--output"),
    ] {
        let run = edgebench(args);
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
    }
    files.array("x.npy", DType::F32, &[2, 3], noise(24).iter().map(|b| b & 0x3f).collect());
    files.array("labels.npy", DType::U8, &[2], vec![0, 1]);
    let run = edgebench(&["corrupt", "--data", &files.name("x.npy"), "--output", &out]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("only 8-bit images"), "{}", run.stderr);
}
