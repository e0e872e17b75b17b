//! Weights go to files and come back, from other frameworks too; what does not fit is told by name.

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use edgebench_train::arch::{self, Target};
use edgebench_train::net::{Activation, Conv, Op, Shape, Window};
use edgebench_train::weights::{Layout, Options, load, save};
use edgebench_train::{Engine, Init, Net, Params};
use edgebench_train_kernels::Kernels;
use safetensors::tensor::{Dtype, TensorView, serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A folder that goes when the test ends.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).expect("written");
        self.path(name)
    }
}

/// Every kind of tensor, and a dense layer over an image of more than one pixel.
fn net() -> Net {
    let mut net = Net::new("net", Shape::new(4, 6, 2)).unwrap();
    let conv = Conv { groups: 2, ..Conv::new(6, Window::square(3).stride(2)) };
    let x = net.conv_norm("stem", 0, conv, Some(Activation::Relu)).unwrap();
    let depthwise = Op::Depthwise { multiplier: 2, window: Window::square(3), bias: true };
    let x = net.add("stem/wide", depthwise, &[x]).unwrap();
    let x = net.add("flat", Op::Flatten, &[x]).unwrap();
    let x = net.add("drop", Op::Dropout(0.5), &[x]).unwrap();
    net.dense("logits", x, 5).unwrap();
    net
}

/// No two numbers of a tensor are equal.
fn numbers(net: &Net) -> Params {
    let tensors = net.tensors().iter().enumerate();
    let values = tensors.map(|(at, tensor)| (0..tensor.elements()).map(|i| (at * 1000 + i) as f32 / 8.0).collect());
    Params::new(net, values.collect()).unwrap()
}

