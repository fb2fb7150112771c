//! From BigQuery's words to the engine's.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

/// A condition in BigQuery's spelling as the engine reads it: "texts" in double quotes, `names` in backticks.
pub(crate) fn bigquery_text(sql: &str) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize() else {
        return sql.to_owned();
    };
    let spelled = |token: Token| match token {
        Token::Word(Word { value, quote_style: Some('"'), .. }) => {
            format!("'{}'", value.replace("\\\"", "\"").replace("\\'", "'").replace('\'', "''"))
        }
        Token::Word(Word { value, quote_style: Some('`'), .. }) => format!("\"{value}\""),
        other => other.to_string(),
    };
    tokens.into_iter().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_names_are_spelled_as_the_engine_reads_them() {
        for (written, read) in [
            (r#"country = "Germany""#, "country = 'Germany'"),
            (r#"a = "it's" AND `b` = 'c "d"'"#, r#"a = 'it''s' AND "b" = 'c "d"'"#),
            ("x > 1 -- \"no\"", "x > 1 -- \"no\""),
            ("'open", "'open"),
        ] {
            assert_eq!(bigquery_text(written), read);
        }
    }
}
