//! What a study is about, as its file says it.

use std::path::{Path, PathBuf};

use edgebench_corrupt::{Corruption, Severity};
use edgebench_models::quantise::Io;
use edgebench_train::arch::ARCHITECTURES;
use edgebench_train::recipe::Training;
use edgebench_train::suggest;
use serde::Deserialize;

use super::Error;
use super::stages::Stages;
use crate::cli::corrupt::Kinds;
use crate::data::preprocess::Preprocess;
use crate::train::learning::Source;

/// A study. Paths are as seen from the folder of its file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// What it is called.
    pub name: String,
    /// Labelled images, as `--data` has them.
    #[serde(default = "digits")]
    pub data: String,
    /// At most this many training images.
    pub limit: Option<usize>,
    /// At most this many test images.
    pub test_limit: Option<usize>,
    /// Training images at the end that only choose the best epoch.
    pub validation: Option<usize>,
    /// Height and width that images are brought to, as `32x32`.
    pub size: Option<String>,
    /// What a pixel means to networks that do not say it themselves.
    pub preprocess: Option<String>,
    /// Recipes by number, name or file.
    #[serde(default = "all")]
    pub recipes: Vec<Name>,
    /// Whether the network is also trained on without a technique.
    #[serde(default = "yes")]
    pub control: bool,
    /// Names of all random numbers; one set of models for each.
    #[serde(default = "one")]
    pub seeds: Vec<u64>,
    /// Corruptions: names or groups.
    #[serde(default = "benchmark")]
    pub corruptions: Names,
    /// Severities.
    #[serde(default = "severities")]
    pub severities: Vec<u8>,
    /// Seed of the corruptions' random numbers.
    #[serde(default)]
    pub corruption_seed: u64,
    /// What the mCE of all networks is relative to: a network of the study, a result (`.json`) or a model (`.tflite`).
    pub reference: Option<String>,
    /// What the user of an int8 model gives and gets.
    pub io: Option<String>,
    /// How networks are trained.
    #[serde(default)]
    pub training: Training,
    /// How stages train, where a recipe says nothing else.
    #[serde(default)]
    pub compression: Stages,
    /// The networks.
    #[serde(default, rename = "network")]
    pub networks: Vec<NetworkEntry>,
}

/// A network: trained here, or brought.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// What it is called; files are named by it.
    pub name: Option<String>,
    /// An architecture, trained here.
    pub arch: Option<String>,
    /// A float `.tflite`.
    pub file: Option<String>,
    /// What a pixel means to it.
    pub preprocess: Option<String>,
    /// How it is trained, before what `[training]` says.
    #[serde(default)]
    pub training: Training,
    /// How its stages train, before what `[compression]` says.
    #[serde(default)]
    pub compression: Stages,
}

/// A recipe: a number or a name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Name {
    /// Of the study on compressed networks.
    Number(u64),
    /// Of a recipe or a file.
    Text(String),
}

/// One name or several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

const TOP: &[&str] = &[
    "name",
    "data",
    "limit",
    "test_limit",
    "validation",
    "size",
    "preprocess",
    "recipes",
    "control",
    "seeds",
    "corruptions",
    "severities",
    "corruption_seed",
    "reference",
    "io",
    "training",
    "compression",
    "network",
];
const NETWORK: &[&str] = &["name", "arch", "file", "preprocess", "training", "compression"];

fn digits() -> String {
    "digits".into()
}

fn all() -> Vec<Name> {
    vec![Name::Text("all".into())]
}

fn yes() -> bool {
    true
}

fn one() -> Vec<u64> {
    vec![1]
}

fn benchmark() -> Names {
    Names::One("benchmark".into())
}

fn severities() -> Vec<u8> {
    Severity::ALL.map(|severity| severity.level()).to_vec()
}

