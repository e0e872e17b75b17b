//! CIFAR, python version: pickles written here operation by operation, as Python 2 and 3 write them.

use edgebench::data::{OpenOptions, open};

use super::{dir_with, open_default, pixels, refused};

fn text2(out: &mut Vec<u8>, text: &str) {
    out.push(b'U');
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
    out.extend(b"q\x01");
}

fn numbers(out: &mut Vec<u8>, values: &[u8]) {
    out.extend(b"]q\x02(");
    values.iter().for_each(|&value| out.extend([b'K', value]));
    out.push(b'e');
}

/// A batch as Python 2 with NumPy wrote the official files (protocol 2).
fn batch(keys: &[(&str, &[u8])], images: usize, module: &str) -> Vec<u8> {
    let mut file = b"\x80\x02}q\x00(".to_vec();
    text2(&mut file, "batch_label");
    text2(&mut file, "testing batch 1 of 1");
    for (key, labels) in keys {
        text2(&mut file, key);
        numbers(&mut file, labels);
    }
    text2(&mut file, "data");
    file.extend(format!("c{module}\n_reconstruct\nq\x03").bytes());
    file.extend(b"cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01");
    file.extend([b'M', images as u8, 0, b'M', 0, 12, 0x86]);
    file.extend(
        b"cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
    );
    file.extend((images as u32 * 3072).to_le_bytes());
    for image in 0..images {
        for plane in 1..=3 {
            file.extend([(image * 3 + plane) as u8; 1024]);
        }
    }
    file.extend(b"tbu.");
    file
}

const NUMPY: &str = "numpy.core.multiarray";

#[test]
fn batches_of_both_sets_are_read() {
    let dir = dir_with(&[("test_batch", &batch(&[("labels", &[4, 9])], 2, NUMPY))]);
    let data = open_default(dir.path()).unwrap();
    assert_eq!((data.labels.as_slice(), data.name.as_str()), (&[4, 9][..], "cifar10"));
    assert_eq!(pixels(&data, 1)[..3], [4, 5, 6]);
    assert_eq!(open_default(dir.path().join("test_batch")).unwrap().labels, [4, 9]);

    let hundred = batch(&[("fine_labels", &[99]), ("coarse_labels", &[19])], 1, "numpy._core.multiarray");
    let dir = dir_with(&[("cifar-100-python/test", &hundred)]);
    assert_eq!(open_default(dir.path()).unwrap().labels, [99]);
    let coarse = OpenOptions { coarse: true, ..OpenOptions::default() };
    assert_eq!(open(dir.path(), &coarse).unwrap().labels, [19]);
    assert_eq!(open_default(dir.path().join("cifar-100-python/test")).unwrap().classes(), 100);
}

#[test]
fn class_names_come_from_the_meta_file() {
    let mut meta = b"\x80\x02}(".to_vec();
    text2(&mut meta, "label_names");
    meta.extend(b"](");
    (0..10).for_each(|i| text2(&mut meta, &format!("class {i}")));
    meta.extend(b"eu.");
    let dir = dir_with(&[("test_batch", &batch(&[("labels", &[4])], 1, NUMPY)), ("batches.meta", &meta)]);
    assert_eq!(open_default(dir.path()).unwrap().class_names.unwrap()[9], "class 9");
}

#[test]
fn nothing_but_data_is_accepted() {
    let with = |bytes: &[u8]| open_default(dir_with(&[("test_batch", bytes)]).path());
    refused(with(b"\x80\x02cos\nsystem\nU\x02ls\x85R."), &["os system", "refused"]);
    refused(with(b"\x80\x02}."), &["labels"]);
    refused(with(b"\x80\x02]."), &["dictionary"]);
    refused(with(b"\x80\x02\x82\x01."), &["0x82", "refused"]);
    refused(with(b"\x80\x07."), &["protocol 7"]);
    refused(with(b"\x80\x02h\x05."), &["memo entry 5"]);
    refused(with(b"\x80\x02}r\xff\xff\xff\xff."), &["memo index"]);
    refused(with(b"\x80\x02T\xff\xff\xff\xffabc"), &["cut"]);
    refused(with(b"\x80\x02."), &["nothing to work on"]);
    // A million nested tuples must not become a million nested calls.
    refused(with(&[b"\x80\x02)".to_vec(), vec![0x85; 1_000_000], b".".to_vec()].concat()), &["nested"]);
    refused(with(&[b"\x80\x02".to_vec(), vec![b']'; 1000], vec![b'a'; 1000]].concat()), &["nested"]);
    refused(with(&batch(&[("labels", &[4, 10])], 2, NUMPY)), &["label 10", "0..10"]);
    refused(with(&batch(&[("labels", &[4])], 2, NUMPY)), &["2 images but 1 labels"]);
    refused(with(&batch(&[("labels", &[4])], 1, "numpy.evil")), &["numpy.evil _reconstruct", "refused"]);
}

#[test]
fn damaged_batches_do_not_panic() {
    super::torture(&batch(&[("labels", &[4])], 1, NUMPY), "test_batch", &[]);
}
