//! Policies as statements, in BigQuery's syntax.

use datafusion::sql::sqlparser::tokenizer::Token;
use serde::{Deserialize, Serialize};

use super::parser::{Parser, invalid, tokens};
use super::{DataPolicy, Gives, Grantee, RowPolicy, TableName};
use crate::Result;

/// What is done when there is one of this name already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfThere {
    /// It is refused.
    #[default]
    Refuse,
    /// `OR REPLACE`
    Replace,
    /// `IF NOT EXISTS`
    Keep,
}

/// How the policies of a column change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Remove,
}

/// A statement that changes policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// `CREATE ROW ACCESS POLICY`
    CreateRowPolicy {
        /// The policy.
        policy: RowPolicy,
        /// If there is one.
        there: IfThere,
    },
    /// `DROP ROW ACCESS POLICY`
    DropRowPolicy {
        /// Its name.
        name: String,
        /// Its table.
        table: TableName,
        /// `IF EXISTS`
        if_exists: bool,
    },
    /// `DROP ALL ROW ACCESS POLICIES`
    DropAllRowPolicies {
        /// The table.
        table: TableName,
    },
    /// `CREATE DATA_POLICY`; nobody is granted it yet.
    CreateDataPolicy {
        /// The policy.
        policy: DataPolicy,
        /// If there is one.
        there: IfThere,
    },
    /// `DROP DATA_POLICY`
    DropDataPolicy {
        /// Its name.
        name: String,
        /// `IF EXISTS`
        if_exists: bool,
    },
    /// `GRANT FINE_GRAINED_READ ON DATA_POLICY`
    Grant {
        /// The data policy.
        policy: String,
        /// To whom.
        grantees: Vec<Grantee>,
    },
    /// `REVOKE FINE_GRAINED_READ ON DATA_POLICY`
    Revoke {
        /// The data policy.
        policy: String,
        /// From whom.
        grantees: Vec<Grantee>,
    },
    /// `ALTER TABLE … ALTER COLUMN … SET OPTIONS (data_policies …)`
    SetColumnPolicies {
        /// The table.
        table: TableName,
        /// The column; fields of records as `record.field`.
        column: String,
        /// Names of data policies.
        policies: Vec<String>,
        /// How.
        how: How,
    },
}

/// Whether the text looks like a statement about policies: then [`Statement::parse`] says what is wrong with it.
pub fn is_policy_statement(sql: &str) -> bool {
    let words: Vec<String> = tokens(sql)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|t| match t {
            Token::Word(word) => Some(word.value.to_uppercase()),
            _ => None,
        })
        .collect();
    let has = |wanted: &str| words.iter().any(|w| w == wanted);
    match words.first().map(String::as_str) {
        Some("CREATE" | "DROP") => (has("ACCESS") && (has("POLICY") || has("POLICIES"))) || has("DATA_POLICY"),
        Some("GRANT" | "REVOKE") => has("DATA_POLICY"),
        Some("ALTER") => has("DATA_POLICIES"),
        _ => false,
    }
}

impl Statement {
    /// Reads one statement.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] with what was expected.
    pub fn parse(sql: &str) -> Result<Statement> {
        let all = tokens(sql).ok_or_else(|| invalid("The statement cannot be read: a quote is not closed."))?;
        let mut parser = Parser::new(all);
        let statement = parser.statement()?;
        parser.take(&Token::SemiColon);
        match parser.next() {
            None => Ok(statement),
            Some(more) => {
                Err(invalid(&format!("Behind the statement stands '{more}'. Write one statement at a time.")))
            }
        }
    }

