//! Under which corruption, and how strong.

use std::fmt;

use edgebench_corrupt::{Corruption, SYNTHETIC_FROST, Severity};

/// What is done to the images before a model sees them. Ordered: clean first, then as in the paper, severities ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Nothing.
    Clean,
    /// A corruption of some severity.
    Corrupted(Kind, Severity),
}

/// A corruption as results name it: frost that was drawn is not the frost of photographs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// The corruption.
    pub corruption: Corruption,
    /// Frost that was drawn.
    pub synthetic: bool,
}

/// Name of the condition without a corruption.
pub const CLEAN: &str = "clean";

impl Kind {
    /// `corruption` with photographs where it needs them.
    #[must_use]
    pub fn new(corruption: Corruption) -> Self {
        Self { corruption, synthetic: false }
    }

    /// As files and results call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self.synthetic { SYNTHETIC_FROST } else { self.corruption.name() }
    }

    /// The kind of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        if name == SYNTHETIC_FROST {
            return Some(Self { corruption: Corruption::Frost, synthetic: true });
        }
        Corruption::by_name(name).map(Self::new)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Condition {
    /// Name of the corruption, or [`CLEAN`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => CLEAN,
            Self::Corrupted(kind, _) => kind.name(),
        }
    }

    /// 1 to 5, or 0 for clean images.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Corrupted(_, severity) => severity.level(),
        }
    }

    /// The condition of this name and level.
    #[must_use]
    pub fn by_name(name: &str, level: u8) -> Option<Self> {
        match (name, level) {
            (CLEAN, 0) => Some(Self::Clean),
            _ => Some(Self::Corrupted(Kind::by_name(name)?, Severity::new(level).ok()?)),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str(CLEAN),
            Self::Corrupted(kind, severity) => write!(f, "{kind}/{severity}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        let kinds = Corruption::ALL.into_iter().map(Kind::new).chain(Kind::by_name(SYNTHETIC_FROST));
        let mut all = vec![Condition::Clean];
        for kind in kinds {
            all.extend(Severity::ALL.map(|severity| Condition::Corrupted(kind, severity)));
        }
        for &condition in &all {
            assert_eq!(Condition::by_name(condition.name(), condition.level()), Some(condition));
        }
        assert_eq!(all.len(), 101);
        assert!(Condition::by_name(CLEAN, 1).is_none() && Condition::by_name("fog", 0).is_none());
    }
}
