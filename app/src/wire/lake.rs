//! The lake's pages. They are described in parts that any of them is made of, so that the browser needs one renderer for all.

use serde::{Deserialize, Serialize};

use super::*;

/// What a table's page is to show, as its address says. Everything may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableQuery {
    /// `partitions`, `history`, `schema` or `rows`.
    pub tab: Option<String>,
    /// 1-based page of a long list.
    pub page: Option<String>,
    /// A partition's folder, `date=20170729/customer=customer01`.
    pub partition: Option<String>,
    /// A file's path below the table.
    pub file: Option<String>,
    /// 1-based row of the file.
    pub row: Option<String>,
    /// A place in the row, `hits.3.product`.
    pub at: Option<String>,
    /// What to find in the schema.
    pub find: Option<String>,
    /// A table whose schema is compared.
    pub against: Option<String>,
    /// A version whose schema is compared …
    pub from: Option<String>,
    /// … with that of another.
    pub to: Option<String>,
    /// A day: which fields have values before it, and since.
    pub since: Option<String>,
}

/// A page of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeView {
    /// `bronze.ga_sessions`
    pub title: String,
    /// A sentence on what it is.
    pub what: String,
    /// Where one is: text and address, from the top.
    pub crumbs: Vec<(String, String)>,
    /// Numbers.
    pub facts: Vec<FactView>,
    /// Text, address, whether it is this one.
    pub tabs: Vec<(String, String, bool)>,
    /// Messages.
    pub notes: Vec<NoteView>,
    /// What it shows.
    pub panels: Vec<LakePanel>,
}

/// A part of a page of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakePanel {
    /// Its title.
    pub title: String,
    /// What stands at the end of its head.
    pub sub: String,
    /// Whether it stands beside the others where there is room.
    pub aside: bool,
    /// Forms that get the page anew.
    pub forms: Vec<FormView>,
    /// Instead of a table or a tree: what would be here, what makes it appear.
    pub empty: Option<(String, String)>,
    /// A table.
    pub grid: Option<GridView>,
    /// A tree.
    pub tree: Vec<TreeNode>,
}

/// A table. The first cell of each row is its heading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridView {
    /// What it lists, for people who do not see it.
    pub caption: String,
    /// Columns.
    pub columns: Vec<GridColumn>,
    /// Rows, a cell for each column.
    pub rows: Vec<Vec<GridCell>>,
    /// Where it is in a list that is longer.
    pub pager: Option<PagerView>,
}

impl GridView {
    /// A whole table, the first column `first`, the others numbers.
    pub fn numbers(caption: impl Into<String>, first: GridKind, titles: &[&str], rows: Vec<Vec<String>>) -> Self {
        let kind = |index| if index == 0 { first } else { GridKind::Number };
        let column =
            |(index, title): (usize, &&str)| GridColumn { title: (*title).into(), kind: kind(index), wide: false };
        let cell = |text| GridCell { text, ..GridCell::default() };
        Self {
            caption: caption.into(),
            columns: titles.iter().enumerate().map(column).collect(),
            rows: rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
            pager: None,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridColumn {
    /// Its heading.
    pub title: String,
    /// What it holds.
    pub kind: GridKind,
    /// Whether it is left out where the page is narrow.
    pub wide: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridKind {
    /// Words.
    Text,
    /// Names, paths, times.
    Id,
    /// Numbers.
    Number,
}

/// A cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridCell {
    /// Its text.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
    /// A second line.
    pub sub: Option<String>,
    /// Given, the text is the words of a state.
    pub state: Option<State>,
}

/// Where a page is in a longer list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagerView {
    /// `51 to 100 of 10,000`
    pub words: String,
    /// Address of the page before.
    pub previous: Option<String>,
    /// Address of the page behind.
    pub next: Option<String>,
}

/// A field of a schema, or a value of a row, with what is nested in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    /// Its name.
    pub name: String,
    /// Type or size.
    pub kind: String,
    /// The value, or since when there are any.
    pub value: String,
    /// Whether it is what one looks for, or changed.
    pub marked: bool,
    /// Text and address of more.
    pub link: Option<(String, String)>,
    /// Whether it is unfolded.
    pub open: bool,
    /// What is nested in it.
    pub children: Vec<TreeNode>,
}

/// A form that gets a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormView {
    /// What it is for.
    pub title: String,
    /// Where it leads.
    pub action: String,
    /// What goes along: name and value.
    pub hidden: Vec<(String, String)>,
    /// What is asked.
    pub fields: Vec<FormField>,
    /// Words of the button.
    pub button: String,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What is in it.
    pub value: String,
    /// The input's type: `search`, `number`, `date`; `select` for one of the options.
    pub kind: String,
    /// What can be chosen.
    pub options: Vec<String>,
}
