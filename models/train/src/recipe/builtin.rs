//! The recipes of the study, and the control that it lacks.

use super::Recipe;
use crate::Error;

/// Number, name and text of each.
pub const BUILTIN: [(&str, &str, &str); 17] = [
    ("1", "original", include_str!("../../recipes/01-original.toml")),
    ("2", "int8", include_str!("../../recipes/02-int8.toml")),
    ("3", "prune", include_str!("../../recipes/03-prune.toml")),
    ("4", "prune-int8", include_str!("../../recipes/04-prune-int8.toml")),
    ("5", "cluster", include_str!("../../recipes/05-cluster.toml")),
    ("6", "cluster-int8", include_str!("../../recipes/06-cluster-int8.toml")),
    ("7", "prune-cluster", include_str!("../../recipes/07-prune-cluster.toml")),
    ("8", "prune-cluster-int8", include_str!("../../recipes/08-prune-cluster-int8.toml")),
    ("9", "qat", include_str!("../../recipes/09-qat.toml")),
    ("10", "qat-int8", include_str!("../../recipes/10-qat-int8.toml")),
    ("11", "cqat", include_str!("../../recipes/11-cqat.toml")),
    ("12", "cqat-int8", include_str!("../../recipes/12-cqat-int8.toml")),
    ("13", "pqat", include_str!("../../recipes/13-pqat.toml")),
    ("14", "pqat-int8", include_str!("../../recipes/14-pqat-int8.toml")),
    ("15", "pcqat", include_str!("../../recipes/15-pcqat.toml")),
    ("16", "pcqat-int8", include_str!("../../recipes/16-pcqat-int8.toml")),
    ("0", "control", include_str!("../../recipes/control.toml")),
];

/// The built-in recipe of this number or name.
///
/// # Errors
/// [`Error::Recipe`] if there is none.
pub fn builtin(name: &str) -> Result<Recipe, Error> {
    match BUILTIN.iter().find(|known| known.0 == name || known.1 == name) {
        Some((_, name, text)) => Recipe::read(name, text),
        None => {
            let names: Vec<&str> = BUILTIN.iter().map(|known| known.1).collect();
            let suggestion = crate::suggest(name, &names);
            let problem =
                format!("there is none of this name{suggestion}; built in are 1 to 16 and {}", names.join(", "));
            Err(Error::Recipe { recipe: name.to_owned(), problem })
        }
    }
}
