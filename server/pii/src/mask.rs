//! Shows what a value looks like without showing it.

/// Most characters of a mask.
const LONGEST: usize = 40;

/// Masks a value: letters and digits become `*`, but for the first character and, of long values, the last; signs stay. Never shows more than
/// a quarter of the letters and digits, and never the whole value.
pub fn mask(value: &str) -> String {
    let value = value.trim();
    let count = value.chars().filter(|c| c.is_alphanumeric()).count();
    let (first, last) = (count >= 4, count >= 8);
    let mut seen = 0;
    let mut out = String::new();
    for (at, c) in value.chars().enumerate() {
        if at == LONGEST {
            out.push('…');
            break;
        }
        if c.is_alphanumeric() {
            seen += 1;
            out.push(if (first && seen == 1) || (last && seen == count) { c } else { '*' });
        } else {
            out.push(if c.is_whitespace() || c.is_control() { ' ' } else { c });
        }
    }
    if count == 0 { "*".repeat(value.chars().count().clamp(1, LONGEST)) } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hide() {
        for (value, expected) in [
            ("jane.doe@example.com", "j***.***@*******.**m"),
            ("07700 900123", "0**** *****3"),
            ("Ann", "***"),
            ("M", "*"),
            ("42", "**"),
            ("", "*"),
            ("@@", "**"),
            ("Mary", "M***"),
        ] {
            assert_eq!(mask(value), expected, "{value}");
        }
    }
}
