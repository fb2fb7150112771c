//! What of a table stands between it and somebody.

use std::sync::Arc;

use super::{DataPolicy, Gives, Identity, Policies, RowPolicy, Rule, TableName};
use crate::model::Zone;

/// Who asks, and the policies of that moment.
#[derive(Clone)]
pub(crate) struct Access {
    who: Identity,
    policies: Arc<Policies>,
}

/// What is put between a table and an identity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shield {
    pub table: TableName,
    /// What `SESSION_USER()` gives.
    pub user: String,
    /// `None` without row policies; else those that are granted: none, no rows.
    pub rows: Option<Vec<RowPolicy>>,
    /// The columns that are not seen as they are.
    pub columns: Vec<Covered>,
}

/// A column, or a field of one, that is not seen as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Covered {
    /// `geoNetwork.city` as its names.
    pub path: Vec<String>,
    /// `None`: it is denied.
    pub rule: Option<Rule>,
    /// The policy that masks, or those that deny.
    pub policies: Vec<String>,
}

impl Covered {
    /// `geoNetwork.city`
    pub fn column(&self) -> String {
        self.path.join(".")
    }
}

impl Access {
    pub fn new(who: &Identity, policies: Arc<Policies>) -> Self {
        Access { who: who.clone(), policies }
    }

    pub fn who(&self) -> &Identity {
        &self.who
    }

    /// Whether any table may have a shield.
    pub fn is_restricted(&self) -> bool {
        !self.who.is_unrestricted() && !self.policies.is_empty()
    }

    /// `None` where the table is seen as it is.
    pub fn shield(&self, zone: Zone, table: &str) -> Option<Shield> {
        if !self.is_restricted() {
            return None;
        }
        let table = TableName { zone, table: table.to_owned() };
        let mut of_table = self.policies.rows.iter().filter(|policy| policy.table == table).peekable();
        let rows = of_table.peek().is_some().then(|| {
            of_table.filter(|policy| policy.grantees.iter().any(|grantee| grantee.names(&self.who))).cloned().collect()
        });
        let mut on: Vec<(String, Vec<&DataPolicy>)> = Vec::new();
        for (column, policy) in self.policies.on_columns(&table) {
            match on.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(column)) {
                Some((_, policies)) => policies.push(policy),
                None => on.push((column.to_owned(), vec![policy])),
            }
        }
        let mut columns: Vec<Covered> =
            on.iter().filter_map(|(column, policies)| self.cover(column, policies)).collect();
        // Fields before the records that they are in.
        columns.sort_by_key(|covered| std::cmp::Reverse(covered.path.len()));
        (rows.is_some() || !columns.is_empty()).then(|| Shield { table, user: self.who.user.clone(), rows, columns })
    }

    /// Raw access counts before masks, among masks the first of [`Rule`], and without a grant the column is denied.
    fn cover(&self, column: &str, policies: &[&DataPolicy]) -> Option<Covered> {
        let granted = |policy: &&&DataPolicy| policy.grantees.iter().any(|grantee| grantee.names(&self.who));
        let path = column.split('.').map(str::to_owned).collect();
        let mut best: Option<(Rule, &str)> = None;
        for policy in policies.iter().filter(granted) {
            match policy.gives {
                Gives::Raw => return None,
                Gives::Masked(rule) => {
                    if best.is_none_or(|(other, _)| rule < other) {
                        best = Some((rule, &policy.name));
                    }
                }
            }
        }
        Some(match best {
            Some((rule, policy)) => Covered { path, rule: Some(rule), policies: vec![policy.to_owned()] },
            None => Covered { path, rule: None, policies: policies.iter().map(|p| p.name.clone()).collect() },
        })
    }
}

impl Shield {
    /// The rows that are seen, as one condition in BigQuery's SQL; `None`: all.
    pub fn condition(&self) -> Option<String> {
        let rows = self.rows.as_ref()?;
        let conditions: Vec<String> = match rows.as_slice() {
            [] => return Some("FALSE".to_owned()),
            [one] => return Some(one.filter.clone()),
            several => several.iter().map(|policy| format!("({})", policy.filter)).collect(),
        };
        Some(conditions.join(" OR "))
    }

    /// Whether the column, or a field of it, is not seen as it is.
    pub fn covers(&self, column: &str) -> bool {
        self.columns.iter().any(|covered| covered.path.first().is_some_and(|first| first.eq_ignore_ascii_case(column)))
    }

