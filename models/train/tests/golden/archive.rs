//! Reading `train.npz`: cases with attributes and arrays, and which of them have been read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use serde_json::Value;
use zip::ZipArchive;

/// All of the file.
pub(crate) struct Archive {
    /// `cases.json`.
    pub(crate) description: Value,
    pub(crate) cases: Vec<Case>,
    /// Arrays of the file that are not `cases.json`.
    pub(crate) arrays: usize,
}

/// A case: attributes, arrays by name.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) op: String,
    attributes: Value,
    arrays: BTreeMap<String, Array>,
    read: RefCell<BTreeSet<String>>,
}

/// Numbers and their shape; integers are exact in `f32`.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Archive {
    pub(crate) fn open() -> Archive {
        let mut zip = ZipArchive::new(Cursor::new(include_bytes!("train.npz"))).unwrap();
        let mut all = BTreeMap::new();
        let mut description = Value::Null;
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).unwrap();
            let name = file.name().unwrap().strip_suffix(".npy").expect("an array").to_owned();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            if name == "cases.json" {
                description = serde_json::from_slice(raw(&bytes).2).unwrap();
            } else {
                all.insert(name, array(&bytes));
            }
        }
        assert_eq!(description, serde_json::from_str::<Value>(include_str!("train.json")).unwrap());
        let arrays = all.len();
        let case = |attributes: &Value| {
            let text = |key: &str| attributes[key].as_str().expect("a text").to_owned();
            let name = text("name");
            let listed = attributes["arrays"].as_array().expect("names of arrays").iter();
            let found = listed.map(|key| {
                let key = key.as_str().expect("a name");
                let array = all.remove(&format!("{name}/{key}"));
                (key.to_owned(), array.unwrap_or_else(|| panic!("{name}: no array {key:?}")))
            });
            Case {
                arrays: found.collect(),
                op: text("op"),
                attributes: attributes.clone(),
                read: RefCell::default(),
                name,
            }
        };
        let cases = description["cases"].as_array().expect("cases").iter().map(case).collect();
        Archive { description, cases, arrays }
    }
}

impl Case {
    /// Array `key`, or `None` if the case has none.
    pub(crate) fn find(&self, key: &str) -> Option<&Array> {
        let found = self.arrays.get(key)?;
        self.read.borrow_mut().insert(key.to_owned());
        Some(found)
    }

    pub(crate) fn get(&self, key: &str) -> &Array {
        self.find(key).unwrap_or_else(|| panic!("{}: no array {key:?}", self.name))
    }

    pub(crate) fn values(&self, key: &str) -> &[f32] {
        &self.get(key).values
    }

    /// Names of the arrays that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        self.arrays.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.attributes[key].as_str().unwrap_or_else(|| panic!("{}: no text {key:?}", self.name))
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.attributes[key].as_bool().unwrap_or_else(|| panic!("{}: no flag {key:?}", self.name))
    }

    pub(crate) fn number(&self, key: &str) -> f64 {
        self.attributes[key].as_f64().unwrap_or_else(|| panic!("{}: no number {key:?}", self.name))
    }

    pub(crate) fn integer(&self, key: &str) -> i32 {
        let number = self.attributes[key].as_i64().unwrap_or_else(|| panic!("{}: no integer {key:?}", self.name));
        number.try_into().expect("a small integer")
    }

    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        let list = self.attributes[key].as_array().unwrap_or_else(|| panic!("{}: no list {key:?}", self.name));
        list.iter().map(|number| number.as_f64().expect("a number")).collect()
    }

    pub(crate) fn sizes<const N: usize>(&self, key: &str) -> [usize; N] {
        let sizes: Vec<usize> = self.numbers(key).iter().map(|size| *size as usize).collect();
        sizes.try_into().expect("as many as asked for")
    }

    pub(crate) fn list(&self, key: &str) -> &[Value] {
        self.attributes[key].as_array().unwrap_or_else(|| panic!("{}: no list {key:?}", self.name))
    }

    pub(crate) fn arrays(&self) -> usize {
        self.arrays.len()
    }

    /// Holds every array to have been asked for.
    pub(crate) fn assert_read(&self) {
        let read = self.read.borrow();
        let left: Vec<&String> = self.arrays.keys().filter(|key| !read.contains(*key)).collect();
        assert!(left.is_empty(), "{}: {left:?} were not compared", self.name);
    }

    /// Compares with array `key`; deviations may be `share` of its largest magnitude.
    pub(crate) fn compare(&self, key: &str, found: &[f32], share: f64) {
        let expected = self.values(key);
        assert_eq!(found.len(), expected.len(), "{}: length of {key}", self.name);
        let most = expected.iter().fold(0f64, |most, value| most.max(f64::from(value.abs())));
        let (mut worst, mut place) = (0.0, 0);
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let off = (f64::from(*found) - f64::from(*expected)).abs();
            // NaN is as far off as can be.
            if off > worst || off.is_nan() {
                (worst, place) = (if off.is_nan() { f64::INFINITY } else { off }, at);
            }
        }
        assert!(
            worst <= share * most,
            "{}: {key}[{place}] is {}, expected {}: off by {:.2e} of the largest, {share:.0e} allowed",
            self.name,
            found[place],
            expected[place],
            worst / most
        );
    }
}

/// Type, shape and bytes of an array in NumPy's format, as NumPy's own writer lays it out.
fn raw(bytes: &[u8]) -> (&str, Vec<usize>, &[u8]) {
    let data = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..data]).unwrap();
    let between = |from: &str, to: &str| header.split_once(from).unwrap().1.split_once(to).unwrap().0;
    assert!(header.contains("'fortran_order': False"), "{header}");
    let dims = between("'shape': (", ")").split(',').map(str::trim).filter(|dim| !dim.is_empty());
    (between("'descr': '", "'"), dims.map(|dim| dim.parse().unwrap()).collect(), &bytes[data..])
}

fn array(bytes: &[u8]) -> Array {
    let (kind, shape, data) = raw(bytes);
    let values: Vec<f32> = match kind {
        "<f4" => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        "<i4" => data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as f32).collect(),
        "|u1" => data.iter().map(|b| f32::from(*b)).collect(),
        other => panic!("an array of {other:?}"),
    };
    assert_eq!(values.len(), shape.iter().product::<usize>());
    Array { shape, values }
}
