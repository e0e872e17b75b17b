//! `.npy` and `.npz`: bare arrays and data sets.

use std::fs;
use std::path::Path;

use edgebench::data::npy::{Array, DType, read_npy, write_npy};
use edgebench::data::npz::{read_npz, write_npz};
use edgebench::data::{Dataset, OpenOptions, Split, Values, open};

use super::{dir_with, open_default, pixels, refused};

fn u8s(shape: &[usize], bytes: Vec<u8>) -> Array {
    Array::new(DType::U8, shape.to_vec(), bytes).unwrap()
}

fn i64s(values: &[i64]) -> Array {
    Array::new(DType::I64, vec![values.len()], values.iter().flat_map(|v| v.to_le_bytes()).collect()).unwrap()
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[test]
fn arrays_come_back_as_written() {
    let dir = dir_with(&[]);
    for (dtype, shape) in [
        (DType::U8, vec![3, 2]),
        (DType::I8, vec![]),
        (DType::I16, vec![5]),
        (DType::I32, vec![0, 7]),
        (DType::I64, vec![1, 1, 2]),
        (DType::F32, vec![2, 3, 4, 5]),
        (DType::Bool, vec![1; 32]),
    ] {
        let bytes = shape.iter().product::<usize>() * dtype.size();
        let array = Array::new(dtype, shape, (0..bytes).map(|i| i as u8 & 1).collect()).unwrap();
        let path = dir.path().join("a.npy");
        write_npy(&path, &array).unwrap();
        assert_eq!(read_npy(&path).unwrap(), array);
        let header = fs::read(&path).unwrap().len() - array.bytes.len();
        assert_eq!(header % 64, 0, "the data begin at a multiple of 64");
        let path = dir.path().join("a.npz");
        write_npz(&path, &[("x", &array), ("second", &array)]).unwrap();
        assert_eq!(read_npz(&path).unwrap(), [("x".into(), array.clone()), ("second".into(), array)]);
    }
    // Nothing but the two files is left: the partial ones were renamed.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    assert!(write_npy(&dir.path().join("absent/a.npy"), &i64s(&[1])).is_err());
}

#[test]
fn files_of_numpy_are_read() {
    let file = with_header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1), }    \n",
        &1.5f32.to_le_bytes().repeat(2),
    );
    let dir = dir_with(&[("a.npy", &file)]);
    let array = read_npy(&dir.path().join("a.npy")).unwrap();
    assert_eq!((array.to_f32(), array.shape), (Some(vec![1.5, 1.5]), vec![2, 1]));
    // Version 2 has a longer length.
    let header = "{'shape': (1,), 'fortran_order': False, 'descr': '|i1'}";
    let mut file = b"\x93NUMPY\x02\x00".to_vec();
    file.extend((header.len() as u32).to_le_bytes());
    file.extend(header.bytes().chain([0xfe]));
    fs::write(dir.path().join("b.npy"), file).unwrap();
    assert_eq!(read_npy(&dir.path().join("b.npy")).unwrap().to_i64(), Some(vec![-2]));
    // What LiteRT answered for the digits, written by NumPy itself.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digits_cnn.npz");
    let arrays = read_npz(&golden).unwrap();
    let shapes: Vec<_> = arrays.iter().map(|(name, array)| (name.as_str(), array.dtype, array.shape.clone())).collect();
    assert_eq!(
        shapes[1..],
        [("labels", DType::U8, vec![359]), ("int8", DType::I8, vec![359, 10]), ("float", DType::F32, vec![359, 10])]
    );
}

