//! How stages train: what a study says for all of them, and for one kind.

use edgebench_train::recipe::{Kind, Recipe, Stage, Training};
use serde::Deserialize;

/// `[compression]` of a study or a network.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Stages {
    /// For every stage.
    #[serde(flatten)]
    pub all: Training,
    /// `[compression.fine-tune]`: the control, before what is said for all.
    #[serde(rename = "fine-tune")]
    pub fine_tune: Training,
    /// `[compression.prune]`.
    pub prune: Training,
    /// `[compression.cluster]`.
    pub cluster: Training,
    /// `[compression.qat]`.
    pub qat: Training,
}

impl Stages {
    /// The keys of tables for one kind.
    pub const KINDS: [&str; 4] = ["fine-tune", "prune", "cluster", "qat"];

    /// What is said for a kind of stage.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Training {
        let own = match kind {
            Kind::FineTune => &self.fine_tune,
            Kind::Prune => &self.prune,
            Kind::Cluster => &self.cluster,
            Kind::Qat => &self.qat,
        };
        own.or(&self.all)
    }

    /// `recipe` with everything said that is said here and not there.
    #[must_use]
    pub fn fill(&self, recipe: &Recipe) -> Recipe {
        let stage = |stage: &Stage| {
            let training = stage.training.or(&recipe.training).or(&self.of(stage.kind));
            Stage { training, ..stage.clone() }
        };
        Recipe { stages: recipe.stages.iter().map(stage).collect(), ..recipe.clone() }
    }

    /// As [`Training::check`].
    ///
    /// # Errors
    /// What makes no sense, in words.
    pub fn check(&self) -> Result<(), String> {
        self.all.check()?;
        for (name, training) in Self::KINDS.iter().zip([&self.fine_tune, &self.prune, &self.cluster, &self.qat]) {
            training.check().map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebench_train::recipe::builtin;

    #[test]
    fn what_is_said_for_a_kind_goes_before_what_is_said_for_all() {
        let stages: Stages =
            toml::from_str("rate = 1e-3\nepochs = 3\n[qat]\nrate = 1\n[fine-tune]\nepochs = 9").unwrap();
        assert_eq!((stages.of(Kind::Prune).rate, stages.of(Kind::Prune).epochs), (Some(1e-3), Some(3)));
        assert_eq!((stages.of(Kind::Qat).rate, stages.of(Kind::Qat).epochs), (Some(1.0), Some(3)));
        assert_eq!(stages.of(Kind::FineTune).epochs, Some(9));
        let filled = stages.fill(&builtin("pcqat-int8").unwrap());
        assert_eq!(
            filled.stages.iter().map(|stage| stage.training.rate.unwrap()).collect::<Vec<_>>(),
            [1e-3, 1e-3, 1.0]
        );
        let wrong: Stages = toml::from_str("[qat]\nepochs = 0").unwrap();
        assert!(wrong.check().unwrap_err().starts_with("qat: epochs"));
    }
}
