//! The SQL page: runs the query of its address, and shows rows, cost and plan, or what is wrong and where.

mod compare;
mod injected;

use std::fmt::{self, Write};
use std::time::Duration;

use app::wire::{FactView, PolicyStatement, SqlAnswer, SqlError, SqlFound, SqlRows, SqlTable, SqlView};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use showrunner_lake::calls;
use showrunner_lake::model::Zone;
use showrunner_lake::{
    Answer, Error as LakeError, ErrorKind as LakeErrorKind, Position, QUERIES_AT_A_TIME, QueryLimits,
};
use tokio_util::sync::CancellationToken;

use super::Views;
use crate::ask::{self, Asking};
use crate::clock::{Ids, RandomIds};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::story::{Story, fill};

/// What a query of the page may take.
pub const LIMITS: QueryLimits = QueryLimits { rows: 1_000, timeout: Duration::from_secs(30) };
/// The longest query, both texts together: it has to fit into an address.
pub const LONGEST: usize = 8 << 10;
/// Rows on the page; more make it slow to scroll and nobody reads them.
const SHOWN_ROWS: usize = 200;
/// Cells on the page: of wide tables fewer rows are shown.
const SHOWN_CELLS: usize = 6_000;
/// Characters of a cell.
const SHOWN_CHARS: usize = 200;
/// Characters of a line around an error.
const EXCERPT_CHARS: usize = 72;

/// What the page's address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Number of one of the story's queries, from 1.
    pub saved: Option<String>,
    /// A query.
    pub q: Option<String>,
    /// Another one to compare it with.
    pub compare: Option<String>,
}

/// Queries that are yet to run, and where what they find is shown.
#[derive(Debug)]
pub struct Questions {
    q: String,
    /// Empty where nothing is compared.
    compare: String,
    /// To cancel them by; empty if nobody can.
    id: String,
}

impl Views {
    /// The page, with the answers to what is asked. Stops when `gone` is cancelled, or [`showrunner_lake::Lake::cancel`] is called
    /// with `id`.
    pub async fn sql(&self, asked: Asked, id: &str, gone: CancellationToken) -> Result<SqlView> {
        let (page, questions) = self.sql_asked(asked, id)?;
        let Some(questions) = questions else { return Ok(page) };
        Ok(SqlView { found: self.sql_found(&questions, gone).await, waiting: false, ..page })
    }

    /// The page as it is before its queries ran, and those, if there are any.
    pub fn sql_asked(&self, asked: Asked, id: &str) -> Result<(SqlView, Option<Questions>)> {
        let (q, compare) = texts(self.story(), asked)?;
        let mut found = SqlFound::default();
        let length = q.len() + compare.len();
        // What is too long is neither run nor offered to be pressed.
        let statement = if length > LONGEST { None } else { self.policy_statement(&q) };
        if length > LONGEST {
            let words = format!(
                "The query has {} bytes, and at most {} fit into an address. Shorten it, or run it with `showrunner sql`.",
                format::count(length as u64),
                format::count(LONGEST as u64)
            );
            found.answers.push(failed("Result", SqlError { message: words, place: None, excerpt: None }));
        }
        let runs = found.answers.is_empty() && statement.is_none() && !q.is_empty();
        let questions = runs.then(|| Questions { q: q.clone(), compare: compare.clone(), id: id.to_owned() });
        Ok((self.sql_page(q, compare, statement, found, runs), questions))
    }

    /// Asks them, one after the other, so that neither is slowed by the other.
    pub async fn sql_found(&self, questions: &Questions, gone: CancellationToken) -> SqlFound {
        let Questions { q, compare, id } = questions;
        let mut found = SqlFound::default();
        let first = self.ask(q, id, &gone).await;
        let titles = if compare.is_empty() { ["Result", ""] } else { ["Query", "Compared with"] };
        found.answers.push(self.answered(titles[0], q, &first));
        let go_on = !matches!(&first, Err(e) if e.kind == LakeErrorKind::Cancelled);
        if !compare.is_empty() && go_on {
            let second = self.ask(compare, id, &gone).await;
            found.answers.push(self.answered(titles[1], compare, &second));
            if let (Ok(first), Ok(second)) = (&first, &second) {
                found.comparison = Some(compare::side_by_side(first, second));
            }
        }
        found
    }