    /// Columns that are denied.
    pub fn denied(&self) -> impl Iterator<Item = &Covered> {
        self.columns.iter().filter(|covered| covered.rule.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Attachment, Grantee, Tag};
    use super::*;

    fn table() -> TableName {
        TableName { zone: Zone::Silver, table: "sessions".into() }
    }

    fn row(name: &str, to: &str, filter: &str) -> RowPolicy {
        RowPolicy {
            name: name.into(),
            table: table(),
            grantees: vec![Grantee::parse(to).unwrap()],
            filter: filter.into(),
        }
    }

    fn data(name: &str, gives: Gives, to: &[&str]) -> DataPolicy {
        let grantees = to.iter().map(|to| Grantee::parse(to).unwrap()).collect();
        DataPolicy { name: name.into(), gives, grantees, info_types: vec![] }
    }

    fn shield(policies: &Policies, who: &Identity) -> Option<Shield> {
        Access::new(who, Arc::new(policies.clone())).shield(Zone::Silver, "sessions")
    }

    #[test]
    fn grants_add_up_and_without_one_there_are_no_rows() {
        let policies = Policies {
            rows: vec![
                row("de", "user:de@example.com", "country = 'Germany'"),
                row("eu", "group:eu@example.com", "continent = 'Europe'"),
            ],
            ..Policies::default()
        };
        let both = Identity::person("DE@example.com", ["EU@example.com"]);
        for (who, expected) in [
            (Identity::person("de@example.com", [""; 0]), Some("country = 'Germany'")),
            (both, Some("(country = 'Germany') OR (continent = 'Europe')")),
            (Identity::person("none@example.com", [""; 0]), Some("FALSE")),
            (Identity::admin(), None),
        ] {
            assert_eq!(shield(&policies, &who).and_then(|s| s.condition()).as_deref(), expected, "{}", who.user());
        }
        let other =
            Access::new(&Identity::person("x@y.z", [""; 0]), Arc::new(policies)).shield(Zone::Gold, "daily_kpis");
        assert_eq!(other, None, "another table has no policy");
    }

    #[test]
    fn of_several_data_policies_the_right_one_counts() {
        let all = ["allAuthenticatedUsers"];
        let who = Identity::person("a@example.com", [""; 0]);
        let hash = data("hash", Gives::Masked(Rule::Sha256), &all);
        let null = data("none", Gives::Masked(Rule::AlwaysNull), &all);
        let raw = data("raw", Gives::Raw, &["user:a@example.com"]);
        let others = data("raw", Gives::Raw, &["user:b@example.com"]);
        for (policies, expected) in [
            (vec![null.clone(), hash.clone()], Some(Some(Rule::Sha256))),
            (vec![null.clone()], Some(Some(Rule::AlwaysNull))),
            (vec![hash, raw], None),
            (vec![others.clone(), null], Some(Some(Rule::AlwaysNull))),
            (vec![others], Some(None)),
        ] {
            let attached = policies.iter().map(|policy| Attachment {
                table: table(),
                column: "city".into(),
                policy: policy.name.clone(),
            });
            let policies = Policies { attached: attached.collect(), data: policies, ..Policies::default() };
            let rule = shield(&policies, &who).map(|shield| shield.columns[0].rule);
            assert_eq!(rule, expected, "{policies:?}");
        }
    }

    #[test]
    fn a_policy_on_a_kind_of_data_follows_the_tags() {
        let mut mail = data("mail", Gives::Masked(Rule::EmailMask), &["allAuthenticatedUsers"]);
        mail.info_types = vec!["EMAIL_ADDRESS".into()];
        let mut policies = Policies { data: vec![mail], ..Policies::default() };
        let who = Identity::person("a@example.com", [""; 0]);
        assert_eq!(shield(&policies, &who), None, "nothing is tagged yet");
        let tag = |column: &str, kind: &str| Tag { table: table(), column: column.into(), info_type: kind.into() };
        policies.tags = vec![tag("contact.mail", "EMAIL_ADDRESS"), tag("phone", "PHONE_NUMBER")];
        let shield = shield(&policies, &who).unwrap();
        assert_eq!(shield.columns.len(), 1);
        assert_eq!(
            (shield.columns[0].column(), shield.columns[0].rule),
            ("contact.mail".into(), Some(Rule::EmailMask))
        );
        assert!(shield.covers("contact") && !shield.covers("phone"));
    }
}
