//! What a statement makes of the policies.

use arrow::datatypes::{DataType, Schema};

use super::statement::{How, IfThere};
use super::{Attachment, DataPolicy, Gives, Policies, Statement, TableName};
use crate::{Error, ErrorKind, Result};

/// BigQuery's limit: data policies on a column.
const MOST_ON_A_COLUMN: usize = 8;

/// What a table is, as far as policies must know.
pub(crate) struct Known<'a> {
    pub schema: &'a Schema,
    pub partition: &'a [String],
}

impl Policies {
    /// The policies after this statement. `known` tells of a table; the condition of a row policy is checked elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`], [`ErrorKind::NotFound`] or [`ErrorKind::Exists`] with a sentence.
    pub(crate) fn changed<'a>(
        &self,
        statement: &Statement,
        known: &dyn Fn(&TableName) -> Option<Known<'a>>,
    ) -> Result<Policies> {
        let mut next = self.clone();
        let there = |table: &TableName| {
            known(table).ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("There is no table '{table}' that can have policies. Those of the lake can; views follow their tables."),
                )
            })
        };
        match statement {
            Statement::CreateRowPolicy { policy, there: if_there } => {
                there(&policy.table)?;
                let found =
                    next.rows.iter().position(|p| p.table == policy.table && p.name.eq_ignore_ascii_case(&policy.name));
                match (found, if_there) {
                    (None, _) => next.rows.push(policy.clone()),
                    (Some(at), IfThere::Replace) => next.rows[at] = policy.clone(),
                    (Some(_), IfThere::Keep) => {}
                    (Some(_), IfThere::Refuse) => {
                        return Err(exists(&format!("{} has a row access policy '{}'", policy.table, policy.name)));
                    }
                }
            }
            Statement::DropRowPolicy { name, table, if_exists } => {
                let before = next.rows.len();
                next.rows.retain(|p| p.table != *table || !p.name.eq_ignore_ascii_case(name));
                if next.rows.len() == before && !if_exists {
                    return Err(missing(&format!("{table} has no row access policy '{name}'")));
                }
            }
            Statement::DropAllRowPolicies { table } => {
                there(table)?;
                next.rows.retain(|p| p.table != *table);
            }
            Statement::CreateDataPolicy { policy, there: if_there } => {
                match (next.data.iter_mut().find(|p| p.name.eq_ignore_ascii_case(&policy.name)), if_there) {
                    (None, _) => next.data.push(policy.clone()),
                    // Who is granted it stays granted, as a replaced policy keeps its IAM.
                    (Some(found), IfThere::Replace) => {
                        found.gives = policy.gives;
                        found.info_types.clone_from(&policy.info_types);
                    }
                    (Some(_), IfThere::Keep) => {}
                    (Some(_), IfThere::Refuse) => {
                        return Err(exists(&format!("There is a data policy '{}'", policy.name)));
                    }
                }
                next.columns_take_their_policies(known)?;
            }
            Statement::DropDataPolicy { name, if_exists } => {
                if let Some(on) = next.attached.iter().find(|a| a.policy.eq_ignore_ascii_case(name)) {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "The data policy '{name}' is on {}.{}. Take it off first: ALTER TABLE {} ALTER COLUMN {} SET OPTIONS \
                             (data_policies -= ['{name}']).",
                            on.table, on.column, on.table, on.column
                        ),
                    ));
                }
                let before = next.data.len();
                next.data.retain(|p| !p.name.eq_ignore_ascii_case(name));
                if next.data.len() == before && !if_exists {
                    return Err(missing(&format!("There is no data policy '{name}'")));
                }
            }
            Statement::Grant { policy, grantees } => {
                let found = next.data_policy(policy)?;
                found.grantees.extend(grantees.iter().cloned());
                found.grantees.sort();
                found.grantees.dedup();
            }
            Statement::Revoke { policy, grantees } => {
                next.data_policy(policy)?.grantees.retain(|grantee| !grantees.contains(grantee));
            }
            Statement::SetColumnPolicies { table, column, policies, how } => {
                let of = there(table)?;
                let (column, _) = column_of(table, &of, column)?;
                let here = |a: &Attachment| a.table == *table && a.column == column;
                match how {
                    How::Set => next.attached.retain(|a| !here(a)),
                    How::Remove => {
                        next.attached
                            .retain(|a| !here(a) || !policies.iter().any(|p| p.eq_ignore_ascii_case(&a.policy)));
                    }
                    How::Add => {}
                }
                if *how != How::Remove {
                    for name in policies {
                        let policy = next.data_policy(name)?.name.clone();
                        let attachment = Attachment { table: table.clone(), column: column.clone(), policy };
                        if !next.attached.contains(&attachment) {
                            next.attached.push(attachment);
                        }
                    }
                }
                next.columns_take_their_policies(known)?;
                if next.attached.iter().filter(|a| here(a)).count() > MOST_ON_A_COLUMN {
                    return Err(invalid(format!("A column has at most {MOST_ON_A_COLUMN} data policies.")));
                }
            }
        }
        Ok(next)
    }

    fn data_policy(&mut self, name: &str) -> Result<&mut DataPolicy> {
        let found = self.data.iter_mut().find(|policy| policy.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| missing(&format!("There is no data policy '{name}'")))
    }

    /// Each rule suits the type of each column that it stands on.
    fn columns_take_their_policies<'a>(&self, known: &dyn Fn(&TableName) -> Option<Known<'a>>) -> Result<()> {
        for attachment in &self.attached {
            let (Some(of), Some(policy)) =
                (known(&attachment.table), self.data.iter().find(|policy| policy.name == attachment.policy))
            else {
                continue;
            };
            let (column, kind) = column_of(&attachment.table, &of, &attachment.column)?;
            if let Gives::Masked(rule) = policy.gives
                && !rule.takes(&kind)
            {
                return Err(invalid(format!(
                    "{} cannot mask {}.{column}: it is no column of a type that this rule takes. ALWAYS_NULL takes every type.",
                    rule.name(),
                    attachment.table
                )));
            }
            if of.partition.contains(&column) {
                return Err(invalid(format!(
                    "{}.{column} is a partition column. As in BigQuery, it cannot have data policies.",
                    attachment.table
                )));
            }
        }
        Ok(())
    }
}

/// The column as the table spells it, and its type; through repeated records as well.
fn column_of(table: &TableName, of: &Known<'_>, path: &str) -> Result<(String, DataType)> {
    let absent = || missing(&format!("{table} has no column '{path}'"));
    let mut kind = DataType::Struct(of.schema.fields().clone());
    let mut spelled = Vec::new();
    for part in path.split('.') {
        while let DataType::List(item) | DataType::LargeList(item) = &kind {
            kind = item.data_type().clone();
        }
        let DataType::Struct(fields) = &kind else { return Err(absent()) };
        let field = fields.iter().find(|field| field.name().eq_ignore_ascii_case(part)).ok_or_else(absent)?.clone();
        spelled.push(field.name().clone());
        kind = field.data_type().clone();
    }
    Ok((spelled.join("."), kind))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

fn exists(what: &str) -> Error {
    Error::new(ErrorKind::Exists, format!("{what} already. Write CREATE OR REPLACE to change it."))
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{what}. The page Policies lists all."))
}
