//! The product's own policies in BigQuery.
//!
//! Ours are known by their names. A row access policy of ours is `showrunner_row_NAME`, and `showrunner_itself` lets the product's account see
//! all rows wherever a table has any. A data policy of ours is `showrunner_SHOW_TABLE_COLUMN_LEVEL_HASH`; it stands on one column and never
//! changes, since the hash is of all that it says and of whom it is granted to. So the table itself tells what is in force, nobody has to read
//! grants (which lie behind another API), and a column goes from old to new in one statement. What has other names is left alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use showrunner_lake::policy::{Grantee, Rule};
use showrunner_lake::ports::{ServedColumn, ServedRows, TablePolicies};
use showrunner_lake::{Error, ErrorKind, Result};

use super::serving::qualified;
use super::{BigQueryWarehouse, Masking, RowPolicy, check_name};

/// Names of our row access policies begin so.
const OURS: &str = "showrunner_";
/// The row access policy of the product's own account.
const ITSELF: &str = "showrunner_itself";
/// As whom `bqemulator` takes whoever does not say; Google's BigQuery has no such account.
pub(super) const ANONYMOUS: &str = "anonymous@bqemulator.local";
/// The longest readable part of a data policy's name.
const READABLE: usize = 80;

impl From<Rule> for Masking {
    fn from(rule: Rule) -> Masking {
        match rule {
            Rule::Sha256 => Masking::Sha256,
            Rule::EmailMask => Masking::Email,
            Rule::LastFourCharacters => Masking::LastFour,
            Rule::FirstFourCharacters => Masking::FirstFour,
            Rule::DateYearMask => Masking::Year,
            Rule::DefaultMaskingValue => Masking::Default,
            Rule::AlwaysNull => Masking::AlwaysNull,
        }
    }
}

/// A data policy as it should be.
struct Wanted {
    id: String,
    masking: Option<Masking>,
    principals: Vec<String>,
}

/// Service accounts are spelled otherwise than people, in IAM as in IAM v2.
fn is_service_account(email: &str) -> bool {
    email.ends_with(".gserviceaccount.com")
}

fn member(grantee: &Grantee) -> String {
    match grantee {
        Grantee::User(email) if is_service_account(email) => format!("serviceAccount:{email}"),
        // Without an address it is somebody of another identity provider, whom SESSION_USER() names in full.
        Grantee::User(name) if name.contains("://") => name.clone(),
        other => other.row_form(),
    }
}

fn principal(grantee: &Grantee) -> String {
    match grantee {
        Grantee::User(email) if is_service_account(email) => {
            format!("principal://iam.googleapis.com/projects/-/serviceAccounts/{email}")
        }
        Grantee::User(name) if name.contains("://") => name.clone(),
        other => other.principal(),
    }
}

/// Letters, digits and `_`, as names of policies are.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn row_id(name: &str) -> String {
    // In one case only: should BigQuery not tell cases apart, the old one of a renamed policy is not the new one.
    format!("{OURS}row_{}", name.to_ascii_lowercase())
}

/// Names of a show's data policies begin so: they carry no labels.
pub(crate) fn data_policy_prefix(show: &str) -> String {
    format!("{OURS}{}_", plain(show))
}

/// Whether they say the same to the same people.
fn same(one: &RowPolicy, other: &RowPolicy) -> bool {
    let members = |policy: &RowPolicy| policy.grantees.iter().map(|m| m.to_lowercase()).collect::<BTreeSet<_>>();
    one.id == other.id && one.filter == other.filter && members(one) == members(other)
}

/// The data policies on each column that has any, by the column's path: their ids, without project and location.
fn attached(stored: &Value) -> BTreeMap<String, Vec<String>> {
    fn walk(fields: Option<&Value>, path: &str, out: &mut BTreeMap<String, Vec<String>>) {
        for field in fields.and_then(Value::as_array).into_iter().flatten() {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let listed = [field.get("dataPolicies"), field.pointer("/dataPolicyList/dataPolicies")];
            for policy in listed.into_iter().flatten().filter_map(Value::as_array).flatten() {
                let name = policy.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Some(id) = name.rsplit(['/', '.']).next().filter(|id| !id.is_empty()) {
                    out.entry(path.clone()).or_default().push(id.to_owned());
                }
            }
            walk(field.get("fields"), &path, out);
        }
    }
    let mut out = BTreeMap::new();
    walk(stored.pointer("/schema/fields"), "", &mut out);
    out
}

