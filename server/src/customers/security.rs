//! What an upload identity may not, tried: the same code decides as for a request that comes by the network.

use chrono::NaiveDate;

use super::{Target, UploadIdentity, Verb, permit};
use crate::AppState;
use crate::error::Result;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What it would be good for.
    pub what: String,
    /// As it would be sent.
    pub request: String,
    /// HTTP's status.
    pub status: u16,
    /// What the answer says.
    pub words: String,
    /// Whether that is how it should be.
    pub right: bool,
}

/// Tries to get at what is not this identity's, and at what is.
pub async fn attempts(state: &AppState, who: &UploadIdentity) -> Result<Vec<Attempt>> {
    let names = state.lake.names();
    let told = state.stage.told();
    let dataset = told.story.dataset.clone();
    let other = state.store.accounts().await?.into_iter().map(|account| account.id).find(|id| *id != who.customer);
    let other = other.unwrap_or_else(|| "customer99".to_owned());
    let date = told.story.data.stage.days().first().copied().unwrap_or(NaiveDate::MIN);
    let (own, day) = (&who.customer, format!("{dataset}/{date}"));
    let tries = [
        (Verb::List, "List its own folder", format!("/upload/{own}/"), true),
        (Verb::Write, "Write into its own folder", format!("/upload/{own}/{day}/sessions.json.gz"), true),
        (Verb::Write, "Write into another customer's folder", format!("/upload/{other}/{day}/sessions.json.gz"), false),
        (Verb::List, "List another customer's folder", format!("/upload/{other}/"), false),
        (Verb::List, "List all customers", "/upload/".to_owned(), false),
        (Verb::List, "Read a file back", format!("/upload/{own}/{day}/sessions.json.gz"), false),
        (Verb::List, "List the lake's bucket", format!("/upload/{}/", names.datalake), false),
        (Verb::List, "Open the lake's bucket", format!("/lake/bucket/{}", names.datalake), false),
        (Verb::List, "Read a table of the lake", "/lake/gold.channel_day?tab=rows".to_owned(), false),
        (Verb::List, "Query the warehouse", "/api/sql?search=%3Fq%3DSELECT%201".to_owned(), false),
        (Verb::Write, "Write into the lake's bucket", format!("/upload/{}/zone/gold/a.parquet", names.datalake), false),
        (Verb::Write, "Leave the folder by ..", format!("/upload/{own}/../{other}/{day}/a.json"), false),
        (Verb::Write, "The same, encoded", format!("/upload/{own}/%2e%2e/{other}/{day}/a.json"), false),
        (Verb::Write, "An encoded slash", format!("/upload/{own}%2F..%2F{other}/{day}/a.json"), false),
        (Verb::Write, "Encoded twice", format!("/upload/{own}/%252e%252e/{other}/{day}/a.json"), false),
        (
            Verb::Write,
            "A letter that looks like another",
            format!("/upload/{}/{day}/a.json", look_alike(&other)),
            false,
        ),
    ];
    let mut done = Vec::new();
    for (verb, what, path, allowed) in tries {
        let method = match verb {
            Verb::Write => "PUT",
            Verb::Look => "HEAD",
            Verb::List => "GET",
        };
        let (status, words) = match permit(who, &state.lake.datasets(), verb, path.split('?').next().unwrap_or(&path)) {
            Ok(Target::Listing(below)) => {
                let files = state.lake.dropbox(&who.customer)?.list(&below).await?;
                (200, format!("{} in it.", crate::format::plural(files.len() as u64, "file")))
            }
            Ok(Target::File(key) | Target::Marker(key)) => {
                // Not written: only whether it could be.
                state.lake.dropbox(&who.customer)?.uploaded(&key).await?;
                (200, "Would be taken; this try sends no file.".to_owned())
            }
            Err(refusal) => (refusal.status, refusal.words),
        };
        done.push(Attempt {
            what: what.to_owned(),
            request: format!("{method} {path}"),
            status,
            words,
            right: (status < 300) == allowed,
        });
    }
    Ok(done)
}

/// The customer's id with a Cyrillic letter, percent-encoded.
fn look_alike(customer: &str) -> String {
    customer.replacen('c', "%D1%81", 1).replacen('o', "%D0%BE", 1)
}
