//! The same bytes everywhere: one digest for every kind, severity, set of constants and size, in `digests.txt`.
//!
//! A change of a digest is a change of every result that was measured with it: say so in the changelog. With
//! `EDGEBENCH_WRITE_DIGESTS` set, the file is written anew.

mod common;

use std::fmt::Write;

use common::picture;
use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

const SIZES: [[usize; 3]; 3] = [[32, 32, 3], [45, 27, 1], [96, 71, 3]];

/// FNV-1a, 64 bits.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

fn line(set: Constants, kind: Corruption, corruptor: &mut Corruptor<'_>) -> String {
    let mut line = format!("{set} {kind}");
    for [h, w, c] in SIZES {
        let data = picture(h, w, c);
        let mut out = vec![0; data.len()];
        let mut all = Vec::new();
        for severity in Severity::ALL {
            let image = ImageView::new(&data, h, w, c).unwrap();
            corruptor.apply(kind, severity, image, 0x1_0000_0007, &mut out).unwrap();
            all.push(digest(&out));
        }
        write!(line, " {h}x{w}x{c}").unwrap();
        all.iter().for_each(|digest| write!(line, " {digest:016x}").unwrap());
    }
    line
}

#[test]
fn digests_are_those_of_the_file() {
    let jobs: Vec<(Constants, Corruption)> =
        Constants::ALL.into_iter().flat_map(|set| Corruption::ALL.map(|kind| (set, kind))).collect();
    // Several threads, each with a corruptor whose memory other kinds and sizes have used before.
    let lines: Vec<String> = std::thread::scope(|scope| {
        let run = |part: &[(Constants, Corruption)]| -> Vec<String> {
            let mut corruptors = Constants::ALL.map(|set| Corruptor::new(set, 2026));
            let corruptor = |set| usize::from(set == Constants::Imagenet);
            part.iter().map(|&(set, kind)| line(set, kind, &mut corruptors[corruptor(set)])).collect()
        };
        let threads: Vec<_> = jobs.chunks(jobs.len().div_ceil(8)).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let header =
        "FNV-1a (64 bits) of the outputs for tests/common.rs's picture, seed 2026, image 0x100000007, severity 1 to 5";
    let text = format!("# {header}\n{}\n", lines.join("\n"));
    if std::env::var_os("EDGEBENCH_WRITE_DIGESTS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/digests.txt"), &text).unwrap();
        return;
    }
    for (got, want) in text.lines().zip(include_str!("digests.txt").lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(text, include_str!("digests.txt"));
}
