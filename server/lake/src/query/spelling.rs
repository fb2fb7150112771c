//! Names without regard to case, as BigQuery has them: `fullvisitorid` and `FullVisitorId` find `fullVisitorId` without quotes.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Fields, Schema};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// All names of schemas, tables, columns and nested fields, by their lower-case form.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    /// Adds a table's names.
    pub fn learn(&mut self, zone: &str, table: &str, schema: &Schema) {
        self.add(zone);
        self.add(table);
        self.fields(schema.fields());
    }

    fn add(&mut self, name: &str) {
        self.0.entry(name.to_lowercase()).or_default().insert(name.to_owned());
    }

    fn fields(&mut self, fields: &Fields) {
        for field in fields {
            self.add(field.name());
            self.nested(field.data_type());
        }
    }

    fn nested(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Struct(fields) => self.fields(fields),
            DataType::List(item) | DataType::LargeList(item) => self.nested(item.data_type()),
            _ => {}
        }
    }

    /// Spells unquoted names as the tables do. A name that no table has (an alias) keeps the spelling of its first use, so that
    /// later uses agree. Text that cannot be split into tokens comes back as it is: the parser will say why.
    pub fn respell(&self, sql: &str) -> String {
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize() else {
            return sql.to_owned();
        };
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        tokens
            .into_iter()
            .map(|token| match token {
                Token::Word(mut word) if word.quote_style.is_none() => {
                    let lower = word.value.to_lowercase();
                    match self.0.get(&lower) {
                        Some(known) if known.contains(&word.value) => {}
                        Some(known) if known.len() == 1 => word.value.clone_from(known.first().unwrap_or(&lower)),
                        Some(_) => {}
                        None if word.keyword == Keyword::NoKeyword => {
                            word.value = seen.entry(lower).or_insert(word.value).clone()
                        }
                        None => {}
                    }
                    word.value
                }
                other => other.to_string(),
            })
            .collect()
    }
}

/// Tables of a zone without it, in backticks: ``warehouse.ga_sessions`` becomes `` `ga_sessions` ``. `None` where the text cannot be split
/// into tokens.
pub(crate) fn without_zone<'a>(sql: &str, zone: &str, tables: impl Iterator<Item = &'a str>) -> Option<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize().ok()?;
    let tables: Vec<&str> = tables.collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let (Token::Word(first), Some(Token::Period), Some(Token::Word(second))) =
            (token, tokens.get(at + 1), tokens.get(at + 2))
            && first.value.eq_ignore_ascii_case(zone)
            && let Some(table) = tables.iter().find(|table| table.eq_ignore_ascii_case(&second.value))
        {
            out.push('`');
            out.push_str(table);
            out.push('`');
            at += 3;
        } else {
            out.push_str(&token.to_string());
            at += 1;
        }
    }
    Some(out)
}

/// `SESSION_USER()` is a word of its own to the parser, which then takes no parentheses: quoted it is a function as any other.
pub(crate) fn session_user(sql: &str) -> String {
    if !sql.to_lowercase().contains("session_user") {
        return sql.to_owned();
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize() else {
        return sql.to_owned();
    };
    let called = |token: &Token| match token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("session_user"),
        _ => false,
    };
    tokens.iter().map(|token| if called(token) { "\"session_user\"".to_owned() } else { token.to_string() }).collect()
}

/// How many operators stand in the text: each is a step of recursion when it is planned.
pub(crate) fn operators(sql: &str) -> usize {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    let operator = |token: &Token| match token {
        Token::Word(word) => matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION),
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat | Token::LParen => true,
        Token::DoubleColon | Token::Ampersand | Token::Pipe | Token::Caret => true,
        _ => false,
    };
    tokens.iter().filter(|token| operator(token)).count()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn operators_are_counted_and_lists_are_not() {
        let list = format!("SELECT a + b FROM t WHERE c IN ({}) AND NOT d", vec!["1"; 2_000].join(", "));
        assert_eq!(operators(&list), 4);
        assert_eq!(operators("SELECT '+' -- +"), 0);
        assert_eq!(operators("SELECT 'open"), 0);
    }

    #[test]
    fn the_session_user_is_a_function() {
        for (written, read) in [
            ("SELECT SESSION_USER ()", "SELECT \"session_user\" ()"),
            ("WHERE mail = session_user()", "WHERE mail = \"session_user\"()"),
            ("SELECT 'session_user()', session_users", "SELECT 'session_user()', session_users"),
        ] {
            assert_eq!(session_user(written), read);
        }
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        let page = DataType::Struct(vec![Field::new("pagePath", DataType::Utf8, true)].into());
        let schema = Schema::new(vec![
            Field::new("fullVisitorId", DataType::Utf8, true),
            Field::new("date", DataType::Utf8, true),
            Field::new("hits", DataType::List(Field::new("item", page, true).into()), true),
        ]);
        let mut names = Names::default();
        names.learn("bronze", "ga_sessions", &schema);
        let cases = [
            ("SELECT fullvisitorid FROM BRONZE.GA_Sessions", "SELECT fullVisitorId FROM bronze.ga_sessions"),
            (
                "select FULLVISITORID, Date from bronze.ga_sessions",
                "select fullVisitorId, date from bronze.ga_sessions",
            ),
            ("SELECT hits[1].pagepath FROM t", "SELECT hits[1].pagePath FROM t"),
            ("SELECT count(*) AS Total FROM t ORDER BY total", "SELECT count(*) AS Total FROM t ORDER BY Total"),
            (
                "SELECT 'FULLVISITORID', 'it''s' -- FULLVISITORID\n",
                "SELECT 'FULLVISITORID', 'it''s' -- FULLVISITORID\n",
            ),
            ("SELECT \"FULLVISITORID\"", "SELECT \"FULLVISITORID\""),
            ("SELECT 'not closed", "SELECT 'not closed"),
        ];
        for (written, expected) in cases {
            assert_eq!(names.respell(written), expected);
        }
    }

    #[test]
    fn tables_of_the_warehouse_lose_their_zone() {
        let tables = ["ga_sessions", "ga_sessions_stream"];
        for (sql, expected) in [
            ("SELECT count(*) FROM warehouse.ga_sessions", "SELECT count(*) FROM `ga_sessions`"),
            (
                "select s.date from Warehouse.\"GA_sessions_stream\" s -- warehouse.ga_sessions",
                "select s.date from `ga_sessions_stream` s -- warehouse.ga_sessions",
            ),
            (
                "SELECT 'warehouse.ga_sessions', warehouse.x FROM t",
                "SELECT 'warehouse.ga_sessions', warehouse.x FROM t",
            ),
        ] {
            assert_eq!(without_zone(sql, "warehouse", tables.into_iter()).as_deref(), Some(expected));
        }
    }
}