    fn sql_page(
        &self,
        q: String,
        compare: String,
        statement: Option<PolicyStatement>,
        found: SqlFound,
        waiting: bool,
    ) -> SqlView {
        let story = self.story();
        SqlView {
            id: format!("q{:04x}{:04x}{:04x}", RandomIds.suffix(), RandomIds.suffix(), RandomIds.suffix()),
            limits: format!(
                "Read only · at most {} rows, {} s, {} of memory (more goes through the disk), {QUERIES_AT_A_TIME} queries at a time",
                format::count(LIMITS.rows as u64),
                LIMITS.timeout.as_secs(),
                format::bytes(self.state.config.limits.query_memory),
            ),
            saved: story
                .queries
                .iter()
                .enumerate()
                .map(|(i, s)| (s.title.clone(), format!("/sql?saved={}", i + 1), fill(&s.sql, story, None).trim() == q))
                .collect(),
            zones: self.catalog(),
            q,
            compare,
            found,
            waiting,
            statement,
        }
    }

    /// The answer, and the Google call that the query stands for, derived from what ran.
    fn answered(&self, title: &str, sql: &str, outcome: &Result<Answer, LakeError>) -> SqlAnswer {
        let google = self.google_codes(&calls::Query::new(sql, LIMITS).into());
        let answer = answer(title, sql, outcome).unwrap_or_else(|error| {
            tracing::info!("{}", error.chain());
            failed(title, SqlError { message: error.message, place: None, excerpt: None })
        });
        SqlAnswer { google, ..answer }
    }

    async fn ask(&self, sql: &str, id: &str, gone: &CancellationToken) -> Result<Answer, LakeError> {
        let id = (!id.is_empty()).then_some(id);
        let by = Asking { who: &self.who, viewer: &self.viewer, person: self.person.as_deref() };
        tokio::select! {
            answer = ask::ask(&self.state, by, sql, LIMITS, id) => answer,
            () = gone.cancelled() => Err(LakeError::new(LakeErrorKind::Cancelled, "Nobody waited for the answer any more.")),
        }
    }

    fn catalog(&self) -> Vec<(String, Vec<SqlTable>)> {
        let catalog = self.state.lake.catalog();
        let table = |t: &showrunner_lake::CatalogTable| SqlTable {
            name: format!("{}.{}", t.zone.name(), t.name),
            title: t.title.clone(),
            columns: t
                .columns
                .iter()
                .map(|c| (c.name.clone(), if c.partition { format!("{}, partition", c.kind) } else { c.kind.clone() }))
                .collect(),
        };
        let of = |zone: Zone| catalog.iter().filter(|t| t.zone == zone).map(table).collect::<Vec<_>>();
        Zone::ALL.into_iter().map(|zone| (title(zone.name()), of(zone))).filter(|(_, t)| !t.is_empty()).collect()
    }
}

/// The two texts; empty where there is none.
fn texts(story: &Story, asked: Asked) -> Result<(String, String)> {
    // Browsers send lines of a form with CR and LF.
    let clean = |text: Option<String>| text.unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    let (q, compare) = (clean(asked.q), clean(asked.compare));
    let Some(number) = asked.saved.filter(|_| q.is_empty()) else {
        return Ok((q, compare));
    };
    let saved = number.parse::<usize>().ok().and_then(|n| story.queries.get(n.checked_sub(1)?)).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("The story has no saved query '{}'.", number.chars().take(20).collect::<String>()),
        )
    })?;
    let filled = |text: &str| fill(text, story, None).trim().to_owned();
    Ok((filled(&saved.sql), saved.without.as_deref().map(filled).unwrap_or_default()))
}

