//! The policies of a table as a warehouse elsewhere is told them.

use std::collections::BTreeMap;

use super::{Gives, Grantee, Policies, Rule, TableName};
use crate::ports::{ServedColumn, ServedRows, TablePolicies};

/// Who sees a column how, while it is put together.
#[derive(Default)]
struct Column {
    name: String,
    raw: Vec<Grantee>,
    masked: BTreeMap<Rule, Vec<Grantee>>,
}

impl Policies {
    /// The policies of a table, and the names of row access policies that cannot be told there: those for whose condition `spelled` has no
    /// words. Such a one lets nobody in, so that it hides at least what it should.
    pub(crate) fn served(
        &self,
        table: &TableName,
        spelled: impl Fn(&str) -> Option<String>,
    ) -> (TablePolicies, Vec<String>) {
        let (mut rows, mut untold) = (Vec::new(), Vec::new());
        for policy in self.rows.iter().filter(|policy| policy.table == *table) {
            let (filter, grantees) = match spelled(&policy.filter) {
                Some(filter) => (filter, sorted(policy.grantees.clone())),
                None => {
                    untold.push(policy.name.clone());
                    ("FALSE".to_owned(), Vec::new())
                }
            };
            rows.push(ServedRows { id: policy.name.clone(), filter, grantees });
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let mut columns: BTreeMap<String, Column> = BTreeMap::new();
        for (name, policy) in self.on_columns(table) {
            let column = columns
                .entry(name.to_lowercase())
                .or_insert_with(|| Column { name: name.to_owned(), ..Column::default() });
            match policy.gives {
                Gives::Raw => column.raw.extend(policy.grantees.iter().cloned()),
                Gives::Masked(rule) => column.masked.entry(rule).or_default().extend(policy.grantees.iter().cloned()),
            }
        }
        let columns = columns.into_values().map(|column| ServedColumn {
            column: column.name,
            raw: sorted(column.raw),
            masked: column.masked.into_iter().map(|(rule, grantees)| (rule, sorted(grantees))).collect(),
        });
        (TablePolicies { rows, columns: columns.collect() }, untold)
    }
}

fn sorted(mut grantees: Vec<Grantee>) -> Vec<Grantee> {
    grantees.sort();
    grantees.dedup();
    grantees
}

#[cfg(test)]
mod tests {
    use super::super::{Attachment, DataPolicy, RowPolicy, Tag};
    use super::*;
    use crate::model::Zone;

    #[test]
    fn policies_on_a_column_by_name_and_by_kind_become_one_of_each_level() {
        let table = TableName { zone: Zone::Warehouse, table: "t".into() };
        let of = |names: &[&str]| names.iter().map(|name| Grantee::parse(name).unwrap()).collect::<Vec<_>>();
        let data = |name: &str, gives, to: &[&str], kinds: &[&str]| DataPolicy {
            name: name.into(),
            gives,
            grantees: of(to),
            info_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let attached = |column: &str, policy: &str| Attachment {
            table: table.clone(),
            column: column.into(),
            policy: policy.into(),
        };
        let row = |name: &str, filter: &str, to: &[&str]| RowPolicy {
            name: name.into(),
            table: table.clone(),
            grantees: of(to),
            filter: filter.into(),
        };
        let policies = Policies {
            rows: vec![row("b", "other", &["user:b@x.com"]), row("a", "n > 1", &["user:z@x.com", "user:a@x.com"])],
            data: vec![
                data("hash", Gives::Masked(Rule::Sha256), &["user:a@x.com"], &[]),
                data("hash_too", Gives::Masked(Rule::Sha256), &["group:g@x.com", "user:a@x.com"], &["EMAIL_ADDRESS"]),
                data("raw", Gives::Raw, &["user:boss@x.com"], &["EMAIL_ADDRESS"]),
            ],
            attached: vec![attached("Mail", "hash"), attached("alone", "hash")],
            tags: vec![Tag { table: table.clone(), column: "mail".into(), info_type: "email_address".into() }],
        };
        let (served, untold) = policies.served(&table, |filter| (filter != "other").then(|| filter.to_owned()));
        assert_eq!(untold, ["b"]);
        let rows =
            |id: &str, filter: &str, to: &[&str]| ServedRows { id: id.into(), filter: filter.into(), grantees: of(to) };
        // What cannot be told lets nobody in, and hides.
        assert_eq!(served.rows, [rows("a", "n > 1", &["user:a@x.com", "user:z@x.com"]), rows("b", "FALSE", &[])]);
        let column = |name: &str, raw: &[&str], hash: &[&str]| ServedColumn {
            column: name.into(),
            raw: of(raw),
            masked: vec![(Rule::Sha256, of(hash))],
        };
        let both = ["user:a@x.com", "group:g@x.com"];
        assert_eq!(served.columns, [column("alone", &[], &both[..1]), column("Mail", &["user:boss@x.com"], &both)]);
        let other = TableName { zone: Zone::Silver, table: "t".into() };
        assert_eq!(policies.served(&other, |_| None), Default::default());
    }
}
