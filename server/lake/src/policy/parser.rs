//! Reads statements about policies.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::statement::{How, IfThere};
use super::{DataPolicy, Gives, Grantee, RowPolicy, Rule, Statement, TableName};
use crate::model::Zone;
use crate::{Error, ErrorKind, Result};

pub(super) fn tokens(sql: &str) -> Option<Vec<Token>> {
    Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize().ok()
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// A statement, token by token.
pub(super) struct Parser {
    all: Vec<Token>,
    at: usize,
}

impl Parser {
    pub fn new(all: Vec<Token>) -> Self {
        Parser { all, at: 0 }
    }

    fn skip(&mut self) {
        while matches!(self.all.get(self.at), Some(Token::Whitespace(_))) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<&Token> {
        self.skip();
        self.all.get(self.at)
    }

    pub fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    pub fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// These words, or nothing is taken.
    fn words(&mut self, words: &str) -> bool {
        let before = self.at;
        for word in words.split(' ') {
            match self.next() {
                Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word) => {}
                _ => {
                    self.at = before;
                    return false;
                }
            }
        }
        true
    }

    fn wanted<T>(&mut self, what: &str) -> Result<T> {
        let found = self.peek().map_or("its end".to_owned(), |token| format!("'{token}'"));
        Err(invalid(&format!("The statement cannot be read: expected {what}, found {found}.")))
    }

    fn expect(&mut self, words: &str) -> Result<()> {
        if self.words(words) { Ok(()) } else { self.wanted(words) }
    }

    fn expect_token(&mut self, token: Token) -> Result<()> {
        if self.take(&token) { Ok(()) } else { self.wanted(&format!("'{token}'")) }
    }

    pub fn statement(&mut self) -> Result<Statement> {
        if self.words("CREATE") {
            let replace = self.words("OR REPLACE");
            let row = self.words("ROW ACCESS POLICY");
            if !row {
                self.expect("DATA_POLICY")?;
            }
            let there = match (self.words("IF NOT EXISTS"), replace) {
                (true, true) => return Err(invalid("Write OR REPLACE or IF NOT EXISTS, not both.")),
                (true, false) => IfThere::Keep,
                (false, true) => IfThere::Replace,
                (false, false) => IfThere::Refuse,
            };
            return if row { self.row_policy(there) } else { self.data_policy(there) };
        }
        if self.words("DROP ALL ROW ACCESS POLICIES ON") {
            return Ok(Statement::DropAllRowPolicies { table: self.table()? });
        }
        if self.words("DROP ROW ACCESS POLICY") {
            let if_exists = self.words("IF EXISTS");
            let name = self.policy_name()?;
            self.expect("ON")?;
            return Ok(Statement::DropRowPolicy { name, table: self.table()?, if_exists });
        }
        if self.words("DROP DATA_POLICY") {
            let if_exists = self.words("IF EXISTS");
            return Ok(Statement::DropDataPolicy { name: self.policy_name()?, if_exists });
        }
        for (verb, link) in [("GRANT", "TO"), ("REVOKE", "FROM")] {
            if self.words(verb) {
                self.expect("FINE_GRAINED_READ ON DATA_POLICY")?;
                let policy = self.policy_name()?;
                self.expect(link)?;
                let grantees = self.grantees()?;
                return Ok(match verb {
                    "GRANT" => Statement::Grant { policy, grantees },
                    _ => Statement::Revoke { policy, grantees },
                });
            }
        }
        if self.words("ALTER TABLE") {
            return self.column_policies();
        }
        self.wanted("CREATE, DROP, GRANT, REVOKE or ALTER TABLE")
    }

    fn row_policy(&mut self, there: IfThere) -> Result<Statement> {
        let name = self.policy_name()?;
        self.expect("ON")?;
        let table = self.table()?;
        let mut grantees = Vec::new();
        if self.words("GRANT TO") {
            self.expect_token(Token::LParen)?;
            grantees = self.grantees()?;
            self.expect_token(Token::RParen)?;
        }
        self.expect("FILTER USING")?;
        let filter = self.in_parentheses()?;
        Ok(Statement::CreateRowPolicy { policy: RowPolicy { name, table, grantees, filter }, there })
    }

    fn data_policy(&mut self, there: IfThere) -> Result<Statement> {
        let name = self.policy_name()?;
        self.expect("OPTIONS")?;
        self.expect_token(Token::LParen)?;
        let (mut kind, mut rule, mut info_types) = (None, None, Vec::new());
        loop {
            let option = self.word("data_policy_type, masking_expression or info_types")?.to_lowercase();
            self.expect_token(Token::Eq)?;
            match option.as_str() {
                "data_policy_type" => kind = Some(self.text()?.to_uppercase()),
                "masking_expression" => {
                    let wanted = self.text()?.to_uppercase();
                    rule = Some(Rule::ALL.into_iter().find(|rule| rule.name() == wanted).ok_or_else(|| {
                        let names: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
                        invalid(&format!(
                            "There is no masking expression '{wanted}'. Choose one of {}.",
                            names.join(", ")
                        ))
                    })?);
                }
                "info_types" => {
                    info_types = self.texts()?.into_iter().map(|name| name.to_uppercase()).collect();
                }
                other => return Err(invalid(&format!("A data policy has no option '{other}'."))),
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect_token(Token::RParen)?;
        let gives = match (kind.as_deref(), rule) {
            (Some("DATA_MASKING_POLICY"), Some(rule)) => Gives::Masked(rule),
            (Some("DATA_MASKING_POLICY"), None) => {
                return Err(invalid("A data policy that masks needs masking_expression, for instance 'SHA256'."));
            }
            (Some("RAW_DATA_ACCESS_POLICY"), None) => Gives::Raw,
            _ => {
                return Err(invalid(
                    "A data policy needs data_policy_type = 'DATA_MASKING_POLICY' with masking_expression, or \
                     'RAW_DATA_ACCESS_POLICY' without.",
                ));
            }
        };
        let policy = DataPolicy { name, gives, grantees: Vec::new(), info_types };
        Ok(Statement::CreateDataPolicy { policy, there })
    }

    fn column_policies(&mut self) -> Result<Statement> {
        let table = self.table()?;
        self.expect("ALTER COLUMN")?;
        let column = self.dotted("a column")?.join(".");
        self.expect("SET OPTIONS")?;
        self.expect_token(Token::LParen)?;
        self.expect("data_policies")?;
        let how = match self.next() {
            Some(Token::Eq) => How::Set,
            Some(Token::Plus) if self.take(&Token::Eq) => How::Add,
            Some(Token::Minus) if self.take(&Token::Eq) => How::Remove,
            Some(token) if token.to_string() == "+=" => How::Add,
            Some(token) if token.to_string() == "-=" => How::Remove,
            _ => return Err(invalid("Behind data_policies stands =, += or -=, then a list such as ['hash_it'].")),
        };
        let named = |text: String| {
            // "{'name':'project.region.hash_it'}" or the name alone.
            let name = match text.split(['\'', '"']).skip_while(|part| *part != "name").nth(2) {
                Some(name) => name.to_owned(),
                None => text,
            };
            simple_name(name.rsplit('.').next().unwrap_or(&name))
        };
        let policies = self.texts()?.into_iter().map(named).collect::<Result<Vec<_>>>()?;
        self.expect_token(Token::RParen)?;
        Ok(Statement::SetColumnPolicies { table, column, policies, how })
    }

    fn grantees(&mut self) -> Result<Vec<Grantee>> {
        let mut grantees = vec![Grantee::parse(&self.text()?)?];
        while self.take(&Token::Comma) {
            grantees.push(Grantee::parse(&self.text()?)?);
        }
        grantees.sort();
        grantees.dedup();
        Ok(grantees)
    }

    fn word(&mut self, what: &str) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::Word(Word { value, .. })) => {
                self.at += 1;
                Ok(value)
            }
            _ => self.wanted(what),
        }
    }

    fn text(&mut self) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::SingleQuotedString(text))
            | Some(Token::Word(Word { value: text, quote_style: Some('"'), .. })) => {
                self.at += 1;
                Ok(text)
            }
            _ => self.wanted("a text in quotes"),
        }
    }

    fn texts(&mut self) -> Result<Vec<String>> {
        self.expect_token(Token::LBracket)?;
        let mut texts = Vec::new();
        while !self.take(&Token::RBracket) {
            texts.push(self.text()?);
            if !self.take(&Token::Comma) && self.peek() != Some(&Token::RBracket) {
                return self.wanted("',' or ']'");
            }
        }
        Ok(texts)
    }

    /// `a.b`, each part in backticks or all of it.
    fn dotted(&mut self, what: &str) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            parts.extend(self.word(what)?.split('.').map(str::to_owned));
            if !self.take(&Token::Period) {
                return Ok(parts);
            }
        }
    }

    fn policy_name(&mut self) -> Result<String> {
        let parts = self.dotted("a policy's name")?;
        simple_name(parts.last().map(String::as_str).unwrap_or_default())
    }

    fn table(&mut self) -> Result<TableName> {
        let parts = self.dotted("a table such as silver.sessions")?;
        if let [.., zone, table] = parts.as_slice()
            && let Some(zone) = Zone::ALL.into_iter().find(|z| z.name().eq_ignore_ascii_case(zone))
        {
            return Ok(TableName { zone, table: table.to_lowercase() });
        }
        Err(invalid(&format!("'{}' is no table: write its zone as well, as in silver.sessions.", parts.join("."))))
    }

    /// What stands between the next parentheses, as it is written.
    fn in_parentheses(&mut self) -> Result<String> {
        self.expect_token(Token::LParen)?;
        let begin = self.at;
        let mut depth = 1;
        while let Some(token) = self.all.get(self.at) {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                // Two conditions are joined by what stands between them: a comment would swallow it.
                Token::Whitespace(w) if w.to_string().starts_with(['-', '/', '#']) => {
                    return Err(invalid("The condition of a policy has no comments."));
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                let inside = self.all.get(begin..self.at - 1).unwrap_or_default();
                let text: String = inside.iter().map(Token::to_string).collect();
                let text = text.trim().to_owned();
                return if text.is_empty() { Err(invalid("FILTER USING () has no condition.")) } else { Ok(text) };
            }
        }
        Err(invalid("The statement cannot be read: a parenthesis is not closed."))
    }
}

/// Names of policies: letters, digits, underscores.
fn simple_name(name: &str) -> Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.len() <= 256 && name.chars().all(fine) {
        return Ok(name.to_owned());
    }
    let name: String = name.chars().take(80).collect();
    Err(invalid(&format!("'{name}' is no name for a policy: use letters, digits and underscores.")))
}