fn answer(title: &str, sql: &str, outcome: &Result<Answer, LakeError>) -> Result<SqlAnswer> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            if matches!(error.kind, LakeErrorKind::Internal | LakeErrorKind::Storage) {
                tracing::error!(%error, "a query of the SQL page failed");
            }
            return Ok(failed(title, fault(sql, error)));
        }
    };
    let cost = &answer.cost;
    let (grid, total) = grid(answer)?;
    let shown = grid.rows.len();
    let mut more = Vec::new();
    if total == 0 {
        more.push("The query ran and found no rows.".to_owned());
    }
    if shown < total {
        more.push(format!(
            "The first {} of {} rows are shown.",
            format::count(shown as u64),
            format::count(total as u64)
        ));
    }
    if answer.cut {
        let rows = format::count(LIMITS.rows as u64);
        more.push(format!("Cut after {rows} rows: there are more. The CSV has all of them."));
    }
    let ((partitions, of_partitions), (files, of_files)) = (cost.partitions(), cost.files());
    let of = |label, part, all| match all {
        0 => fact(label, "–".into(), String::new()),
        all => fact(label, format::count(part), format!("of {}", format::count(all))),
    };
    if let [first, ..] = cost.injected.as_slice() {
        more.push(format!("Seen through policies of {}: {}.", first.table, super::policies::seen_words(first)));
    }
    let mut facts = vec![
        fact("Elapsed", format::seconds(answer.seconds), "s".into()),
        fact("Rows", format::count(total as u64), if answer.cut { "cut".into() } else { String::new() }),
    ];
    match &answer.served {
        Some(by) => {
            more.push(format!("Answered by BigQuery, {}, job {}.", by.dataset, by.job));
            facts.extend(ask::facts(by));
        }
        None => facts.extend([
            fact("Rows read", format::count(cost.rows_read), String::new()),
            fact("Bytes read", format::bytes(cost.bytes_read), String::new()),
            of("Partitions", partitions, of_partitions),
            of("Files", files, of_files),
        ]),
    }
    if cost.bytes_spilled > 0 {
        facts.push(fact("Through the disk", format::bytes(cost.bytes_spilled), String::new()));
    }
    let mut details = Vec::new();
    if !cost.scans.is_empty() {
        details.push(("What was read of each table".to_owned(), scans(answer)));
    }
    if answer.served.is_none() {
        details.push(("Plan as it ran, with its numbers".to_owned(), cost.physical.trim_end().to_owned()));
        details.push(("Logical plan".to_owned(), cost.logical.trim_end().to_owned()));
    }
    Ok(SqlAnswer {
        title: title.into(),
        facts,
        error: None,
        rows: Some(grid),
        more: (!more.is_empty()).then(|| more.join(" ")),
        csv: Some(format!("/sql.csv?q={}", encoded(sql))),
        google: vec![],
        injected: injected::injected(sql, cost),
        details,
    })
}

fn failed(title: &str, error: SqlError) -> SqlAnswer {
    SqlAnswer {
        title: title.into(),
        facts: vec![],
        error: Some(error),
        rows: None,
        more: None,
        csv: None,
        google: vec![],
        injected: vec![],
        details: vec![],
    }
}

fn fact(label: &str, value: String, rest: String) -> FactView {
    FactView { label: label.into(), value, rest }
}

fn scans(answer: &Answer) -> String {
    let line = |s: &showrunner_lake::ScanCost| {
        let name = format!("{}.{}", s.zone.name(), s.table);
        format!(
            "{name:<28} {} of {}, {} of {}",
            format::count(s.partitions),
            format::plural(s.of_partitions, "partition"),
            format::count(s.files),
            format::plural(s.of_files, "file")
        )
    };
    answer.cost.scans.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The rows that are shown, and how many there are.
pub(super) fn grid(answer: &Answer) -> Result<(SqlRows, usize)> {
    let schema = answer.batches.first().map(|b| b.schema());
    let head: Vec<_> = schema
        .iter()
        .flat_map(|s| s.fields().iter().map(|f| (f.name().clone(), f.data_type().is_numeric())).collect::<Vec<_>>())
        .collect();
    let total = answer.batches.iter().map(|b| b.num_rows()).sum();
    let shown = SHOWN_ROWS.min(SHOWN_CELLS / head.len().max(1)).max(1);
    let options = FormatOptions::new();
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| {
            Error::with(ErrorKind::Invalid, format!("These columns cannot be shown ({e}). Choose single fields."), e)
        })?;
        let kinds: Vec<_> = batch.columns().iter().map(|c| c.data_type()).collect();
        // A column of nothing but NULL and one by dictionary hide theirs from `is_null`.
        let nulls: Vec<_> = batch.columns().iter().map(|c| c.logical_nulls()).collect();
        for row in 0..batch.num_rows().min(shown - rows.len()) {
            let value = |((c, nulls), kind): ((&ArrayFormatter<'_>, &Option<NullBuffer>), &&DataType)| {
                nulls.as_ref().is_none_or(|n| n.is_valid(row)).then(|| shortened(clipped(&c.value(row)), kind))
            };
            rows.push(columns.iter().zip(&nulls).zip(&kinds).map(value).collect());
        }
    }
    Ok((SqlRows { caption: "Result".into(), head, rows }, total))
}

/// A decimal without the zeros that only its type asks for. Two places stay: most of them are money.
fn shortened(text: String, kind: &DataType) -> String {
    let (DataType::Decimal128(_, 3..) | DataType::Decimal256(_, 3..)) = kind else {
        return text;
    };
    match text.split_once('.') {
        Some((whole, places)) => {
            let kept = places.trim_end_matches('0').len().max(2).min(places.len());
            format!("{whole}.{}", &places[..kept])
        }
        None => text,
    }
}

