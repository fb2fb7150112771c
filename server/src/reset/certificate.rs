//! Proof of a reset.

use serde::{Deserialize, Serialize};
use showrunner_lake::model::ForeignObject;

/// What was counted after a reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// `all`, `customer:…`, `step:…`
    pub scope: String,
    /// What was checked.
    pub lines: Vec<CertificateLine>,
    /// Objects that are not ours: named and left alone.
    pub foreign: Vec<ForeignObject>,
    /// Wall seconds from the press to the proof, waiting for other runs included.
    pub seconds: f64,
    /// UTC milliseconds.
    pub at: i64,
    /// Who pressed.
    pub by: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateLine {
    /// `Objects in the ingestion bucket`
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// Whether they are the same.
    pub equal: bool,
}

impl CertificateLine {
    pub(super) fn new(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        CertificateLine { what: what.into(), equal: expected == found, expected, found }
    }
}

impl Certificate {
    /// True when every line is equal.
    pub fn verified(&self) -> bool {
        self.lines.iter().all(|line| line.equal)
    }

    /// As plain text, for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} (scope {}, {:.2} s, by {})\n",
            if self.verified() { "Reset verified" } else { "Reset NOT verified" },
            self.scope,
            self.seconds,
            self.by
        );
        let width = self.lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
        for line in &self.lines {
            let mark = if line.equal { "ok " } else { "NOT" };
            text.push_str(&format!(
                "  {mark}  {:width$}  expected {}, found {}\n",
                line.what, line.expected, line.found
            ));
        }
        for foreign in &self.foreign {
            text.push_str(&format!(
                "  left alone: {}/{} ({} bytes): {}\n",
                foreign.bucket, foreign.key, foreign.size, foreign.reason
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unequal_line_spoils_it() {
        let mut certificate = Certificate {
            scope: "all".into(),
            lines: vec![CertificateLine::new("Objects", 0, 0)],
            foreign: Vec::new(),
            seconds: 0.5,
            at: 0,
            by: "presenter".into(),
        };
        assert!(certificate.verified());
        certificate.lines.push(CertificateLine::new("Rows of bronze", 0, 3));
        assert!(!certificate.verified());
        assert!(certificate.text().contains("NOT  Rows of bronze  expected 0, found 3"));
    }
}