impl BigQueryWarehouse {
    /// See [`showrunner_lake::ports::ServingWarehouse::set_policies`].
    pub(super) async fn enforce(&self, table: &str, wanted: &TablePolicies) -> Result<()> {
        check_name("table", table)?;
        self.enforce_columns(table, &wanted.columns).await?;
        self.enforce_rows(table, &wanted.rows).await
    }

    /// Ourselves first, then those wanted, then the others go: on the way somebody sees at most what the old ones and the new ones show, and
    /// the table is open to all only when the last has gone.
    async fn enforce_rows(&self, table: &str, rows: &[ServedRows]) -> Result<()> {
        let there = self.row_policies(table).await?;
        let closed = !rows.is_empty() || there.iter().any(|policy| !policy.id.starts_with(OURS));
        let mut wanted = Vec::new();
        if closed {
            let grantees = vec![member(&self.itself().await?)];
            wanted.push(RowPolicy { id: ITSELF.to_owned(), filter: "TRUE".to_owned(), grantees });
        }
        let tables = match rows.iter().any(|policy| policy.filter.contains('`')) {
            true => self.table_names().await?,
            false => Default::default(),
        };
        // One without grantees lets nobody in, which is what a closed table does; BigQuery might take it for everybody.
        for policy in rows.iter().filter(|policy| !policy.grantees.is_empty()) {
            wanted.push(RowPolicy {
                id: row_id(&policy.id),
                filter: qualified(&policy.filter, |name| tables.contains(name).then(|| self.target(name))),
                grantees: policy.grantees.iter().map(member).collect(),
            });
        }
        for policy in wanted.iter().filter(|policy| !there.iter().any(|other| same(policy, other))) {
            self.replace_row_policy(table, policy).await?;
        }
        let is_wanted = |id: &str| wanted.iter().any(|policy| policy.id == id);
        let mut gone: Vec<&str> = there.iter().map(|policy| policy.id.as_str()).collect();
        gone.retain(|id| id.starts_with(OURS) && !is_wanted(id));
        gone.sort_by_key(|id| *id == ITSELF);
        for (at, id) in gone.iter().enumerate() {
            let last = !closed && at + 1 == gone.len();
            self.delete_row_policy(table, id, last).await?;
        }
        Ok(())
    }

    async fn enforce_columns(&self, table: &str, columns: &[ServedColumn]) -> Result<()> {
        let there = attached(&self.stored(table).await?);
        let mut gone: Vec<String> = Vec::new();
        for column in columns {
            let wanted = self.data_policies_of(table, column).await?;
            let found = there.iter().find(|(path, _)| path.eq_ignore_ascii_case(&column.column));
            let found: Vec<String> = found.map(|(_, ids)| ids.clone()).unwrap_or_default();
            let (ours, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|id| self.is_data_policy_of_ours(id));
            let ids: BTreeSet<&str> = wanted.iter().map(|policy| policy.id.as_str()).collect();
            if ours.iter().map(String::as_str).collect::<BTreeSet<_>>() == ids {
                continue;
            }
            for policy in wanted.iter().filter(|policy| !ours.contains(&policy.id)) {
                self.create_data_policy(&policy.id, policy.masking).await?;
                if !policy.principals.is_empty() {
                    self.grant_data_policy(&policy.id, &policy.principals, true).await?;
                }
            }
            let all: Vec<&str> = others.iter().map(String::as_str).chain(ids.iter().copied()).collect();
            self.set_column_policies(table, &column.column, &all).await?;
            gone.extend(ours.iter().filter(|id| !ids.contains(id.as_str())).cloned());
        }
        for (path, found) in &there {
            let (ours, others): (Vec<&str>, Vec<&str>) =
                found.iter().map(String::as_str).partition(|id| self.is_data_policy_of_ours(id));
            if !ours.is_empty() && !columns.iter().any(|column| column.column.eq_ignore_ascii_case(path)) {
                self.set_column_policies(table, path, &others).await?;
                gone.extend(ours.into_iter().map(str::to_owned));
            }
        }
        self.forget_data_policies(gone).await;
        Ok(())
    }

    /// Deletes data policies of ours that stand on no column any more. They show nobody anything, so that one that stays is a note.
    pub(super) async fn forget_data_policies(&self, ids: Vec<String>) {
        for id in ids {
            if let Err(error) = self.drop_data_policy(&id).await {
                tracing::warn!(%error, id, "a data policy that is used no more could not be deleted");
            }
        }
    }

