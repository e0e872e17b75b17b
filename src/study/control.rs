//! The control: the network trained on without any technique, for as long as the longest recipe trains.
//!
//! A compressed network has also been trained longer than the one it came from (SPEC A.3). What a technique does is its difference
//! to a network that was trained as long and not compressed, not its difference to the base.

use edgebench_train::recipe::{Kind, Recipe, Stage, Training};

/// Name of the control.
pub const NAME: &str = "control";

/// Epochs and steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// Passes over the images, all stages together.
    pub epochs: usize,
    /// Steps of the optimiser.
    pub steps: usize,
}

/// How long `recipe` trains on `images` images where `defaults` fill in what it does not say. Stages may end earlier by their
/// patience.
#[must_use]
pub fn length(recipe: &Recipe, defaults: &Training, images: usize) -> Length {
    let add = |length: Length, stage: &Stage| {
        let plan = stage.training.or(&recipe.training).or(defaults).plan(0);
        let steps = plan.epochs * images.div_ceil(plan.batch.max(1));
        Length { epochs: length.epochs + plan.epochs, steps: length.steps + steps }
    };
    recipe.stages.iter().fold(Length::default(), add)
}

/// The longest of `recipes`, the first among equals.
#[must_use]
pub fn longest<'a>(recipes: &'a [Recipe], defaults: &Training, images: usize) -> Option<&'a Recipe> {
    let compress = recipes.iter().filter(|recipe| recipe.name != NAME);
    compress.rev().max_by_key(|recipe| length(recipe, defaults, images).steps)
}

/// `control` with one stage that takes at least as many steps as the longest of `recipes`.
#[must_use]
pub fn fair(control: &Recipe, recipes: &[Recipe], defaults: &Training, images: usize) -> Recipe {
    let steps = longest(recipes, defaults, images).map_or(0, |recipe| length(recipe, defaults, images).steps);
    let training = control.training.or(defaults);
    let per_epoch = images.div_ceil(training.plan(0).batch.max(1)).max(1);
    let epochs = steps.div_ceil(per_epoch);
    let stage =
        Stage { kind: Kind::FineTune, training: Training { epochs: Some(epochs), ..Training::default() }, ..empty() };
    Recipe { stages: if epochs == 0 { Vec::new() } else { vec![stage] }, ..control.clone() }
}

fn empty() -> Stage {
    Stage {
        kind: Kind::FineTune,
        sparsity: None,
        pattern: None,
        ramp: None,
        frequency: None,
        clusters: None,
        scope: None,
        lloyd: None,
        depthwise: None,
        training: Training::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebench_train::recipe::builtin;

    #[test]
    fn the_control_takes_the_steps_of_the_longest_recipe() {
        let defaults = Training { epochs: Some(5), batch: Some(32), ..Training::default() };
        let recipes: Vec<Recipe> = ["1", "3", "16", "15", "0"].map(|name| builtin(name).unwrap()).to_vec();
        assert_eq!(longest(&recipes, &defaults, 1000).map(|r| r.name.as_str()), Some("pcqat-int8"));
        let control = fair(&recipes[4], &recipes, &defaults, 1000);
        assert_eq!(length(&control, &defaults, 1000), Length { epochs: 15, steps: 15 * 32 });
        let mut halves = builtin("3").unwrap();
        halves.stages[0].training.batch = Some(16);
        // 5 epochs of 63 steps are 315, which take 10 epochs of 32.
        let control = fair(&recipes[4], &[halves], &defaults, 1000);
        assert_eq!(length(&control, &defaults, 1000), Length { epochs: 10, steps: 320 });
        assert!(fair(&recipes[4], &recipes[..1], &defaults, 1000).stages.is_empty());
    }
}