/// The value, or its beginning: a nested one can have a megabyte.
fn clipped(value: &dyn fmt::Display) -> String {
    struct Clip(String, usize);
    impl Write for Clip {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                self.1 = self.1.checked_sub(1).ok_or(fmt::Error)?;
                self.0.push(c);
            }
            Ok(())
        }
    }
    let mut clip = Clip(String::new(), SHOWN_CHARS);
    if write!(clip, "{value}").is_err() {
        clip.0.push('…');
    }
    clip.0
}

fn fault(sql: &str, error: &LakeError) -> SqlError {
    SqlError {
        message: error.message.clone(),
        place: error.position.map(|p| format!("Line {}, column {}.", p.line, p.column)),
        excerpt: error.position.and_then(|p| excerpt(sql, p)),
    }
}

/// The line with the error and the one before it, and a mark below the place.
fn excerpt(sql: &str, at: Position) -> Option<String> {
    let lines: Vec<&str> = sql.split('\n').collect();
    lines.get(at.line.checked_sub(1)?)?;
    let column = at.column.saturating_sub(1);
    // Of a long line the part around the place.
    let from = if column > EXCERPT_CHARS { column - EXCERPT_CHARS / 2 } else { 0 };
    let mut out = String::new();
    for number in at.line.saturating_sub(1).max(1)..=at.line {
        let text: String = lines[number - 1].chars().skip(from).take(EXCERPT_CHARS + 8).map(plain).collect();
        let _to_a_string = writeln!(out, "{number:>3} │ {text}");
    }
    let _to_a_string = write!(out, "    │ {}^", " ".repeat(column - from));
    Some(out)
}

/// A tab is as wide as it likes; a mark below it needs a known width.
fn plain(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|c| c.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// A value within the query of an address.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _to_a_string = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_no_zeros_that_say_nothing() {
        let money = DataType::Decimal128(29, 6);
        for (text, kind, expected) in [
            ("12.340000", &money, "12.34"),
            ("0.000000", &money, "0.00"),
            ("-7.125000", &money, "-7.125"),
            ("3", &money, "3"),
            ("12.340000", &DataType::Float64, "12.340000"),
            ("5.10", &DataType::Decimal128(10, 2), "5.10"),
        ] {
            assert_eq!(shortened(text.to_owned(), kind), expected);
        }
    }

    #[test]
    fn an_excerpt_marks_the_place() {
        for (sql, line, column, expected) in [
            ("SELEC 1", 1, 1, Some("  1 │ SELEC 1\n    │ ^")),
            ("SELECT\n\tcontry\nFROM t", 2, 2, Some("  1 │ SELECT\n  2 │  contry\n    │  ^")),
            ("SELECT", 1, 7, Some("  1 │ SELECT\n    │       ^")),
            ("SELECT", 5, 1, None),
            ("SELECT", 0, 0, None),
        ] {
            assert_eq!(excerpt(sql, Position { line, column }).as_deref(), expected, "{sql}");
        }
        let long = format!("SELECT {} nope", "a, ".repeat(500));
        let column = long.find("nope").unwrap() + 1;
        let text = excerpt(&long, Position { line: 1, column }).unwrap();
        let (line, mark) = text.split_once('\n').unwrap();
        let place = mark.chars().position(|c| c == '^').unwrap();
        assert_eq!(line.chars().skip(place).take(4).collect::<String>(), "nope");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(clipped(&"short"), "short");
        let long = clipped(&"ä".repeat(SHOWN_CHARS + 1));
        assert_eq!((long.chars().count(), long.ends_with('…')), (SHOWN_CHARS + 1, true));
        assert!(!clipped(&"ä".repeat(SHOWN_CHARS)).ends_with('…'));
    }

    #[test]
    fn addresses_and_texts_are_clean() {
        assert_eq!(encoded("SELECT 'a%' + é"), "SELECT%20%27a%25%27%20%2B%20%C3%A9");
        let story = &Story::load(None).unwrap()[0];
        let asked = |saved: Option<&str>, q: Option<&str>| Asked {
            saved: saved.map(Into::into),
            q: q.map(Into::into),
            compare: None,
        };
        assert_eq!(texts(story, asked(None, Some(" SELECT\r\n1 "))).unwrap().0, "SELECT\n1");
        assert_eq!(texts(story, asked(Some("1"), Some("SELECT 1"))).unwrap().0, "SELECT 1");
        assert!(!texts(story, asked(Some("1"), None)).unwrap().0.is_empty());
        for number in ["0", "99", "x", "-1", ""] {
            assert_eq!(texts(story, asked(Some(number), None)).unwrap_err().kind, ErrorKind::NotFound, "{number}");
        }
    }
}
