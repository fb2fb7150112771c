//! Statements about policies.

use serde_json::json;

use super::bigquery::query;
use super::*;
use crate::policy::{DataPolicy, Gives, Grantee, RowPolicy, Statement, TableName};

/// BigQuery's API for policies of rows cannot name other tables; its SQL can.
const OTHER_TABLES: &str = "The API takes no condition that reads other tables, so this is the statement. The zones stand for datasets of the same names.";
const ZONES: &str = "The zones stand for datasets of the same names.";
const KINDS: &str = "In BigQuery a data policy stands on columns by name. That it follows the tags of a kind of data (info_types) is of the engine here.";

/// The call for each statement. Data policies are those of version 2, which stand on columns without a taxonomy.
pub(super) fn changed(statement: &Statement) -> GoogleCall {
    let sql = statement.sql();
    match statement {
        Statement::CreateRowPolicy { policy, .. } => created(policy, &sql),
        Statement::DropRowPolicy { name, table, .. } => {
            let rest = Rest::new("DELETE", format!("{}/{}", row_policies(table), encoded(name)));
            let call = GoogleCall::new("bigquery", "rowAccessPolicies.delete", rest, Some(query(&sql, None).command));
            call.noted(ZONES)
        }
        Statement::DropAllRowPolicies { .. } => query(&sql, None).noted(ZONES),
        Statement::CreateDataPolicy { policy, .. } => {
            let rest = Rest::json("POST", format!("{DATA_POLICIES}/dataPolicies"), data_policy(policy));
            let command = (policy.info_types.is_empty()).then(|| query(&sql, None).command);
            let call = GoogleCall::new("bigquerydatapolicy", "dataPolicies.create", rest, command);
            if policy.info_types.is_empty() { call } else { call.noted(KINDS) }
        }
        Statement::DropDataPolicy { name, .. } => {
            let rest = Rest::new("DELETE", format!("{DATA_POLICIES}/dataPolicies/{}", encoded(name)));
            GoogleCall::new("bigquerydatapolicy", "dataPolicies.delete", rest, Some(query(&sql, None).command))
        }
        Statement::Grant { policy, grantees } => granted("addGrantees", policy, grantees, &sql),
        Statement::Revoke { policy, grantees } => granted("removeGrantees", policy, grantees, &sql),
        Statement::SetColumnPolicies { .. } => query(&sql, None).noted(ZONES),
    }
}

const DATA_POLICIES: &str = "https://bigquerydatapolicy.googleapis.com/v2/projects/PROJECT/locations/US";

fn row_policies(table: &TableName) -> String {
    format!(
        "{BIGQUERY}/projects/{PROJECT}/datasets/{}/tables/{}/rowAccessPolicies",
        encoded(table.zone.name()),
        encoded(&table.table)
    )
}

fn created(policy: &RowPolicy, sql: &str) -> GoogleCall {
    let words = policy.filter.to_uppercase();
    if words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "SELECT") {
        return query(sql, None).noted(OTHER_TABLES);
    }
    let rest = Rest::json(
        "POST",
        row_policies(&policy.table),
        json!({
            "rowAccessPolicyReference": {
                "projectId": PROJECT,
                "datasetId": policy.table.zone.name(),
                "tableId": policy.table.table,
                "policyId": policy.name,
            },
            "filterPredicate": policy.filter,
            "grantees": policy.grantees.iter().map(Grantee::row_form).collect::<Vec<_>>(),
        }),
    );
    GoogleCall::new("bigquery", "rowAccessPolicies.insert", rest, Some(query(sql, None).command)).noted(ZONES)
}

fn data_policy(policy: &DataPolicy) -> Value {
    let mut body = match policy.gives {
        Gives::Raw => json!({ "dataPolicyType": "RAW_DATA_ACCESS_POLICY" }),
        Gives::Masked(rule) => json!({
            "dataPolicyType": "DATA_MASKING_POLICY",
            "dataMaskingPolicy": { "predefinedExpression": rule.name() },
        }),
    };
    body["grantees"] = json!(policy.grantees.iter().map(Grantee::principal).collect::<Vec<_>>());
    json!({ "dataPolicyId": policy.name, "dataPolicy": body })
}

fn granted(method: &'static str, policy: &str, grantees: &[Grantee], sql: &str) -> GoogleCall {
    let rest = Rest::json(
        "POST",
        format!("{DATA_POLICIES}/dataPolicies/{}:{method}", encoded(policy)),
        json!({ "grantees": grantees.iter().map(Grantee::principal).collect::<Vec<_>>() }),
    );
    let method = if method == "addGrantees" { "dataPolicies.addGrantees" } else { "dataPolicies.removeGrantees" };
    GoogleCall::new("bigquerydatapolicy", method, rest, Some(query(sql, None).command))
}
