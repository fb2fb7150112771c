//! Column builders that take values straight from the text.
//!
//! A record does not touch the columns of absent fields: each column knows its own length, and
//! missing rows are filled in as nulls when the next value comes, or at the end of the batch.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, FieldRef, Fields};
use arrow::error::ArrowError;

use super::cursor::{Cursor, Fault, Parsed};
use crate::schema::{FieldSchema, FieldType, Mode};
use crate::time::{parse_date, parse_timestamp};

/// Which rows have a value. Costs nothing until the first null.
#[derive(Debug, Default)]
struct Validity {
    bits: Option<Vec<u8>>,
    len: usize,
}

impl Validity {
    #[inline]
    fn push_valid(&mut self) {
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
    fn pad(&mut self, len: usize) {
        let before = self.len;
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = vec![0xff; before / 8];
            if before % 8 > 0 {
                bits.push((1 << (before % 8)) - 1);
            }
            bits
        });
        bits.resize(len.div_ceil(8), 0);
        self.len = len;
    }

    fn clear(&mut self) {
        self.bits = None;
        self.len = 0;
    }

    fn finish(&mut self) -> Option<NullBuffer> {
        let len = std::mem::take(&mut self.len);
        let bits = self.bits.take()?;
        Some(NullBuffer::new(BooleanBuffer::new(
            Buffer::from_vec(bits),
            0,
            len,
        )))
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
        Self {
            values: Vec::new(),
            validity: Validity::default(),
        }
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
    fn new(field: &FieldSchema, arrow: &FieldRef, levels: usize) -> Self {
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
            FieldType::String => Self::Text(Texts {
                data: Vec::new(),
                ends: Vec::new(),
                validity: Validity::default(),
            }),
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
    fn len(&self) -> usize {
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
    fn pad(&mut self, len: usize) {
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

    fn clear(&mut self) {
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
    fn read(&mut self, row: usize, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
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

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
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
                self.element
                    .read_value(cursor, scratch)
                    .map_err(|fault| fault.at_element(index))?;
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

/// A field of a record.
#[derive(Debug)]
struct Slot {
    name: String,
    /// `"name":`, as it usually stands in the text.
    key: Vec<u8>,
    column: Column,
}

/// A record: the columns of its fields and a guess at the next one.
#[derive(Debug)]
pub(crate) struct Record {
    fields: Fields,
    slots: Vec<Slot>,
    index: HashMap<Vec<u8>, usize>,
    required: Vec<usize>,
    /// After field `i` came field `next[i]` the last time; the last entry is for the first field.
    next: Vec<usize>,
    len: usize,
    validity: Validity,
    /// Levels of nesting that are left, this one included.
    levels: usize,
}

impl Record {
    pub(crate) fn new(schema: &[FieldSchema], fields: &Fields, levels: usize) -> Self {
        let slots: Vec<_> = schema
            .iter()
            .zip(fields)
            .map(|(field, arrow)| Slot {
                name: field.name.clone(),
                key: format!("\"{}\":", field.name).into_bytes(),
                column: Column::new(field, arrow, levels),
            })
            .collect();
        let count = slots.len();
        Self {
            fields: fields.clone(),
            index: schema
                .iter()
                .enumerate()
                .map(|(at, field)| (field.name.clone().into_bytes(), at))
                .collect(),
            required: (0..count)
                .filter(|&at| schema[at].mode == Mode::Required)
                .collect(),
            next: (0..=count)
                .map(|at| (at + 1) % count.max(1))
                .collect::<Vec<_>>(),
            slots,
            len: 0,
            validity: Validity::default(),
            levels,
        }
        .with_first_guess()
    }

    fn with_first_guess(mut self) -> Self {
        if let Some(first) = self.next.last_mut() {
            *first = 0;
        }
        self
    }

    fn pad(&mut self, len: usize) {
        if self.len < len {
            self.validity.pad(len);
            self.len = len;
        }
    }

    pub(crate) fn clear(&mut self) {
        // A field is only ever read after the record was counted.
        if self.len == 0 {
            return;
        }
        self.len = 0;
        self.validity.clear();
        for slot in &mut self.slots {
            slot.column.clear();
        }
    }

    /// Reads one object.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
        if cursor.peek() != Some(b'{') {
            return Err(cursor.expected("an object"));
        }
        if self.levels == 0 {
            return Err(Fault::new("it is nested deeper than the limit"));
        }
        cursor.take(b"{");
        let row = self.len;
        self.len += 1;
        self.validity.push_valid();
        cursor.skip_space();
        if !cursor.take(b"}") {
            self.read_fields(row, cursor, scratch)?;
        }
        for &at in &self.required {
            let column = &self.slots[at].column;
            if column.len() <= row || column.is_null(row) {
                return Err(
                    Fault::new("the required field is missing").within(&self.slots[at].name)
                );
            }
        }
        Ok(())
    }

    #[inline]
    fn read_fields(
        &mut self,
        row: usize,
        cursor: &mut Cursor<'_>,
        scratch: &mut Vec<u8>,
    ) -> Parsed<()> {
        let mut before = self.slots.len();
        loop {
            let guess = self.next[before];
            let at = if cursor.take(&self.slots[guess].key) {
                guess
            } else {
                let at = self.find_key(cursor, scratch, guess)?;
                self.next[before] = at;
                at
            };
            cursor.skip_space();
            let slot = &mut self.slots[at];
            slot.column
                .read(row, cursor, scratch)
                .map_err(|fault| fault.within(&slot.name))?;
            before = at;
            match cursor.next_token() {
                Some(b',') => cursor.skip_space(),
                Some(b'}') => return Ok(()),
                other => {
                    if other.is_some() {
                        cursor.back();
                    }
                    let fault = cursor.expected("',' or '}' after a value");
                    return Err(fault.within(&slot.name));
                }
            }
        }
    }

    /// The guess was wrong: one of the next fields in order, or any other.
    fn find_key(
        &self,
        cursor: &mut Cursor<'_>,
        scratch: &mut Vec<u8>,
        guess: usize,
    ) -> Parsed<usize> {
        let ahead = self.slots.iter().enumerate().skip(guess + 1).take(4);
        for (at, slot) in ahead {
            if cursor.take(&slot.key) {
                return Ok(at);
            }
        }
        if !cursor.take(b"\"") {
            return Err(cursor.expected("a field name in quotes"));
        }
        cursor.key(scratch)?;
        self.index.get(scratch.as_slice()).copied().ok_or_else(|| {
            let name = String::from_utf8_lossy(scratch);
            let name: String = name.chars().take(80).collect();
            Fault::new("the field is not in the schema").within(&name)
        })
    }

    /// All rows as a struct array; the record is empty afterwards.
    pub(crate) fn finish(&mut self) -> Result<StructArray, ArrowError> {
        let len = std::mem::take(&mut self.len);
        let mut arrays = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            slot.column.pad(len);
            arrays.push(slot.column.finish()?);
        }
        StructArray::try_new_with_length(self.fields.clone(), arrays, self.validity.finish(), len)
    }
}

impl Column {
    /// Whether the last row is null; only asked for required fields.
    fn is_null(&self, row: usize) -> bool {
        let validity = match self {
            Self::Integer(column) | Self::Timestamp(column) => &column.validity,
            Self::Float(column) => &column.validity,
            Self::Boolean(column) => &column.validity,
            Self::Date(column) => &column.validity,
            Self::Text(column) => &column.validity,
            Self::Record(column) => &column.validity,
            Self::List(_) => return false,
        };
        validity
            .bits
            .as_ref()
            .is_some_and(|bits| bits[row / 8] & (1 << (row % 8)) == 0)
    }
}
