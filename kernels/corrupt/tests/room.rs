//! Corruptions in memory that is given: the same bytes as with a heap, in exactly as much as is said.

mod common;

use common::picture;
use edgebench_corrupt::{Constants, Corruption, Corruptor, Error, ImageView, Room, Severity};

const SIZES: [[usize; 3]; 3] = [[32, 32, 3], [21, 38, 1], [9, 5, 3]];

fn each(mut test: impl FnMut(Constants, Corruption, Severity, [usize; 3])) {
    for set in Constants::ALL {
        for kind in Corruption::ALL {
            for severity in Severity::ALL {
                SIZES.into_iter().for_each(|size| test(set, kind, severity, size));
            }
        }
    }
}

#[test]
fn given_memory_gives_the_same_bytes() {
    let mut corruptors = Constants::ALL.map(|set| Corruptor::new(set, 3));
    each(|set, kind, severity, size @ [h, w, c]| {
        let data = picture(h, w, c);
        let image = ImageView::new(&data, h, w, c).unwrap();
        let bytes = Corruptor::memory(set, kind, severity, size).unwrap();
        let (mut words, mut got, mut want) = (vec![u64::MAX; bytes / 8], vec![0; data.len()], vec![1; data.len()]);
        let mut corruptor = Corruptor::within(set, 3, Room::new(&mut words));
        corruptor.apply(kind, severity, image, 11, &mut got).unwrap();
        corruptors[usize::from(set == Constants::Imagenet)].apply(kind, severity, image, 11, &mut want).unwrap();
        assert!(got == want, "{set} {kind} {severity} {size:?}");
    });
}

#[test]
fn too_little_memory_is_said() {
    each(|set, kind, severity, size @ [h, w, c]| {
        let bytes = Corruptor::memory(set, kind, severity, size).unwrap();
        // Frost takes its time, and asks for the same memory at every severity.
        if bytes == 0 || kind == Corruption::Frost && severity.level() > 1 {
            return;
        }
        let data = picture(h, w, c);
        let image = ImageView::new(&data, h, w, c).unwrap();
        let (mut words, mut out) = (vec![0; bytes / 8 - 1], vec![0; data.len()]);
        let had = bytes - 8;
        let failed = Corruptor::within(set, 3, Room::new(&mut words)).apply(kind, severity, image, 0, &mut out);
        assert_eq!(failed, Err(Error::Memory { needed: bytes, had }), "{set} {kind} {severity} {size:?}");
    });
}

/// What a board needs for CIFAR's images; `docs/boards.md` has the figures.
#[test]
fn memory_for_cifar() {
    let most = |frost: bool| {
        let kinds = Corruption::ALL.into_iter().filter(|&kind| (kind == Corruption::Frost) == frost);
        let of = |kind, severity| Corruptor::memory(Constants::Cifar, kind, severity, [32, 32, 3]).unwrap();
        kinds.flat_map(|kind| Severity::ALL.map(|severity| of(kind, severity))).max().unwrap()
    };
    println!("frost {}, the others {}", most(true), most(false));
    assert!(most(true) <= 540 << 10 && most(false) <= 72 << 10);
}
