//! The unit of measurement: one model on some images under one condition.

use super::condition::Condition;

/// Bins of confidence, of equal width, as is usual for the expected calibration error (Guo et al., 2017).
pub const BINS: usize = 15;

/// Steps of confidence between 0 and 1: sums of integers do not depend on their order.
pub const CONFIDENCE_ONE: u64 = 1 << 24;

/// Version of the rules that corrupted images are made by: one more whenever a digest of `kernels/corrupt/tests/digests.txt` changes.
pub const GENERATOR: u32 = 1;

/// What a model is for a measurement: everything that decides its answers to an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey {
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: String,
    /// SHA-256 over how a pixel becomes an input, in hex.
    pub preprocess: String,
}

/// Where the pixels of a condition come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The data as they are.
    Clean,
    /// Made on the way.
    Generated {
        /// Name of the set of constants.
        constants: String,
        /// Seed of the random numbers.
        seed: u64,
        /// Version of the rules that make them, [`GENERATOR`].
        generator: u32,
        /// SHA-256 over the photographs of frost, in hex; for `frost` alone.
        photographs: Option<String>,
    },
    /// Read from a file of corrupted images.
    File {
        /// SHA-256 of the file, in hex.
        sha256: String,
    },
}

/// Name of a cell: what was measured. Two cells of one name must have the same content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// SHA-256 of the clean data with their labels, in hex.
    pub data: String,
    /// The model.
    pub model: ModelKey,
    /// The condition.
    pub condition: Condition,
    /// Where its pixels come from.
    pub origin: Origin,
    /// First image.
    pub first: u64,
    /// One more than the last image.
    pub end: u64,
}

/// One bin of confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bin {
    /// Images.
    pub n: u64,
    /// Of those, with the right answer.
    pub hits: u64,
    /// Sum of their confidence in steps of 1 / [`CONFIDENCE_ONE`].
    pub confidence: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Images with the right answer.
    pub hits: u64,
    /// Images with the label among the best five.
    pub top5: u64,
    /// Bins of confidence.
    pub bins: [Bin; BINS],
    /// Best class of every image.
    pub answers: Vec<u16>,
}

impl Counts {
    /// Nothing yet of `n` images.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { hits: 0, top5: 0, bins: [Bin::default(); BINS], answers: vec![0; n] }
    }

    /// Counts the answer to image `at` (of this cell).
    pub fn add(&mut self, at: usize, answer: &Scored) {
        self.answers[at] = answer.best;
        self.hits += u64::from(answer.hit);
        self.top5 += u64::from(answer.in_top5);
        let confidence = (answer.confidence.clamp(0.0, 1.0) * CONFIDENCE_ONE as f64).round() as u64;
        // Bins are open below and closed above, as Guo et al. have them.
        let bin = (confidence * BINS as u64).div_ceil(CONFIDENCE_ONE).clamp(1, BINS as u64) - 1;
        let bin = &mut self.bins[bin as usize];
        bin.n += 1;
        bin.hits += u64::from(answer.hit);
        bin.confidence += confidence;
    }

    /// Adds the counts of other images, whose answers go to `at` and after.
    pub fn merge(&mut self, at: usize, part: &Self) {
        self.hits += part.hits;
        self.top5 += part.top5;
        for (bin, other) in self.bins.iter_mut().zip(&part.bins) {
            bin.n += other.n;
            bin.hits += other.hits;
            bin.confidence += other.confidence;
        }
        self.answers[at..][..part.answers.len()].copy_from_slice(&part.answers);
    }
}

/// A model's answer to one image.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// Best class.
    pub best: u16,
    /// Whether it is the label.
    pub hit: bool,
    /// Whether the label is among the best five.
    pub in_top5: bool,
    /// Probability that the model gives the best class, 0 to 1.
    pub confidence: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_closed_above() {
        let mut counts = Counts::new(4);
        for (at, confidence) in [0.0, 1.0 / 15.0, 0.999, 1.0].into_iter().enumerate() {
            counts.add(at, &Scored { best: 3, hit: at == 3, in_top5: true, confidence });
        }
        assert_eq!((counts.bins[0].n, counts.bins[1].n, counts.bins[14].n), (2, 0, 2));
        assert_eq!((counts.hits, counts.top5, counts.bins[14].hits), (1, 4, 1));
        let mut all = Counts::new(8);
        all.merge(4, &counts);
        all.merge(0, &counts);
        assert_eq!((all.hits, all.bins[14].n, all.answers), (2, 4, vec![3; 8]));
    }
}