impl StudyFile {
    /// A study from the text of the file called `name`.
    ///
    /// # Errors
    /// [`Error::Study`] that names what is wrong, with a suggestion for mistyped names.
    pub fn read(name: &str, text: &str) -> Result<StudyFile, Error> {
        let refuse = |problem: String| Error::Study { file: name.to_owned(), problem };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| refuse(error.to_string()))?;
        keys(&table).map_err(refuse)?;
        let study: StudyFile = toml::from_str(text).map_err(|error| refuse(error.to_string().trim_end().to_owned()))?;
        study.check().map_err(refuse)?;
        Ok(study)
    }

    fn check(&self) -> Result<(), String> {
        plain("name", &self.name)?;
        if self.networks.is_empty() {
            return Err(
                "it has no [[network]]; write one with arch = \"…\" (trained here) or file = \"….tflite\"".into()
            );
        }
        for (at, network) in self.networks.iter().enumerate() {
            let name = network.called();
            network.check().map_err(|problem| format!("[[network]] {}: {problem}", at + 1))?;
            if self.networks[..at].iter().any(|other| other.called() == name) {
                return Err(format!("two networks are called {name:?}; give one of them another name = \"…\""));
            }
        }
        self.training.check().map_err(|problem| format!("[training]: {problem}"))?;
        self.compression.check().map_err(|problem| format!("[compression]: {problem}"))?;
        if self.recipes.is_empty() {
            return Err("recipes is empty; \"all\" are the sixteen".into());
        }
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        if seeds.len() != self.seeds.len() || seeds.is_empty() {
            return Err(format!("seeds = {:?} must hold one number at least, and none twice", self.seeds));
        }
        for (key, limit) in [("limit", self.limit), ("test_limit", self.test_limit)] {
            if limit == Some(0) {
                return Err(format!("{key} = 0 leaves no image"));
            }
        }
        self.kinds()?;
        self.levels()?;
        self.sides()?;
        self.interface()?;
        preprocess(self.preprocess.as_deref()).map(|_| ())
    }

    /// The names of recipes as `--recipe` has them.
    #[must_use]
    pub fn recipe_names(&self) -> Vec<String> {
        let text = |name: &Name| match name {
            Name::Number(number) => number.to_string(),
            Name::Text(text) => text.clone(),
        };
        self.recipes.iter().map(text).collect()
    }

    /// The corruptions, in the order of the benchmark.
    ///
    /// # Errors
    /// A name that is none.
    pub fn kinds(&self) -> Result<Vec<Corruption>, String> {
        let names = match &self.corruptions {
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names,
        };
        let kind = |name: &String| match name.as_str() {
            "all" => Ok(Kinds::All),
            "benchmark" => Ok(Kinds::Benchmark),
            "extra" => Ok(Kinds::Extra),
            name => Corruption::by_name(name).map(Kinds::One).ok_or_else(|| {
                let known: Vec<&str> =
                    ["all", "benchmark", "extra"].into_iter().chain(Corruption::ALL.map(Corruption::name)).collect();
                format!("corruptions: there is no {name:?}{}; known are {}", suggest(name, &known), known.join(", "))
            }),
        };
        let kinds = Kinds::expand(&names.iter().map(kind).collect::<Result<Vec<_>, _>>()?);
        if kinds.is_empty() { Err("corruptions is empty; \"benchmark\" are those of mCE".into()) } else { Ok(kinds) }
    }

    /// The severities, ascending.
    ///
    /// # Errors
    /// A number that is none, or no number.
    pub fn levels(&self) -> Result<Vec<Severity>, String> {
        let level = |&level: &u8| Severity::new(level).map_err(|_| format!("severities: {level} is not from 1 to 5"));
        let mut levels = self.severities.iter().map(level).collect::<Result<Vec<_>, _>>()?;
        levels.sort_unstable();
        levels.dedup();
        if levels.is_empty() { Err("severities is empty; 1 to 5 are those of mCE".into()) } else { Ok(levels) }
    }

    /// Input and output of int8 models.
    ///
    /// # Errors
    /// A name that is none.
    pub fn interface(&self) -> Result<Io, String> {
        let Some(name) = &self.io else { return Ok(Io::default()) };
        let names = Io::ALL.map(Io::name);
        let found = Io::ALL.into_iter().find(|io| io.name() == name);
        found.ok_or_else(|| format!("io = {name:?}{} is none of {}", suggest(name, &names), names.join(", ")))
    }

    fn sides(&self) -> Result<Option<[usize; 2]>, String> {
        let Some(text) = &self.size else { return Ok(None) };
        let pair = text.split_once('x').and_then(|(h, w)| Some([h.parse().ok()?, w.parse().ok()?]));
        let pair = pair.filter(|pair: &[usize; 2]| pair.iter().all(|side| (1..=4096).contains(side)));
        pair.map(Some).ok_or_else(|| format!("size = {text:?} is not height x width, as \"32x32\""))
    }

    /// The images, whose pixels mean `kind`; `folder` is that of the file.
    #[must_use]
    pub fn source(&self, folder: &Path, kind: Preprocess) -> Source {
        Source {
            path: if self.data == "digits" { PathBuf::from("digits") } else { folder.join(&self.data) },
            limit: self.limit,
            test_limit: self.test_limit,
            // Checked when the file was read.
            size: self.sides().unwrap_or_default(),
            validation: self.validation,
            kind,
        }
    }

    /// What a pixel means to a network, if the study says it.
    #[must_use]
    pub fn said(&self, network: &NetworkEntry) -> Option<Preprocess> {
        let name = network.preprocess.as_deref().or(self.preprocess.as_deref());
        preprocess(name).unwrap_or_default()
    }
}

