//! Column builders that take values straight from the text.
//!
//! A record does not touch the columns of absent fields: each column knows its own length, and
//! missing rows are filled in as nulls when the next value comes, or at the end of the batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, FieldRef};
use arrow::error::ArrowError;

use super::cursor::{Cursor, Fault, Parsed};
use super::record::Record;
use crate::schema::{FieldSchema, FieldType};
use crate::time::{parse_date, parse_timestamp};

/// Which rows have a value. Costs nothing until the first null.
#[derive(Debug, Default)]
pub(super) struct Validity {
    bits: Option<Vec<u8>>,
    len: usize,
}

impl Validity {
    #[inline]
    pub(super) fn push_valid(&mut self) {
        if let Some(bits) = &mut self.bits {
            if self.len.is_multiple_of(8) {
                bits.push(1);
            } else if let Some(last) = bits.last_mut() {
                *last |= 1 << (self.len % 8);
            }
        }
        self.len += 1;
    }

    /// Nulls up to `len` rows.
    pub(super) fn pad(&mut self, len: usize) {
        let before = self.len;
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = vec![0xff; before / 8];
            if !before.is_multiple_of(8) {
                bits.push((1 << (before % 8)) - 1);
            }
            bits
        });
        bits.resize(len.div_ceil(8), 0);
        self.len = len;
    }

    pub(super) fn clear(&mut self) {
        self.bits = None;
        self.len = 0;
    }

    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        let len = std::mem::take(&mut self.len);
        let bits = self.bits.take()?;
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, len)))
    }
}

/// Fixed-size values.
#[derive(Debug)]
pub(crate) struct Values<T> {
    values: Vec<T>,
    validity: Validity,
}

impl<T: ArrowNativeType> Values<T> {
    fn new() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }

    #[inline]
    fn push(&mut self, value: T) {
        self.values.push(value);
        self.validity.push_valid();
    }

    fn pad(&mut self, len: usize) {
        if self.values.len() < len {
            self.values.resize(len, T::default());
            self.validity.pad(len);
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.validity.clear();
    }

    fn finish(&mut self) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        let capacity = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(capacity));
        (ScalarBuffer::from(values), self.validity.finish())
    }
}

/// Texts.
#[derive(Debug)]
pub(crate) struct Texts {
    data: Vec<u8>,
    /// End of each text; the leading 0 is put in front at the end.
    ends: Vec<i32>,
    validity: Validity,
}

impl Texts {
    fn pad(&mut self, len: usize) {
        if self.ends.len() < len {
            self.ends.resize(len, self.data.len() as i32);
            self.validity.pad(len);
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        // Twice a new vector's usual growth: the next batch is about as large as this one.
        let capacity = self.data.len();
        let data = std::mem::replace(&mut self.data, Vec::with_capacity(capacity));
        let array = StringArray::try_new(
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Buffer::from_vec(data),
            self.validity.finish(),
        )?;
        Ok(Arc::new(array))
    }
}

/// A list and its elements.
#[derive(Debug)]
pub(crate) struct List {
    item: FieldRef,
    element: Column,
    ends: Vec<i32>,
}

/// One column, of any type.
#[derive(Debug)]
pub(crate) enum Column {
    Integer(Values<i64>),
    Float(Values<f64>),
    /// One byte each; packed at the end.
    Boolean(Values<u8>),
    Text(Texts),
    Date(Values<i32>),
    Timestamp(Values<i64>),
    Record(Box<Record>),
    List(Box<List>),
}

impl Column {
    pub(super) fn new(field: &FieldSchema, arrow: &FieldRef, levels: usize) -> Self {
        use arrow::datatypes::DataType;
        if let DataType::List(item) = arrow.data_type() {
            return Self::List(Box::new(List {
                item: item.clone(),
                element: Self::of_value(field, item, levels),
                ends: Vec::new(),
            }));
        }
        Self::of_value(field, arrow, levels)
    }

    fn of_value(field: &FieldSchema, arrow: &FieldRef, levels: usize) -> Self {
        use arrow::datatypes::DataType;
        match field.field_type {
            FieldType::Integer => Self::Integer(Values::new()),
            FieldType::Float => Self::Float(Values::new()),
            FieldType::Boolean => Self::Boolean(Values::new()),
            FieldType::Date => Self::Date(Values::new()),
            FieldType::Timestamp => Self::Timestamp(Values::new()),
            FieldType::String => {
                Self::Text(Texts { data: Vec::new(), ends: Vec::new(), validity: Validity::default() })
            }
            FieldType::Record => {
                let DataType::Struct(fields) = arrow.data_type() else {
                    unreachable!("a RECORD is a struct in Arrow");
                };
                let record = Record::new(&field.fields, fields, levels.saturating_sub(1));
                Self::Record(Box::new(record))
            }
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integer(column) | Self::Timestamp(column) => column.values.len(),
            Self::Float(column) => column.values.len(),
            Self::Boolean(column) => column.values.len(),
            Self::Date(column) => column.values.len(),
            Self::Text(column) => column.ends.len(),
            Self::Record(column) => column.len,
            Self::List(column) => column.ends.len(),
        }
    }

