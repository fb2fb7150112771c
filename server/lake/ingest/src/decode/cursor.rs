//! A position in one row of JSON text, and the scalar values that can stand there.

/// Why a row is refused; the path to the field is put together on the way out.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    message: String,
}

pub(crate) type Parsed<T> = Result<T, Box<Fault>>;

impl Fault {
    #[cold]
    pub(crate) fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { path: String::new(), message: message.into() })
    }

    /// Puts a field name in front of the path.
    #[cold]
    pub(crate) fn within(mut self: Box<Self>, name: &str) -> Box<Self> {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// Puts the index of a list element in front of the path.
    #[cold]
    pub(crate) fn at_element(mut self: Box<Self>, index: usize) -> Box<Self> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }

    pub(crate) fn into_reason(self) -> String {
        if self.path.is_empty() { self.message } else { format!("{}: {}", self.path, self.message) }
    }
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES * 128;

/// Marks the bytes of a word that end a run of plain string bytes: `"`, `\` and controls. The
/// lowest mark is exact; borrows can only set wrong ones above a right one.
fn string_stops(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

/// The longest key that is compared word by word.
const KEY_BYTES: usize = 32;

/// A field name as it usually stands in the text, `"name":`. Short ones are compared as four words at once: the lengths differ
/// from key to key, so that a call of `memcmp` for each cost a tenth of the whole ingest.
#[derive(Debug)]
pub(crate) struct Key {
    text: Vec<u8>,
    words: [u64; KEY_BYTES / 8],
    masks: [u64; KEY_BYTES / 8],
}

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let text = format!("\"{name}\":").into_bytes();
        let (mut words, mut masks) = ([0; KEY_BYTES / 8], [0; KEY_BYTES / 8]);
        for (at, byte) in text.iter().enumerate().take(KEY_BYTES) {
            words[at / 8] |= u64::from(*byte) << (at % 8 * 8);
            masks[at / 8] |= 0xff << (at % 8 * 8);
        }
        Self { text, words, masks }
    }
}

