//! What is different from the embedded back end, each line with its proof. The page of settings shows them, and the table of
//! docs/decisions/0016-google-cloud.md is the same, which the test below sees to.

use std::fmt;

/// A difference. Texts are in Markdown's code spans, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// What is different.
    pub what: &'static str,
    /// How it is in the embedded back end.
    pub embedded: &'static str,
    /// How it is on Google Cloud.
    pub google: &'static str,
    /// Why we say so.
    pub proof: &'static [Proof],
}

/// Why a difference is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A test: its file in the repository, and the function.
    Test(&'static str, &'static str),
    /// Google's documentation.
    Source(&'static str),
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Test(file, function) => write!(f, "`{function}` in `{file}`"),
            Proof::Source(address) => f.write_str(address),
        }
    }
}

/// All that are known.
pub const DIFFERENCES: [Difference; 7] = [
    Difference {
        what: "backlog of a subscription",
        embedded: "exact, at once",
        google: "what has come to this process; Google's figure is minutes late",
        proof: &[
            Proof::Test("server/lake/src/testing/topic/delivery.rs", "unacknowledged_messages_come_again"),
            Proof::Source("https://cloud.google.com/pubsub/docs/monitoring"),
        ],
    },
    Difference {
        what: "`max_backlog_bytes`",
        embedded: "publishing waits",
        google: "does not exist there",
        proof: &[
            Proof::Test("server/lake/tests/topic/contract.rs", "publishing_is_refused_while_subscribers_are_behind"),
            Proof::Source("https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics"),
        ],
    },
    Difference {
        what: "seek to now",
        embedded: "at once",
        google: "a second, since the clocks differ",
        proof: &[Proof::Test("server/lake/src/testing/topic/seeking.rs", "to_now_and_to_the_future")],
    },
    Difference {
        what: "acknowledging",
        embedded: "kept when it returns",
        google: "best effort: one whose answer is lost comes again",
        proof: &[Proof::Source("https://cloud.google.com/pubsub/docs/exactly-once-delivery")],
    },
    Difference {
        what: "replacing rows that came by a stream",
        embedded: "at once",
        google: "may be refused while they lie in the streaming buffer, up to 90 minutes; `bqemulator` has no buffer either",
        proof: &[Proof::Test(
            "server/gcp/tests/warehouse/streams.rs",
            "a_load_that_the_streaming_buffer_refuses_says_when_to_try_again",
        )],
    },
    Difference {
        what: "version of a warehouse table",
        embedded: "the Delta log's",
        google: "the end of the job in milliseconds: BigQuery counts none",
        proof: &[Proof::Test("server/gcp/tests/warehouse/faults.rs", "an_answer_that_was_lost_is_looked_up")],
    },
    Difference {
        what: "a snapshot's labels, retention beyond 7 days, a topic's retention, a second stream of a subscription",
        embedded: "as documented",
        google: "as documented; Google's emulator lacks them",
        proof: &[
            Proof::Test("server/gcp/tests/topics/main.rs", "labels_snapshots"),
            Proof::Test("server/gcp/tests/topics/main.rs", "longest_retention"),
            Proof::Test("server/gcp/tests/topics/main.rs", "retains_topics"),
            Proof::Test("server/gcp/tests/topics/main.rs", "keeps_the_contract_by_unary_pull"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_decision_has_the_same_table() {
        let text = std::fs::read_to_string(root().join("docs/decisions/0016-google-cloud.md")).expect("the decision");
        let head = "| what | embedded | Google Cloud | proof |";
        let lines = text.lines().skip_while(|line| *line != head).skip(2).take_while(|line| line.starts_with('|'));
        let ours = DIFFERENCES.iter().map(|difference| {
            let Difference { what, embedded, google, proof } = difference;
            let proof: Vec<String> = proof.iter().map(ToString::to_string).collect();
            format!("| {what} | {embedded} | {google} | {} |", proof.join(", "))
        });
        let ours: Vec<String> = ours.collect();
        assert_eq!(lines.collect::<Vec<_>>(), ours, "the table should be:\n{}", ours.join("\n"));
    }

    #[test]
    fn each_proof_is_there() {
        for difference in &DIFFERENCES {
            assert!(!difference.proof.is_empty(), "{difference:?}");
            for proof in difference.proof {
                match proof {
                    Proof::Test(file, function) => {
                        let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
                        assert!(text.contains(&format!("fn {function}(")), "{file} has no {function}");
                    }
                    Proof::Source(address) => assert!(address.starts_with("https://cloud.google.com/"), "{address}"),
                }
            }
        }
    }
}