impl NetworkEntry {
    /// Its name.
    #[must_use]
    pub fn called(&self) -> String {
        let stem = |file: &String| Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.name.clone().or_else(|| self.arch.clone()).or_else(|| self.file.as_ref().and_then(stem));
        name.unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        match (&self.arch, &self.file) {
            (Some(arch), None) => {
                let names: Vec<&str> = ARCHITECTURES.iter().map(|known| known.name).collect();
                if !names.contains(&arch.as_str()) {
                    let suggestion = suggest(arch, &names);
                    return Err(format!(
                        "there is no architecture {arch:?}{suggestion}; known are {}",
                        names.join(", ")
                    ));
                }
            }
            (None, Some(_)) if !self.training.is_empty() => {
                return Err("training is for networks that are trained here, this one is brought (file)".into());
            }
            (None, Some(_)) => {}
            _ => return Err("it needs arch = \"…\" (trained here) or file = \"….tflite\", one of the two".into()),
        }
        plain("name", &self.called())?;
        self.training.check().map_err(|problem| format!("training: {problem}"))?;
        self.compression.check().map_err(|problem| format!("compression: {problem}"))?;
        preprocess(self.preprocess.as_deref()).map(|_| ())
    }
}

/// Names of files hold no blanks and no separators.
fn plain(what: &str, name: &str) -> Result<(), String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits) {
        return Ok(());
    }
    Err(format!("{what} = {name:?} must be of letters, digits, '-', '_' and '.', since files are called by it"))
}

fn preprocess(name: Option<&str>) -> Result<Option<Preprocess>, String> {
    let Some(name) = name else { return Ok(None) };
    let names = Preprocess::ALL.map(Preprocess::name);
    let found = Preprocess::ALL.into_iter().find(|kind| kind.name() == name);
    let refused = || format!("preprocess = {name:?}{} is none of {}", suggest(name, &names), names.join(", "));
    found.map(Some).ok_or_else(refused)
}

/// Keys that nobody knows.
fn keys(table: &toml::Table) -> Result<(), String> {
    known(table, TOP, "a study")?;
    trainings(table, "")?;
    let networks = table.get("network").and_then(toml::Value::as_array);
    for network in networks.into_iter().flatten().filter_map(toml::Value::as_table) {
        known(network, NETWORK, "a [[network]]")?;
        trainings(network, "network.")?;
    }
    Ok(())
}

