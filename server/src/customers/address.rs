//! What an upload token opens: the addresses of its own customer's folder, and no other. Decided on the address as it was sent, before
//! anything decodes or tidies it.

use showrunner_lake::ingestion::CRM;
use showrunner_lake::keys::{IngestionKey, MARKER, check_dataset, parse_date, sanitise_file_name};
use showrunner_lake::model::Day;

use super::{Refusal, UploadIdentity};

/// With what every address for a token begins.
pub const BASE: &str = "/upload/";
/// How an address looks.
const FORM: &str = "Write it as /upload/CUSTOMER/DATASET/YYYY-MM-DD/FILE.";

/// What is wanted at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `PUT`
    Write,
    /// `HEAD`
    Look,
    /// `GET`
    List,
}

/// What an address means to the token that may open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The customer's own files below this.
    Listing(String),
    /// A file.
    File(IngestionKey),
    /// The file that says 'this day is complete'.
    Marker(IngestionKey),
}

/// What `verb` at the address means to whoever holds the token, or why it is refused. `path` is as it was sent.
pub fn permit(who: &UploadIdentity, datasets: &[String], verb: Verb, path: &str) -> Result<Target, Refusal> {
    let Some(rest) = path.strip_prefix(BASE) else {
        return Err(Refusal::forbidden(format!(
            "An upload token opens {BASE}{}/ and nothing else: no page, no table, no bucket.",
            who.customer
        )));
    };
    let mut segments = rest.split('/').map(decode).collect::<Result<Vec<_>, _>>()?;
    // The slash at the end of a folder.
    if segments.last().is_some_and(String::is_empty) && segments.len() > 1 {
        segments.pop();
    }
    let customer = &segments[0];
    if *customer != who.customer {
        return Err(Refusal::forbidden(format!(
            "This token opens the folder of {} and no other. What else there is, it does not see.",
            who.customer
        )));
    }
    if segments.iter().any(String::is_empty) {
        return Err(Refusal::forbidden("The address has a slash too many."));
    }
    match (verb, segments.as_slice()) {
        (Verb::List, [_, below @ ..]) if below.len() < 3 => {
            Ok(Target::Listing(below.iter().map(|segment| format!("{segment}/")).collect()))
        }
        (Verb::List, _) => Err(Refusal::forbidden(
            "Files are delivered here, not read back: a token lists names and sizes, and opens no file.",
        )),
        (Verb::Write | Verb::Look, [_, dataset, date, file]) => {
            let key = IngestionKey {
                day: day(&who.customer, datasets, dataset, date)?,
                file: if file == MARKER { file.clone() } else { name(file)? },
            };
            let marker = key.is_marker() && verb == Verb::Write;
            Ok(if marker { Target::Marker(key) } else { Target::File(key) })
        }
        (Verb::Write | Verb::Look, [_, _, _, _, ..]) => {
            Err(Refusal::invalid(format!("Files lie directly in the folder of their day. {FORM}")))
        }
        (Verb::Write | Verb::Look, _) => Err(Refusal::invalid(format!("The address names no file. {FORM}"))),
    }
}

fn day(customer: &str, datasets: &[String], dataset: &str, date: &str) -> Result<Day, Refusal> {
    check_dataset(dataset).map_err(|e| Refusal::invalid(e.message))?;
    if dataset != CRM && !datasets.iter().any(|known| known == dataset) {
        return Err(Refusal {
            status: 404,
            ..Refusal::invalid(format!("There is no dataset `{dataset}`. There are: {}.", datasets.join(", ")))
        });
    }
    let date = parse_date(date).map_err(|e| Refusal::invalid(e.message))?;
    Ok(Day { customer: customer.to_owned(), dataset: dataset.to_owned(), date })
}

/// A file's name as it is, or what it would have to be.
fn name(file: &str) -> Result<String, Refusal> {
    let clean = sanitise_file_name(file).map_err(|e| Refusal::invalid(e.message))?;
    if clean == file {
        return Ok(clean);
    }
    Err(Refusal::invalid(format!(
        "This name is not taken as it is: names have at most 150 of a-z, A-Z, 0-9 and . - _ + = @ , ( ), with no dot at either end. Name the file {clean}."
    )))
}

