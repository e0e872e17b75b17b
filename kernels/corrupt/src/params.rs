//! Severity and the two sets of constants.

use core::fmt;
use core::str::FromStr;

use crate::Error;

/// How strong a corruption is: 1 (mildest) to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(u8);

impl Severity {
    /// All five, mildest first.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// Severity `level`.
    ///
    /// # Errors
    /// A level that is not 1 to 5.
    pub fn new(level: u8) -> Result<Self, Error> {
        if (1..=5).contains(&level) { Ok(Self(level)) } else { Err(Error::Severity { got: level.into() }) }
    }

    /// 1 to 5.
    #[must_use]
    pub fn level(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which of the published tables of constants to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Constants {
    /// CIFAR-10-C and CIFAR-100-C: made for 32 × 32 pixels.
    #[default]
    Cifar,
    /// ImageNet-C: made for 224 × 224 pixels.
    Imagenet,
}

impl Constants {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cifar, Self::Imagenet];

    /// `"cifar"` or `"imagenet"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar => "cifar",
            Self::Imagenet => "imagenet",
        }
    }
}

impl fmt::Display for Constants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Constants {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|set| set.name() == name).ok_or(Error::UnknownConstants)
    }
}

/// The constants of one corruption, severity 1 to 5 in both sets.
pub(crate) struct Table<T> {
    pub(crate) cifar: [T; 5],
    pub(crate) imagenet: [T; 5],
}

impl<T: Copy> Table<T> {
    pub(crate) fn at(&self, set: Constants, severity: Severity) -> T {
        let row = match set {
            Constants::Cifar => &self.cifar,
            Constants::Imagenet => &self.imagenet,
        };
        row[usize::from(severity.0) - 1]
    }
}
