//! A schema as a tree, and what differs between two.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Fields, Schema};

use super::Look;
use crate::Result;

/// A field with what is nested in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNode {
    /// Its name.
    pub name: String,
    /// The names from the top, with dots: `hits.page.pagePath`.
    pub path: String,
    /// `STRING`, `INTEGER`, `RECORD`, …: BigQuery's words.
    pub kind: String,
    /// Whether it is a list.
    pub repeated: bool,
    /// Nested fields.
    pub children: Vec<FieldNode>,
}

impl FieldNode {
    /// This field and all that is nested in it.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(FieldNode::count).sum::<usize>()
    }

    /// `RECORD, repeated`
    pub fn words(&self) -> String {
        if self.repeated { format!("{}, repeated", self.kind) } else { self.kind.clone() }
    }
}

/// What became of a field between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path and type in the first; `None` = only in the second.
    pub before: Option<(String, String)>,
    /// Path and type in the second; `None` = only in the first.
    pub after: Option<(String, String)>,
}

impl Look {
    /// The schema of this version.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn fields(&self) -> Result<Vec<FieldNode>> {
        self.fields_at(self.current.version).await
    }

    /// The schema that another version declared.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] if there is no such version, or a reset dropped it.
    pub async fn fields_at(&self, version: i64) -> Result<Vec<FieldNode>> {
        Ok(tree(&*self.table.schema_at(&self.current, version).await?))
    }
}

fn tree(schema: &Schema) -> Vec<FieldNode> {
    nodes(schema.fields(), "")
}

fn nodes(fields: &Fields, parent: &str) -> Vec<FieldNode> {
    fields.iter().map(|field| node(field, parent)).collect()
}

fn node(field: &Field, parent: &str) -> FieldNode {
    let path = if parent.is_empty() { field.name().clone() } else { format!("{parent}.{}", field.name()) };
    let (value, repeated) = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) => (item.data_type(), true),
        other => (other, false),
    };
    let children = match value {
        DataType::Struct(fields) => nodes(fields, &path),
        _ => Vec::new(),
    };
    FieldNode { name: field.name().clone(), kind: kind(value), repeated, children, path }
}

fn kind(value: &DataType) -> String {
    match value {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "INTEGER".into(),
        DataType::Float32 | DataType::Float64 => "FLOAT".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 | DataType::Date64 => "DATE".into(),
        DataType::Timestamp(..) => "TIMESTAMP".into(),
        DataType::Struct(_) => "RECORD".into(),
        DataType::Decimal128(precision, scale) => format!("NUMERIC({precision}, {scale})"),
        other => other.to_string().to_uppercase(),
    }
}

/// Paths of the fields that hold values themselves, in the order of a Parquet file's columns.
pub(super) fn leaves(schema: &Schema) -> Vec<String> {
    fn collect(nodes: Vec<FieldNode>, paths: &mut Vec<String>) {
        for node in nodes {
            if node.children.is_empty() { paths.push(node.path) } else { collect(node.children, paths) }
        }
    }
    let mut paths = Vec::new();
    collect(tree(schema), &mut paths);
    paths
}

/// Fields that only one of two schemas has, or that have another name or type there, in the order of the first, then of the second.
/// `visitId` and `visit_id` are taken for the same field.
pub fn differences(before: &[FieldNode], after: &[FieldNode]) -> Vec<Difference> {
    let (before, after) = (flat(before), flat(after));
    let of_after: BTreeMap<String, &FieldNode> = after.iter().map(|f| (key(&f.path), *f)).collect();
    let of_before: BTreeMap<String, &FieldNode> = before.iter().map(|f| (key(&f.path), *f)).collect();
    let side = |f: &FieldNode| (f.path.clone(), f.words());
    let mut found = Vec::new();
    for field in &before {
        let partner = of_after.get(&key(&field.path));
        if partner.is_none_or(|p| side(p) != side(field)) {
            found.push(Difference { before: Some(side(field)), after: partner.map(|p| side(p)) });
        }
    }
    for field in after.iter().filter(|f| !of_before.contains_key(&key(&f.path))) {
        found.push(Difference { before: None, after: Some(side(field)) });
    }
    found
}

fn flat(nodes: &[FieldNode]) -> Vec<&FieldNode> {
    nodes.iter().flat_map(|n| std::iter::once(n).chain(flat(&n.children))).collect()
}

fn key(path: &str) -> String {
    path.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use showrunner_ingest::{GaSessionsVersion, ga_sessions_schema};

    use super::*;

    #[test]
    fn the_tree_has_every_field_and_the_leaves_are_the_columns() {
        let delivered = ga_sessions_schema(GaSessionsVersion::Current);
        let fields = tree(&delivered.to_arrow());
        assert_eq!(fields.iter().map(FieldNode::count).sum::<usize>(), 338);
        let hits = fields.iter().find(|f| f.name == "hits").unwrap();
        assert_eq!(hits.words(), "RECORD, repeated");
        let page = hits.children.iter().find(|f| f.name == "page").unwrap();
        assert!(page.children.iter().any(|f| f.path == "hits.page.pagePath" && f.words() == "STRING"));
        assert_eq!(leaves(&delivered.to_arrow()), delivered.leaf_paths());
    }

    #[test]
    fn the_change_of_july_is_a_difference() {
        let of = |version| tree(&ga_sessions_schema(version).to_arrow());
        let (june, july) = (of(GaSessionsVersion::Until20170630), of(GaSessionsVersion::Current));
        let new: Vec<_> = differences(&june, &july)
            .into_iter()
            .map(|d| (d.before.is_none(), d.after.map(|a| a.0).unwrap_or_default()))
            .collect();
        assert_eq!(new, [(true, "hits.product.productCouponCode".to_owned()), (true, "clientId".to_owned())]);
        assert!(differences(&july, &july).is_empty());
    }

    #[test]
    fn another_name_or_type_is_one_difference_and_the_same_field() {
        let of = |fields: &[(&str, DataType)]| {
            tree(&Schema::new(fields.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect::<Vec<_>>()))
        };
        let list = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
        let before = of(&[("visitId", DataType::Utf8), ("same", DataType::Int64), ("old", DataType::Boolean)]);
        let after = of(&[("new", list), ("visit_id", DataType::Int64), ("same", DataType::Int64)]);
        let side = |path: &str, kind: &str| Some((path.to_owned(), kind.to_owned()));
        assert_eq!(
            differences(&before, &after),
            [
                Difference { before: side("visitId", "STRING"), after: side("visit_id", "INTEGER") },
                Difference { before: side("old", "BOOLEAN"), after: None },
                Difference { before: None, after: side("new", "STRING, repeated") },
            ]
        );
    }
}
