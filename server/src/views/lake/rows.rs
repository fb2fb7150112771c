//! The first rows of a file, and one row unfolded as far as somebody asks.

use app::wire::{GridCell, GridColumn, GridKind, GridView, LakePanel, LakeView, TreeNode};
use showrunner_lake::browse::{Content, FileLook, LIST_WINDOW, Node};

use super::parts::{Address, Window, cell, empty_panel, given, link, number};
use super::table::{Page, only};
use super::table_address;
use crate::error::Result;
use crate::format;

/// Rows of a file on one page.
const ROWS: usize = 20;

/// Rows of a file: the one asked for, else the first of a partition, else that of the newest partition.
pub(super) async fn rows(page: &Page<'_>) -> Result<LakeView> {
    let file = match (given(&page.query.file), given(&page.query.partition)) {
        (Some(path), _) => Some(page.look.file(path)?),
        (None, Some(folder)) => page.look.files(folder)?.into_iter().next(),
        (None, None) => match page.look.partitions().first() {
            Some(newest) => page.look.files(&newest.folder)?.into_iter().next(),
            None => None,
        },
    };
    let Some(file) = file else {
        let words = match page.look.injected() {
            None => ("The table is empty.", "Rows appear when a day is ingested."),
            Some(_) => ("No row of the table is seen.", "No row access policy grants you one."),
        };
        return Ok(only(empty_panel("Rows", words.0, words.1)));
    };
    let here = page.at("rows").with("file", &file.path);
    let partition = table_address(&page.name).with("tab", "partitions").with("partition", file.folder());
    let mut crumbs = vec![(file.folder().to_owned(), partition.into()), (file.name().to_owned(), here.clone().into())];
    let panel = match number("row", given(&page.query.row), 1)? {
        None => list(page, &file, &here).await?,
        Some(row) => {
            let here = here.with("row", row);
            crumbs.push((format!("Row {}", format::count(row as u64)), here.clone().into()));
            let at = given(&page.query.at).unwrap_or_default();
            crumbs.extend(parents(at).map(|(name, path)| (name.to_owned(), here.with("at", path).into())));
            one(page, &file, row, at, &here).await?
        }
    };
    Ok(LakeView { crumbs, ..only(panel) })
}

async fn list(page: &Page<'_>, file: &FileLook, here: &Address) -> Result<LakePanel> {
    let window = Window::new(page.page()?, ROWS, usize::try_from(file.rows).unwrap_or(usize::MAX));
    let preview = page.look.rows(&file.path, window.skip(), window.take()).await?;
    let mut columns = vec![GridColumn { title: "Row".into(), kind: GridKind::Number, wide: false }];
    columns.extend(preview.columns.iter().map(|c| GridColumn {
        title: c.name.clone(),
        kind: if c.number { GridKind::Number } else { GridKind::Id },
        wide: false,
    }));
    let rows = preview
        .rows
        .into_iter()
        .map(|(index, values)| {
            let row = here.with("row", index + 1);
            let mut cells: Vec<GridCell> = vec![link(format::count(index as u64 + 1), row.clone())];
            cells.extend(values.into_iter().zip(&preview.columns).map(|(value, column)| match value {
                None => cell("–"),
                Some(text) if column.nested => link(text, row.with("at", &column.name)),
                Some(text) => cell(text),
            }));
            cells
        })
        .collect();
    let grid = GridView { caption: format!("Rows of {}", file.name()), columns, rows, pager: window.pager(here) };
    Ok(LakePanel {
        title: "Rows".into(),
        sub: format!("{} · {}", format::plural(file.rows, "row"), format::bytes(file.bytes)),
        grid: Some(grid),
        ..LakePanel::default()
    })
}

