//! The machine that a figure was measured on, and what this process uses of it.

use std::fs;

use serde::Serialize;

/// The machine that a figure was measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Name of the CPU, or its architecture where the system does not tell.
    pub cpu: String,
    /// Hardware threads that this process may use.
    pub cpus: usize,
    /// Operating system.
    pub os: &'static str,
    /// Architecture.
    pub arch: &'static str,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = ["model name", "Model", "Hardware", "cpu model"].into_iter().find_map(|key| field(&info, key));
        Self {
            cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cpus: cpus(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        }
    }
}

/// Hardware threads that this process may use, at least 1.
#[must_use]
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Largest resident set of this process since it began or since [`reset_peak_rss`], in bytes; `None` where the system does
/// not tell.
#[must_use]
pub fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = field(&status, "VmHWM")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Begins a new peak, where the system allows it (Linux does).
pub fn reset_peak_rss() {
    // Where it is refused the peak remains that of the whole process, which is what it then says in the documentation.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn field(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}
