//! What descriptions say in words that are always the same.

/// Introduces a list of allowed words, where there is no enum.
const LISTS: [&str; 4] = [
    "The following values are supported",
    "The following modes are supported",
    "Possible values include",
    "Valid values are",
];

/// From here to there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub least: f64,
    pub most: f64,
}

/// Descriptions list what is allowed in capitals; other descriptions allow anything.
pub(super) fn is_listed(description: &str, text: &str) -> bool {
    match LISTS.iter().find_map(|words| description.split_once(words)) {
        Some((_, list)) => {
            let mut words = list.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let in_capitals = list.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).any(|word| word.len() > 3);
            !in_capitals || words.any(|word| word == text)
        }
        None => true,
    }
}

/// The range that a description names, in seconds where it is a time, and whether 0 stands for something else.
pub(super) fn bounds(description: &str) -> Option<(Size, bool)> {
    let zero = description.contains("If this parameter is 0");
    let mut size = Size { least: f64::NEG_INFINITY, most: f64::INFINITY };
    if let Some((_, rest)) = description.split_once("Cannot be more than ") {
        size.most = size_of(rest)?;
        size.least = rest.split_once("less than ").and_then(|(_, rest)| size_of(rest))?;
    } else if let Some((_, rest)) = description.split_once("must be between ") {
        size.least = size_of(rest)?;
        size.most = rest.split_once(" and ").and_then(|(_, rest)| size_of(rest))?;
    }
    if description.contains("Must be a positive integer") {
        size.least = 1.0;
    }
    for sentence in description.split(['.', ';']).map(str::to_ascii_lowercase) {
        let said = sentence.rsplit_once(" is ").and_then(|(_, rest)| size_of(rest));
        match said {
            Some(least) if sentence.contains("minimum") && !sentence.contains("maximum") => size.least = least,
            Some(most) if sentence.contains("maximum") && !sentence.contains("minimum") => size.most = most,
            _ => {}
        }
    }
    (size.least.is_finite() || size.most.is_finite()).then_some((size, zero))
}

/// `10 minutes …` → 600
fn size_of(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let number: f64 = words.next()?.trim_end_matches(['.', ',']).parse().ok()?;
    let unit = words.next().unwrap_or_default().trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    Some(match unit.trim_end_matches('s') {
        "minute" => number * 60.0,
        "hour" => number * 3_600.0,
        "day" => number * 86_400.0,
        _ => number,
    })
}

/// How many characters a text must have: `must be 4-63 characters`, `Restricted to 36 ASCII characters`.
pub(super) fn length(description: &str) -> Option<(usize, usize)> {
    if let Some((_, rest)) = description.split_once("must be ")
        && let Some((range, _)) = rest.split_once(" characters")
        && let Some((least, most)) = range.split_once('-')
    {
        return Some((least.parse().ok()?, most.parse().ok()?));
    }
    let (_, rest) = description.split_once("Restricted to ")?;
    Some((0, rest.split_once(" ASCII characters")?.0.parse().ok()?))
}

/// `2017-07-29T10:00:00.5Z`, roughly: digits where digits are.
pub(super) fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00";
    let fits = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(wanted, found)| match wanted {
            b'0' => found.is_ascii_digit(),
            other => other == found,
        });
    let rest = bytes.get(shape.len()..).unwrap_or_default();
    let offset = rest.len() >= 6 && matches!(rest[rest.len() - 6], b'+' | b'-');
    fits && (text.ends_with('Z') || offset)
}
