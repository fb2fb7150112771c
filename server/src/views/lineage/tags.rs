//! Personal data follows the lineage: what is made of a personal column is personal, until only counts are left of it.

use std::collections::{BTreeMap, VecDeque};

use showrunner_lake::lineage::{ColumnRef, Kind};

use super::graph::{Graph, Step};

/// Aggregates whose result is one of the values, or all of them.
const KEEPING: [&str; 8] =
    ["min(", "max(", "first_value(", "last_value(", "nth_value(", "array_agg(", "string_agg(", "mode("];

/// What a column holds, and from where it has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `EMAIL_ADDRESS`
    pub info_type: String,
    /// From the column in which it was found to this one.
    pub path: Vec<ColumnRef>,
}

impl Tag {
    /// `EMAIL_ADDRESS, from bronze.crm.email by silver.contacts.email`
    pub fn words(&self) -> String {
        let name = |column: &ColumnRef| format!("{}.{}", column.table, column.column);
        match self.path.split_last() {
            None | Some((_, [])) => format!("{}: found here", self.info_type),
            Some((_, way)) => {
                let way: Vec<String> = way.iter().map(name).collect();
                format!("{}: from {}", self.info_type, way.join(" → "))
            }
        }
    }
}

/// All columns that hold personal data: those that are known to, and those that are made of them, each by its shortest way.
pub fn follow(graph: &Graph, known: &[(ColumnRef, String)]) -> BTreeMap<ColumnRef, Tag> {
    let mut all: BTreeMap<ColumnRef, Tag> = BTreeMap::new();
    let mut next = VecDeque::new();
    for (column, info_type) in known {
        let tag = Tag { info_type: info_type.clone(), path: vec![column.clone()] };
        all.insert(column.clone(), tag);
        next.push_back(column.clone());
    }
    while let Some(column) = next.pop_front() {
        let Some(tag) = all.get(&column).cloned() else { continue };
        for step in graph.on(&column).into_iter().filter(keeps_the_value) {
            if !all.contains_key(&step.to) {
                let path = tag.path.iter().cloned().chain([step.to.clone()]).collect();
                all.insert(step.to.clone(), Tag { info_type: tag.info_type.clone(), path });
                next.push_back(step.to);
            }
        }
    }
    all
}

/// Whether the value, or something computed from this one value, is what comes out.
fn keeps_the_value(step: &Step<'_>) -> bool {
    let expression = step.by.map(|by| by.expression.as_str()).unwrap_or_default();
    // Whether there is a value, and how long it is, says nothing of whose it is.
    let asks_only = expression.ends_with("IS NOT NULL") || expression.ends_with("IS NULL");
    step.kinds.iter().any(|kind| match kind {
        Kind::Identity => true,
        Kind::Transformation => !asks_only,
        Kind::Aggregation => KEEPING.iter().any(|name| expression.contains(name)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use showrunner_lake::lineage::{Input, Job, JobKind, Lineage, OutputColumn};

    use super::*;

    fn at(table: &str, column: &str) -> ColumnRef {
        ColumnRef { table: table.to_owned(), column: column.to_owned() }
    }

    fn job(output: &str, columns: &[(&str, &str, Kind, ColumnRef)]) -> Job {
        let columns: Vec<OutputColumn> = columns
            .iter()
            .map(|(name, expression, kind, of)| OutputColumn {
                column: (*name).to_owned(),
                expression: (*expression).to_owned(),
                kind: Some(*kind),
                inputs: vec![Input { of: of.clone(), kinds: vec![*kind] }],
            })
            .collect();
        let tables = columns.iter().flat_map(|column| &column.inputs).map(|input| input.of.table.clone()).collect();
        let lineage = Lineage { columns, rows: Vec::new(), tables };
        Job { kind: JobKind::Transform, output: output.to_owned(), title: String::new(), sql: None, lineage }
    }

    #[test]
    fn a_tag_goes_where_the_value_goes_and_no_further() {
        let mail = at("bronze.crm", "email");
        let silver = |column: &str| at("silver.contacts", column);
        let graph = Graph::of(vec![
            job(
                "silver.contacts",
                &[
                    ("email", "lower(email)", Kind::Transformation, mail.clone()),
                    ("has_email", "email IS NOT NULL", Kind::Transformation, mail.clone()),
                    ("kind", "CASE WHEN email LIKE '%.uk' THEN 'uk' END", Kind::Conditional, mail.clone()),
                ],
            ),
            job(
                "gold.kpis",
                &[
                    ("mails", "count(email)", Kind::Aggregation, silver("email")),
                    ("last_mail", "max(email)", Kind::Aggregation, silver("email")),
                ],
            ),
        ]);
        let tags = follow(&graph, &[(mail.clone(), "EMAIL_ADDRESS".to_owned())]);
        let columns: Vec<String> = tags.keys().map(|column| format!("{}.{}", column.table, column.column)).collect();
        assert_eq!(columns, ["bronze.crm.email", "gold.kpis.last_mail", "silver.contacts.email"]);
        assert_eq!(
            tags[&at("gold.kpis", "last_mail")].words(),
            "EMAIL_ADDRESS: from bronze.crm.email → silver.contacts.email"
        );
        assert_eq!(tags[&mail].words(), "EMAIL_ADDRESS: found here");
    }
}
