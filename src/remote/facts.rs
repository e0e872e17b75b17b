//! What a Linux machine tells about itself: what a figure depends on beside the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// A machine and its state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Facts {
    /// Name of the CPU.
    pub cpu: String,
    /// Hardware threads that the program may use.
    pub cpus: u64,
    /// Architecture of the program.
    pub arch: String,
    /// Instruction sets that the program has and the CPU can run, fastest first.
    pub isas: Vec<String>,
    /// The board, as its firmware names it.
    pub board: Option<String>,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// What the CPU can do, as the kernel names it.
    pub features: Vec<String>,
    /// Who sets the frequency of the first CPU: `performance`, `ondemand`, …
    pub governor: Option<String>,
    /// The present frequency of the first CPU, in kHz.
    pub frequency_khz: Option<u64>,
    /// Its highest.
    pub max_frequency_khz: Option<u64>,
    /// Thousandths of a degree Celsius, by sensor.
    pub temperature_mc: BTreeMap<String, i64>,
    /// What says whether the machine was slowed down: counters of x86 CPUs, flags of a Raspberry Pi's firmware.
    pub throttling: BTreeMap<String, String>,
}

impl Facts {
    /// Of this machine.
    #[must_use]
    pub fn here(isas: Vec<String>) -> Self {
        Self::below(Path::new("/"), isas)
    }

