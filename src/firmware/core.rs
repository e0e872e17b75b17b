//! Processor cores that firmware is emitted for.

use std::fmt;
use std::str::FromStr;

use edgebench_kernels::Isa;

/// A processor core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Cortex-M4 with its floating-point unit.
    M4,
    /// Cortex-M7.
    M7,
    /// Cortex-M33 with DSP instructions and floating-point unit.
    M33,
    /// Cortex-M55 with Helium.
    M55,
}

impl Core {
    /// All of them.
    pub const ALL: [Core; 4] = [Core::M4, Core::M7, Core::M33, Core::M55];

    /// The name on the command line and in `board.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Core::M4 => "cortex-m4",
            Core::M7 => "cortex-m7",
            Core::M33 => "cortex-m33",
            Core::M55 => "cortex-m55",
        }
    }

    /// The fastest instruction set that it has.
    #[must_use]
    pub const fn isa(self) -> Isa {
        match self {
            Core::M4 | Core::M7 | Core::M33 => Isa::Dsp,
            Core::M55 => Isa::Mve,
        }
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Core {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name);
        let found = Self::ALL.into_iter().find(|core| core.name() == name);
        found.ok_or_else(|| format!("{name:?} is no core, expected one of {}", known.join(" ")))
    }
}
