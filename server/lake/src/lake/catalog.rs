//! What can be queried: tables with their columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use super::Lake;
use crate::datasets::Dataset;
use crate::delta::{Shape, Table};
use crate::model::Zone;
use crate::query::View;
use crate::warehouse::serve::serving_table;
use crate::{Result, stream, warehouse};

/// A table that can be queried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogTable {
    /// Its zone.
    pub zone: Zone,
    /// Its name without the zone.
    pub name: String,
    /// One sentence on what it holds.
    pub title: String,
    /// True for a view: a query that is run when it is named.
    pub view: bool,
    /// Its columns; fields of records as `record.field`.
    pub columns: Vec<CatalogColumn>,
}

/// A column, or a field of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogColumn {
    /// As it is written in a query: `country`, `totals.hits`.
    pub name: String,
    /// `text`, `integer`, `array of records`.
    pub kind: String,
    /// A filter on it leaves out whole partitions.
    pub partition: bool,
}

/// All tables of a lake, whether they are on disk yet or not.
pub(crate) fn all_shapes() -> Result<Vec<Shape>> {
    let datasets: Vec<_> = Dataset::all().into_iter().map(Arc::new).collect();
    let mut shapes = super::open::shapes(&datasets)?;
    for table in [serving_table()?, stream::rows_table()?, stream::errors_table()] {
        shapes.push(warehouse::shape(&table)?);
    }
    Ok(shapes)
}

impl Lake {
    /// All tables that exist, zone by zone, with the views behind the tables of their zone.
    pub fn catalog(&self) -> Vec<CatalogTable> {
        let tables: Vec<_> = self.inner.all_tables().into_iter().filter(|t| t.exists()).collect();
        let of_table = |table: &Arc<Table>| {
            let shape = &table.shape;
            let mut columns = Vec::new();
            for field in shape.schema.fields() {
                describe(field, "", shape.partition.contains(field.name()), &mut columns);
            }
            let (name, title) = (shape.name.clone(), shape.title.clone());
            CatalogTable { zone: shape.zone, name, title, view: false, columns }
        };
        let of_view = |view: &View| {
            let mut columns = Vec::new();
            for field in view.schema(&tables) {
                // A view's filter on the date leaves out partitions of its tables.
                describe(&field, "", field.name() == "date", &mut columns);
            }
            let (name, title) = (view.name.to_owned(), view.title.to_owned());
            CatalogTable { zone: view.zone, name, title, view: true, columns }
        };
        let mut all: Vec<_> = tables.iter().map(of_table).collect();
        all.extend(View::there(&tables).map(of_view));
        all.sort_by_key(|table| table.zone);
        all
    }
}

fn describe(field: &Field, within: &str, partition: bool, out: &mut Vec<CatalogColumn>) {
    let name = format!("{within}{}", field.name());
    match field.data_type() {
        DataType::Struct(fields) => {
            let within = format!("{name}.");
            fields.iter().for_each(|f| describe(f, &within, false, out));
        }
        other => out.push(CatalogColumn { name, kind: kind(other), partition }),
    }
}

fn kind(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Decimal128(..) | DataType::Decimal256(..) => "decimal".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".to_owned(),
        DataType::Struct(_) => "record".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => match kind(item.data_type()).as_str() {
            "record" => "array of records".to_owned(),
            item => format!("array of {item}"),
        },
        DataType::Dictionary(_, value) => kind(value),
        number if number.is_integer() => "integer".to_owned(),
        number if number.is_floating() => "number".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_records_stand_below_their_column() {
        let record = DataType::Struct(vec![Field::new("hits", DataType::Int64, true)].into());
        let list = DataType::List(Field::new("item", record.clone(), true).into());
        let mut out = Vec::new();
        describe(&Field::new("totals", record, true), "", false, &mut out);
        describe(&Field::new("pages", list, true), "", false, &mut out);
        describe(&Field::new("date", DataType::Date32, true), "", true, &mut out);
        let words: Vec<_> = out.iter().map(|c| (c.name.as_str(), c.kind.as_str(), c.partition)).collect();
        assert_eq!(
            words,
            [("totals.hits", "integer", false), ("pages", "array of records", false), ("date", "date", true)]
        );
    }
}
