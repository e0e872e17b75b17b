//! What is published where.

/// An archive as its authors publish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive {
    /// As on the command line.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Official address.
    pub url: &'static str,
    /// Name of the file at that address.
    pub file: &'static str,
    /// MD5 as published, in hex. It tells damaged files, not forged ones.
    pub md5: &'static str,
    /// Bytes, about: for progress and for the space that is needed.
    pub bytes: u64,
    /// The directory that it unpacks to.
    pub dir: &'static str,
    /// To be cited with figures.
    pub citation: &'static str,
}

/// Bytes that an archive unpacks to at most.
pub(super) const MAX_UNPACKED: u64 = 8 << 30;

const KRIZHEVSKY: &str = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009";
const HENDRYCKS: &str = "D. Hendrycks, T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019, CC BY 4.0";

/// All that are known.
pub const SETS: [Archive; 4] = [
    Archive {
        name: "cifar10",
        about: "60,000 images 32 x 32 of 10 classes, binary version",
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        file: "cifar-10-binary.tar.gz",
        md5: "c32a1d4ab5d03f1284b67883e8d87530",
        bytes: 170_052_171,
        dir: "cifar-10-batches-bin",
        citation: KRIZHEVSKY,
    },
    Archive {
        name: "cifar100",
        about: "60,000 images 32 x 32 of 100 classes, binary version",
        url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        file: "cifar-100-binary.tar.gz",
        md5: "03b5dce01913d631647c71ecec9e9cb8",
        bytes: 168_513_733,
        dir: "cifar-100-binary",
        citation: KRIZHEVSKY,
    },
    Archive {
        name: "cifar10-c",
        about: "CIFAR-10's test images under 19 corruptions of 5 severities",
        url: "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar",
        file: "CIFAR-10-C.tar",
        md5: "56bf5dcef84df0e2308c6dcbcbbd8499",
        bytes: 2_918_471_680,
        dir: "CIFAR-10-C",
        citation: HENDRYCKS,
    },
    Archive {
        name: "cifar100-c",
        about: "CIFAR-100's test images under 19 corruptions of 5 severities",
        url: "https://zenodo.org/records/3555552/files/CIFAR-100-C.tar",
        file: "CIFAR-100-C.tar",
        md5: "11f0ed0f1191edbf9fa23466ae6021d3",
        bytes: 2_918_473_216,
        dir: "CIFAR-100-C",
        citation: HENDRYCKS,
    },
];