    /// The statement in BigQuery's syntax.
    pub fn sql(&self) -> String {
        match self {
            Statement::CreateRowPolicy { policy, there } => {
                let (replace, keep) = there.words();
                let to = match policy.grantees.as_slice() {
                    [] => String::new(),
                    grantees => format!("GRANT TO ({})\n", listed(grantees.iter().map(Grantee::row_form))),
                };
                format!(
                    "CREATE {replace}ROW ACCESS POLICY {keep}{}\nON {}\n{to}FILTER USING ({});",
                    policy.name, policy.table, policy.filter
                )
            }
            Statement::DropRowPolicy { name, table, if_exists } => {
                format!("DROP ROW ACCESS POLICY {}{name} ON {table};", if *if_exists { "IF EXISTS " } else { "" })
            }
            Statement::DropAllRowPolicies { table } => format!("DROP ALL ROW ACCESS POLICIES ON {table};"),
            Statement::CreateDataPolicy { policy, there } => {
                let (replace, keep) = there.words();
                let mut options = match policy.gives {
                    Gives::Raw => "data_policy_type = 'RAW_DATA_ACCESS_POLICY'".to_owned(),
                    Gives::Masked(rule) => {
                        format!("data_policy_type = 'DATA_MASKING_POLICY', masking_expression = '{}'", rule.name())
                    }
                };
                if !policy.info_types.is_empty() {
                    let types = listed(policy.info_types.iter().cloned());
                    options.push_str(&format!(", info_types = [{types}]"));
                }
                format!("CREATE {replace}DATA_POLICY {keep}{}\nOPTIONS ({options});", policy.name)
            }
            Statement::DropDataPolicy { name, if_exists } => {
                format!("DROP DATA_POLICY {}{name};", if *if_exists { "IF EXISTS " } else { "" })
            }
            Statement::Grant { policy, grantees } => format!(
                "GRANT FINE_GRAINED_READ ON DATA_POLICY {policy}\nTO {};",
                listed(grantees.iter().map(Grantee::principal))
            ),
            Statement::Revoke { policy, grantees } => format!(
                "REVOKE FINE_GRAINED_READ ON DATA_POLICY {policy}\nFROM {};",
                listed(grantees.iter().map(Grantee::principal))
            ),
            Statement::SetColumnPolicies { table, column, policies, how } => {
                let how = match how {
                    How::Set => "=",
                    How::Add => "+=",
                    How::Remove => "-=",
                };
                let names: Vec<String> = policies.iter().map(|name| format!("\"{{'name':'{name}'}}\"")).collect();
                format!(
                    "ALTER TABLE {table}\nALTER COLUMN {column}\nSET OPTIONS (data_policies {how} [{}]);",
                    names.join(", ")
                )
            }
        }
    }
}

impl IfThere {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            IfThere::Refuse => ("", ""),
            IfThere::Replace => ("OR REPLACE ", ""),
            IfThere::Keep => ("", "IF NOT EXISTS "),
        }
    }
}

fn listed(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ")
}

impl Grantee {
    /// As row access policies name it: `user:name@example.com`.
    pub fn row_form(&self) -> String {
        match self {
            Grantee::User(user) => format!("user:{user}"),
            Grantee::Group(group) => format!("group:{group}"),
            Grantee::Domain(domain) => format!("domain:{domain}"),
            Grantee::Everybody => "allAuthenticatedUsers".to_owned(),
        }
    }

    /// As data policies name it: `principal://goog/subject/name@example.com`.
    pub fn principal(&self) -> String {
        match self {
            Grantee::User(user) => format!("principal://goog/subject/{user}"),
            Grantee::Group(group) => format!("principalSet://goog/group/{group}"),
            Grantee::Domain(domain) => format!("principalSet://goog/cloudIdentityCustomerId/{domain}"),
            Grantee::Everybody => "principalSet://goog/public:all".to_owned(),
        }
    }

    /// Reads either form.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Grantee> {
        let text = text.trim();
        for (prefix, make) in [
            ("user:", Grantee::User as fn(String) -> Grantee),
            ("serviceAccount:", Grantee::User),
            ("principal://goog/subject/", Grantee::User),
            ("group:", Grantee::Group),
            ("principalSet://goog/group/", Grantee::Group),
            ("domain:", Grantee::Domain),
            ("principalSet://goog/cloudIdentityCustomerId/", Grantee::Domain),
        ] {
            let Some(name) = text.strip_prefix(prefix) else { continue };
            let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
            if !name.is_empty() && name.len() <= 200 && name.chars().all(plain) {
                return Ok(make(name.to_lowercase()));
            }
        }
        match text {
            "allAuthenticatedUsers" | "allUsers" | "principalSet://goog/public:all" => Ok(Grantee::Everybody),
            _ => Err(invalid(&format!(
                "'{}' names nobody. Write 'user:name@example.com', 'group:name@example.com', 'domain:example.com' or \
                 'allAuthenticatedUsers'.",
                text.chars().take(80).collect::<String>()
            ))),
        }
    }
}
