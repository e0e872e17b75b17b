//! Recipes: what is done to a trained network, stage by stage, and what comes out. A recipe is a TOML file; those of the study
//! (SPEC A.4, its Table II) are built in.

mod builtin;
mod training;

use serde::{Deserialize, Serialize};

pub use builtin::{BUILTIN, builtin};
pub use training::{OptimizerName, ScheduleName, Training};

use crate::Error;
use crate::technique::{cluster, prune};

/// A recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// A short name, also of files.
    pub name: String,
    /// Its number in the study, 1 to 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// In a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What comes out.
    #[serde(default)]
    pub export: Export,
    /// How every stage trains, where the stage says nothing else.
    #[serde(default, skip_serializing_if = "Training::is_empty")]
    pub training: Training,
    /// Stages in order.
    #[serde(default, rename = "stage", skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// What comes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Export {
    /// A float32 file; with simulated quantisation where a stage trained with it.
    #[default]
    Float,
    /// An int8 file.
    Int8,
}

/// What a stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Trains on, and nothing else: the control.
    FineTune,
    /// Magnitude pruning.
    Prune,
    /// Weight clustering; zeros of an earlier pruning stay.
    Cluster,
    /// Quantisation-aware training; what earlier stages made stays.
    Qat,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What it does.
    pub kind: Kind,
    /// `prune`: share of zeros in each kernel, from 0 to below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<f64>,
    /// `prune`: which weights go together: `unstructured`, `2:4` (or other numbers), `block:4x1` (outputs × inputs), `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// `prune`: share of the steps in which sparsity grows to its target; 0 prunes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<f64>,
    /// `prune`: steps from mask to mask while it grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<usize>,
    /// `cluster`: values of a kernel, 2 to 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// `cluster`: who shares them: `scaled` (the kernel, each channel in its own unit), `tensor`, `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeName>,
    /// `cluster`: Lloyd's iterations after k-means++.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lloyd: Option<usize>,
    /// Whether depthwise kernels are pruned and clustered too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depthwise: Option<bool>,
    /// How this stage trains.
    #[serde(flatten)]
    pub training: Training,
}

/// [`cluster::Scope`] in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ScopeName {
    Scaled,
    Tensor,
    Channel,
}

impl Recipe {
    /// A recipe from the text of a file.
    ///
    /// # Errors
    /// [`Error::Recipe`] that names what is wrong, with a suggestion for mistyped keys.
    pub fn read(name: &str, text: &str) -> Result<Recipe, Error> {
        let refuse = |problem: String| Error::Recipe { recipe: name.to_owned(), problem };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| refuse(error.to_string()))?;
        keys(&table).map_err(refuse)?;
        let recipe: Recipe = toml::from_str(text).map_err(|error| refuse(error.to_string().trim_end().to_owned()))?;
        recipe.check().map_err(refuse)?;
        Ok(recipe)
    }

    /// The text of a file.
    #[must_use]
    pub fn write(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// Whether a stage trains with simulated quantisation.
    #[must_use]
    pub fn has_qat(&self) -> bool {
        self.stages.iter().any(|stage| stage.kind == Kind::Qat)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || !self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(format!(
                "name {:?} must be of letters, digits, '-', '_' and '.', since files are called by it",
                self.name
            ));
        }
        self.training.check()?;
        let mut seen: Vec<Kind> = Vec::new();
        for (at, stage) in self.stages.iter().enumerate() {
            let named = |problem: String| format!("stage {} ({}): {problem}", at + 1, stage.kind.name());
            stage.check().map_err(named)?;
            if seen.contains(&stage.kind) && stage.kind != Kind::FineTune {
                return Err(named("there is one already".into()));
            }
            if seen.contains(&Kind::Qat) {
                return Err(named("nothing can follow quantisation-aware training".into()));
            }
            if stage.kind == Kind::Prune && seen.contains(&Kind::Cluster) {
                return Err(named("prune before clustering: zeros would be one more value".into()));
            }
            seen.push(stage.kind);
        }
        Ok(())
    }
}

impl Kind {
    /// Name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::FineTune => "fine-tune",
            Kind::Prune => "prune",
            Kind::Cluster => "cluster",
            Kind::Qat => "qat",
        }
    }

    /// The keys that only this kind has.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::FineTune | Kind::Qat => &[],
            Kind::Prune => &["sparsity", "pattern", "ramp", "frequency", "depthwise"],
            Kind::Cluster => &["clusters", "scope", "lloyd", "depthwise"],
        }
    }
}

impl Stage {
    /// The pruning of a `prune` stage.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn pruning(&self) -> Result<prune::Schedule, String> {
        let pattern = pattern(self.pattern.as_deref().unwrap_or("unstructured"))?;
        let target = match pattern {
            // What the pattern says.
            prune::Pattern::Group { keep, group } => 1.0 - keep as f64 / group as f64,
            _ => self.sparsity.unwrap_or(0.5),
        };
        let ramp = self.ramp.unwrap_or(0.0);
        Ok(prune::Schedule { target, ramp, frequency: self.frequency.unwrap_or(100), pattern })
    }

    /// The clustering of a `cluster` stage.
    #[must_use]
    pub fn clustering(&self, keep_zeros: bool, seed: u64) -> cluster::Rule {
        let scope = match self.scope {
            None | Some(ScopeName::Scaled) => cluster::Scope::Scaled,
            Some(ScopeName::Tensor) => cluster::Scope::Tensor,
            Some(ScopeName::Channel) => cluster::Scope::Channel,
        };
        cluster::Rule { k: self.clusters.unwrap_or(16), scope, lloyd: self.lloyd.unwrap_or(10), keep_zeros, seed }
    }

    fn check(&self) -> Result<(), String> {
        if let Some(sparsity) = self.sparsity
            && !(0.0..1.0).contains(&sparsity)
        {
            return Err(format!("sparsity {sparsity} is not from 0 to below 1"));
        }
        if let Some(ramp) = self.ramp
            && !(0.0..=1.0).contains(&ramp)
        {
            return Err(format!("ramp {ramp} is not from 0 to 1"));
        }
        if let Some(clusters) = self.clusters
            && !(2..=256).contains(&clusters)
        {
            return Err(format!("clusters = {clusters} is not from 2 to 256"));
        }
        self.pruning()?;
        self.training.check()
    }
}