#[test]
fn damaged_headers_are_named() {
    let dir = dir_with(&[]);
    let refused = |header: &str, data: &[u8], words: &[&str]| {
        let path = dir.path().join("a.npy");
        fs::write(&path, with_header(header, data)).unwrap();
        let text = read_npy(&path).unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    let dict = |descr: &str, shape: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}");
    refused(&dict("'<f8'", "(1,)"), &[0; 8], &["<f8", "float32", "astype"]);
    refused(&dict("'>i4'", "(1,)"), &[0; 4], &["big endian", "astype('int32')"]);
    refused(&dict("[('a', '<f4')]", "(1,)"), &[0; 4], &["structured"]);
    refused(&dict("'|u1'", "(3,)"), &[0; 2], &["[3]", "2 bytes"]);
    refused(&dict("'|u1'", "(3,)"), &[0; 4], &["[3]", "4 bytes"]);
    refused(&dict("'|u1'", "(18446744073709551615, 9)"), &[0; 9], &["18446744073709551615"]);
    refused(&dict("'|u1'", "(-1,)"), &[0; 1], &["dimension"]);
    refused(&dict("'|u1'", &format!("({})", "1,".repeat(65))), &[0; 1], &["64 dimensions"]);
    refused("{'descr': '|u1', 'fortran_order': True, 'shape': (1,)}", &[0], &["C order"]);
    refused("{'descr': '|u1', 'fortran_order': False}", &[0], &["lacks"]);
    refused("{'descr': '|u1', 'size': 1}", &[0], &["size"]);
    refused("[]", &[0], &["'{'"]);
    refused(&dict("'é'", "(1,)"), &[0], &["é"]);
}

/// A directory with these arrays as `.npy` files, opened.
fn opened(path: &str, arrays: &[(&str, &Array)], options: &OpenOptions) -> Result<Dataset, edgebench::data::DataError> {
    let dir = dir_with(&[]);
    for (name, array) in arrays {
        write_npy(&dir.path().join(format!("{name}.npy")), array).unwrap();
    }
    open(&dir.path().join(path), options)
}

#[test]
fn samples_and_labels_pair_up() {
    let images = u8s(&[2, 1, 2, 3], (0..12).collect());
    let labels = i64s(&[5, 0]);
    let default = OpenOptions::default();
    for (samples, labelled) in [("x_test", "y_test"), ("images", "labels"), ("brightness", "labels"), ("a", "a_labels")]
    {
        let file = format!("{samples}.npy");
        let data = opened(&file, &[(samples, &images), (labelled, &labels)], &default).unwrap();
        assert_eq!((data.labels.as_slice(), data.classes()), (&[5, 0][..], 6));
        assert_eq!(pixels(&data, 1), [6, 7, 8, 9, 10, 11]);
    }
    let both: [(&str, &Array); 4] =
        [("x_test", &images), ("y_test", &labels), ("x_train", &images), ("y_train", &labels)];
    assert_eq!(opened("", &both, &default).unwrap().split, Some(Split::Test));
    let grey = u8s(&[2, 3, 2], (0..12).collect());
    let data = opened("", &[("x", &grey), ("y", &labels)], &OpenOptions { limit: Some(1), ..default }).unwrap();
    assert_eq!((data.shape.as_slice(), data.len()), (&[3, 2, 1][..], 1));
}

