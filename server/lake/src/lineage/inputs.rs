//! What a value is made of, while a plan is walked.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

use super::{ColumnRef, Input, Kind};

/// What is known of a column that something depends on.
#[derive(Debug, Clone)]
struct Known {
    kinds: BTreeSet<Kind>,
    /// Of the column itself: tells whether a field within it is a column of its own.
    data_type: DataType,
}

/// Columns that something depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs(BTreeMap<ColumnRef, Known>);

impl Inputs {
    /// The column itself.
    pub fn column(of: ColumnRef, data_type: DataType) -> Inputs {
        Inputs(BTreeMap::from([(of, Known { kinds: BTreeSet::from([Kind::Identity]), data_type })]))
    }

    /// Both.
    pub fn and(mut self, other: Inputs) -> Inputs {
        self.add(other);
        self
    }

    /// Adds others.
    pub fn add(&mut self, other: Inputs) {
        for (of, known) in other.0 {
            match self.0.get_mut(&of) {
                Some(mine) => mine.kinds.extend(known.kinds),
                None => drop(self.0.insert(of, known)),
            }
        }
    }

    /// After something happened to the value.
    pub fn then(mut self, kind: Kind) -> Inputs {
        for known in self.0.values_mut() {
            known.kinds = known.kinds.iter().map(|inner| kind.after(*inner)).collect();
        }
        self
    }

    /// Of a field of the value. What only decides about the value decides about its fields, too.
    pub fn field(self, name: &str) -> Inputs {
        let mut fields = Inputs::default();
        for (of, known) in self.0 {
            let within = known.kinds.iter().any(|kind| kind.is_direct()).then(|| field_of(&known.data_type, name));
            fields.add(match within.flatten() {
                Some(data_type) => {
                    let column = format!("{}.{name}", of.column);
                    let known = Known { kinds: known.kinds, data_type };
                    Inputs(BTreeMap::from([(ColumnRef { table: of.table, column }, known)]))
                }
                // Taken out of something that is no record here, such as text that was parsed.
                None => Inputs(BTreeMap::from([(of, known)])).then(Kind::Transformation),
            });
        }
        fields
    }

    /// What happens to the value on the whole.
    pub fn kind(&self) -> Option<Kind> {
        self.0.values().flat_map(|known| &known.kinds).copied().filter(|kind| kind.is_direct()).max()
    }

    /// In the order of their names.
    pub fn listed(&self) -> Vec<Input> {
        let listed = self.0.iter();
        listed.map(|(of, known)| Input { of: of.clone(), kinds: known.kinds.iter().copied().collect() }).collect()
    }
}

/// The type of a field of a record, or of the records of a list.
fn field_of(data_type: &DataType, name: &str) -> Option<DataType> {
    match data_type {
        DataType::Struct(fields) => {
            let exact = fields.iter().find(|field| field.name() == name);
            exact.map(|field| field.data_type().clone())
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            field_of(item.data_type(), name)
        }
        _ => None,
    }
}

/// A value of a row, while a plan is walked.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub inputs: Inputs,
    /// Its fields, where the plan put the record together.
    pub fields: Option<Vec<(String, Value)>>,
    /// How it is computed, over columns of tables.
    pub expr: Expr,
    /// Nodes of `expr`.
    pub size: usize,
}

impl Value {
    /// One that is made of nothing.
    pub fn nothing(expr: Expr) -> Value {
        Value { inputs: Inputs::default(), fields: None, expr, size: 1 }
    }

    /// After something happened to it.
    pub fn then(self, kind: Kind) -> Value {
        let fields =
            self.fields.map(|fields| fields.into_iter().map(|(name, value)| (name, value.then(kind))).collect());
        Value { inputs: self.inputs.then(kind), fields, ..self }
    }

    /// One of its fields.
    pub fn field(&self, name: &str) -> Value {
        let known = self.fields.iter().flatten().find(|(field, _)| field == name);
        match known {
            Some((_, value)) => value.clone(),
            None => Value { inputs: self.inputs.clone().field(name), fields: None, ..self.clone() },
        }
    }
}
