//! Which cells there are, and which of them a shard measures.

use std::ops::Range;

use edgebench_corrupt::Severity;

use super::condition::{Condition, Kind};

/// All conditions of a measurement, over images in blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Corruptions, in the order of the paper.
    pub kinds: Vec<Kind>,
    /// Severities, ascending.
    pub severities: Vec<Severity>,
    /// Images.
    pub images: u64,
    /// Images of a block, at least 1.
    pub block: u64,
}

/// Images of a block unless somebody says otherwise: a tenth of CIFAR-10's test set.
pub const BLOCK: u64 = 1000;

/// Images of a block where they are drawn at random until something is decided.
pub const SMALL_BLOCK: u64 = 20;

impl Grid {
    /// Clean images, then every corruption with every severity.
    pub fn conditions(&self) -> impl Iterator<Item = Condition> + '_ {
        let corrupted = |&kind: &Kind| self.severities.iter().map(move |&s| Condition::Corrupted(kind, s));
        std::iter::once(Condition::Clean).chain(self.kinds.iter().flat_map(corrupted))
    }

    /// The ranges of images that cells have.
    pub fn blocks(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let (images, block) = (self.images, self.block.max(1));
        (0..images.div_ceil(block)).map(move |at| at * block..images.min((at + 1) * block))
    }

    /// Every condition and block, one condition after the other.
    pub fn units(&self) -> impl Iterator<Item = (Condition, Range<u64>)> + '_ {
        self.conditions().flat_map(|condition| self.blocks().map(move |range| (condition, range)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebench_corrupt::Corruption;

    #[test]
    fn blocks_cover_the_images_once() {
        let grid = Grid {
            kinds: vec![Kind::new(Corruption::Fog), Kind::new(Corruption::Snow)],
            severities: Severity::ALL.to_vec(),
            images: 2_359,
            block: 1000,
        };
        assert_eq!(grid.blocks().collect::<Vec<_>>(), [0..1000, 1000..2000, 2000..2359]);
        assert_eq!(grid.units().count(), 11 * 3);
        assert_eq!(grid.units().map(|(_, range)| range.end - range.start).sum::<u64>(), 11 * 2_359);
    }
}
