//! Every model there is survives reading and writing.

mod common;

use edgebench_models::tflite::{Model, WriteOptions};

#[test]
fn every_model_survives() {
    for path in common::models() {
        let model = Model::open(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
        assert_eq!(model.unknown, [""; 0], "{}", path.display());
        let bytes = model.write().unwrap_or_else(|error| panic!("{error}: {}", path.display()));
        let again = Model::read(&bytes).unwrap_or_else(|error| panic!("{error}: {} rewritten", path.display()));
        assert!(again == model, "{} changed", path.display());
        assert!(
            again.write().expect("wrote it before") == bytes,
            "{} is not written the same way twice",
            path.display()
        );
    }
}

#[test]
fn every_model_survives_with_data_outside() {
    for path in common::models() {
        let model = Model::open(&path).expect("the other test says why");
        let bytes = model.write_with(WriteOptions { external_above: 0 }).expect("nothing is in the way");
        let again = Model::read(&bytes).unwrap_or_else(|error| panic!("{error}: {} rewritten", path.display()));
        assert_eq!(again.subgraphs, model.subgraphs);
        assert_eq!(again.metadata, model.metadata);
        assert!(again.buffers.starts_with(&model.buffers), "{} changed", path.display());
    }
}

/// Writes every model again into the folder `$EDGEBENCH_REWRITTEN`, for `scripts/check_roundtrip.py`.
#[test]
fn write_for_the_interpreter() {
    let Some(folder) = std::env::var_os("EDGEBENCH_REWRITTEN").map(std::path::PathBuf::from) else {
        common::notice("skipped: EDGEBENCH_REWRITTEN names no folder");
        return;
    };
    let root = common::folder();
    for path in common::models() {
        let model = Model::open(&path).expect("the other test says why");
        let name = path.strip_prefix(root.as_ref().expect("there are models")).expect("a path below the folder");
        for (kind, options) in [("inside", WriteOptions::default()), ("outside", WriteOptions { external_above: 0 })] {
            let to = folder.join(kind).join(name);
            std::fs::create_dir_all(to.parent().expect("it has a folder")).expect("writable");
            std::fs::write(to, model.write_with(options).expect("nothing is in the way")).expect("writable");
        }
    }
}
