//! What is wrong with a query, in words, and where.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use super::query_error;
use crate::{Error, Position};

/// How the parser says where it stopped.
const AT: &str = " at Line: ";

/// The error as one sentence, with the place in the query if it can be found.
pub(super) fn located(error: DataFusionError, sql: &str) -> Error {
    let position = position(&error, sql);
    Error { position, ..query_error(error) }
}

/// What the engine says, as a sentence and without the names of its parts.
pub(super) fn words(error: &DataFusionError) -> String {
    if let DataFusionError::SQL(parser, _) = error {
        return match parser.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                let text = text.split(AT).next().unwrap_or_default();
                let text = text.replacen("Expected: ", "expected ", 1).replacen(", found: ", ", found ", 1);
                sentence(&format!(
                    "The query cannot be read: {}",
                    lower_first(&text.replace("found EOF", "found its end"))
                ))
            }
            ParserError::RecursionLimitExceeded => {
                "The query is nested too deeply. Take it apart with WITH.".to_owned()
            }
        };
    }
    let text = error.strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    let text = ["Error during planning: ", "Schema error: ", "Execution error: ", "Arrow error: "]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let text = match text.strip_prefix("This feature is not implemented: ") {
        Some(what) => format!("The engine cannot do this: {what}"),
        None => text.replace("'datafusion.", "'"),
    };
    sentence(&text)
}

fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut out: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    out.push_str(letters.as_str());
    if !out.ends_with(['.', '?', '!']) {
        out.push('.');
    }
    out
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|c| c.to_lowercase().collect()).unwrap_or_default();
    first + letters.as_str()
}

/// The span that the planner noted, the place that the parser names, or else the first name that the message quotes.
fn position(error: &DataFusionError, sql: &str) -> Option<Position> {
    if let Some(span) = error.diagnostic().and_then(|d| d.span)
        && span.start.line > 0
        && span.start.column > 0
    {
        return Some(Position { line: span.start.line as usize, column: span.start.column as usize });
    }
    let root = error.find_root();
    let text = root.strip_backtrace();
    if let Some(place) = named(&text) {
        return Some(place);
    }
    match root {
        DataFusionError::SQL(..) if text.contains("found: EOF") => Some(end(sql)),
        DataFusionError::SQL(..) => None,
        _ => quoted(&text).find_map(|name| find_word(sql, name)),
    }
}

/// `… at Line: 2, Column: 8`
fn named(text: &str) -> Option<Position> {
    let (line, rest) = text.rsplit_once(AT)?.1.split_once(", Column: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(Position { line: line.parse().ok()?, column: rest.get(..digits)?.parse().ok()? })
}

/// Just behind the last character that is not space.
fn end(sql: &str) -> Position {
    let sql = sql.trim_end();
    let last = sql.rsplit('\n').next().unwrap_or_default();
    Position { line: sql.matches('\n').count() + 1, column: last.chars().count() + 1 }
}

/// Names in quotes, without what stands before their last dot.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let parts = ['\'', '"', '`'].into_iter().flat_map(move |quote| text.split(quote).skip(1).step_by(2));
    parts.map(|name| name.rsplit('.').next().unwrap_or(name)).filter(|name| !name.is_empty() && name.len() <= 100)
}

/// Where the word stands for the first time, whatever its case.
fn find_word(sql: &str, word: &str) -> Option<Position> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    for (index, line) in sql.lines().enumerate() {
        let letters: Vec<char> = line.to_lowercase().chars().collect();
        let wanted: Vec<char> = word.to_lowercase().chars().collect();
        let whole =
            |at: usize| (at == 0 || !part(letters[at - 1])) && letters.get(at + wanted.len()).is_none_or(|c| !part(*c));
        let found = letters.windows(wanted.len()).enumerate().find(|(at, w)| *w == wanted && whole(*at));
        if let Some((at, _)) = found {
            return Some(Position { line: index + 1, column: at + 1 });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_from_what_the_parser_says() {
        let at = |line, column| Some(Position { line, column });
        for (text, expected) in [
            ("Expected: an expression, found: FROM at Line: 2, Column: 8", at(2, 8)),
            ("ParserError(\"x at Line: 12, Column: 80\")", at(12, 80)),
            ("no place", None),
            (" at Line: x, Column: 8", None),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
        assert_eq!(Some(end("SELECT\n  a, \n")), at(2, 5));
        assert_eq!(Some(end("")), at(1, 1));
    }

    #[test]
    fn a_quoted_name_is_found_as_a_word() {
        let sql = "SELECT sessions_all,\n  Sessions\nFROM gold.daily_kpis";
        for (word, expected) in [("sessions", Some((2, 3))), ("daily_kpis", Some((3, 11))), ("daily", None), ("", None)]
        {
            let found = (!word.is_empty()).then(|| find_word(sql, word)).flatten();
            assert_eq!(found, expected.map(|(line, column)| Position { line, column }), "{word}");
        }
        let names: Vec<_> = quoted("table 'datafusion.silver.sesions' not found, see `x`").collect();
        assert_eq!(names, ["sesions", "x"]);
    }

    #[test]
    fn messages_are_sentences() {
        let parser = |text: &str| DataFusionError::SQL(Box::new(ParserError::ParserError(text.into())), None);
        for (error, expected) in [
            (
                parser("Expected: an SQL statement, found: SELEC at Line: 1, Column: 1"),
                "The query cannot be read: expected an SQL statement, found SELEC.",
            ),
            (
                parser("Expected: an expression, found: EOF"),
                "The query cannot be read: expected an expression, found its end.",
            ),
            (DataFusionError::Plan("table 'datafusion.silver.x' not found".into()), "Table 'silver.x' not found."),
            (DataFusionError::NotImplemented("LATERAL".into()), "The engine cannot do this: LATERAL."),
        ] {
            assert_eq!(words(&error), expected);
        }
    }
}
