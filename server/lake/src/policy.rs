//! Policies that the engine enforces: which rows of a table somebody sees, and which columns masked, denied or as they are.
//!
//! The rules are BigQuery's: row access policies, and data policies (masking, or access to raw data) on columns. A query on behalf of a
//! person runs in a session whose tables are [`guard::Guarded`]: there is no other session for a person.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::Zone;

mod barrier;
pub(crate) mod change;
mod denied;
mod guard;
mod mask;
mod parser;
mod served;
mod shield;
mod shown;
mod statement;
mod words;

pub(crate) use barrier::Barrier;
pub(crate) use denied::check as check_denied;
pub(crate) use guard::{Guarded, session_user};
pub use mask::Rule;
pub(crate) use shield::{Access, Shield};
pub use shown::{Injected, InjectedColumn};
pub use statement::{How, IfThere, Statement, is_policy_statement};
pub(crate) use words::bigquery_text;

/// On whose behalf something is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    user: String,
    groups: BTreeSet<String>,
    unrestricted: bool,
}

impl Identity {
    /// The product itself (transforms, loads, resets, checks) and its admin: subject to no policy.
    pub fn admin() -> Identity {
        Identity { user: "admin".to_owned(), groups: BTreeSet::new(), unrestricted: true }
    }

    /// A person, known by an e-mail address, with the groups that the person is in.
    pub fn person<S: Into<String>>(user: impl Into<String>, groups: impl IntoIterator<Item = S>) -> Identity {
        let groups = groups.into_iter().map(|group| group.into().to_lowercase()).collect();
        Identity { user: user.into().to_lowercase(), groups, unrestricted: false }
    }

    /// What `SESSION_USER()` gives.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether no policy applies.
    pub fn is_unrestricted(&self) -> bool {
        self.unrestricted
    }
}

/// Whom a policy is granted to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// `user:name@example.com`
    User(String),
    /// `group:name@example.com`
    Group(String),
    /// `domain:example.com`
    Domain(String),
    /// `allAuthenticatedUsers`
    Everybody,
}

impl Grantee {
    /// Whether it names this identity.
    pub fn names(&self, who: &Identity) -> bool {
        match self {
            Grantee::User(user) => who.user.eq_ignore_ascii_case(user),
            Grantee::Group(group) => who.groups.contains(&group.to_lowercase()),
            Grantee::Domain(domain) => who.user.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)),
            Grantee::Everybody => true,
        }
    }
}

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// Its zone.
    pub zone: Zone,
    /// Its name without the zone.
    pub table: String,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.zone.name(), self.table)
    }
}

/// A row access policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPolicy {
    /// Its name, unique within the table.
    pub name: String,
    /// The table.
    pub table: TableName,
    /// Who sees the rows.
    pub grantees: Vec<Grantee>,
    /// Which rows: a condition in BigQuery's SQL.
    pub filter: String,
}

/// What a data policy gives to those that it is granted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// `RAW_DATA_ACCESS_POLICY`: values as they are.
    Raw,
    /// `DATA_MASKING_POLICY`: masked values.
    Masked(Rule),
}

/// A data policy. Who is granted none of the policies of a column may not read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPolicy {
    /// Its name, unique.
    pub name: String,
    /// What it gives.
    pub gives: Gives,
    /// To whom.
    pub grantees: Vec<Grantee>,
    /// It is on every column that is tagged with one of these kinds of personal data, for instance `EMAIL_ADDRESS`.
    pub info_types: Vec<String>,
}

/// A data policy stands on a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attachment {
    /// The table.
    pub table: TableName,
    /// The column; fields of records as `record.field`.
    pub column: String,
    /// The policy's name.
    pub policy: String,
}

/// A column that holds personal data of some kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// The table.
    pub table: TableName,
    /// The column; fields of records as `record.field`.
    pub column: String,
    /// The kind, named as Google names it: `EMAIL_ADDRESS`.
    pub info_type: String,
}

/// All policies, and the tags that they may act on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// Row access policies.
    pub rows: Vec<RowPolicy>,
    /// Data policies.
    pub data: Vec<DataPolicy>,
    /// On which columns they stand by name.
    pub attached: Vec<Attachment>,
    /// Columns with personal data: found by a detector, never part of a checksum.
    #[serde(skip)]
    pub tags: Vec<Tag>,
}

impl Policies {
    /// Tables on which a policy stands by name, some of them more than once.
    pub fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.rows.iter().map(|policy| &policy.table).chain(self.attached.iter().map(|attached| &attached.table))
    }

    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.data.is_empty()
    }

    /// The data policies of a table with the column that each stands on, by name or by tag.
    pub fn on_columns<'a>(&'a self, table: &'a TableName) -> impl Iterator<Item = (&'a str, &'a DataPolicy)> {
        let by_name = self.attached.iter().filter(move |a| a.table == *table).filter_map(|a| {
            let policy = self.data.iter().find(|policy| policy.name == a.policy)?;
            Some((a.column.as_str(), policy))
        });
        let by_tag = self.tags.iter().filter(move |tag| tag.table == *table).flat_map(|tag| {
            let of_tag =
                |policy: &&DataPolicy| policy.info_types.iter().any(|t| t.eq_ignore_ascii_case(&tag.info_type));
            self.data.iter().filter(of_tag).map(|policy| (tag.column.as_str(), policy))
        });
        by_name.chain(by_tag)
    }

    /// One checksum over all policies, for proof that nothing changed them.
    pub fn checksum(&self) -> String {
        let mut of = self.clone();
        of.rows.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
        of.data.sort_by(|a, b| a.name.cmp(&b.name));
        of.attached.sort();
        // These types always have a form in JSON.
        format!("{:08x}", crc32c::crc32c(&serde_json::to_vec(&of).unwrap_or_default()))
    }
}
