//! Policies of BigQuery itself: which rows, and which columns, somebody sees.

use serde_json::{Value, json};
use showrunner_lake::{ErrorKind, Result};

use super::{BigQueryWarehouse, check_name, identifier, literal};
use crate::rest::Call;

/// The role by which BigQuery keeps whom a row access policy lets in.
const VIEWER: &str = "roles/bigquery.filteredDataViewer";

/// A row access policy. A table with one shows no rows to whom none lets in; several for somebody add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPolicy {
    /// Its name within the table.
    pub id: String,
    /// What a row must be, as SQL, for instance `country = 'Chile'`.
    pub filter: String,
    /// Whom it lets in, for instance `user:a@example.org`, sorted.
    pub grantees: Vec<String>,
}

impl RowPolicy {
    pub(super) fn to_json(&self) -> Value {
        json!({"id": self.id, "filter": self.filter, "grantees": self.grantees})
    }
}

/// What a column shows instead of its values, as BigQuery names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// The SHA-256 of the value.
    Sha256,
    /// NULL.
    AlwaysNull,
    /// The type's default: '', 0, FALSE, 1970-01-01.
    Default,
    /// `XXXXX` and the last four characters.
    LastFour,
    /// The first four characters and `XXXXX`.
    FirstFour,
    /// `XXXXX@` and the domain.
    Email,
    /// January 1st of the year.
    Year,
    /// A hash that differs with every query.
    RandomHash,
}

impl Masking {
    fn name(self) -> &'static str {
        match self {
            Masking::Sha256 => "SHA256",
            Masking::AlwaysNull => "ALWAYS_NULL",
            Masking::Default => "DEFAULT_MASKING_VALUE",
            Masking::LastFour => "LAST_FOUR_CHARACTERS",
            Masking::FirstFour => "FIRST_FOUR_CHARACTERS",
            Masking::Email => "EMAIL_MASK",
            Masking::Year => "DATE_YEAR_MASK",
            Masking::RandomHash => "RANDOM_HASH",
        }
    }
}

fn listed(texts: &[String]) -> String {
    texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", ")
}

