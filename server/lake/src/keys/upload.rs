//! File names as browsers send them.

use super::{MARKER, invalid};
use crate::Result;

/// The longest name that [`sanitise_file_name`] returns, in bytes.
pub const MAX_FILE_NAME: usize = 150;
/// The longest part between two dots that still counts as (part of) an extension.
const MAX_EXTENSION_PART: usize = 8;

/// Makes a name from a browser safe as the last part of a key: the path goes (look-alikes of slashes count), so do control and invisible
/// characters and leading dots; whatever else is not plain ASCII becomes `_`; at most [`MAX_FILE_NAME`] bytes, the extension kept.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] if nothing is left, or if it would be the marker.
pub fn sanitise_file_name(name: &str) -> Result<String> {
    let name_only = name.rsplit(is_separator).next().unwrap_or(name);
    let clean: String = name_only.chars().filter(|c| !c.is_control() && !is_invisible(*c)).map(plain).collect();
    let clean = shorten(clean.trim_matches('.'));
    if !clean.bytes().any(|b| b.is_ascii_alphanumeric()) {
        return Err(invalid(format!(
            "The file name {name:?} has no letter or digit that can be kept. Rename the file, then choose it again."
        )));
    }
    if clean == MARKER {
        return Err(invalid(format!(
            "{MARKER} is the marker that starts a run, so it cannot be uploaded as a data file. Use the trigger step to write it."
        )));
    }
    Ok(clean)
}

/// Slashes, and what looks like one.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '/' | '\\'
            | '\u{2044}' // fraction slash
            | '\u{2215}' // division slash
            | '\u{2216}' // set minus
            | '\u{2571}' // box drawings, diagonals
            | '\u{2572}'
            | '\u{27CB}' // mathematical diagonals
            | '\u{27CD}'
            | '\u{29F5}' // reverse solidus operator
            | '\u{29F8}' // big solidus
            | '\u{29F9}' // big reverse solidus
            | '\u{FE68}' // small reverse solidus
            | '\u{FF0F}' // fullwidth solidus
            | '\u{FF3C}' // fullwidth reverse solidus
    )
}

/// Zero width, or changes the direction of writing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '=' | '@' | ',' | '(' | ')') { c } else { '_' }
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_FILE_NAME {
        return name.to_owned();
    }
    let (stem, extension) = name.split_at(extension_at(name));
    let kept = &stem[..MAX_FILE_NAME - extension.len()];
    format!("{kept}{extension}").trim_end_matches('.').to_owned()
}

/// Where the extension begins: `.csv`, or two parts such as `.json.gz`. The name is ASCII and longer than both.
fn extension_at(name: &str) -> usize {
    let mut at = name.len();
    for _ in 0..2 {
        match name[..at].rfind('.') {
            Some(dot) if dot > 0 && (2..=MAX_EXTENSION_PART + 1).contains(&(at - dot)) => at = dot,
            _ => break,
        }
    }
    at
}
