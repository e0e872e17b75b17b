//! Operator versions and the oldest runtime, against what converters have written.

mod common;

use edgebench_models::tflite::Model;

fn versions(model: &Model) -> Vec<(&'static str, i32)> {
    let operators = model.subgraphs.iter().flat_map(|graph| &graph.operators);
    operators.map(|op| (model.code_of(op).name(), model.code_of(op).version)).collect()
}

fn runtime(model: &Model) -> Option<String> {
    let text = model.metadata("min_runtime_version")?;
    Some(text.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect())
}

#[test]
fn versions_are_those_of_the_converter() {
    let mut seen = 0;
    let zoo = ["digits_cnn_float.tflite", "digits_cnn_int8.tflite"];
    let zoo = zoo.map(|name| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name));
    for path in common::models().into_iter().chain(zoo) {
        let model = Model::open(&path).expect("a model");
        let mut again = model.clone();
        again.refresh_versions();
        let (before, after) = (versions(&model), versions(&again));
        // Files without this metadata were put together by hand, and older converters had other versions.
        let current = path.components().any(|part| part.as_os_str() == "made" || part.as_os_str() == "zoo");
        let Some(said) = runtime(&model).filter(|_| current) else { continue };
        assert_eq!(after, before, "{}", path.display());
        // The converter writes the runtime of the float model into an int16 one.
        if !path.display().to_string().contains("int16") {
            assert_eq!(runtime(&again), Some(said), "{}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 2);
    common::notice(&format!("versions of {seen} models"));
}
