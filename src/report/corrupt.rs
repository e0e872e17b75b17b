//! What `edgebench corrupt` did.

use serde::Serialize;

/// What `edgebench corrupt` did.
#[derive(Clone, Debug, Serialize)]
pub struct CorruptReport {
    /// [`CorruptReport::SCHEMA`].
    pub schema: &'static str,
    /// Name of the data set.
    pub data: String,
    /// What it was read from, in words.
    pub source: String,
    /// SHA-256 of the clean data.
    pub data_sha256: String,
    /// Clean images.
    pub images: usize,
    /// Height, width, channels.
    pub shape: [usize; 3],
    /// Set of constants.
    pub constants: &'static str,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Names of the corruptions; frost without photographs is `frost-synthetic`.
    pub corruptions: Vec<&'static str>,
    /// Levels.
    pub severities: Vec<u8>,
    /// Files and directories that were written.
    pub written: Vec<String>,
    /// Threads.
    pub threads: usize,
    /// Time for all of it, writing included.
    pub seconds: f64,
}

impl CorruptReport {
    /// Name and version of this form.
    pub const SCHEMA: &'static str = "edgebench.corrupt/1";

    /// One line for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let images = self.images * self.corruptions.len() * self.severities.len();
        let where_to = match &self.written[..] {
            [] => "nothing written".into(),
            [one] => one.clone(),
            [first, .., last] => format!("{first} … {last}"),
        };
        format!(
            "{images} images ({} of {}, {} corruptions, {} severities, {} constants, seed {}) in {:.1} s with {} threads: {where_to}",
            self.images,
            self.data,
            self.corruptions.len(),
            self.severities.len(),
            self.constants,
            self.seed,
            self.seconds,
            self.threads,
        )
    }
}
