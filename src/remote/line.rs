//! What the other end says: one JSON object a line.

use serde::{Deserialize, Serialize};

/// One line of `edgebench host follow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A line of the job's ledger, as it stands there.
    Ledger {
        /// Bytes of the ledger up to its end.
        at: u64,
        /// Without the line end.
        line: String,
    },
    /// A line that the job said on standard error.
    Said {
        /// Bytes of standard error up to its end.
        at: u64,
        /// Without the line end.
        line: String,
    },
    /// Still there; it also shows the other end whether we are.
    Beat,
    /// The job has ended.
    Exit {
        /// Its exit code.
        code: i32,
        /// What it printed.
        stdout: String,
    },
    /// Nobody works on the job, and it has not ended: it was killed.
    Dead,
}

impl Line {
    /// As text, with a line end.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("lines are plain data") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_back() {
        let (line, stdout) = ("{\"crc\":…\n".to_owned(), "{}\n".to_owned());
        for line in [Line::Ledger { at: 7, line }, Line::Beat, Line::Exit { code: 1, stdout }, Line::Dead] {
            let text = line.to_text();
            assert_eq!(text.matches('\n').count(), 1);
            assert_eq!(serde_json::from_str::<Line>(&text).expect("JSON"), line);
        }
    }
}