    /// Nulls (for lists: empty ones) up to `len` rows.
    pub(super) fn pad(&mut self, len: usize) {
        match self {
            Self::Integer(column) | Self::Timestamp(column) => column.pad(len),
            Self::Float(column) => column.pad(len),
            Self::Boolean(column) => column.pad(len),
            Self::Date(column) => column.pad(len),
            Self::Text(column) => column.pad(len),
            Self::Record(column) => column.pad(len),
            Self::List(column) => {
                if column.ends.len() < len {
                    let end = column.ends.last().copied().unwrap_or(0);
                    column.ends.resize(len, end);
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Integer(column) | Self::Timestamp(column) => column.clear(),
            Self::Float(column) => column.clear(),
            Self::Boolean(column) => column.clear(),
            Self::Date(column) => column.clear(),
            Self::Text(column) => {
                column.data.clear();
                column.ends.clear();
                column.validity.clear();
            }
            Self::Record(column) => column.clear(),
            Self::List(column) => {
                column.ends.clear();
                column.element.clear();
            }
        }
    }

    /// Reads the value of row `row`, which stands at the cursor.
    #[inline]
    pub(super) fn read(&mut self, row: usize, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
        if self.len() > row {
            return Err(Fault::new("the field is there twice"));
        }
        if cursor.peek() == Some(b'n') && cursor.take(b"null") {
            self.pad(row + 1);
            return Ok(());
        }
        self.pad(row);
        self.read_value(cursor, scratch)
    }

    #[inline]
    fn read_value(&mut self, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
        match self {
            Self::Text(column) => {
                if cursor.peek() != Some(b'"') {
                    return Err(cursor.expected("a STRING"));
                }
                cursor.take(b"\"");
                cursor.string(&mut column.data)?;
                column.ends.push(column.data.len() as i32);
                column.validity.push_valid();
            }
            Self::Integer(column) => column.push(cursor.integer()?),
            Self::Boolean(column) => column.push(u8::from(cursor.boolean()?)),
            Self::Float(column) => column.push(cursor.float(scratch)?),
            Self::Date(column) => {
                column.push(cursor.text("a DATE such as 2017-07-29", scratch, parse_date)?);
            }
            Self::Timestamp(column) => {
                let what = "a TIMESTAMP such as 2017-07-29 10:11:12 UTC";
                column.push(cursor.text(what, scratch, parse_timestamp)?);
            }
            Self::Record(column) => column.read(cursor, scratch)?,
            Self::List(column) => column.read(cursor, scratch)?,
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Integer(column) => {
                let (values, nulls) = column.finish();
                Arc::new(Int64Array::try_new(values, nulls)?)
            }
            Self::Float(column) => {
                let (values, nulls) = column.finish();
                Arc::new(Float64Array::try_new(values, nulls)?)
            }
            Self::Date(column) => {
                let (values, nulls) = column.finish();
                Arc::new(Date32Array::try_new(values, nulls)?)
            }
            Self::Timestamp(column) => {
                let (values, nulls) = column.finish();
                Arc::new(TimestampMicrosecondArray::try_new(values, nulls)?.with_timezone("UTC"))
            }
            Self::Boolean(column) => {
                let values: BooleanBuffer = column.values.iter().map(|bit| *bit != 0).collect();
                column.values.clear();
                Arc::new(BooleanArray::new(values, column.validity.finish()))
            }
            Self::Text(column) => column.finish()?,
            Self::Record(column) => Arc::new(column.finish()?),
            Self::List(column) => column.finish()?,
        })
    }
}

impl List {
    fn read(&mut self, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
        if cursor.peek() != Some(b'[') {
            return Err(cursor.expected("a list"));
        }
        cursor.take(b"[");
        let first = self.element.len();
        cursor.skip_space();
        if !cursor.take(b"]") {
            loop {
                cursor.skip_space();
                let index = self.element.len() - first;
                self.element.read_value(cursor, scratch).map_err(|fault| fault.at_element(index))?;
                match cursor.next_token() {
                    Some(b',') => {}
                    Some(b']') => break,
                    other => {
                        if other.is_some() {
                            cursor.back();
                        }
                        return Err(cursor.expected("',' or ']' in a list"));
                    }
                }
            }
        }
        let end = i32::try_from(self.element.len())
            .map_err(|_| Fault::new("the lists of the chunk have too many elements"))?;
        self.ends.push(end);
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let list = ListArray::try_new(
            self.item.clone(),
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            self.element.finish()?,
            None,
        )?;
        Ok(Arc::new(list))
    }
}

impl Column {
    /// Whether the last row is null; only asked for required fields.
    pub(super) fn is_null(&self, row: usize) -> bool {
        let validity = match self {
            Self::Integer(column) | Self::Timestamp(column) => &column.validity,
            Self::Float(column) => &column.validity,
            Self::Boolean(column) => &column.validity,
            Self::Date(column) => &column.validity,
            Self::Text(column) => &column.validity,
            Self::Record(column) => &column.validity,
            Self::List(_) => return false,
        };
        validity.bits.as_ref().is_some_and(|bits| bits[row / 8] & (1 << (row % 8)) == 0)
    }
}
