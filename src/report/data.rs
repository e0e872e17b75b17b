//! Published data: what is known, what was found, what was fetched.

use serde::Serialize;

use super::table::{Align, Table, bytes};

/// Data sets that are known.
#[derive(Clone, Debug, Serialize)]
pub struct DataList {
    /// [`DataList::SCHEMA`].
    pub schema: &'static str,
    /// The sets.
    pub sets: Vec<DataRow>,
}

/// A data set.
#[derive(Clone, Debug, Serialize)]
pub struct DataRow {
    /// As on the command line.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Official address.
    pub url: &'static str,
    /// MD5 of the archive, as published.
    pub md5: &'static str,
    /// Bytes of the archive.
    pub bytes: u64,
    /// What it unpacks to.
    pub directory: &'static str,
    /// To be cited.
    pub citation: &'static str,
}

/// What lies at a path.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// [`VerifyReport::SCHEMA`].
    pub schema: &'static str,
    /// The path.
    pub path: String,
    /// What it is.
    pub what: String,
    /// `verified` (published checksum), `sound` (structure only) or `differs`.
    pub verdict: &'static str,
    /// What was compared, and what differs.
    pub details: Vec<String>,
}

/// What was fetched.
#[derive(Clone, Debug, Serialize)]
pub struct FetchReport {
    /// [`FetchReport::SCHEMA`].
    pub schema: &'static str,
    /// The set.
    pub name: &'static str,
    /// Where it is.
    pub directory: String,
    /// Whether anything was downloaded; false where it was there.
    pub downloaded: bool,
    /// To be cited.
    pub citation: &'static str,
}

impl DataList {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.data-list/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let columns = [("name", Align::Left), ("archive", Align::Right), ("", Align::Left)];
        let mut table = Table::new(&columns);
        for set in &self.sets {
            table.row([set.name.to_owned(), bytes(set.bytes), set.about.to_owned()]);
        }
        let mut text = table.to_text();
        for set in &self.sets {
            text += &format!(
                "\n{}: {}\n  MD5 {}, unpacks to {}\n  {}\n",
                set.name, set.url, set.md5, set.directory, set.citation
            );
        }
        text
    }
}

impl VerifyReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.data-verify/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let verdict = match self.verdict {
            "verified" => "verified",
            "sound" => "sound, but not verifiable",
            _ => "not what was published",
        };
        let details: String = self.details.iter().map(|detail| format!("  {detail}\n")).collect();
        format!("{}: {}, {verdict}\n{details}", self.path, self.what)
    }
}

impl FetchReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.data-fetch/1";

    /// One line.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} is in {}; please cite {}", self.name, self.directory, self.citation)
    }
}