/// A segment as it is meant. Whatever could mean something else to whoever decodes it again is refused.
fn decode(segment: &str) -> Result<String, Refusal> {
    let refused = |why: &str| Refusal::forbidden(format!("The address {why}, which no address here needs."));
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return Err(refused("has a % that encodes nothing")),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("encodes bytes that are no text"))?;
    match text.as_str() {
        "." | ".." => return Err(refused("goes through . or ..")),
        _ if text.contains('%') => return Err(refused("is encoded twice")),
        _ if text.contains(['/', '\\']) => return Err(refused("hides a slash")),
        _ if text.chars().any(char::is_control) => return Err(refused("has a control character")),
        _ if !text.is_ascii() => return Err(refused("has letters that look like others")),
        _ => {}
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(verb: Verb, path: &str) -> Result<Target, u16> {
        let who = UploadIdentity { customer: "customer02".into(), token: "0123456789".into(), label: "nightly".into() };
        permit(&who, &["ga_sessions".to_owned()], verb, path).map_err(|refusal| refusal.status)
    }

    #[test]
    fn a_token_opens_its_own_folder() {
        let file = |path: &str| match ask(Verb::Write, path) {
            Ok(Target::File(key)) => key.to_string(),
            other => panic!("{path}: {other:?}"),
        };
        for path in [
            "/upload/customer02/ga_sessions/2017-07-30/ga_sessions_20170730.json.gz",
            "/upload/customer02/ga_sessions/2017-07-30/a%2Db.json",
            "/upload/customer02/ga_sessions/2017-07-30/END_FILE.TXT",
            "/upload/customer02/ga_sessions/2017-07-30/x_end_file.txt",
            "/upload/customer02/ga_sessions/2017-07-30/end_file.txt.bak",
            "/upload/customer02/crm_contacts/2017-07-30/crm.csv",
        ] {
            assert!(file(path).starts_with("customer02/"), "{path}");
        }
        let marker = "/upload/customer02/ga_sessions/2017-07-30/end_file.txt";
        assert!(matches!(ask(Verb::Write, marker), Ok(Target::Marker(_))));
        assert!(matches!(ask(Verb::Look, marker), Ok(Target::File(_))));
        for (path, below) in [
            ("/upload/customer02", ""),
            ("/upload/customer02/", ""),
            ("/upload/customer02/ga_sessions/", "ga_sessions/"),
            ("/upload/customer02/ga_sessions/2017-07-30", "ga_sessions/2017-07-30/"),
        ] {
            assert_eq!(ask(Verb::List, path), Ok(Target::Listing(below.into())), "{path}");
        }
    }

    #[test]
    fn nothing_else_opens() {
        const DAY: &str = "/ga_sessions/2017-07-30/";
        let long = format!("/upload/customer02{DAY}{}.json", "x".repeat(300));
        let cases: Vec<(String, u16)> = [
            // Others' folders, by name and by look-alike.
            ("/upload/customer01", 403),
            ("/upload/CUSTOMER02", 403),
            ("/upload/customer02.", 403),
            ("/upload/customer02%20", 403),
            ("/upload/customer02%00", 403),
            ("/upload/customer", 403),
            ("/upload/customer022", 403),
            ("/upload/%63ustomer01", 403),
            ("/upload/customer\u{ff10}2", 403),
            ("/upload/customer%EF%BC%902", 403),
            ("/upload/\u{441}ustomer02", 403),
            ("/upload/%D1%81ustomer02", 403),
            ("/upload/custome\u{301}r02", 403),
            ("/upload/cust%C3%B6mer02", 403),
            ("/upload/sa-datalake-demo-dev", 403),
            ("/upload/sa-ingestion-demo-dev/customer02", 403),
            ("/upload/zone/gold", 403),
            ("/upload/", 403),
            ("/upload//customer02", 403),
            // Ways out.
            ("/upload/customer02/../customer01", 403),
            ("/upload/customer02/%2e%2e/customer01", 403),
            ("/upload/customer02/%2E./customer01", 403),
            ("/upload/customer02/..%2fcustomer01", 403),
            ("/upload/customer02%2F..%2Fcustomer01", 403),
            ("/upload/customer02/..%5Ccustomer01", 403),
            ("/upload/customer02/..\\customer01", 403),
            ("/upload/customer02/%252e%252e/customer01", 403),
            ("/upload/customer02/%252Fetc", 403),
            ("/upload/customer02/%c0%ae%c0%ae/customer01", 403),
            ("/upload/customer02/%", 403),
            ("/upload/customer02/%zz", 403),
            ("/upload/customer02//etc/passwd", 403),
            ("/upload/./customer02", 403),
            ("/uploads/customer02", 403),
            ("/lake/bucket/sa-datalake-demo-dev", 403),
            ("/lake/gold.channel_day", 403),
            ("/api/sql?search=SELECT", 403),
            ("/upload", 403),
        ]
        .into_iter()
        .map(|(path, status)| (format!("{path}{DAY}a.json"), status))
        .collect();
        for (path, status) in &cases {
            assert_eq!(ask(Verb::Write, path), Err(*status), "{path}");
        }
        for (path, status) in [
            (long.as_str(), 422),
            ("/upload/customer02/ga_sessions/2017-07-30", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/a/b.json", 422),
            ("/upload/customer02/ga_sessions/2017-7-30/a.json", 422),
            ("/upload/customer02/ga_sessions/2017-02-30/a.json", 422),
            ("/upload/customer02/Ga_sessions/2017-07-30/a.json", 422),
            ("/upload/customer02/orders/2017-07-30/a.json", 404),
            ("/upload/customer02/ga_sessions/2017-07-30/a.json.", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/.hidden", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/a%20b.json", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/end_file.txt%20", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/a%231", 422),
            ("/upload/customer02/ga_sessions/2017-07-30/a%00.json", 403),
            ("/upload/customer02/ga_sessions/2017-07-30/a%0d%0aX.json", 403),
            ("/upload/customer02/ga_sessions/2017-07-30/e\u{301}.json", 403),
            ("/upload/customer02/ga_sessions/2017-07-30/%E2%88%95etc", 403),
            ("/upload/customer02/ga_sessions/2017-07-30/..", 403),
        ] {
            assert_eq!(ask(Verb::Write, path), Err(status), "{path}");
        }
        for path in [
            "/upload/",
            "/upload/customer01/",
            "/upload/customer02/../",
            "/upload/customer02/ga_sessions/2017-07-30/a.json",
            "/upload/customer02/ga_sessions//",
            "/upload/customer02/a/b/c/d/",
        ] {
            assert_eq!(ask(Verb::List, path), Err(403), "{path}");
        }
    }
}