async fn one(page: &Page<'_>, file: &FileLook, row: usize, at: &str, here: &Address) -> Result<LakePanel> {
    let from = (page.page()?.unwrap_or(1) - 1) * LIST_WINDOW;
    let node = page.look.value(&file.path, row - 1, at, from).await?;
    let title = if at.is_empty() { format!("Row {}", format::count(row as u64)) } else { at.to_owned() };
    let top = tree_node(&node, here);
    let sub = top.kind.clone();
    let (tree, link) = if top.children.is_empty() { (vec![top], None) } else { (top.children, top.link) };
    let mut panel = LakePanel { title, sub, tree, ..LakePanel::default() };
    if let Some((words, href)) = link {
        panel.tree.push(TreeNode { name: "…".into(), link: Some((words, href)), ..TreeNode::default() });
    }
    Ok(panel)
}

/// The places above and at a place: `hits.3` → `hits`, `hits.3`.
fn parents(at: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = at.match_indices('.').map(|(end, _)| end).chain((!at.is_empty()).then_some(at.len()));
    ends.map(|end| {
        let path = &at[..end];
        (path.rsplit('.').next().unwrap_or(path), path)
    })
}

fn tree_node(node: &Node, here: &Address) -> TreeNode {
    let open = |words: &str| Some((words.to_owned(), String::from(here.with("at", &node.path))));
    let base = TreeNode { name: node.name.clone(), ..TreeNode::default() };
    let all = |nodes: &[Node]| nodes.iter().map(|n| tree_node(n, here)).collect::<Vec<_>>();
    match &node.content {
        Content::Null => TreeNode { kind: "no value".into(), ..base },
        Content::Text { text, cut: false } => TreeNode { value: text.clone(), ..base },
        Content::Text { text, cut: true } => TreeNode { value: format!("{text}…"), link: open("All of it"), ..base },
        Content::FoldedRecord(0) => TreeNode { kind: "no field with a value".into(), ..base },
        Content::FoldedRecord(fields) => {
            TreeNode { kind: format::plural(*fields as u64, "field"), link: open("Unfold"), ..base }
        }
        Content::FoldedList(items) => {
            TreeNode { kind: format::plural(*items as u64, "item"), link: open("Unfold"), ..base }
        }
        Content::Record { fields, empty } => {
            let mut kind = format::plural(fields.len() as u64, "field");
            if *empty > 0 {
                kind.push_str(&format!(", {} without a value", format::count(*empty as u64)));
            }
            TreeNode { kind, children: all(fields), ..base }
        }
        Content::List { items, from, total } => {
            let left = total.saturating_sub(from + items.len());
            let next = here.with("at", &node.path).with("page", from / LIST_WINDOW + 2);
            let more = || (format!("{} more", format::count(left as u64)), String::from(next));
            let kind = if *from > 0 {
                format!("{}, from number {from} on", format::plural(*total as u64, "item"))
            } else {
                format::plural(*total as u64, "item")
            };
            TreeNode { kind, children: all(items), link: (left > 0).then(more), ..base }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_place_is_named() {
        let found: Vec<_> = parents("hits.3.page").collect();
        assert_eq!(found, [("hits", "hits"), ("3", "hits.3"), ("page", "hits.3.page")]);
        assert_eq!(parents("").count(), 0);
    }

    #[test]
    fn a_long_list_ends_with_how_many_more_and_where() {
        let here = Address::new("/lake", "t").with("row", 1);
        let item =
            |i: usize| Node { name: i.to_string(), path: format!("hits.{i}"), content: Content::FoldedRecord(3) };
        let content = Content::List { items: (20..40).map(item).collect(), from: 20, total: 45 };
        let node = tree_node(&Node { name: "hits".into(), path: "hits".into(), content }, &here);
        assert_eq!(node.children.len(), 20);
        assert_eq!(node.children[0].link, Some(("Unfold".into(), "/lake/t?row=1&at=hits.20".into())));
        assert_eq!(node.link, Some(("5 more".into(), "/lake/t?row=1&at=hits&page=3".into())));
        assert_eq!(node.kind, "45 items, from number 20 on");
    }
}
