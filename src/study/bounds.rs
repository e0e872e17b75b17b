//! What a device allows: `drop<=0.5,mce<=+2,flash<=64K,ram<=48K`.

use std::fmt;
use std::str::FromStr;

use edgebench_train::suggest;

/// A figure that can be bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Points of accuracy that were lost against the network itself, uncompressed.
    Drop,
    /// Mean corruption error, per cent of the network's own, uncompressed.
    Mce,
    /// Accuracy on clean images in per cent.
    Accuracy,
    /// Bytes of the file as it lies in flash memory.
    Flash,
    /// Bytes of the arena.
    Ram,
    /// Bytes in a zip archive.
    Zip,
}

/// A bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The figure.
    pub figure: Figure,
    /// Its last value that is allowed, in the figure's unit.
    pub limit: f64,
    text: String,
}

/// All bounds, each figure once.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds(pub Vec<Bound>);

impl Figure {
    /// All, in the order of the documentation.
    pub const ALL: [Figure; 6] = [Figure::Drop, Figure::Mce, Figure::Accuracy, Figure::Flash, Figure::Ram, Figure::Zip];

    /// As users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Figure::Drop => "drop",
            Figure::Mce => "mce",
            Figure::Accuracy => "accuracy",
            Figure::Flash => "flash",
            Figure::Ram => "ram",
            Figure::Zip => "zip",
        }
    }

    /// Whether less is better.
    #[must_use]
    pub const fn is_cost(self) -> bool {
        !matches!(self, Figure::Accuracy)
    }

    /// A value as people read it.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Figure::Drop => format!("{value:.2} points"),
            Figure::Mce => format!("{value:.1}"),
            Figure::Accuracy => format!("{value:.2} %"),
            Figure::Flash | Figure::Ram | Figure::Zip => crate::report::table::bytes(value as u64),
        }
    }

    fn number(self, text: &str) -> Option<f64> {
        let plain = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        match self {
            Figure::Drop => plain(text),
            Figure::Mce => match text.strip_prefix('+') {
                Some(more) => plain(more).map(|more| 100.0 + more),
                None if text.starts_with('-') => plain(text).map(|less| 100.0 + less),
                None => plain(text),
            },
            Figure::Accuracy => plain(text.strip_suffix('%').unwrap_or(text)),
            Figure::Flash | Figure::Ram | Figure::Zip => {
                let units = [("KiB", 1024.0), ("MiB", 1_048_576.0), ("K", 1024.0), ("M", 1_048_576.0), ("B", 1.0)];
                let unit = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
                let (digits, factor) = unit.unwrap_or((text, 1.0));
                plain(digits).filter(|value| *value >= 0.0).map(|value| value * factor)
            }
        }
    }
}

impl Bound {
    /// Whether `value` is allowed; one that is not known is not.
    #[must_use]
    pub fn allows(&self, value: Option<f64>) -> bool {
        value.is_some_and(|value| self.excess(value) <= 0.0)
    }

    /// By how much `value` is over the bound (below 0: it is within).
    #[must_use]
    pub fn excess(&self, value: f64) -> f64 {
        if self.figure.is_cost() { value - self.limit } else { self.limit - value }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Bounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bounds = text.split(',').map(bound).collect::<Result<Vec<_>, _>>()?;
        for (at, bound) in bounds.iter().enumerate() {
            if bounds[..at].iter().any(|other| other.figure == bound.figure) {
                return Err(format!("{} is bounded twice", bound.figure.name()));
            }
        }
        Ok(Self(bounds))
    }
}

fn bound(text: &str) -> Result<Bound, String> {
    let text = text.trim();
    let at = text.find(['<', '>', '=']).ok_or_else(|| format!("{text:?} bounds nothing, expected drop<=0.5"))?;
    let (name, rest) = text.split_at(at);
    let (name, names) = (name.trim(), Figure::ALL.map(Figure::name));
    let figure = Figure::ALL.into_iter().find(|figure| figure.name() == name).ok_or_else(|| {
        format!("{name:?} is no figure{}; expected one of {}", suggest(name, &names), names.join(", "))
    })?;
    let sign = if figure.is_cost() { "<=" } else { ">=" };
    let right = rest.strip_prefix(sign).ok_or_else(|| format!("{text:?}: {name} is bounded by {sign}"))?.trim();
    let example = match figure {
        Figure::Drop => "points, as 0.5",
        Figure::Mce => "a number, as 103, or +2 for 102",
        Figure::Accuracy => "per cent, as 90%",
        Figure::Flash | Figure::Ram | Figure::Zip => "bytes, as 64K, 1.5M or 65536",
    };
    let limit = figure.number(right).ok_or_else(|| format!("{text:?}: {right:?} is no limit, expected {example}"))?;
    Ok(Bound { figure, limit, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_points_numbers_and_sizes() {
        let Bounds(bounds) = "drop<=0.5, mce<=+2,flash<=64K,ram<=1.5M,zip<=900,accuracy>=90%".parse().unwrap();
        let limits: Vec<f64> = bounds.iter().map(|bound| bound.limit).collect();
        assert_eq!(limits, [0.5, 102.0, 65536.0, 1_572_864.0, 900.0, 90.0]);
        assert_eq!("mce<=103".parse::<Bounds>().unwrap().0[0].limit, 103.0);
        assert_eq!("mce<=-1".parse::<Bounds>().unwrap().0[0].limit, 99.0);
        assert!(bounds[0].allows(Some(0.5)) && !bounds[0].allows(Some(0.51)) && !bounds[0].allows(None));
        assert!(bounds[5].allows(Some(90.0)) && !bounds[5].allows(Some(89.9)));
        assert_eq!(bounds[5].excess(89.0), 1.0);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let refused = |text: &str| text.parse::<Bounds>().unwrap_err();
        assert!(refused("drop").contains("bounds nothing"));
        assert!(refused("flsh<=1").contains("did you mean \"flash\""));
        assert!(refused("flash>=1").contains("bounded by <="));
        assert!(refused("accuracy<=1").contains("bounded by >="));
        assert!(refused("flash<=64X").contains("64K"));
        assert!(refused("flash<=-1").contains("no limit") && refused("drop<=nan").contains("no limit"));
        assert!(refused("drop<=1,drop<=2").contains("twice"));
    }
}
