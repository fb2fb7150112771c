//! A record: its fields' columns, and the guess at the next key that makes decoding fast.

use std::collections::HashMap;

use arrow::array::StructArray;
use arrow::datatypes::Fields;
use arrow::error::ArrowError;

use super::column::{Column, Validity};
use super::cursor::{Cursor, Fault, Key, Parsed};
use crate::schema::{FieldSchema, Mode};

/// A field of a record.
#[derive(Debug)]
struct Slot {
    name: String,
    key: Key,
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
    pub(super) len: usize,
    pub(super) validity: Validity,
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
                key: Key::new(&field.name),
                column: Column::new(field, arrow, levels),
            })
            .collect();
        let count = slots.len();
        Self {
            fields: fields.clone(),
            index: schema.iter().enumerate().map(|(at, field)| (field.name.clone().into_bytes(), at)).collect(),
            required: (0..count).filter(|&at| schema[at].mode == Mode::Required).collect(),
            next: (0..=count).map(|at| (at + 1) % count.max(1)).collect::<Vec<_>>(),
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

    pub(super) fn pad(&mut self, len: usize) {
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
                return Err(Fault::new("the required field is missing").within(&self.slots[at].name));
            }
        }
        Ok(())
    }

    #[inline]
    fn read_fields(&mut self, row: usize, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Parsed<()> {
        let mut before = self.slots.len();
        loop {
            let guess = self.next[before];
            let at = if cursor.take_key(&self.slots[guess].key) {
                guess
            } else {
                let at = self.find_key(cursor, scratch, guess)?;
                self.next[before] = at;
                at
            };
            cursor.skip_space();
            let slot = &mut self.slots[at];
            slot.column.read(row, cursor, scratch).map_err(|fault| fault.within(&slot.name))?;
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
    fn find_key(&self, cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>, guess: usize) -> Parsed<usize> {
        let ahead = self.slots.iter().enumerate().skip(guess + 1).take(4);
        for (at, slot) in ahead {
            if cursor.take_key(&slot.key) {
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