fn begin(net: &Net) -> Params {
    Params::init(net, Init::HeNormal, 1)
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

type Arrays = Vec<(String, Vec<usize>, Vec<f32>)>;

fn safetensors(arrays: &Arrays, metadata: Option<(&str, &str)>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = arrays.iter().map(|(.., values)| bytes_of(values)).collect();
    let views = arrays.iter().zip(&bytes);
    let views = views.map(|((name, shape, _), b)| (name, TensorView::new(Dtype::F32, shape.clone(), b).unwrap()));
    let metadata = metadata.map(|(key, value)| HashMap::from([(key.to_owned(), value.to_owned())]));
    serialize(views, metadata).unwrap()
}

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn zipped(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// `values` of `shape` with axis `axes[i]` in place `i`: the slow way.
fn turned(values: &[f32], shape: &[usize], axes: &[usize]) -> Vec<f32> {
    let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    let element = |mut at: usize| {
        let mut index = vec![0; shape.len()];
        for (&axis, size) in axes.iter().zip(&sizes).rev() {
            index[axis] = at % size;
            at /= size;
        }
        values[index.iter().zip(shape).fold(0, |at, (i, size)| at * size + i)]
    };
    (0..values.len()).map(element).collect()
}

/// The tensors of `net` as PyTorch or Keras would hold them.
fn foreign(net: &Net, params: &Params, layout: Layout) -> Arrays {
    let each = net.tensors().iter().zip(params.tensors()).map(|(tensor, values)| {
        let torch = layout == Layout::Torch;
        let (axes, name): (&[usize], &str) = match (&tensor.name[..], torch) {
            ("stem/conv.weight", true) => (&[0, 3, 1, 2], "stem.conv.weight"),
            ("stem/conv.weight", false) => (&[1, 2, 3, 0], "stem/conv/kernel:0"),
            ("stem/wide.weight", true) => (&[3, 0, 1, 2], "stem.wide.weight"),
            ("stem/wide.weight", false) => (&[1, 2, 0, 3], "stem/wide/depthwise_kernel:0"),
            ("logits.weight", true) => (&[0, 3, 1, 2], "logits.weight"),
            ("logits.weight", false) => (&[1, 0], "logits/kernel:0"),
            ("stem/norm.gamma", true) => (&[0], "stem.norm.weight"),
            ("stem/norm.beta", true) => (&[0], "stem.norm.bias"),
            ("stem/norm.mean", true) => (&[0], "stem.norm.running_mean"),
            ("stem/norm.variance", true) => (&[0], "stem.norm.running_var"),
            ("stem/norm.mean", false) => (&[0], "stem/norm/moving_mean:0"),
            ("stem/norm.variance", false) => (&[0], "stem/norm/moving_variance:0"),
            (name, _) => (&[0], name),
        };
        let from = if name == "logits.weight" { vec![5, 2, 3, 12] } else { tensor.shape.clone() };
        let mut shape: Vec<usize> = axes.iter().map(|&axis| from[axis]).collect();
        let values = turned(values, &from, axes);
        match name {
            "logits.weight" => shape = vec![5, 72],
            "stem/wide/depthwise_kernel:0" => shape = vec![3, 3, 6, 2],
            _ => {}
        }
        (name.to_owned(), shape, values)
    });
    each.collect()
}

#[track_caller]
fn problem(path: &Path, net: &Net, options: Options<'_>, words: &[&str]) {
    let text = load(path, net, begin(net), options).expect_err("refused").to_string();
    words.iter().for_each(|word| assert!(text.contains(word), "{word:?} is not in: {text}"));
}

#[test]
fn what_is_saved_comes_back() {
    let (net, folder) = (net(), Folder::new());
    let params = numbers(&net);
    for name in ["net.safetensors", "net.npz"] {
        save(&folder.path(name), &net, &params).unwrap();
        let first = std::fs::read(folder.path(name)).unwrap();
        assert!(load(&folder.path(name), &net, begin(&net), Options::default()).unwrap() == params, "{name}");
        save(&folder.path(name), &net, &params).unwrap();
        assert!(first == std::fs::read(folder.path(name)).unwrap(), "{name}: other bytes");
    }
    let error = save(&folder.path("net.h5"), &net, &params).unwrap_err().to_string();
    assert!(error.contains(".safetensors or .npz"), "{error}");
}

#[test]
fn other_frameworks_are_understood() {
    let (net, folder) = (net(), Folder::new());
    let params = numbers(&net);
    for layout in [Layout::Torch, Layout::Keras] {
        let mut arrays = foreign(&net, &params, layout);
        if layout == Layout::Torch {
            arrays.push(("stem.norm.num_batches_tracked".into(), vec![], vec![7.0]));
        }
        let path = folder.write("a.safetensors", &safetensors(&arrays, None));
        let options = Options { layout: Some(layout), ..Options::default() };
        assert!(load(&path, &net, begin(&net), options).unwrap() == params, "{layout:?}");
        // The file itself may say it.
        let path = folder.write("b.safetensors", &safetensors(&arrays, Some(("layout", layout.name()))));
        assert!(load(&path, &net, begin(&net), Options::default()).unwrap() == params, "{layout:?}");
    }
    let arrays = foreign(&net, &params, Layout::Torch);
    let path = folder.write("c.safetensors", &safetensors(&arrays, Some(("layout", "trch"))));
    problem(&path, &net, Options::default(), &["no layout \"trch\"", "did you mean \"torch\"?"]);
}

#[test]
fn numbers_of_other_kinds() {
    let folder = Folder::new();
    let mut net = Net::new("one", Shape::new(1, 1, 3)).unwrap();
    net.add("fc", Op::Dense { units: 2, bias: false }, &[0]).unwrap();
    let expected = [1.0, -2.0, 0.5, 4.0, 0.25, -8.0];
    let halves: Vec<u8> =
        [0x3C00u16, 0xC000, 0x3800, 0x4400, 0x3400, 0xC800].iter().flat_map(|h| h.to_le_bytes()).collect();
    let doubles: Vec<u8> = expected.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
    // Column by column.
    let turned = bytes_of(&[1.0, 4.0, -2.0, 0.25, 0.5, -8.0]);
    for array in [
        npy("<f2", false, "(2, 3)", &halves),
        npy("<f8", false, "(2, 3)", &doubles),
        npy("<f4", true, "(2, 3)", &turned),
    ] {
        let path = folder.write("one.npz", &zipped(&[("fc.weight.npy", array)]));
        assert_eq!(load(&path, &net, begin(&net), Options::default()).unwrap().get(0), expected);
    }
    let brains: Vec<u8> = expected.iter().flat_map(|value| value.to_le_bytes()[2..].to_vec()).collect();
    let view = TensorView::new(Dtype::BF16, vec![2, 3], &brains).unwrap();
    let path = folder.write("one.safetensors", &serialize([("fc.weight", view)], None).unwrap());
    assert_eq!(load(&path, &net, begin(&net), Options::default()).unwrap().get(0), expected);
    let view = TensorView::new(Dtype::I32, vec![2, 3], &turned).unwrap();
    let path = folder.write("one.safetensors", &serialize([("fc.weight", view)], None).unwrap());
    problem(&path, &net, Options::default(), &["fc.weight", "I32, expected F32"]);
}

#[test]
fn all_that_does_not_fit_is_told() {
    let (net, folder) = (net(), Folder::new());
    let mut named: Arrays = net
        .tensors()
        .iter()
        .zip(numbers(&net).tensors())
        .map(|(t, v)| (t.name.clone(), t.shape.clone(), v.clone()))
        .collect();
    named[1].0 = "stem/norm.gama".into();
    named[0].1 = vec![6, 1, 3, 3];
    named.push(("more.weight".into(), vec![1], vec![0.0]));
    let path = folder.write("a.safetensors", &safetensors(&named, None));
    let words = [
        "\"stem/conv.weight\" has shape [6, 1, 3, 3], expected [6, 3, 3, 1] (that is the layout of torch: say that it is torch)",
        "\"stem/norm.gamma\" [6] is missing (did you mean \"stem/norm.gama\"?)",
        "\"stem/norm.gama\" is unknown (did you mean \"stem/norm.gamma\"?)",
        "\"more.weight\" is unknown",
    ];
    problem(&path, &net, Options::default(), &words);
    // Many problems are not a wall of text.
    let big = arch::build("resnet20", Target { input: Shape::new(32, 32, 3), classes: 10 }).unwrap();
    let text = load(&path, &big, begin(&big), Options::default()).unwrap_err().to_string();
    assert!(text.lines().count() < 25 && text.ends_with(" more"), "{text}");
}

#[test]
fn another_number_of_classes() {
    let folder = Folder::new();
    let build = |classes| arch::build("resnet8", Target { input: Shape::new(32, 32, 3), classes }).unwrap();
    let (many, few) = (build(100), build(10));
    let path = folder.path("many.npz");
    let params = numbers(&many);
    save(&path, &many, &params).unwrap();
    problem(
        &path,
        &few,
        Options::default(),
        &["\"logits.weight\" has shape [100, 64], expected [10, 64]", "logits.bias"],
    );
    let except = ["logits".to_owned()];
    let options = Options { except: &except, ..Options::default() };
    let start = begin(&few);
    let loaded = load(&path, &few, start.clone(), options).unwrap();
    let tensors = few.tensors().len();
    assert!(loaded.tensors()[..tensors - 2] == params.tensors()[..tensors - 2]);
    assert!(loaded.tensors()[tensors - 2..] == start.tensors()[tensors - 2..]);
    let except = ["logit".to_owned()];
    let options = Options { except: &except, ..Options::default() };
    problem(&path, &few, options, &["no layer \"logit\" to leave out", "did you mean \"logits\"?"]);
}

#[test]
fn hostile_files_are_refused() {
    let folder = Folder::new();
    let mut net = Net::new("one", Shape::new(1, 1, 3)).unwrap();
    net.add("fc", Op::Dense { units: 2, bias: false }, &[0]).unwrap();
    let good = numbers(&net);
    for name in ["net.safetensors", "net.npz"] {
        save(&folder.path(name), &net, &good).unwrap();
        let bytes = std::fs::read(folder.path(name)).unwrap();
        for cut in 0..bytes.len() {
            let path = folder.write(&format!("cut-{name}"), &bytes[..cut]);
            assert!(load(&path, &net, begin(&net), Options::default()).is_err(), "{name} cut at {cut}");
        }
        // Whatever a byte becomes: an error, or numbers.
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x5A;
            let path = folder.write(&format!("bad-{name}"), &bytes);
            drop(load(&path, &net, begin(&net), Options::default()));
        }
    }
    let six = bytes_of(&[0.0; 6]);
    let arrays = [
        (npy("<f4", false, "(18446744073709551615, 3)", &six), "expected [2, 3]"),
        (npy("<f4", false, "(99999999999999999999, 3)", &six), "expected a dimension"),
        (npy("<f4", false, "(2, 3)", &six[..20]), "less than the 24 bytes"),
        (npy("<f4", false, "(2, 3)", &[six.clone(), vec![0]].concat()), "more than the 24 bytes"),
        (npy("<i8", false, "(2, 3)", &six), "astype"),
        (npy("<f4", false, "(2, 3)", &bytes_of(&[0.0, 1.0, f32::NAN, 0.0, 0.0, 0.0])), "value 2 is NaN"),
        (b"no array".to_vec(), "NPY magic"),
    ];
    for (array, word) in arrays {
        let path = folder.write("a.npz", &zipped(&[("fc.weight.npy", array)]));
        problem(&path, &net, Options::default(), &["fc.weight", word]);
    }
    let path = folder.write("a.npz", &zipped(&[("fc.weight.txt", six.clone())]));
    problem(&path, &net, Options::default(), &["\"fc.weight.txt\" is not an array"]);
    let path = folder.write("a.bin", &six);
    problem(&path, &net, Options::default(), &["a.bin", ".safetensors or .npz"]);
    problem(&folder.path("none.npz"), &net, Options::default(), &["none.npz"]);
}

/// `scripts/export_torch_weights.py digits … --formula --half`: PyTorch's numbers in PyTorch's order, and PyTorch's logits.
#[test]
fn pytorch_and_this_engine_agree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch_digits.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let logits = &header.metadata().as_ref().unwrap()["logits"];
    let logits: Vec<Vec<f32>> = serde_json::from_str(logits).unwrap();
    let net = arch::build("digits", Target { input: Shape::new(32, 32, 3), classes: 10 }).unwrap();
    let params = load(&path, &net, begin(&net), Options::default()).unwrap();
    let mut engine = Engine::new(&net, 1, Kernels::detect()).unwrap();
    engine.load(&params);
    let found = engine.infer(&params, logits.len(), &|image, x| {
        let len = x.len();
        let value = |at: usize| ((image * len + at) * 7919 % 2003) as f32 / 1001.0 - 1.0;
        x.iter_mut().enumerate().for_each(|(at, x)| *x = value(at));
    });
    for (found, expected) in found.iter().zip(logits.iter().flatten()) {
        assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
    }
}