#[test]
fn arrays_of_other_types_keep_their_shape() {
    let features = Array::from_f32(vec![2, 3], &[0.5, 1.0, 1.5, -1.0, f32::NAN, 2.0]).unwrap();
    let codes = Array::new(DType::I8, vec![2, 1, 2], vec![1, 2, 0xff, 0x80]).unwrap();
    let labels = u8s(&[2, 1], vec![1, 0]);
    let data = opened("x.npy", &[("x", &features), ("y", &labels)], &OpenOptions::default()).unwrap();
    assert_eq!(data.sample(0).unwrap().values, Values::F32(&[0.5, 1.0, 1.5]));
    assert!(data.resized(4, 4).is_err());
    let data = opened("x.npy", &[("x", &codes), ("y", &labels)], &OpenOptions::default()).unwrap();
    assert_eq!(data.sample(1).unwrap().values, Values::I8(&[-1, -128]));
    assert_eq!(data.shape, [1, 2]);
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let (images, labels) = (u8s(&[2, 1, 1, 3], vec![0; 6]), i64s(&[0, 1]));
    let default = OpenOptions::default();
    let open = |arrays: &[(&str, &Array)]| opened("x.npy", arrays, &default);
    refused(open(&[("x", &images)]), &["labels", "missing", "y.npy"]);
    refused(open(&[("x", &images), ("y", &i64s(&[0]))]), &["2 samples but 1 labels"]);
    refused(open(&[("x", &images), ("y", &i64s(&[0, -1]))]), &["label -1", "sample 1"]);
    refused(open(&[("x", &images), ("y", &i64s(&[0, 1 << 40]))]), &["out of range"]);
    refused(open(&[("x", &images), ("y", &images)]), &["one label a sample"]);
    refused(open(&[("x", &images), ("y", &labels), ("labels", &labels)]), &["y.npy", " or ", "labels.npy", "--labels"]);
    let float = Array::from_f32(vec![2], &[0.0, 1.0]).unwrap();
    refused(open(&[("x", &images), ("y", &float)]), &["float32", "integers"]);
    refused(open(&[("x", &u8s(&[2, 3, 4, 4], vec![0; 96])), ("y", &labels)]), &["channels first", "transpose"]);
    refused(open(&[("x", &u8s(&[2, 4], vec![0; 8])), ("y", &labels)]), &["[4]", "float32"]);
    refused(open(&[("x", &labels), ("y", &labels)]), &["int64", "uint8"]);
    refused(open(&[("x", &u8s(&[], vec![0])), ("y", &i64s(&[0]))]), &["leading dimension"]);
    refused(open(&[("x", &u8s(&[2, 0, 3], vec![])), ("y", &labels)]), &["hold no value"]);
    refused(open(&[("x", &u8s(&[0, 1, 1], vec![])), ("y", &i64s(&[]))]), &["no sample"]);
}

#[test]
fn npz_files_pair_up_by_name() {
    let dir = dir_with(&[]);
    let path = dir.path().join("mnist.npz");
    let (images, labels) = (u8s(&[2, 2, 2], (0..8).collect()), i64s(&[1, 2]));
    write_npz(&path, &[("x_train", &images), ("y_train", &labels), ("x_test", &images), ("y_test", &labels)]).unwrap();
    assert_eq!(open_default(&path).unwrap().labels, [1, 2]);
    let limited = OpenOptions { limit: Some(1), split: Split::Train, ..OpenOptions::default() };
    assert_eq!(open(&path, &limited).unwrap().len(), 1);
    write_npz(&path, &[("a", &images), ("b", &labels)]).unwrap();
    refused(open_default(&path), &["arrays named a, b", "x_test"]);
    fs::write(&path, b"PK\x03\x04 nothing").unwrap();
    refused(open_default(&path), &["not a readable .npz"]);
}

#[test]
fn a_small_npz_that_declares_a_huge_array_is_refused() {
    let dir = dir_with(&[]);
    let path = dir.path().join("bomb.npz");
    let huge = with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 64)}", &[0; 64]);
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    zip.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, &huge).unwrap();
    zip.finish().unwrap();
    let text = read_npz(&path).unwrap_err().to_string();
    assert!(text.contains("1099511627776") && text.contains("64 bytes"), "{text}");
}

#[test]
fn damaged_files_do_not_panic() {
    let (images, labels) = (u8s(&[2, 1, 1, 3], vec![7; 6]), i64s(&[0, 1]));
    super::torture(&images.to_npy(), "x.npy", &[("y.npy", &labels.to_npy())]);
    let dir = dir_with(&[]);
    let path = dir.path().join("a.npz");
    write_npz(&path, &[("x", &images), ("y", &labels)]).unwrap();
    super::torture(&fs::read(&path).unwrap(), "a.npz", &[]);
}
