//! Hostile bytes give errors, in bounded time and memory; a model made in code stands in for the files of others.

use edgebench_models::Error;
use edgebench_models::tflite::*;

/// A convolution, an absent bias, a sparse constant that nobody uses, metadata and a signature.
fn tiny() -> Model {
    let tensor = |name: &str, shape: &[i32], dtype, buffer| Tensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        dtype,
        buffer,
        ..Tensor::default()
    };
    let quantization = |scale: &[f32]| {
        let zero_point = vec![0; scale.len()];
        Some(Box::new(Quantization { scale: scale.to_vec(), zero_point, ..Quantization::default() }))
    };
    let mut weights = tensor("weights", &[2, 1, 1, 3], TensorType::INT8, 1);
    weights.quantization = quantization(&[0.5, 0.25]);
    let mut input = tensor("input", &[1, 4, 4, 3], TensorType::INT8, 0);
    input.quantization = quantization(&[1.0]);
    input.shape_signature = vec![-1, 4, 4, 3];
    let mut sparse = tensor("sparse", &[2, 4], TensorType::INT8, 2);
    sparse.sparsity = Some(Box::new(rows_of_one_block()));
    let conv = Operator {
        inputs: vec![0, 1, -1],
        outputs: vec![3],
        options: Options::Conv2D(Conv2DOptions {
            padding: Padding::VALID,
            stride_w: 1,
            stride_h: 1,
            ..Default::default()
        }),
        ..Operator::default()
    };
    let gelu = Operator {
        opcode_index: 1,
        inputs: vec![3],
        outputs: vec![4],
        options: Options::Gelu(GeluOptions { approximate: true }),
        custom_options: Bytes::from(vec![1, 2, 3]),
        ..Operator::default()
    };
    let outputs = ["hidden", "output"].map(|name| tensor(name, &[1, 4, 4, 2], TensorType::INT8, 0));
    let mut tensors = vec![input, weights, sparse];
    tensors.extend(outputs);
    let graph = SubGraph {
        tensors,
        inputs: vec![0],
        outputs: vec![4],
        operators: vec![conv, gelu],
        name: "main".to_owned(),
        ..SubGraph::default()
    };
    let map = |name: &str, tensor_index| TensorMap { name: name.to_owned(), tensor_index };
    Model {
        operator_codes: vec![
            OperatorCode::builtin(BuiltinOperator::CONV_2D, 3),
            OperatorCode::builtin(BuiltinOperator::GELU, 1),
        ],
        subgraphs: vec![graph],
        description: "tiny".to_owned(),
        buffers: vec![
            Bytes::default(),
            Bytes::from(vec![1, 2, 3, 4, 5, 6]),
            Bytes::from(vec![7, 8, 9, 10]),
            Bytes::from(b"1.14.0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ],
        metadata: vec![Metadata { name: "min_runtime_version".to_owned(), buffer: 3 }],
        signature_defs: vec![SignatureDef {
            inputs: vec![map("x", 0)],
            outputs: vec![map("y", 4)],
            signature_key: "serving_default".to_owned(),
            subgraph_index: 0,
        }],
        ..Model::default()
    }
}

/// A 2×4 matrix in blocks of 1×2: row 0 holds its second block, row 1 its first.
fn rows_of_one_block() -> Sparsity {
    let dense = |dense_size| DimensionMetadata { dense_size, ..DimensionMetadata::default() };
    let columns = DimensionMetadata {
        format: DimensionType::SPARSE_CSR,
        array_segments: IndexVector::Uint8(Uint8Vector { values: vec![0, 1, 2] }),
        array_indices: IndexVector::Uint8(Uint8Vector { values: vec![1, 0] }),
        ..DimensionMetadata::default()
    };
    Sparsity { traversal_order: vec![0, 1, 2], block_map: vec![1], dim_metadata: vec![dense(2), columns, dense(2)] }
}

#[test]
fn a_model_made_in_code_survives() {
    let model = tiny();
    let bytes = model.write().expect("valid");
    assert_eq!(&bytes[4..8], b"TFL3");
    assert_eq!(Model::read(&bytes).expect("just written"), model);
    let mut shifted = vec![0];
    shifted.extend_from_slice(&bytes);
    assert_eq!(Model::read(&shifted[1..]).expect("alignment does not matter"), model);
}

#[test]
fn data_outside_the_flatbuffer() {
    let model = tiny();
    let bytes = model.write_with(WriteOptions { external_above: 8 }).expect("valid");
    let again = Model::read(&bytes).expect("just written");
    assert_eq!(again.subgraphs, model.subgraphs);
    assert_eq!(again.buffers[..4], model.buffers[..]);
    assert_eq!(again.metadata, model.metadata);
    let weights = bytes.windows(6).position(|window| window == [1, 2, 3, 4, 5, 6]).expect("stored");
    assert_eq!(weights % 16, 0);
    assert_eq!(again.write_with(WriteOptions { external_above: 8 }).expect("valid"), bytes);
}

#[test]
fn constants_are_aligned_and_shared() {
    let mut model = tiny();
    let mut twin = model.subgraphs[0].tensors[1].clone();
    twin.name = "twin".to_owned();
    model.subgraphs[0].tensors.push(twin);
    let bytes = model.write().expect("valid");
    let found: Vec<usize> = (0..bytes.len() - 6).filter(|&at| bytes[at..at + 6] == [1, 2, 3, 4, 5, 6]).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0] % 16, 0);
}