fn trainings(table: &toml::Table, prefix: &str) -> Result<(), String> {
    let within = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_table).cloned();
    if let Some(training) = within(table, "training") {
        known(&training, Training::KEYS, &format!("[{prefix}training]"))?;
    }
    let Some(compression) = within(table, "compression") else { return Ok(()) };
    let keys: Vec<&str> = Training::KEYS.iter().chain(&Stages::KINDS).copied().collect();
    known(&compression, &keys, &format!("[{prefix}compression]"))?;
    for kind in Stages::KINDS {
        if let Some(training) = within(&compression, kind) {
            known(&training, Training::KEYS, &format!("[{prefix}compression.{kind}]"))?;
        }
    }
    Ok(())
}

fn known(table: &toml::Table, keys: &[&str], what: &str) -> Result<(), String> {
    let Some(unknown) = table.keys().find(|key| !keys.contains(&key.as_str())) else { return Ok(()) };
    Err(format!("{what} has no key {unknown:?}{}; it takes {}", suggest(unknown, keys), keys.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"mine\"\n[[network]]\narch = \"digits\"\n";

    fn refused(text: &str) -> String {
        StudyFile::read("mine.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_is_the_whole_study_on_digits() {
        let study = StudyFile::read("mine.toml", SMALL).unwrap();
        assert_eq!(
            (study.data.as_str(), study.recipe_names(), study.control),
            ("digits", vec!["all".to_owned()], true)
        );
        assert_eq!((study.kinds().unwrap().len(), study.levels().unwrap().len()), (15, 5));
        assert_eq!(study.networks[0].called(), "digits");
    }

    #[test]
    fn names_and_numbers_are_recipes() {
        let study = StudyFile::read("mine.toml", &format!("recipes = [2, \"pcqat-int8\", \"x.toml\"]\n{SMALL}"));
        assert_eq!(study.unwrap().recipe_names(), ["2", "pcqat-int8", "x.toml"]);
    }

    #[test]
    fn mistakes_are_named() {
        let with = |line: &str| refused(&format!("{line}\n{SMALL}"));
        assert!(with("recepies = [1]").contains("did you mean \"recipes\""));
        assert!(with("corruptions = [\"fogg\"]").contains("did you mean \"fog\""));
        assert!(with("corruptions = []").contains("empty"));
        assert!(with("severities = [6]").contains("1 to 5"));
        assert!(with("seeds = [1, 1]").contains("none twice"));
        assert!(with("seeds = []").contains("one number at least"));
        assert!(with("preprocess = \"sined\"").contains("did you mean \"signed\""));
        assert!(with("io = \"int9\"").contains("did you mean \"int8\""));
        assert!(with("size = \"32\"").contains("32x32"));
        assert!(with("limit = 0").contains("no image"));
        assert!(refused("name = \"mine\"").contains("no [[network]]"));
        assert!(refused("name = \"a/b\"\n[[network]]\narch = \"digits\"").contains("letters"));
        assert!(refused(&format!("{SMALL}file = \"x.tflite\"")).contains("one of the two"));
        assert!(refused(&format!("{SMALL}arhc = \"x\"")).contains("did you mean \"arch\""));
        assert!(refused(&format!("{SMALL}[[network]]\narch = \"digits\"")).contains("two networks"));
        assert!(refused("name = \"m\"\n[[network]]\narch = \"resnet9\"").contains("did you mean \"resnet8\""));
        assert!(refused(&format!("{SMALL}[training]\nepoch = 3")).contains("did you mean \"epochs\""));
        assert!(refused(&format!("{SMALL}[network.compression]\nrat = 3")).contains("did you mean \"rate\""));
        assert!(refused(&format!("{SMALL}[compression.clutser]\nrate = 3")).contains("did you mean \"cluster\""));
        let typo = refused(&format!("{SMALL}[compression.qat]\nrat = 3"));
        assert!(typo.contains("[compression.qat]") && typo.contains("did you mean \"rate\""), "{typo}");
        assert!(refused(&format!("{SMALL}[training]\nepochs = 0")).contains("epochs = 0"));
    }
}
