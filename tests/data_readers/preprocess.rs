//! From pixels to the bytes of an input.

use std::fs;

use edgebench::data::pipeline::Pipeline;
use edgebench::data::preprocess::{Origin, Preprocess, PreprocessError, choose};
use edgebench::data::quantise::{Clipping, InputType, Quantisation};
use edgebench::data::{Sample, Values, side_file};

use super::dir_with;

fn sample<'a>(shape: &'a [usize], pixels: &'a [u8]) -> Sample<'a> {
    Sample { shape, values: Values::U8(pixels.into()) }
}

/// Bytes and clipping of one image.
fn input(kind: Preprocess, image: &Sample, model: &[usize], input: InputType) -> (Vec<u8>, Clipping) {
    let pipeline = Pipeline::for_pixels(kind, image.shape, model, input).unwrap();
    let mut bytes = Vec::new();
    let clipping = pipeline.append(image, &mut bytes).unwrap();
    assert_eq!(bytes.len(), pipeline.input_bytes());
    (bytes, clipping)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn the_quantisation_tells_the_preprocessing_of_real_models() {
    use Preprocess::{Caffe, Imagenet, Raw, Signed, Unit};
    // Inputs of published models: MLPerf Tiny, ST model zoo, Coral; the last ones are not images.
    for (input, expected) in [
        (InputType::i8(1.0, -128), Some(Raw)),
        (InputType::u8(1.0, 0), Some(Raw)),
        (InputType::i8(0.003921569, -128), Some(Unit)),
        (InputType::u8(0.003921569, 0), Some(Unit)),
        (InputType::u8(0.0078125, 128), Some(Signed)),
        (InputType::u8(0.007843138, 127), Some(Signed)),
        (InputType::i8(0.007843138, -1), Some(Signed)),
        (InputType::u8(1.0774158, 115), Some(Caffe)),
        (InputType::i8(1.0774158, -13), Some(Caffe)),
        (InputType::i8(0.018658, -14), Some(Imagenet)),
        (InputType::i8(0.584_702_9, 83), None),
        (InputType::i8(0.3137255, 127), None),
        (InputType::i8(0.05641113, 35), None),
        (InputType::i8(1.0, 0), None),
        (InputType::i16(1.0, 0), None),
        (InputType::i8(f32::NAN, -128), None),
    ] {
        assert_eq!(Preprocess::from_quantisation(input.quantisation().unwrap()), expected, "{input:?}");
    }
}

#[test]
fn what_was_asked_for_goes_first() {
    let unit = InputType::i8(1.0 / 255.0, -128);
    let (asked, side) = (Some(Preprocess::Raw), Some(Preprocess::Signed));
    assert_eq!(choose(asked, side, &unit, "m.toml"), Ok((Preprocess::Raw, Origin::Asked)));
    assert_eq!(choose(None, side, &unit, "m.toml"), Ok((Preprocess::Signed, Origin::SideFile)));
    assert_eq!(choose(None, None, &unit, "m.toml"), Ok((Preprocess::Unit, Origin::Quantisation)));
    let text = choose(None, None, &InputType::F32, "m.toml").unwrap_err().to_string();
    assert!(["float32", "--preprocess", "m.toml"].iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn every_kind_gives_its_values() {
    let shape = [1, 1, 3];
    let pixel = sample(&shape, &[255, 0, 51]);
    let real = |kind| floats(&input(kind, &pixel, &[1, 1, 3], InputType::F32).0);
    assert_eq!(real(Preprocess::Raw), [255.0, 0.0, 51.0]);
    assert_eq!(real(Preprocess::Unit), [1.0, 0.0, 0.2]);
    assert_eq!(real(Preprocess::Signed), [1.0, -1.0, 51.0 / 127.5 - 1.0]);
    assert_eq!(real(Preprocess::Caffe), [51.0 - 103.939, -116.779, 255.0 - 123.68]);
    assert_eq!(real(Preprocess::Imagenet), [(1.0 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]);
}

#[test]
fn codes_are_rounded_half_to_even_and_clamped() {
    let q = Quantisation { scale: 0.5, zero_point: 3, low: -128, high: 127 };
    for (x, code) in [(0.25, 3), (-0.25, 3), (0.75, 5), (-0.75, 1), (0.26, 4), (62.0, 127), (-65.5, -128)] {
        assert_eq!(q.code(x), (code, 0), "{x}");
    }
    assert_eq!(q.code(63.0), (127, 2));
    assert_eq!(q.code(-70.0), (-128, 9));
    assert_eq!(q.code(f32::INFINITY).0, 127);
    assert_eq!(q.code(f32::NEG_INFINITY).0, -128);
    assert_eq!(q.code(f32::NAN), (3, 1));
    // The identity for raw pixels, whatever the type.
    let all: Vec<u8> = (0..=255).collect();
    let shape = [16, 16, 1];
    let pixels = sample(&shape, &all);
    let (bytes, clipping) = input(Preprocess::Raw, &pixels, &[16, 16, 1], InputType::u8(1.0, 0));
    assert_eq!((bytes, clipping.clipped), (all.clone(), 0));
    let (bytes, _) = input(Preprocess::Unit, &pixels, &[16, 16, 1], InputType::i8(1.0 / 255.0, -128));
    assert_eq!(bytes, all.iter().map(|x| x ^ 0x80).collect::<Vec<_>>());
    let (bytes, _) = input(Preprocess::Signed, &pixels, &[16, 16, 1], InputType::i16(1.0 / 32768.0, 0));
    assert_eq!(bytes[..2], (-32768i16).to_le_bytes());
    assert_eq!(bytes[510..], 32767i16.to_le_bytes());
}

#[test]
fn clamped_values_are_counted_and_warned_of() {
    let all: Vec<u8> = (0..=255).collect();
    let shape = [16, 16, 1];
    let (_, clipping) = input(Preprocess::Raw, &sample(&shape, &all), &[16, 16, 1], InputType::i8(0.5, 0));
    // x / 0.5 is above 127 from 64 on.
    assert_eq!(clipping, Clipping { values: 256, clipped: 192, worst: 383 });
    assert!(clipping.warning().unwrap().contains("75.00 %"));
    assert_eq!(Clipping { values: 1000, clipped: 1, worst: 1 }.warning(), None);
    assert!(Clipping { values: 1000, clipped: 2, worst: 1 }.warning().is_some());
    assert_eq!(Clipping::default().warning(), None);
}

#[test]
fn colours_convert_and_are_noted() {
    let grey_shape = [1, 2, 1];
    let grey = sample(&grey_shape, &[10, 20]);
    let (bytes, _) = input(Preprocess::Raw, &grey, &[1, 2, 3], InputType::u8(1.0, 0));
    assert_eq!(bytes, [10, 10, 10, 20, 20, 20]);
    let (bytes, _) = input(Preprocess::Caffe, &grey, &[1, 2, 3], InputType::F32);
    assert_eq!(floats(&bytes)[..3], [10.0 - 103.939, 10.0 - 116.779, 10.0 - 123.68]);
    let rgb_shape = [1, 2, 3];
    let rgb = sample(&rgb_shape, &[255, 0, 0, 1, 2, 3]);
    let (bytes, clipping) = input(Preprocess::Raw, &rgb, &[1, 2, 1], InputType::u8(1.0, 0));
    assert_eq!((bytes, clipping.values), (vec![76, 2], 2));
    let luma = Pipeline::for_pixels(Preprocess::Raw, &[1, 2, 3], &[1, 2, 1], InputType::F32).unwrap();
    assert!(luma.notes()[0].contains("grey"));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let new = |image: &[usize], model: &[usize], kind| Pipeline::for_pixels(kind, image, model, InputType::F32);
    let error = new(&[32, 32, 3], &[96, 64, 3], Preprocess::Raw).unwrap_err();
    assert_eq!(error, PreprocessError::Size { found_height: 32, found_width: 32, height: 96, width: 64 });
    assert!(error.to_string().contains("32x32") && error.to_string().contains("96x64"));
    assert!(new(&[32, 32, 3], &[32, 32, 4], Preprocess::Raw).is_err());
    assert!(new(&[32, 32, 3], &[3072], Preprocess::Raw).is_err());
    assert!(new(&[32, 32, 3], &[32, 32, 1], Preprocess::Imagenet).is_err());
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let input = InputType::i8(scale, 0);
        let error = Pipeline::for_pixels(Preprocess::Raw, &[1, 1, 1], &[1, 1, 1], input).unwrap_err();
        assert!(matches!(error, PreprocessError::Scale(_)));
    }
    let pipeline = new(&[1, 1, 3], &[1, 1, 3], Preprocess::Raw).unwrap();
    assert!(pipeline.append(&sample(&[1, 1, 1], &[0]), &mut Vec::new()).is_err());
}

#[test]
fn arrays_go_in_as_they_are_or_quantised() {
    let shape = [2, 1];
    let values = Sample { shape: &shape, values: Values::F32(&[0.5, -300.0]) };
    let pipeline = Pipeline::for_arrays(&shape, &[1, 2, 1], InputType::i8(0.5, 1)).unwrap();
    let mut bytes = Vec::new();
    let clipping = pipeline.append(&values, &mut bytes).unwrap();
    assert_eq!((bytes, clipping.clipped, clipping.values), (vec![2, 0x80], 1, 2));
    let codes = Sample { shape: &shape, values: Values::I8(&[-1, 5]) };
    let mut bytes = Vec::new();
    pipeline.append(&codes, &mut bytes).unwrap();
    assert_eq!(bytes, [0xff, 5]);
    let real = Pipeline::for_arrays(&shape, &[2], InputType::F32).unwrap();
    assert!(real.append(&codes, &mut Vec::new()).unwrap_err().to_string().contains("int8 codes"));
    assert!(Pipeline::for_arrays(&[3], &[2], InputType::F32).is_err());
}

#[test]
fn the_side_file_stands_beside_the_model() {
    let dir = dir_with(&[
        ("a.toml", b"# note\n[input]\npreprocess = \"signed\"\n"),
        ("b.toml", b"[input]\npreprocess = \"tf\"\n"),
        ("c.toml", b"[input\n"),
        ("d.toml", b"[other]\nx = 1\n"),
        ("e.toml", b"input = 3\n"),
    ]);
    let read = |name: &str| side_file::read_for(&dir.path().join(name));
    assert_eq!(read("a.tflite").unwrap().unwrap().preprocess, Some(Preprocess::Signed));
    assert_eq!(read("d.tflite").unwrap().unwrap().preprocess, None);
    assert_eq!(read("absent.tflite").unwrap(), None);
    for (name, words) in [("b.tflite", "tf"), ("c.tflite", "not TOML"), ("e.tflite", "not a table")] {
        let text = read(name).unwrap_err().to_string();
        assert!(text.contains(words) && text.contains(".toml"), "{text}");
    }
    fs::write(dir.path().join("f.toml"), [0xff, 0xfe]).unwrap();
    assert!(read("f.tflite").is_err());
}
