//! Recipes as users name them.

use std::fs;
use std::path::Path;

use edgebench_train::recipe::{BUILTIN, Recipe, builtin};

use super::Error;

/// Recipes by number, name or file (`.toml`, as seen from `folder`); `all` are the sixteen and the control. Each once, in the order in
/// which they are named.
///
/// # Errors
/// A recipe that does not exist or is damaged, or two of one name.
pub fn named<S: AsRef<str>>(names: &[S], folder: &Path) -> Result<Vec<Recipe>, Error> {
    let mut found: Vec<Recipe> = Vec::new();
    for name in names {
        let these = match name.as_ref() {
            "all" => BUILTIN.iter().map(|known| builtin(known.0)).collect::<Result<_, _>>()?,
            name => vec![one(name, folder)?],
        };
        for recipe in these {
            match found.iter().find(|known| known.name == recipe.name) {
                Some(known) if *known == recipe => {}
                Some(_) => return Err(Error::Other(format!("two recipes are called {:?}", recipe.name))),
                None => found.push(recipe),
            }
        }
    }
    Ok(found)
}

/// The recipe of this number, name or file.
///
/// # Errors
/// A recipe that does not exist or is damaged.
pub fn one(name: &str, folder: &Path) -> Result<Recipe, Error> {
    let path = folder.join(name);
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = fs::read_to_string(&path)
            .map_err(|error| Error::Other(format!("{}: cannot be read: {error}", path.display())))?;
        return Ok(Recipe::read(&path.display().to_string(), &text)?);
    }
    Ok(builtin(name)?)
}