/// `unstructured`, `2:4`, `block:4x1`, `channel`.
fn pattern(text: &str) -> Result<prune::Pattern, String> {
    let pair = |text: &str, between: char| {
        let (a, b) = text.split_once(between)?;
        Some([a.parse::<usize>().ok()?, b.parse::<usize>().ok()?])
    };
    let numbers = |found: Option<[usize; 2]>| found.filter(|pair| pair.iter().all(|n| (1..=1024).contains(n)));
    let found = match text {
        "unstructured" => Some(prune::Pattern::Unstructured),
        "channel" => Some(prune::Pattern::Channel),
        _ => match text.strip_prefix("block:") {
            Some(block) => numbers(pair(block, 'x')).map(|[outputs, inputs]| prune::Pattern::Block { outputs, inputs }),
            None => numbers(pair(text, ':'))
                .filter(|[keep, group]| keep < group)
                .map(|[keep, group]| prune::Pattern::Group { keep, group }),
        },
    };
    found.ok_or_else(|| format!("pattern {text:?} is none of unstructured, 2:4, block:4x1, channel"))
}

/// Keys that nobody knows, and keys of another kind of stage.
fn keys(table: &toml::Table) -> Result<(), String> {
    let top = ["name", "code", "about", "export", "training", "stage"];
    known(table, &top, "a recipe")?;
    if let Some(training) = table.get("training").and_then(toml::Value::as_table) {
        known(training, Training::KEYS, "[training]")?;
    }
    let stages = table.get("stage").and_then(toml::Value::as_array);
    for stage in stages.into_iter().flatten().filter_map(toml::Value::as_table) {
        let kinds = [Kind::FineTune, Kind::Prune, Kind::Cluster, Kind::Qat];
        let name = stage.get("kind").and_then(toml::Value::as_str).unwrap_or_default();
        let Some(kind) = kinds.into_iter().find(|kind| kind.name() == name) else {
            let names = kinds.map(Kind::name);
            let suggestion = crate::suggest(name, &names);
            return Err(format!("a stage of kind {name:?}{suggestion}; known are {}", names.join(", ")));
        };
        let mut all = vec!["kind"];
        all.extend(kind.keys().iter().chain(Training::KEYS));
        known(stage, &all, &format!("a stage of kind {name:?}"))?;
    }
    Ok(())
}

fn known(table: &toml::Table, keys: &[&str], what: &str) -> Result<(), String> {
    let Some(unknown) = table.keys().find(|key| !keys.contains(&key.as_str())) else { return Ok(()) };
    Err(format!("{what} has no key {unknown:?}{}; it takes {}", crate::suggest(unknown, keys), keys.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Recipe::read("mine.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn recipes_come_back_as_they_were_written() {
        for recipe in BUILTIN {
            let recipe = builtin(recipe.0).unwrap();
            assert_eq!(Recipe::read("again", &recipe.write()).unwrap(), recipe);
        }
        assert_eq!(builtin("16").unwrap().stages.len(), 3);
        assert_eq!(builtin("pcqat-int8").unwrap(), builtin("16").unwrap());
    }

    #[test]
    fn the_sixteen_are_those_of_the_study() {
        use Kind::{Cluster, Prune, Qat};
        let stages: [&[Kind]; 8] = [
            &[],
            &[Prune],
            &[Cluster],
            &[Prune, Cluster],
            &[Qat],
            &[Cluster, Qat],
            &[Prune, Qat],
            &[Prune, Cluster, Qat],
        ];
        for code in 1..=16u8 {
            let recipe = builtin(&code.to_string()).unwrap();
            assert_eq!(recipe.code, Some(code));
            assert_eq!(recipe.export, if code % 2 == 0 { Export::Int8 } else { Export::Float });
            let kinds: Vec<Kind> = recipe.stages.iter().map(|stage| stage.kind).collect();
            assert_eq!(kinds, stages[(usize::from(code) - 1) / 2], "{code}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let stage = |text: &str| refused(&format!("name = \"mine\"\n[[stage]]\n{text}"));
        assert!(stage("kind = \"prune\"\nsparcity = 0.5").contains("did you mean \"sparsity\""));
        assert!(stage("kind = \"prun\"").contains("did you mean \"prune\""));
        assert!(stage("kind = \"prune\"\nclusters = 16").contains("a stage of kind \"prune\" has no key \"clusters\""));
        assert!(stage("kind = \"prune\"\nsparsity = 1.0").contains("from 0 to below 1"));
        assert!(stage("kind = \"prune\"\npattern = \"4:2\"").contains("none of unstructured"));
        assert!(stage("kind = \"cluster\"\nclusters = 1").contains("2 to 256"));
        assert!(stage("kind = \"qat\"\n[[stage]]\nkind = \"prune\"").contains("nothing can follow"));
        assert!(stage("kind = \"qat\"\noptimizer = \"adamm\"").contains("adamm"));
        assert!(stage("kind = \"qat\"\nepochs = 0").contains("epochs"));
        assert!(refused("name = \"a b\"").contains("letters"));
        assert!(refused("name = ").contains("mine.toml"));
    }
}
