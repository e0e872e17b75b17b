//! Conditions on figures, as users write them: `mce>105`, `clean<84%`, `mce<=BASE+2`.

use std::fmt;
use std::str::FromStr;

/// A figure of a model that conditions can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Accuracy on clean images, 0 to 1.
    Clean,
    /// Mean error over all corrupted cells, 0 to 1.
    MeanError,
    /// Mean corruption error, per cent of the baseline's.
    Mce,
    /// Relative mean corruption error, per cent of the baseline's.
    RelativeMce,
    /// Expected calibration error on clean images, 0 to 1.
    Ece,
    /// Bytes of the file.
    Raw,
    /// Bytes of the file in a zip archive.
    Zip,
}

/// `<`, `<=`, `>` or `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// What a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A number in the figure's unit.
    Number(f64),
    /// The same figure of the baseline, plus this.
    Base(f64),
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// The figure.
    pub quantity: Quantity,
    /// How it is compared.
    pub relation: Relation,
    /// With what.
    pub limit: Limit,
    text: String,
}

impl Quantity {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Clean, Self::MeanError, Self::Mce, Self::RelativeMce, Self::Ece, Self::Raw, Self::Zip];

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::MeanError => "mean_error",
            Self::Mce => "mce",
            Self::RelativeMce => "relative_mce",
            Self::Ece => "ece",
            Self::Raw => "raw",
            Self::Zip => "zip",
        }
    }

    /// Whether it is a share, so that `84%` means 0.84.
    fn is_share(self) -> bool {
        matches!(self, Self::Clean | Self::MeanError | Self::Ece)
    }

    fn number(self, text: &str) -> Option<f64> {
        let (digits, unit) = match text.strip_suffix('%') {
            Some(digits) => (digits, if self.is_share() { 0.01 } else { 1.0 }),
            None if matches!(self, Self::Raw | Self::Zip) => {
                let units = [("KB", 1e3), ("kB", 1e3), ("MB", 1e6), ("KiB", 1024.0), ("MiB", 1024.0 * 1024.0)];
                let unit = units.into_iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)));
                unit.unwrap_or((text, 1.0))
            }
            None => (text, 1.0),
        };
        digits.trim().parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| value * unit)
    }
}

impl Criterion {
    /// Whether `value` meets it, where the baseline has `base`. None if the baseline is needed and not known.
    #[must_use]
    pub fn holds(&self, value: f64, base: Option<f64>) -> Option<bool> {
        let limit = match self.limit {
            Limit::Number(number) => number,
            Limit::Base(offset) => base? + offset,
        };
        Some(match self.relation {
            Relation::Below => value < limit,
            Relation::AtMost => value <= limit,
            Relation::Above => value > limit,
            Relation::AtLeast => value >= limit,
        })
    }
}

impl FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at =
            text.find(['<', '>']).ok_or_else(|| format!("{text:?} compares nothing; expected for example mce>105"))?;
        let (name, rest) = text.split_at(at);
        let relations =
            [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];
        let found = relations.into_iter().find_map(|(sign, relation)| Some((relation, rest.strip_prefix(sign)?)));
        let (relation, right) = found.ok_or_else(|| format!("{text:?}: expected <, <=, > or >="))?;
        let name = name.trim();
        let quantity = Quantity::ALL.into_iter().find(|quantity| quantity.name() == name).ok_or_else(|| {
            format!("{name:?} is no figure; expected one of {}", Quantity::ALL.map(Quantity::name).join(", "))
        })?;
        let right = right.trim();
        let limit = match right.strip_prefix("BASE").map(str::trim) {
            Some("") => Some(Limit::Base(0.0)),
            Some(offset) => {
                let sign = if offset.starts_with('-') { -1.0 } else { 1.0 };
                let digits = offset.strip_prefix(['+', '-']).map(str::trim);
                digits.and_then(|digits| quantity.number(digits)).map(|number| Limit::Base(sign * number))
            }
            None => quantity.number(right).map(Limit::Number),
        };
        let limit = limit.ok_or_else(|| {
            format!("{right:?} is no limit; expected a number, or BASE, BASE+2, BASE-1 for the baseline's figure")
        })?;
        Ok(Self { quantity, relation, limit, text: text.trim().to_owned() })
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, value: f64, base: Option<f64>) -> Option<bool> {
        text.parse::<Criterion>().unwrap_or_else(|error| panic!("{text}: {error}")).holds(value, base)
    }

    #[test]
    fn limits_are_numbers_shares_sizes_or_the_baseline() {
        assert_eq!(holds("mce>105", 105.1, None), Some(true));
        assert_eq!(holds("mce >= 105", 104.9, None), Some(false));
        assert_eq!(holds("clean<84%", 0.83, None), Some(true));
        assert_eq!(holds("clean<0.84", 0.85, None), Some(false));
        assert_eq!(holds("zip>200KB", 200_001.0, None), Some(true));
        assert_eq!(holds("mce<=BASE+2", 102.0, Some(100.0)), Some(true));
        assert_eq!(holds("clean<BASE - 1%", 0.88, Some(0.9)), Some(true));
        assert_eq!(holds("mce<=BASE", 1.0, None), None);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let message = |text: &str| text.parse::<Criterion>().expect_err("no criterion");
        assert!(message("mce").contains("compares nothing"));
        assert!(message("speed>1").contains("expected one of clean"));
        assert!(message("mce>x").contains("no limit") && message("mce>").contains("no limit"));
        assert!(message("mce>BASE2").contains("no limit") && message("mce>nan").contains("no limit"));
    }
}