    /// Of the machine whose `/proc` and `/sys` lie below `root`.
    #[must_use]
    pub fn below(root: &Path, isas: Vec<String>) -> Self {
        let machine = Machine::here();
        let text = |path: &str| text(&root.join(path));
        let number = |path: &str| text(path)?.parse().ok();
        let cpuinfo = text("proc/cpuinfo").unwrap_or_default();
        let field = |keys: &[&str]| {
            let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| keys.contains(&key.trim())).map(|(_, value)| value.trim().to_owned())
        };
        let frequency = "sys/devices/system/cpu/cpu0/cpufreq";
        let mut features: Vec<String> =
            field(&["flags", "Features"]).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        features.sort();
        Self {
            cpu: field(&["model name"]).or_else(|| arm_core(&cpuinfo)).unwrap_or(machine.cpu),
            cpus: machine.cpus as u64,
            arch: machine.arch.into(),
            isas,
            board: text("proc/device-tree/model").or_else(|| text("sys/class/dmi/id/product_name")),
            kernel: text("proc/sys/kernel/osrelease"),
            memory_bytes: text("proc/meminfo").and_then(|info| {
                let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
                total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
            }),
            features,
            governor: text(&format!("{frequency}/scaling_governor")),
            frequency_khz: number(&format!("{frequency}/scaling_cur_freq")),
            max_frequency_khz: number(&format!("{frequency}/cpuinfo_max_freq")),
            temperature_mc: temperatures(root),
            throttling: throttling(root),
        }
    }

    /// In a line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.board.clone().map_or_else(String::new, |board| format!("{board}, "));
        text += &format!(
            "{}, {} hardware threads, {}",
            self.cpu,
            self.cpus,
            self.isas.first().map_or("no kernels", |isa| isa)
        );
        if let Some(governor) = &self.governor {
            text += &format!(", governor {governor}");
        }
        if let Some(khz) = self.frequency_khz {
            text += &format!(", {} MHz", khz / 1000);
        }
        if let Some(hottest) = self.temperature_mc.values().max() {
            text += &format!(", {:.1} °C", *hottest as f64 / 1000.0);
        }
        text
    }

    /// What changed for the worse since `before`: it says whether the machine was slowed down in between.
    #[must_use]
    pub fn slowed_since(&self, before: &Self) -> Option<String> {
        let changed = self.throttling.iter().filter(|(name, value)| before.throttling.get(*name) != Some(value));
        let words: Vec<String> = changed
            .map(|(name, value)| {
                format!("{name} from {} to {value}", before.throttling.get(name).map_or("none", |v| v))
            })
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim_matches(['\0', '\n', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}

/// Entries of a directory by name, in order.
fn entries(dir: &Path) -> Vec<(String, std::path::PathBuf)> {
    let found = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = found.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).collect();
    found.sort();
    found
}

fn temperatures(root: &Path) -> BTreeMap<String, i64> {
    let zones =
        entries(&root.join("sys/class/thermal")).into_iter().filter(|(name, _)| name.starts_with("thermal_zone"));
    zones
        .filter_map(|(name, path)| {
            let kind = text(&path.join("type")).unwrap_or_default();
            Some((format!("{name} {kind}").trim().to_owned(), text(&path.join("temp"))?.parse().ok()?))
        })
        .collect()
}

fn throttling(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // A Raspberry Pi: bit 0 under-voltage, 1 capped, 2 throttled, 3 soft limit of temperature; the same 16 higher: since it started.
    let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled";
    if let Some(flags) = text(&root.join(firmware)) {
        found.insert("raspberry pi flags".into(), flags);
    }
    for counter in ["core_throttle_count", "package_throttle_count"] {
        let of = |path: &Path| text(&path.join("thermal_throttle").join(counter))?.parse::<u64>().ok();
        let counts = entries(&root.join("sys/devices/system/cpu")).into_iter().filter_map(|(_, path)| of(&path));
        if let Some(most) = counts.max() {
            found.insert(counter.into(), most.to_string());
        }
    }
    found
}

/// Arm CPUs have numbers instead of names: those of the cores that boards have.
fn arm_core(cpuinfo: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for line in cpuinfo.lines().filter(|line| line.starts_with("CPU part")) {
        let name = match line.split_once(':')?.1.trim() {
            "0xc07" => "Cortex-A7",
            "0xc08" => "Cortex-A8",
            "0xc09" => "Cortex-A9",
            "0xd03" => "Cortex-A53",
            "0xd04" => "Cortex-A35",
            "0xd05" => "Cortex-A55",
            "0xd07" => "Cortex-A57",
            "0xd08" => "Cortex-A72",
            "0xd09" => "Cortex-A73",
            "0xd0a" => "Cortex-A75",
            "0xd0b" => "Cortex-A76",
            "0xd0c" => "Neoverse N1",
            "0xd0d" => "Cortex-A77",
            "0xd40" => "Neoverse V1",
            "0xd41" => "Cortex-A78",
            "0xd42" => "Cortex-A78AE",
            "0xd44" => "Cortex-X1",
            "0xd46" => "Cortex-A510",
            "0xd47" => "Cortex-A710",
            "0xd49" => "Neoverse N2",
            "0xd4f" => "Neoverse V2",
            other => other,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raspberry_pi_tells_what_it_is() {
        let root = std::env::temp_dir().join(format!("edgebench-facts-{}", std::process::id()));
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        put(
            "proc/cpuinfo",
            "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0b\n\nprocessor\t: 1\nCPU part\t: 0xd0b\n",
        );
        put("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0");
        put("proc/meminfo", "MemTotal:        8245464 kB\n");
        put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n");
        put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n");
        put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        put("sys/class/thermal/thermal_zone0/temp", "51250\n");
        put("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
        let cool = Facts::below(&root, vec!["scalar".into()]);
        assert_eq!(cool.cpu, "Cortex-A76");
        assert_eq!(cool.features, ["asimd", "asimddp", "fp"]);
        assert_eq!(cool.memory_bytes, Some(8_245_464 * 1024));
        let line = cool.to_text();
        for words in ["Raspberry Pi 5 Model B Rev 1.0, Cortex-A76", "governor ondemand", "1500 MHz", "51.2 °C"] {
            assert!(line.contains(words), "{line}");
        }
        assert_eq!(cool.slowed_since(&cool), None);
        put("sys/devices/platform/soc/soc:firmware/get_throttled", "e0008\n");
        let hot = Facts::below(&root, Vec::new());
        assert_eq!(hot.slowed_since(&cool).as_deref(), Some("raspberry pi flags from 0 to e0008"));
        fs::remove_dir_all(&root).expect("the directory is there");
    }
}
