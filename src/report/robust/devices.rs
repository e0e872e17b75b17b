//! Machines and boards that measured: no figure depends on them, but a reader may want to know.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::table::grouped;
use crate::robust::ledger::record::{BoardFact, DeviceFact};

use super::RobustReport;

/// What measured, and what it is: a line for each machine, and for each model on a board. With `features` all that a CPU can do.
pub(super) fn lines(report: &RobustReport, features: bool) -> Vec<(String, String)> {
    let mut machines: BTreeMap<&str, Vec<&DeviceFact>> = BTreeMap::new();
    for fact in &report.devices {
        machines.entry(&fact.host).or_default().push(fact);
    }
    let machines = machines.into_iter().map(|(host, facts)| (host.to_owned(), machine(&facts, features)));
    let mut boards: BTreeMap<(&str, &str, &str), &BoardFact> = BTreeMap::new();
    for fact in &report.boards {
        let most = boards.entry((&fact.facts.board, &fact.file, &fact.model)).or_insert(fact);
        if most.used.ram() < fact.used.ram() {
            *most = fact;
        }
    }
    machines.chain(boards.into_values().map(|fact| (fact.facts.board.clone(), board(fact)))).collect()
}

/// All that a machine told about itself, before and after each run.
fn machine(facts: &[&DeviceFact], features: bool) -> String {
    let all = |value: &dyn Fn(&DeviceFact) -> Option<String>| {
        let values: BTreeSet<String> = facts.iter().filter_map(|fact| value(fact)).collect();
        (!values.is_empty()).then(|| values.into_iter().collect::<Vec<_>>().join(" / "))
    };
    let range = |values: Vec<f64>, digits: usize| {
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        let [least, most] = [least, most].map(|value| format!("{value:.digits$}"));
        Some(if least == most { least } else { format!("{least}–{most}") })
    };
    let mhz = |khz: &dyn Fn(&DeviceFact) -> Option<u64>| {
        range(facts.iter().filter_map(|fact| khz(fact)).map(|khz| khz as f64 / 1000.0).collect(), 0)
    };
    let hottest = facts.iter().filter_map(|fact| fact.facts.temperature_mc.values().max());
    let celsius = range(hottest.map(|&mc| mc as f64 / 1000.0).collect(), 1);
    let mut parts = vec![
        all(&|fact| fact.facts.board.clone()),
        all(&|fact| Some(format!("{} ({})", fact.facts.cpu, fact.facts.arch))),
        all(&|fact| Some(format!("{} hardware threads", fact.facts.cpus))),
        all(&|fact| Some(format!("{} MiB of memory", fact.facts.memory_bytes? >> 20))),
        all(&|fact| Some(format!("kernels {}", fact.facts.isas.join(" ")))),
        all(&|fact| Some(format!("governor {}", fact.facts.governor.as_ref()?))),
        mhz(&|fact| fact.facts.frequency_khz).map(|mhz| format!("{mhz} MHz")),
        mhz(&|fact| fact.facts.max_frequency_khz).map(|mhz| format!("at most {mhz} MHz")),
        celsius.map(|celsius| format!("{celsius} °C")),
        Some(throttling(facts)),
    ];
    if features {
        parts.push(all(&|fact| Some(format!("features {}", fact.facts.features.join(" ")))));
    }
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether what tells of throttling stayed as it was.
fn throttling(facts: &[&DeviceFact]) -> String {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in facts.iter().flat_map(|fact| &fact.facts.throttling) {
        seen.entry(name).or_default().insert(value);
    }
    let words = |(name, values): (&str, BTreeSet<&str>)| {
        (values.len() > 1).then(|| format!("{name} {}", values.into_iter().collect::<Vec<_>>().join(" / ")))
    };
    if seen.is_empty() {
        return "throttling not told".into();
    }
    let changed: Vec<String> = seen.into_iter().filter_map(words).collect();
    if changed.is_empty() { "not throttled meanwhile".into() } else { format!("throttling: {}", changed.join(", ")) }
}

fn board(fact: &BoardFact) -> String {
    let BoardFact { facts, file, used, .. } = fact;
    format!(
        "{}; {file} takes {} bytes of flash ({} of code) and {} of RAM ({} of arena)",
        facts.to_text(),
        grouped(used.flash.into()),
        grouped(used.code.into()),
        grouped(used.ram().into()),
        grouped(used.arena.into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::{BoardFacts, Use};
    use crate::remote::facts::Facts;
    use crate::robust::ledger::record::Moment;

    fn device(moment: Moment, mc: i64, flags: &str) -> DeviceFact {
        let facts = Facts {
            cpu: "Cortex-A76".into(),
            cpus: 4,
            arch: "aarch64".into(),
            isas: vec!["dotprod".into(), "neon".into()],
            board: Some("Raspberry Pi 5".into()),
            kernel: None,
            memory_bytes: Some(8 << 30),
            features: vec!["asimd".into(), "asimddp".into()],
            governor: Some("ondemand".into()),
            frequency_khz: Some(if moment == Moment::Before { 1_500_000 } else { 2_400_000 }),
            max_frequency_khz: Some(2_400_000),
            temperature_mc: [("cpu".to_owned(), mc)].into(),
            throttling: [("get_throttled".to_owned(), flags.to_owned())].into(),
        };
        DeviceFact { host: "pi@shelf".into(), program: "ab".into(), moment, facts }
    }

    fn report(devices: Vec<DeviceFact>, boards: Vec<BoardFact>) -> RobustReport {
        RobustReport { schema: String::new(), edgebench: String::new(), studies: Vec::new(), devices, boards }
    }

    #[test]
    fn machines_tell_their_state_before_and_after() {
        let with =
            |flags| report(vec![device(Moment::Before, 48_250, "0x0"), device(Moment::After, 71_000, flags)], vec![]);
        let [(host, text)] = &lines(&with("0x0"), false)[..] else { panic!("one machine") };
        assert_eq!(host, "pi@shelf");
        let said = "Raspberry Pi 5, Cortex-A76 (aarch64), 4 hardware threads, 8192 MiB of memory, kernels dotprod neon, governor \
                    ondemand, 1500–2400 MHz, at most 2400 MHz, 48.2–71.0 °C, not throttled meanwhile";
        assert_eq!(text, said);
        let (_, text) = &lines(&with("0x50005"), true)[0];
        assert!(text.contains("throttling: get_throttled 0x0 / 0x50005, features asimd asimddp"), "{text}");
    }

    #[test]
    fn boards_tell_what_models_take() {
        let facts = BoardFacts {
            board: "mps2-an386".into(),
            core: "cortex-m4".into(),
            features: vec!["dsp".into()],
            target: "thumbv7em-none-eabihf".into(),
            flash_bytes: 4 << 20,
            ram_bytes: 4 << 20,
            runner: "qemu-system-arm".into(),
            emulator: Some("QEMU emulator version 7.2".into()),
        };
        let fact = |stack| BoardFact {
            facts: facts.clone(),
            file: "net.tflite".into(),
            model: "cd".into(),
            arithmetic: "litert".into(),
            used: Use { stack, stack_size: 8192, arena: 50_000, code: 40_000, flash: 128_000, statics: 52_000 },
        };
        // Two runs: the one that used more counts.
        let [(name, text)] = &lines(&report(vec![], vec![fact(2000), fact(3000)]), false)[..] else { panic!("one") };
        assert_eq!(name, "mps2-an386");
        let said = "cortex-m4 (dsp), 4096 KiB of flash, 4096 KiB of RAM, run by QEMU emulator version 7.2; net.tflite takes 128,000 \
                    bytes of flash (40,000 of code) and 55,000 of RAM (50,000 of arena)";
        assert_eq!(text, said);
    }
}
