//! What is to be done on another machine, by hash: the same job is never started twice.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::parcel::Parcel;

/// Name and version of the description.
pub const FORMAT: &str = "edgebench.job/1";

/// The part of a name of a job that is shown and used.
const ID: usize = 32;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Job {
    /// The command line, without the program; paths are those of [`Job::add`].
    pub args: Vec<String>,
    /// What it needs.
    pub parcels: Vec<Parcel>,
    /// Measurements are made again each time: told apart by this.
    pub salt: String,
}

impl Job {
    /// Adds a parcel; gives its path for arguments, relative to the job's directory. Parcels of one `group` lie side by side.
    pub fn add(&mut self, group: &str, mut parcel: Parcel) -> String {
        let path = format!("in/{group}/{}", parcel.name);
        parcel.name = format!("{group}/{}", parcel.name);
        self.parcels.push(parcel);
        path
    }

    /// An argument with its value.
    pub fn option(&mut self, name: &str, value: impl ToString) {
        self.args.extend([name.to_owned(), value.to_string()]);
    }

    /// The name of the job, for a program with this hash.
    #[must_use]
    pub fn id(&self, program: &str) -> String {
        let mut hash = Sha256::new();
        // Lengths keep neighbours apart.
        let mut put = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        put(program);
        put(&self.salt);
        self.args.iter().for_each(|arg| put(arg));
        for parcel in &self.parcels {
            put(&parcel.name);
            put(&parcel.sha256);
        }
        hash.finalize().iter().take(ID / 2).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// `job.json` in the directory of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// [`FORMAT`].
    pub schema: String,
    /// The command line, without the program.
    pub args: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_known_by_all_that_it_depends_on() {
        let job = |args: &[&str], bytes: &[u8], salt: &str| {
            let mut job = Job { args: args.iter().map(|&arg| arg.into()).collect(), ..Job::default() };
            job.salt = salt.into();
            let path = job.add("0", Parcel::of_bytes("a b", bytes.into()).expect("memory"));
            assert_eq!(path, "in/0/a_b");
            job.id("p")
        };
        let one = job(&["eval", "x"], b"1", "");
        assert_eq!(one.len(), ID);
        assert_eq!(one, job(&["eval", "x"], b"1", ""));
        for other in [job(&["evalx", ""], b"1", ""), job(&["eval", "x"], b"2", ""), job(&["eval", "x"], b"1", "s")] {
            assert_ne!(one, other);
        }
    }
}
