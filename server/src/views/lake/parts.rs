//! What the lake's pages are put together from: addresses, pages of long lists, tables.

use app::wire::{GridCell, GridColumn, GridKind, GridView, LakePanel, PagerView};

use crate::error::{Error, ErrorKind, Result};
use crate::format;

/// Rows of a list on one page.
pub const PAGE: usize = 50;

/// An address with its query, growing.
#[derive(Debug, Clone)]
pub struct Address(String);

impl Address {
    /// `/lake/{segment}`, or deeper.
    pub fn new(folder: &str, segment: &str) -> Self {
        Address(format!("{folder}/{}", escape(segment)))
    }

    /// With one more parameter; a name given before is not replaced.
    pub fn with(&self, name: &str, value: impl ToString) -> Self {
        let mark = if self.0.contains('?') { '&' } else { '?' };
        Address(format!("{}{mark}{name}={}", self.0, escape(&value.to_string())))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0
    }
}

/// Everything but what may stand in a path or query as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A parameter that has a value; forms send empty ones along.
pub fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// A whole number in the address, at least `least`.
pub fn number(what: &str, value: Option<&str>, least: usize) -> Result<Option<usize>> {
    let Some(text) = value else { return Ok(None) };
    // A sum with it must not overflow.
    let number = text.parse::<u32>().ok().map(|n| n as usize).filter(|n| *n >= least);
    number.map(Some).ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        Error::new(ErrorKind::Invalid, format!("'{text}' is no {what}: it must be a whole number from {least} on."))
    })
}

/// A page of a list that has `total` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    page: usize,
    size: usize,
    total: usize,
}

impl Window {
    /// Page `page`, from 1, of pages with `size` rows; the last one where there are not so many.
    pub fn new(page: Option<usize>, size: usize, total: usize) -> Self {
        let last = total.div_ceil(size).max(1);
        Window { page: page.unwrap_or(1).clamp(1, last), size, total }
    }

    /// Rows before it.
    pub fn skip(self) -> usize {
        (self.page - 1) * self.size
    }

    /// Rows on it.
    pub fn take(self) -> usize {
        self.size.min(self.total - self.skip().min(self.total))
    }

    /// Links to the pages around it; none when everything fits on one.
    pub fn pager(self, here: &Address) -> Option<PagerView> {
        let (first, last) = (self.skip() + 1, self.skip() + self.take());
        let to = |page: usize| String::from(here.with("page", page));
        (self.total > self.size).then(|| PagerView {
            words: format!(
                "{} to {} of {}",
                format::count(first as u64),
                format::count(last as u64),
                format::count(self.total as u64)
            ),
            previous: (self.page > 1).then(|| to(self.page - 1)),
            next: (last < self.total).then(|| to(self.page + 1)),
        })
    }
}

/// A cell with a text.
pub fn cell(text: impl Into<String>) -> GridCell {
    GridCell { text: text.into(), ..GridCell::default() }
}

/// A cell with a number.
pub fn count(n: u64) -> GridCell {
    cell(format::count(n))
}

/// A cell that leads somewhere.
pub fn link(text: impl Into<String>, to: impl Into<String>) -> GridCell {
    GridCell { href: Some(to.into()), ..cell(text) }
}

/// Columns from their titles: behind the title `#` for numbers, `:` for ids, then `-` where they are left out on narrow pages.
pub fn columns(titles: &[&str]) -> Vec<GridColumn> {
    titles
        .iter()
        .map(|title| {
            let (title, wide) = title.strip_suffix('-').map_or((*title, false), |t| (t, true));
            let (title, kind) = match (title.strip_suffix('#'), title.strip_suffix(':')) {
                (Some(title), _) => (title, GridKind::Number),
                (None, Some(title)) => (title, GridKind::Id),
                (None, None) => (title, GridKind::Text),
            };
            GridColumn { title: title.to_owned(), kind, wide }
        })
        .collect()
}

/// A panel with a table.
pub fn grid_panel(
    title: impl Into<String>,
    sub: impl Into<String>,
    titles: &[&str],
    rows: Vec<Vec<GridCell>>,
    pager: Option<PagerView>,
) -> LakePanel {
    let title = title.into();
    let grid = GridView { caption: title.clone(), columns: columns(titles), rows, pager };
    LakePanel { title, sub: sub.into(), grid: Some(grid), ..LakePanel::default() }
}

/// A panel that says why it holds nothing.
pub fn empty_panel(title: impl Into<String>, what: impl Into<String>, how: impl Into<String>) -> LakePanel {
    LakePanel { title: title.into(), empty: Some((what.into(), how.into())), ..LakePanel::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_rows_come_in_pages() {
        let here = Address::new("/lake", "bronze.x").with("partition", "date=20170729/customer=ä&b");
        assert_eq!(String::from(here.clone()), "/lake/bronze.x?partition=date%3D20170729/customer%3D%C3%A4%26b");
        for (page, words, previous, next) in [
            (None, "1 to 50 of 10,001", None, Some("page=2")),
            (Some(2), "51 to 100 of 10,001", Some("page=1"), Some("page=3")),
            (Some(201), "10,001 to 10,001 of 10,001", Some("page=200"), None),
            (Some(999), "10,001 to 10,001 of 10,001", Some("page=200"), None),
        ] {
            let pager = Window::new(page, PAGE, 10_001).pager(&here).unwrap();
            assert_eq!(pager.words, words);
            let ends = |address: &Option<String>, end: Option<&str>| match (address, end) {
                (Some(address), Some(end)) => address.ends_with(&format!("&{end}")),
                (address, end) => address.is_none() && end.is_none(),
            };
            assert!(ends(&pager.previous, previous) && ends(&pager.next, next), "{pager:?}");
        }
        assert_eq!(Window::new(Some(3), PAGE, 0), Window::new(None, PAGE, 0));
        assert_eq!(Window::new(None, PAGE, 50).pager(&here), None);
    }

    #[test]
    fn numbers_of_an_address_are_checked() {
        assert_eq!(number("page", None, 1).unwrap(), None);
        assert_eq!(number("page", Some("12"), 1).unwrap(), Some(12));
        for bad in ["0", "-1", "x", "99999999999999999999", "1.5"] {
            assert_eq!(number("page", Some(bad), 1).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad}");
        }
        assert_eq!(given(&Some("  ".into())), None);
    }

    #[test]
    fn titles_say_what_a_column_holds() {
        let found: Vec<_> =
            columns(&["File:", "Rows#", "Bytes#-", "What"]).into_iter().map(|c| (c.title, c.kind, c.wide)).collect();
        let expected = [
            ("File", GridKind::Id, false),
            ("Rows", GridKind::Number, false),
            ("Bytes", GridKind::Number, true),
            ("What", GridKind::Text, false),
        ];
        assert_eq!(found, expected.map(|(t, k, w)| (t.to_owned(), k, w)));
    }
}