/// A position in one row.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.pos += 1;
        }
    }

    /// The next byte after white space, taken.
    #[inline]
    pub(crate) fn next_token(&mut self) -> Option<u8> {
        self.skip_space();
        let byte = self.peek();
        self.pos += usize::from(byte.is_some());
        byte
    }

    /// Takes `expected` if it stands here.
    #[inline]
    pub(crate) fn take(&mut self, expected: &[u8]) -> bool {
        let taken = self.bytes[self.pos..].starts_with(expected);
        if taken {
            self.pos += expected.len();
        }
        taken
    }

    /// Takes `key` if it stands here.
    #[inline]
    pub(crate) fn take_key(&mut self, key: &Key) -> bool {
        let length = key.text.len();
        let Some(chunk) = self.bytes[self.pos..].first_chunk::<KEY_BYTES>().filter(|_| length <= KEY_BYTES) else {
            return self.take(&key.text);
        };
        let (here, _) = chunk.as_chunks::<8>();
        let mut differs = 0;
        for ((here, word), mask) in here.iter().zip(&key.words).zip(&key.masks) {
            differs |= (u64::from_le_bytes(*here) ^ word) & mask;
        }
        if differs == 0 {
            self.pos += length;
        }
        differs == 0
    }

    /// Steps back over the byte just taken.
    pub(crate) fn back(&mut self) {
        self.pos -= 1;
    }

    /// What stands here, for a sentence.
    #[cold]
    pub(crate) fn found(&self) -> String {
        let rest = &self.bytes[self.pos.min(self.bytes.len())..];
        let end = match rest.first() {
            None => return "the end of the row".to_owned(),
            Some(b'{') => return "an object".to_owned(),
            Some(b'[') => return "a list".to_owned(),
            Some(b'"') => rest[1..].iter().position(|byte| *byte == b'"').map_or(rest.len(), |at| at + 2),
            Some(_) => rest
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r'))
                .unwrap_or(rest.len())
                .max(1),
        };
        let text = String::from_utf8_lossy(&rest[..end.min(rest.len())]);
        match text.char_indices().nth(40) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text.into_owned(),
        }
    }

    #[cold]
    pub(crate) fn expected(&self, what: &str) -> Box<Fault> {
        Fault::new(format!("expected {what}, found {}", self.found()))
    }

    /// Bytes up to the next quote, backslash or control.
    #[inline]
    fn plain_run(&self) -> usize {
        let rest = &self.bytes[self.pos..];
        let mut at = 0;
        while let Some(word) = rest[at..].first_chunk::<8>() {
            let stops = string_stops(u64::from_le_bytes(*word));
            if stops != 0 {
                return at + stops.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        while let Some(byte) = rest.get(at) {
            if matches!(byte, b'"' | b'\\' | 0..0x20) {
                break;
            }
            at += 1;
        }
        at
    }

    /// A string whose opening quote has been taken, unescaped onto `out`.
    #[inline]
    pub(crate) fn string(&mut self, out: &mut Vec<u8>) -> Parsed<()> {
        loop {
            let run = self.plain_run();
            out.extend_from_slice(&self.bytes[self.pos..self.pos + run]);
            self.pos += run;
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(out)?,
                Some(_) => return Err(Fault::new("a control character stands in a string")),
                None => return Err(Fault::new("a string is never closed")),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Parsed<()> {
        let byte = self.bytes.get(self.pos + 1).copied();
        self.pos += 2;
        let plain = match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let char = self.unicode()?;
                let mut buffer = [0; 4];
                out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
                return Ok(());
            }
            _ => return Err(Fault::new("an unknown escape stands in a string")),
        };
        out.push(plain);
        Ok(())
    }

    fn hex4(&mut self) -> Parsed<u32> {
        let fault = || Fault::new("a \\u escape needs four hexadecimal digits");
        let digits = self.bytes.get(self.pos..self.pos + 4).ok_or_else(fault)?;
        self.pos += 4;
        digits.iter().try_fold(0, |value, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or_else(fault)?;
            Ok(value << 4 | digit)
        })
    }

    fn unicode(&mut self) -> Parsed<char> {
        let fault = || Fault::new("a \\u escape is half a surrogate pair");
        let first = self.hex4()?;
        let code = match first {
            0xd800..0xdc00 => {
                if !self.take(b"\\u") {
                    return Err(fault());
                }
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(fault());
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(fault)
    }

    /// An object key whose opening quote has been taken, with its colon.
    pub(crate) fn key(&mut self, out: &mut Vec<u8>) -> Parsed<()> {
        out.clear();
        self.string(out)?;
        if self.next_token() == Some(b':') {
            return Ok(());
        }
        self.pos = self.pos.saturating_sub(1);
        Err(self.expected("':' after a field name"))
    }

    /// Digits of an integer, with a sign, taken from here.
    #[inline]
    fn digits(&mut self) -> Option<i64> {
        let negative = self.peek() == Some(b'-');
        self.pos += usize::from(negative);
        let start = self.pos;
        // Downwards, since the smallest number has no positive counterpart.
        let mut value = 0_i64;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?;
            self.pos += 1;
        }
        if self.pos == start {
            return None;
        }
        if negative { Some(value) } else { value.checked_neg() }
    }

    /// INTEGER: a JSON number without fraction, or digits as text.
    #[inline]
    pub(crate) fn integer(&mut self) -> Parsed<i64> {
        const EXPECTED: &str = "an INTEGER of 64 bits";
        let start = self.pos;
        let quoted = self.peek() == Some(b'"');
        self.pos += usize::from(quoted);
        let first = self.pos + usize::from(self.bytes.get(self.pos) == Some(&b'-'));
        let value = self.digits();
        let ended = match self.peek() {
            Some(b'"') if quoted => {
                self.pos += 1;
                true
            }
            _ if quoted => false,
            Some(b'.' | b'e' | b'E' | b'0'..=b'9') => false,
            // JSON numbers have no leading zeros; text may.
            _ => self.bytes.get(first) != Some(&b'0') || self.pos == first + 1,
        };
        match value {
            Some(value) if ended => Ok(value),
            _ => {
                self.pos = start;
                Err(self.expected(EXPECTED))
            }
        }
    }

    /// FLOAT: a JSON number, or a number as text, `NaN` and the infinities among them.
    pub(crate) fn float(&mut self, scratch: &mut Vec<u8>) -> Parsed<f64> {
        let start = self.pos;
        let value = if self.peek() == Some(b'"') {
            self.pos += 1;
            scratch.clear();
            self.string(scratch)?;
            std::str::from_utf8(scratch).ok().and_then(parse_float)
        } else {
            self.number().filter(|value| value.is_finite())
        };
        value.ok_or_else(|| {
            self.pos = start;
            self.expected("a FLOAT")
        })
    }

    /// A number in JSON's grammar.
    fn number(&mut self) -> Option<f64> {
        let start = self.pos;
        self.take(b"-");
        let whole = self.digit_run();
        if whole == 0 || (whole > 1 && self.bytes[self.pos - whole] == b'0') {
            return None;
        }
        if self.take(b".") && self.digit_run() == 0 {
            return None;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            if self.digit_run() == 0 {
                return None;
            }
        }
        let text = std::str::from_utf8(&self.bytes[start..self.pos]).ok()?;
        text.parse().ok()
    }

    fn digit_run(&mut self) -> usize {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        self.pos - start
    }

    /// BOOLEAN: `true`, `false`, or these as text in any case.
    #[inline]
    pub(crate) fn boolean(&mut self) -> Parsed<bool> {
        if self.take(b"true") {
            return Ok(true);
        }
        if self.take(b"false") {
            return Ok(false);
        }
        let rest = &self.bytes[self.pos..];
        for (text, value) in [(&b"\"true\""[..], true), (b"\"false\"", false)] {
            if let Some(head) = rest.get(..text.len())
                && head.eq_ignore_ascii_case(text)
            {
                self.pos += text.len();
                return Ok(value);
            }
        }
        Err(self.expected("a BOOLEAN"))
    }

    /// A text that `parse` understands.
    pub(crate) fn text<T>(
        &mut self,
        what: &str,
        scratch: &mut Vec<u8>,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Parsed<T> {
        let start = self.pos;
        if self.peek() == Some(b'"') {
            self.pos += 1;
            scratch.clear();
            self.string(scratch)?;
            if let Some(value) = parse(scratch) {
                return Ok(value);
            }
            self.pos = start;
        }
        Err(self.expected(what))
    }

    /// The end of the row.
    pub(crate) fn end(&mut self) -> Parsed<()> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the row")),
        }
    }
}

/// A float as text: anything Rust reads, but no overflow to infinity.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    // `-NaN` is no other value than `NaN`: with its sign kept, equal rows would differ in their bits.
    let value = if value.is_nan() { f64::NAN } else { value };
    let named = text.ends_with(['y', 'Y', 'f', 'F']);
    (!value.is_infinite() || named).then_some(value)
}