#[test]
fn codes_above_126_are_found_by_old_and_new_readers() {
    let again = Model::read(&tiny().write().expect("valid")).expect("just written");
    assert_eq!(again.operator_codes[0].builtin_code, BuiltinOperator::CONV_2D);
    assert_eq!(again.operator_codes[1].builtin_code, BuiltinOperator::GELU);
    assert_eq!(again.operator_codes[1].name(), "GELU");
}

#[test]
fn block_sparse_becomes_dense() {
    let dense = densify(&rows_of_one_block(), &[2, 4], &[7, 8, 9, 10], 1).expect("well-formed");
    assert_eq!(dense, [0, 0, 7, 8, 9, 10, 0, 0]);
    let mut twisted = rows_of_one_block();
    twisted.dim_metadata[1].array_indices = IndexVector::Uint8(Uint8Vector { values: vec![2, 0] });
    assert!(densify(&twisted, &[2, 4], &[7, 8, 9, 10], 1).is_err());
}

#[test]
fn truncated_at_every_byte() {
    let bytes = tiny().write().expect("valid");
    // The last bytes may be padding of the last string.
    let last = bytes.iter().rposition(|byte| *byte != 0).expect("not all zero");
    for len in 0..=last {
        let error = Model::read(&bytes[..len]).expect_err("a part is missing");
        assert!(
            matches!(error, Error::Malformed { .. } | Error::Model { .. } | Error::Tensor { .. }),
            "{len}: {error}"
        );
    }
}

#[test]
fn every_byte_changed() {
    let bytes = tiny().write().expect("valid");
    for at in 0..bytes.len() {
        for change in [1_u8, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            // Many changes give another model; it must be one that can be written again.
            if let Ok(model) = Model::read(&changed) {
                match model.write() {
                    Ok(written) => assert!(Model::read(&written).is_ok(), "byte {at}"),
                    Err(error) => assert!(matches!(error, Error::UnsupportedFile { .. }), "byte {at}: {error}"),
                }
            }
        }
    }
}

