//! The units of a study: a network, a recipe, a seed.

use edgebench_train::recipe::Recipe;

use crate::robust::shard::Shard;

/// One model that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Number of the network.
    pub network: usize,
    /// Its random numbers.
    pub seed: u64,
    /// Number of the recipe.
    pub recipe: usize,
}

/// All units, networks first, then seeds.
#[must_use]
pub fn all(networks: usize, seeds: &[u64], recipes: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for network in 0..networks {
        for &seed in seeds {
            units.extend((0..recipes).map(|recipe| Unit { network, seed, recipe }));
        }
    }
    units
}

/// Those of `shard`. Recipes with the same stages (they differ in what they write) belong to one shard, so that no two train the same.
#[must_use]
pub fn of(shard: Shard, units: &[Unit], recipes: &[Recipe]) -> Vec<Unit> {
    let first = |recipe: usize| {
        let same =
            |other: &Recipe| other.stages == recipes[recipe].stages && other.training == recipes[recipe].training;
        recipes.iter().position(same).unwrap_or(recipe)
    };
    let mut groups: Vec<Unit> = Vec::new();
    let mut taken = Vec::new();
    for &unit in units {
        let lead = Unit { recipe: first(unit.recipe), ..unit };
        let group = groups.iter().position(|group| *group == lead).unwrap_or_else(|| {
            groups.push(lead);
            groups.len() - 1
        });
        if shard.takes(group) {
            taken.push(unit);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebench_train::recipe::{BUILTIN, builtin};

    #[test]
    fn shards_share_the_units_out_and_keep_stages_together() {
        let recipes: Vec<Recipe> = BUILTIN.iter().map(|known| builtin(known.0).unwrap()).collect();
        let units = all(2, &[1, 2], recipes.len());
        assert_eq!(units.len(), 2 * 2 * 17);
        let shards: Vec<Vec<Unit>> = (0..3).map(|index| of(Shard { index, count: 3 }, &units, &recipes)).collect();
        for unit in &units {
            assert_eq!(shards.iter().filter(|shard| shard.contains(unit)).count(), 1);
        }
        // 3 and 4 prune.
        let place = |recipe| shards.iter().position(|s| s.contains(&Unit { network: 1, seed: 2, recipe }));
        assert_eq!(place(2), place(3));
        assert_eq!(of(Shard::ALL, &units, &recipes), units);
    }
}
