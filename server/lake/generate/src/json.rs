//! Writes JSON straight into a byte buffer, encoded as BigQuery exports it.

/// Appends to a buffer. All texts come from tables of this crate that hold no character that
/// JSON escapes (a test parses every kind of row), so texts are copied as they are.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    pub(crate) out: &'a mut Vec<u8>,
}

impl Json<'_> {
    /// Copies finished JSON.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Copies finished JSON as the next member of an object or array.
    pub(crate) fn member(&mut self, text: &str) {
        self.comma();
        self.raw(text);
    }

    pub(crate) fn key(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        self.raw(key);
        self.raw("\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        debug_assert!(!value.bytes().any(|b| b == b'"' || b == b'\\' || b < b' '));
        self.key(key);
        self.out.push(b'"');
        self.raw(value);
        self.out.push(b'"');
    }

    /// An INT64: a JSON string, as in BigQuery's export.
    pub(crate) fn int(&mut self, key: &str, value: u64) {
        self.key(key);
        self.out.push(b'"');
        self.digits(value);
        self.out.push(b'"');
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn open(&mut self, key: &str, bracket: u8) {
        self.key(key);
        self.out.push(bracket);
    }

    /// Opens an array's next object.
    pub(crate) fn item(&mut self) {
        self.comma();
        self.out.push(b'{');
    }

    pub(crate) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
    }

    pub(crate) fn digits(&mut self, mut value: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_separated_and_encoded() {
        let mut out = Vec::new();
        let mut json = Json { out: &mut out };
        json.item();
        json.int("a", 0);
        json.int("b", u64::MAX);
        json.bool("c", true);
        json.open("d", b'[');
        json.item();
        json.text("e", "Côte d'Ivoire");
        json.close(b'}');
        json.item();
        json.close(b'}');
        json.close(b']');
        json.member("\"f\":[]");
        json.close(b'}');
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"a":"0","b":"18446744073709551615","c":true,"d":[{"e":"Côte d'Ivoire"},{}],"f":[]}"#
        );
    }
}