#[test]
fn other_files() {
    let read = |bytes: &[u8]| Model::read(bytes).expect_err("not a model").to_string();
    assert_eq!(read(b""), "malformed file at byte 0: shorter than a file header (8 bytes)");
    assert!(read(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").contains("no identifier TFL3"));
    assert!(read(b"\x08\0\0\0TFL3").contains("past the end"));
    let missing = Model::open("no such file.tflite").expect_err("it does not exist");
    assert!(missing.to_string().starts_with("no such file.tflite: "), "{missing}");
}

/// A file whose root table is at 12, with the given vtable length, and 4 bytes of `content` in field 1.
fn root_with(vtable: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x14\0\0\0TFL3".to_vec();
    bytes.extend_from_slice(&vtable.to_le_bytes());
    bytes.extend_from_slice(&[8, 0, 0, 0, 4, 0, 4, 0, 4, 0]);
    bytes.extend_from_slice(&12_i32.to_le_bytes());
    bytes.extend_from_slice(&4_u32.to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn known_attacks() {
    let read = |bytes: &[u8]| Model::read(bytes).expect_err("hostile").to_string();
    assert!(read(&root_with(3, &[0; 8])).contains("impossible length"));
    assert!(read(&root_with(0xfffe, &[0; 8])).contains("impossible length"));
    assert!(read(&root_with(12, &u32::MAX.to_le_bytes())).contains("longer than the file"));
    // A vector of a table that refers back to itself: offsets are unsigned, so only zero could be a cycle.
    assert!(read(&root_with(12, &[1, 0, 0, 0, 0, 0, 0, 0])).contains("zero"));
}

/// Where field `id` of the table at `table` is stored.
fn field(bytes: &[u8], table: usize, id: usize) -> usize {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let vtable = table - word(table) as usize;
    table + usize::from(u16::from_le_bytes([bytes[vtable + 4 + 2 * id], bytes[vtable + 5 + 2 * id]]))
}

/// Where the offset at `at` leads.
fn follow(bytes: &[u8], at: usize) -> usize {
    at + u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes")) as usize
}

/// Sixteen thousand tensors that are all the same table with one long name.
fn bomb(name: u32) -> Vec<u8> {
    let count = 1_u32 << 14;
    let mut bytes = tiny().write().expect("valid");
    let subgraphs = follow(&bytes, field(&bytes, follow(&bytes, 0), 2));
    let tensors = field(&bytes, follow(&bytes, subgraphs + 4), 0);
    let vector = u32::try_from(bytes.len() - tensors).expect("small");
    bytes[tensors..tensors + 4].copy_from_slice(&vector.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend((0..count).flat_map(|i| (4 * (count - i) + 12).to_le_bytes()));
    bytes.extend_from_slice(&[12, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    bytes.extend_from_slice(&12_u32.to_le_bytes());
    bytes.extend_from_slice(&4_u32.to_le_bytes());
    bytes.extend_from_slice(&name.to_le_bytes());
    bytes.resize(bytes.len() + name as usize, b'n');
    bytes.push(0);
    bytes
}

#[test]
fn a_bomb_of_shared_tables_is_refused() {
    // Names of 64 KiB each: 1 GiB from a file of 130 KiB.
    let error = Model::read(&bomb(1 << 16)).expect_err("a bomb");
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn contradictions_are_named() {
    let error = |change: &dyn Fn(&mut Model)| {
        let mut model = tiny();
        change(&mut model);
        model.write().expect_err("contradictory").to_string()
    };
    let said = error(&|m| m.subgraphs[0].operators.reverse());
    assert!(said.starts_with("operator 0 (GELU): input, expected a tensor that is computed before"), "{said}");
    let said = error(&|m| m.subgraphs[0].operators[0].outputs = vec![1]);
    assert!(said.contains("operator 0 (CONV_2D): output") && said.contains("a constant"), "{said}");
    let said = error(&|m| m.subgraphs[0].operators[1].opcode_index = 2);
    assert!(said.contains("operator code index, expected below 2, got 2"), "{said}");
    let said = error(&|m| m.buffers[1] = Bytes::from(vec![0; 5]));
    assert!(said.contains("bytes of the constant, expected 6, got 5"), "{said}");
    let said = error(&|m| m.subgraphs[0].tensors[0].buffer = 9);
    assert!(said.contains("buffer index, expected below 4, got 9"), "{said}");
    let said = error(&|m| m.subgraphs[0].tensors[0].shape = vec![i32::MAX, 4]);
    assert!(said.contains("fits 32 bits"), "{said}");
    let said = error(&|m| m.subgraphs[0].operators[0].options = Options::Unknown(200));
    assert!(said.contains("Options of type 200"), "{said}");
    let said = error(&|m| m.unknown = vec!["field 9 of Model".to_owned()]);
    assert!(said.contains("field 9 of Model"), "{said}");
}

/// Writes the fuzzer's first inputs into the folder `$EDGEBENCH_SEEDS`: valid files, and one per known attack.
#[test]
fn write_seeds() {
    let Some(folder) = std::env::var_os("EDGEBENCH_SEEDS").map(std::path::PathBuf::from) else {
        notice("skipped: EDGEBENCH_SEEDS names no folder");
        return;
    };
    let valid = tiny().write().expect("valid");
    let seeds = [
        ("valid", valid.clone()),
        ("outside", tiny().write_with(WriteOptions { external_above: 0 }).expect("valid")),
        ("truncated", valid[..valid.len() / 2].to_vec()),
        ("odd_vtable", root_with(3, &[0; 8])),
        ("long_vtable", root_with(0xfffe, &[0; 8])),
        ("huge_count", root_with(12, &u32::MAX.to_le_bytes())),
        ("cycle", root_with(12, &[1, 0, 0, 0, 0, 0, 0, 0])),
        ("bomb", bomb(64)),
    ];
    for (name, bytes) in seeds {
        std::fs::write(folder.join(name), bytes).expect("writable");
    }
}

/// Says something that the test harness does not swallow.
fn notice(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
