//! The header of a `.sql` file: title, column docs, and rules with the expression that counts them.
//!
//! ```sql
//! -- title: What the table holds
//! -- from: relation over which the rules count
//! -- column: name: what it means
//! -- rule: What the transform does
//! -- of: another relation, for this rule only
//! -- count: count(*) FILTER (WHERE …)
//! --   + continued
//! ```

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnDoc {
    /// Column name.
    pub name: &'static str,
    /// A sentence.
    pub text: &'static str,
}

/// A rule of a transform and how its effect is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDef {
    /// What it does, for the page.
    pub title: &'static str,
    /// An aggregate expression: how many rows or values it touched.
    pub count: String,
    /// The relation over which the expression is computed.
    pub of: &'static str,
}

/// A checked-in `.sql` file.
#[derive(Debug)]
pub(super) struct SqlFile {
    pub title: &'static str,
    pub sql: &'static str,
    pub columns: Vec<ColumnDoc>,
    pub rules: Vec<RuleDef>,
}

impl SqlFile {
    /// Reads the header, which ends at the first line that is not a comment.
    pub fn parse(sql: &'static str) -> Result<SqlFile, String> {
        let mut file = SqlFile { title: "", sql, columns: Vec::new(), rules: Vec::new() };
        let mut from = "";
        for line in sql.lines() {
            let Some(comment) = line.strip_prefix("--") else {
                break;
            };
            if let Some(text) = comment.strip_prefix("   ") {
                let rule = file.rules.last_mut().filter(|rule| !rule.count.is_empty());
                let rule = rule.ok_or_else(|| format!("nothing to continue: {line}"))?;
                rule.count.push(' ');
                rule.count.push_str(text.trim());
                continue;
            }
            let Some((key, value)) = comment.trim().split_once(": ") else {
                continue;
            };
            let last_rule = file.rules.last_mut();
            match (key, last_rule) {
                ("title", _) => file.title = value,
                ("from", _) => from = value,
                ("column", _) => {
                    let (name, text) =
                        value.split_once(": ").ok_or_else(|| format!("a column without text: {line}"))?;
                    file.columns.push(ColumnDoc { name, text });
                }
                ("rule", _) => file.rules.push(RuleDef { title: value, count: String::new(), of: from }),
                ("of", Some(rule)) => rule.of = value,
                ("count", Some(rule)) => rule.count = value.to_owned(),
                ("of" | "count", None) => return Err(format!("no rule before: {line}")),
                _ => {}
            }
        }
        if file.title.is_empty() {
            return Err("the header has no title".to_owned());
        }
        match file.rules.iter().find(|rule| rule.count.is_empty() || rule.of.is_empty()) {
            Some(rule) => Err(format!("the rule '{}' is not counted over any relation", rule.title)),
            None => Ok(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_read_up_to_the_first_statement() {
        let file = SqlFile::parse(
            "-- title: Things\n-- from: things\n-- column: a: The letter: a\n-- rule: All: of them\n\
             -- count: count(*)\n--   + count(a)\n-- Plain words, no key\n-- rule: Some\n-- of: others\n\
             -- count: count(b)\nSELECT 1 -- title: not this\n",
        )
        .unwrap();
        assert_eq!(file.title, "Things");
        assert_eq!(file.columns, [ColumnDoc { name: "a", text: "The letter: a" }]);
        let rule = |title, count: &str, of| RuleDef { title, count: count.to_owned(), of };
        assert_eq!(
            file.rules,
            [rule("All: of them", "count(*) + count(a)", "things"), rule("Some", "count(b)", "others")]
        );
    }

    #[test]
    fn broken_headers_are_refused() {
        for (sql, reason) in [
            ("SELECT 1", "no title"),
            ("-- title: T\n-- count: count(*)\nSELECT 1", "no rule before"),
            ("-- title: T\n-- from: t\n-- rule: R\nSELECT 1", "not counted"),
            ("-- title: T\n-- rule: R\n-- count: count(*)\nSELECT 1", "not counted"),
            ("-- title: T\n--   + 1\nSELECT 1", "nothing to continue"),
            ("-- title: T\n-- column: a\nSELECT 1", "without text"),
        ] {
            let message = SqlFile::parse(sql).unwrap_err();
            assert!(message.contains(reason), "{sql}: {message}");
        }
    }
}