impl BigQueryWarehouse {
    fn policies_path<'a>(&'a self, table: &'a str, last: &'a str) -> [&'a str; 7] {
        ["projects", &self.jobs.project, "datasets", &self.options.dataset, "tables", table, last]
    }

    /// The row access policies of a table with whom they let in, by name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such a table, [`ErrorKind::Denied`] for whoever may not read them.
    pub async fn row_policies(&self, table: &str) -> Result<Vec<RowPolicy>> {
        self.listed_policies(table, false).await
    }

    /// The same, with whom they let in only where that may be read: the right to read a table does not include it.
    pub(super) async fn readable_policies(&self, table: &str) -> Result<Vec<RowPolicy>> {
        self.listed_policies(table, true).await
    }

    async fn listed_policies(&self, table: &str, lenient: bool) -> Result<Vec<RowPolicy>> {
        check_name("table", table)?;
        let action = format!("read the row access policies of {}", self.shown(table));
        let call = Call::get(&action, &self.policies_path(table, "rowAccessPolicies"));
        let mut policies = Vec::new();
        for policy in self.jobs.rest.pages(call, "rowAccessPolicies").await? {
            let text = |pointer: &str| policy.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let id = text("/rowAccessPolicyReference/policyId");
            let mut grantees = match self.grantees(&action, table, &id).await {
                Err(error) if lenient && error.kind == ErrorKind::Denied => Vec::new(),
                other => other?,
            };
            grantees.sort_unstable();
            policies.push(RowPolicy { id, filter: text("/filterPredicate"), grantees });
        }
        policies.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(policies)
    }

    /// Whom a policy lets in. `rowAccessPolicies.list` takes grantees but does not tell them: the IAM policy does.
    async fn grantees(&self, action: &str, table: &str, id: &str) -> Result<Vec<String>> {
        let last = format!("{id}:getIamPolicy");
        let mut path = self.policies_path(table, "rowAccessPolicies").to_vec();
        path.push(&last);
        let policy = self.jobs.rest.send(Call::post(action, &path, Some(json!({}))).repeatable()).await?;
        let bindings = policy.get("bindings").and_then(Value::as_array);
        let viewers = bindings
            .into_iter()
            .flatten()
            .filter(|binding| binding.get("role").and_then(Value::as_str) == Some(VIEWER));
        let members = viewers.filter_map(|binding| binding.get("members")?.as_array()).flatten();
        Ok(members.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Creates a row access policy by REST, where `filter` may use the table's columns only; for subqueries there is
    /// [`BigQueryWarehouse::replace_row_policy`].
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] when there is one of this name.
    pub async fn create_row_policy(&self, table: &str, policy: &RowPolicy) -> Result<()> {
        check_name("table", table)?;
        check_name("row access policy", &policy.id)?;
        let body = json!({
            "rowAccessPolicyReference": {
                "projectId": self.jobs.project, "datasetId": self.options.dataset, "tableId": table, "policyId": policy.id,
            },
            "filterPredicate": policy.filter,
            "grantees": policy.grantees,
        });
        let action = format!("create row access policy {} of {}", policy.id, self.shown(table));
        let call = Call::post(action, &self.policies_path(table, "rowAccessPolicies"), Some(body));
        self.jobs.rest.send(call).await.map(|_policy| ())
    }

    /// Creates or replaces a row access policy by SQL, where `filter` may hold subqueries.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a filter that BigQuery does not understand.
    pub async fn replace_row_policy(&self, table: &str, policy: &RowPolicy) -> Result<()> {
        let action = format!("set row access policy {} of {}", policy.id, self.shown(table));
        self.statement(&action, "policy", &self.row_policy_sql(table, policy)?).await.map(|_job| ())
    }

    /// The statement of [`BigQueryWarehouse::replace_row_policy`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for names that BigQuery does not allow.
    pub fn row_policy_sql(&self, table: &str, policy: &RowPolicy) -> Result<String> {
        check_name("table", table)?;
        check_name("row access policy", &policy.id)?;
        let (id, target) = (identifier(&policy.id), self.target(table));
        let (grantees, filter) = (listed(&policy.grantees), &policy.filter);
        Ok(format!(
            "CREATE OR REPLACE ROW ACCESS POLICY {id} ON {target} GRANT TO ({grantees}) FILTER USING ({filter})"
        ))
    }

    /// Deletes a row access policy; fine if it is not there. BigQuery refuses the last one by REST unless `force` says that all may then
    /// see all rows.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for the last one without `force`.
    pub async fn delete_row_policy(&self, table: &str, id: &str, force: bool) -> Result<()> {
        check_name("table", table)?;
        check_name("row access policy", id)?;
        let mut path = self.policies_path(table, "rowAccessPolicies").to_vec();
        path.push(id);
        let action = format!("delete row access policy {id} of {}", self.shown(table));
        match self.jobs.rest.send(Call::delete(action, &path).with("force", force.to_string())).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The name of a data policy in SQL: `project.region-LOCATION.id`.
    fn data_policy(&self, id: &str) -> Result<String> {
        check_name("data policy", id)?;
        Ok(format!("{}.region-{}.{id}", self.jobs.project, self.jobs.location.to_lowercase()))
    }

    /// Makes a data policy that masks columns, or with `None` one that shows them as they are to whom it is granted.
    /// Data policies attach straight to columns; no taxonomy is needed. Not for partitioning and clustering columns.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without the role `bigquerydatapolicy.admin`.
    pub async fn create_data_policy(&self, id: &str, masking: Option<Masking>) -> Result<()> {
        let sql = self.data_policy_sql(id, masking)?;
        self.statement(&format!("create data policy {id}"), "policy", &sql).await.map(|_job| ())
    }

    fn data_policy_sql(&self, id: &str, masking: Option<Masking>) -> Result<String> {
        let name = self.data_policy(id)?;
        let options = match masking {
            Some(masking) => format!("data_policy_type='DATA_MASKING_POLICY', masking_expression='{}'", masking.name()),
            None => "data_policy_type='RAW_DATA_ACCESS_POLICY'".to_owned(),
        };
        Ok(format!("CREATE OR REPLACE DATA_POLICY `{name}` OPTIONS({options})"))
    }

    /// Lets principals read through a data policy (`grant`), or no longer. They are spelled as IAM v2 does:
    /// `principal://goog/subject/a@example.org`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such a policy.
    pub async fn grant_data_policy(&self, id: &str, principals: &[String], grant: bool) -> Result<()> {
        let sql = self.grant_sql(id, principals, grant)?;
        self.statement(&format!("change who reads through data policy {id}"), "policy", &sql).await.map(|_job| ())
    }

    fn grant_sql(&self, id: &str, principals: &[String], grant: bool) -> Result<String> {
        let (verb, preposition) = if grant { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
        let (name, principals) = (self.data_policy(id)?, listed(principals));
        Ok(format!("{verb} FINE_GRAINED_READ ON DATA_POLICY `{name}` {preposition} {principals}"))
    }

    /// Sets the data policies of a column; none clears them. By SQL, since the last one cannot be removed by REST.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a column that carries a policy tag: BigQuery allows one or the other.
    pub async fn set_column_policies(&self, table: &str, column: &str, ids: &[&str]) -> Result<()> {
        let sql = self.column_policies_sql(table, column, ids)?;
        let action = format!("set the data policies of column {column} of {}", self.shown(table));
        self.statement(&action, "policy", &sql).await.map(|_job| ())
    }

    fn column_policies_sql(&self, table: &str, column: &str, ids: &[&str]) -> Result<String> {
        check_name("table", table)?;
        let names = ids.iter().map(|id| Ok(format!("\"{{'name':'{}'}}\"", self.data_policy(id)?)));
        let names = names.collect::<Result<Vec<_>>>()?.join(", ");
        // Fields of records stand behind their records.
        let path: Vec<String> = column.split('.').map(identifier).collect();
        let (target, column) = (self.target(table), path.join("."));
        Ok(format!("ALTER TABLE {target} ALTER COLUMN {column} SET OPTIONS (data_policies = [{names}])"))
    }

    /// Deletes a data policy that no column uses any more.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] while a column uses it.
    pub async fn drop_data_policy(&self, id: &str) -> Result<()> {
        let sql = format!("DROP DATA_POLICY IF EXISTS `{}`", self.data_policy(id)?);
        self.statement(&format!("delete data policy {id}"), "policy", &sql).await.map(|_job| ())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use showrunner_lake::objects::DiskObjects;
    use showrunner_tests::discovery::Discovery;

    use super::*;
    use crate::{Access, Endpoints, GcpConfig, WarehouseOptions};

    /// Statements have no description; the API that stands for the same has.
    #[test]
    fn masks_are_those_that_google_describes() {
        let Some(google) = Discovery::read("bigquerydatapolicy.v2", "the names of masks") else { return };
        for masking in [
            Masking::Sha256,
            Masking::AlwaysNull,
            Masking::Default,
            Masking::LastFour,
            Masking::FirstFour,
            Masking::Email,
            Masking::Year,
            Masking::RandomHash,
        ] {
            let policy = json!({
                "dataPolicyType": "DATA_MASKING_POLICY",
                "dataMaskingPolicy": {"predefinedExpression": masking.name()},
            });
            assert_eq!(google.property("CreateDataPolicyRequest", "dataPolicy", &policy), Vec::<String>::new());
        }
        let raw = json!({"dataPolicyType": "RAW_DATA_ACCESS_POLICY"});
        assert_eq!(google.property("CreateDataPolicyRequest", "dataPolicy", &raw), Vec::<String>::new());
        let wrong = json!({"dataPolicyType": "RAW_DATA_POLICY"});
        assert_eq!(google.property("CreateDataPolicyRequest", "dataPolicy", &wrong).len(), 1);
    }

    /// The statements that Google's documentation and its users' code write (shared/google-cloud.md, 10 and 11).
    #[test]
    fn statements_are_spelled_as_google_documents_them() {
        let config = GcpConfig {
            project: "acme-demo".to_owned(),
            location: "US".to_owned(),
            show: "s".to_owned(),
            impersonate: None,
            endpoints: Endpoints::default(),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let objects = Arc::new(DiskObjects::open(folder.path()).expect("a store"));
        let options = WarehouseOptions::new("shop", "lake");
        let shop = BigQueryWarehouse::new(&config, &Access::anonymous(), objects, options).expect("a warehouse");
        let policy = RowPolicy {
            id: "chile".to_owned(),
            filter: "country IN (SELECT c FROM shop.mine WHERE email = SESSION_USER())".to_owned(),
            grantees: vec!["user:a@x.org".to_owned(), "group:it's@x.org".to_owned()],
        };
        let people = ["principal://goog/subject/a@x.org".to_owned()];
        for (sql, expected) in [
            (
                shop.row_policy_sql("t", &policy),
                r"CREATE OR REPLACE ROW ACCESS POLICY `chile` ON `acme-demo.shop.t` GRANT TO ('user:a@x.org', 'group:it\'s@x.org') FILTER USING (country IN (SELECT c FROM shop.mine WHERE email = SESSION_USER()))",
            ),
            (
                shop.data_policy_sql("mail", Some(Masking::Email)),
                "CREATE OR REPLACE DATA_POLICY `acme-demo.region-us.mail` OPTIONS(data_policy_type='DATA_MASKING_POLICY', masking_expression='EMAIL_MASK')",
            ),
            (
                shop.data_policy_sql("raw", None),
                "CREATE OR REPLACE DATA_POLICY `acme-demo.region-us.raw` OPTIONS(data_policy_type='RAW_DATA_ACCESS_POLICY')",
            ),
            (
                shop.grant_sql("mail", &people, true),
                "GRANT FINE_GRAINED_READ ON DATA_POLICY `acme-demo.region-us.mail` TO 'principal://goog/subject/a@x.org'",
            ),
            (
                shop.grant_sql("mail", &people, false),
                "REVOKE FINE_GRAINED_READ ON DATA_POLICY `acme-demo.region-us.mail` FROM 'principal://goog/subject/a@x.org'",
            ),
            (
                shop.column_policies_sql("t", "email", &["mail", "raw"]),
                r#"ALTER TABLE `acme-demo.shop.t` ALTER COLUMN `email` SET OPTIONS (data_policies = ["{'name':'acme-demo.region-us.mail'}", "{'name':'acme-demo.region-us.raw'}"])"#,
            ),
            (
                shop.column_policies_sql("t", "geo.city", &[]),
                "ALTER TABLE `acme-demo.shop.t` ALTER COLUMN `geo`.`city` SET OPTIONS (data_policies = [])",
            ),
        ] {
            assert_eq!(sql.expect(expected), expected);
        }
        assert_eq!(shop.data_policy_sql("a`b", None).map_err(|e| e.kind), Err(ErrorKind::Invalid));
    }
}