    /// The data policies of ours that a table's columns carry; they outlive the table.
    pub(super) fn data_policies_on(&self, stored: &Value) -> Vec<String> {
        attached(stored).into_values().flatten().filter(|id| self.is_data_policy_of_ours(id)).collect()
    }

    async fn data_policies_of(&self, table: &str, column: &ServedColumn) -> Result<Vec<Wanted>> {
        // Loads and comparisons read the column as it is, whoever else may.
        let mut raw = vec![self.itself().await?];
        raw.extend(column.raw.iter().cloned());
        let levels = std::iter::once((None, raw.as_slice()))
            .chain(column.masked.iter().map(|(rule, grantees)| (Some(*rule), grantees.as_slice())));
        Ok(levels.map(|(rule, grantees)| self.data_policy_wanted(table, &column.column, rule, grantees)).collect())
    }

    fn data_policy_wanted(&self, table: &str, column: &str, rule: Option<Rule>, grantees: &[Grantee]) -> Wanted {
        let principals: BTreeSet<String> = grantees.iter().map(principal).collect();
        let level = rule.map_or("raw", Rule::name);
        let says = format!("{}|{table}|{column}|{level}|{principals:?}", self.options.dataset);
        let mut id = format!("{}{}_{}_{}", self.data_policy_prefix(), plain(table), plain(column), plain(level));
        id.truncate(READABLE);
        Wanted {
            id: format!("{id}_{:08x}", crc32c::crc32c(says.as_bytes())),
            masking: rule.map(Masking::from),
            principals: principals.into_iter().collect(),
        }
    }

    fn data_policy_prefix(&self) -> String {
        data_policy_prefix(&self.show)
    }

    fn is_data_policy_of_ours(&self, id: &str) -> bool {
        id.starts_with(&self.data_policy_prefix())
    }

    /// The product's own account. Who acts as a service account is that; else BigQuery itself says who asks, which costs nothing.
    async fn itself(&self) -> Result<Grantee> {
        let ask = async || {
            let action = "ask BigQuery for the name of the product's account";
            let rows = self.rows(action, "SELECT SESSION_USER()").await?;
            let name = rows.first().and_then(|row| row.first()?.as_str()).filter(|name| !name.is_empty());
            name.map(str::to_owned).ok_or_else(|| {
                let message = format!("Could not {action}: the answer has no name. Name a service account to act as.");
                Error::new(ErrorKind::Internal, message)
            })
        };
        Ok(Grantee::User(self.account.get_or_try_init(ask).await?.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use showrunner_tests::discovery::Discovery;

    use super::*;

    #[test]
    fn people_and_service_accounts_are_spelled_as_google_wants() {
        let user = |name: &str| Grantee::User(name.to_owned());
        let robot = user("show@acme.iam.gserviceaccount.com");
        assert_eq!(member(&robot), "serviceAccount:show@acme.iam.gserviceaccount.com");
        assert_eq!(
            principal(&robot),
            "principal://iam.googleapis.com/projects/-/serviceAccounts/show@acme.iam.gserviceaccount.com"
        );
        assert_eq!(
            (member(&user("a@x.org")), principal(&user("a@x.org"))),
            ("user:a@x.org".to_owned(), "principal://goog/subject/a@x.org".to_owned())
        );
        let foreign = user("principal://iam.googleapis.com/locations/global/workforcePools/p/subject/a");
        assert_eq!(member(&foreign), principal(&foreign));
    }

    #[test]
    fn a_table_tells_which_data_policies_stand_on_it() {
        let stored = json!({"schema": {"fields": [
            {
                "name": "a", "type": "STRING",
                "dataPolicies": [{"name": "projects/p/locations/us/dataPolicies/one"}, {"name": "p.region-us.two"}],
            },
            {"name": "geo", "type": "RECORD", "fields": [
                {"name": "city", "type": "STRING", "dataPolicyList": {"dataPolicies": [{"name": "p.region-us.three"}]}},
            ]},
            {"name": "bare", "type": "STRING", "dataPolicies": []},
        ]}});
        if let Some(google) = Discovery::read("bigquery.v2", "where a table tells its data policies") {
            assert_eq!(google.property("Table", "schema", &stored["schema"]), Vec::<String>::new());
        }
        let found: Vec<(String, Vec<String>)> = attached(&stored).into_iter().collect();
        let of = |path: &str, ids: &[&str]| (path.to_owned(), ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(found, [of("a", &["one", "two"]), of("geo.city", &["three"])]);
    }
}
