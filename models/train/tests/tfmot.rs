//! Files of TensorFlow's model optimisation toolkit: a ResNet-8 after each of its techniques, as float and as int8 files. They are
//! taken up where they are, trained on, and become the int8 file that TensorFlow's converter makes of them.

use std::io::Write;
use std::path::{Path, PathBuf};

use edgebench_models::Graph;
use edgebench_models::graph::{DType, Tensor};
use edgebench_models::quantise::Io;
use edgebench_models::tflite::Model;
use edgebench_train::compress::{Job, follow};
use edgebench_train::export::artifact;
use edgebench_train::import::{Imported, import};
use edgebench_train::net::{Op, Shape};
use edgebench_train::recipe::{Training, builtin};
use edgebench_train::{Encoding, Images, Trainer};

/// The folder, if it is there.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("EDGEBENCH_MODELS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let of = |models: PathBuf| models.join("made").join("tfmot16");
    let found = [named, Some(beside)].into_iter().flatten().map(of).find(|folder| folder.is_dir());
    if found.is_none() {
        let text = "skipped: no files of tfmot; set EDGEBENCH_MODELS to a folder that holds made/tfmot16";
        drop(writeln!(std::io::stderr(), "{text}"));
    }
    found
}

/// Float files, each with the int8 file that was made of it.
fn pairs(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "tflite"));
    files.sort();
    assert_eq!(files.len(), 16);
    files.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// Images without a pattern, as the files take them.
fn noise(count: usize) -> Images {
    let shape = Shape::new(32, 32, 3);
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels = (0..count * shape.len()).map(|_| next()).collect();
    let labels = (0..count).map(|at| (at % 10) as u32).collect();
    Images::new(shape, 10, pixels, labels, Encoding::signed(3)).unwrap()
}

fn read(path: &Path) -> Model {
    Model::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn after(imported: &Imported, images: &Images, recipe: &str) -> (Trainer, Graph) {
    let defaults = Training { epochs: Some(1), batch: Some(16), rate: Some(1e-4), ..Training::default() };
    let job = Job {
        net: &imported.net,
        params: &imported.params,
        images: (images, None),
        data: "noise",
        defaults: &defaults,
        workers: 2.into(),
        seed: 7,
        folder: None,
    };
    let recipe = builtin(recipe).unwrap();
    let (trainer, _) = follow(&job, &recipe, &mut ()).unwrap_or_else(|error| panic!("{}: {error}", recipe.name));
    let sample = |at: usize| {
        let mut input = vec![0f32; images.shape().len()];
        images.encode(at, &mut input);
        input
    };
    let model = artifact(&trainer, &recipe, Io::Int8, (0..images.len()).map(sample)).unwrap();
    let model = Model::read(&model.write().unwrap()).unwrap();
    (trainer, Graph::from_model(&model).unwrap())
}

/// Kernels of convolutions and dense layers in the order of the file.
fn kernels(graph: &Graph) -> Vec<&Tensor> {
    let product = |name: &str| ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"].contains(&name);
    let nodes = graph.nodes.iter().filter(|node| product(node.op.name()));
    nodes.map(|node| &graph.tensors[node.inputs[1].unwrap()]).collect()
}

/// Scales of the values that products and additions yield, in the order of the file.
fn scales(graph: &Graph) -> Vec<(f32, i64)> {
    let nodes = graph.nodes.iter().filter(|node| ["CONV_2D", "FULLY_CONNECTED", "ADD"].contains(&node.op.name()));
    let quant = |node: &edgebench_models::graph::Node| graph.tensors[node.outputs[0]].quant.clone().unwrap();
    nodes.map(quant).map(|quant| (quant.scale[0], quant.zero_point[0])).collect()
}

#[test]
fn every_file_is_trained_on_or_refused_by_name() {
    let Some(folder) = folder() else { return };
    let images = noise(48);
    for (float, int8) in pairs(&folder) {
        let imported = import(&read(&float), "net").unwrap_or_else(|error| panic!("{}: {error}", float.display()));
        let error = import(&read(&int8), "net").unwrap_err().to_string();
        assert!(error.contains("give the float file that this one was made from"), "{}: {error}", int8.display());
        for recipe in ["prune", "qat-int8", "pcqat-int8"] {
            let (trainer, _) = after(&imported, &images, recipe);
            // What the file simulates is not simulated twice.
            let layers = trainer.net().layers();
            let twice =
                layers.iter().find(|layer| layer.op == Op::FakeQuant && layers[layer.inputs[0]].op == Op::FakeQuant);
            assert_eq!(twice, None, "{}", float.display());
        }
    }
}

/// Recipe 2 trains nothing: weights and ranges that a file was trained with are those of the int8 file.
#[test]
fn trained_quantisation_is_kept() {
    let Some(folder) = folder() else { return };
    let images = noise(16);
    let mut simulated = 0;
    for (float, int8) in pairs(&folder) {
        let imported = import(&read(&float), "net").unwrap();
        if !imported.simulated {
            continue;
        }
        simulated += 1;
        let name = float.display();
        let (_, found) = after(&imported, &images, "int8");
        let expected = Graph::from_model(&read(&int8)).unwrap();
        let (ours, theirs) = (kernels(&found), kernels(&expected));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_eq!((ours.dtype, &ours.shape), (DType::I8, &theirs.shape), "{name}");
            let [a, b] = [ours, theirs].map(|tensor| (tensor.data.as_deref().unwrap(), tensor.quant.as_ref().unwrap()));
            if b.1.scale.len() > 1 {
                assert!(a.0 == b.0, "{name}: codes of {:?}", theirs.name);
                continue;
            }
            // Dense layers have one scale in tfmot, and here one for each output, which is finer.
            let row = a.0.len() / a.1.scale.len();
            for (at, (ours, theirs)) in a.0.iter().zip(b.0).enumerate() {
                let scale = a.1.scale[at / row];
                let apart = f32::from(*ours as i8) * scale - f32::from(*theirs as i8) * b.1.scale[0];
                assert!(apart.abs() <= 0.501 * scale, "{name}: weight {at} of {:?}", ours);
            }
        }
        let (ours, theirs) = (scales(&found), scales(&expected));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for ((scale, zero), (expected, zero_there)) in ours.into_iter().zip(theirs) {
            assert!((scale - expected).abs() <= 1e-6 * expected && zero == zero_there, "{name}: {scale}, {expected}");
        }
    }
    assert_eq!(simulated, 4);
}
