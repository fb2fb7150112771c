//! A table's schema: a tree that can be searched, and what differs from another zone, another version, or between days.

use app::wire::{FormField, FormView, GridCell, LakePanel, LakeView, NoteKind, NoteView, TreeNode};
use chrono::NaiveDate;
use showrunner_lake::browse::{DayValues, Difference, FieldNode, FirstValues, differences};

use super::parts::{Address, PAGE, Window, cell, empty_panel, given, grid_panel, number};
use super::table::Page;
use super::{Views, full_name};
use crate::error::{Error, ErrorKind, Result};
use crate::format;

/// So many fields are named in a sentence.
const NAMED: usize = 4;

impl Views {
    /// The tree, and the comparison that is asked for above it.
    pub(super) async fn schema(&self, page: &Page<'_>) -> Result<LakeView> {
        let query = page.query;
        let fields = page.look.fields().await?;
        let first = page.look.first_values().await?;
        let mut panels = Vec::new();
        let mut notes = Vec::new();
        if let Some(other) = given(&query.against) {
            let other = self.state.lake.look(&self.who, other).await?;
            let name = full_name(other.stat());
            let here = page.at("schema").with("against", &name);
            panels.push(compared(page, &here, &page.name, &name, &differences(&fields, &other.fields().await?))?);
        } else if given(&query.from).is_some() || given(&query.to).is_some() {
            let newest = usize::try_from(page.look.stat().version).unwrap_or(0);
            let from = number("version", given(&query.from), 0)?.unwrap_or(0);
            let to = number("version", given(&query.to), 0)?.unwrap_or(newest);
            let (before, after) = (page.look.fields_at(from as i64).await?, page.look.fields_at(to as i64).await?);
            let here = page.at("schema").with("from", from).with("to", to);
            let (one, other) = (format!("version {from}"), format!("version {to}"));
            panels.push(compared(page, &here, &one, &other, &differences(&before, &after))?);
        } else if let Some(day) = given(&query.since) {
            let day = day_of(day)?;
            panels.push(around(day, &page.look.values_around(day).await?));
        }
        notes.extend(beginnings(page, &first));
        panels.push(self.asks(page, &first).await?);
        let (found, total) = (find(&fields, given(&query.find)), fields.iter().map(FieldNode::count).sum::<usize>());
        panels.insert(0, tree_panel(page, &found, total, &first));
        // What was asked for comes first.
        if panels.len() > 2 {
            panels.swap(0, 1);
        }
        Ok(LakeView { notes, panels, ..LakeView::default() })
    }

    /// The forms that ask for a comparison.
    async fn asks(&self, page: &Page<'_>, first: &FirstValues) -> Result<LakePanel> {
        let query = page.query;
        let names = self.state.lake.tables().await?.iter().map(full_name).filter(|n| *n != page.name).collect();
        let field = |name: &str, label: &str, value: Option<&str>, kind: &str| FormField {
            name: name.into(),
            label: label.into(),
            value: value.unwrap_or_default().into(),
            kind: kind.into(),
            options: Vec::new(),
        };
        let newest = page.look.stat().version.to_string();
        let mut forms = vec![
            form(
                page,
                "Compare with another table",
                vec![FormField { options: names, ..field("against", "Other table", given(&query.against), "select") }],
            ),
            form(
                page,
                "Compare two versions",
                vec![
                    field("from", "From version", given(&query.from).or(Some("0")), "number"),
                    field("to", "To version", given(&query.to).or(Some(&newest)), "number"),
                ],
            ),
        ];
        if first.days > 1 {
            let newest = starts(first).last().map(|(day, _)| day.to_string());
            let day = given(&query.since).or(newest.as_deref());
            forms.push(form(page, "Compare the days before and since", vec![field("since", "Since", day, "date")]));
        }
        Ok(LakePanel {
            title: "Compare".into(),
            sub: "zones, versions, days".into(),
            aside: true,
            forms,
            ..LakePanel::default()
        })
    }
}

fn form(page: &Page<'_>, title: &str, fields: Vec<FormField>) -> FormView {
    FormView {
        title: title.into(),
        action: super::table_address(&page.name).into(),
        hidden: vec![("tab".into(), "schema".into())],
        fields,
        button: "Compare".into(),
    }
}

fn day_of(text: &str) -> Result<NaiveDate> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(40).collect();
        Error::new(ErrorKind::Invalid, format!("'{text}' is no day: write it like 2017-07-01."))
    })
}

/// The fields that are searched for, with those that they are nested in. `true` = the field itself is meant.
struct Found<'a> {
    field: &'a FieldNode,
    meant: bool,
    children: Vec<Found<'a>>,
}

/// All fields, or those whose path has `text` in it, in whatever case.
fn find<'a>(fields: &'a [FieldNode], text: Option<&str>) -> Vec<Found<'a>> {
    let text = text.map(str::to_lowercase);
    fields
        .iter()
        .filter_map(|field| {
            // What is nested in a field that is meant has its path too: that alone is no reason to show it.
            let meant = text.as_deref().is_some_and(|text| means(field, text));
            let children = find(&field.children, text.as_deref());
            (text.is_none() || meant || !children.is_empty()).then_some(Found { field, meant, children })
        })
        .collect()
}

/// Whether the end of the path, from a name on, is what is searched for: `pagepath` and `hits.page` name a field, not all below it.
fn means(field: &FieldNode, text: &str) -> bool {
    let path = field.path.to_lowercase();
    path.rfind(text).is_some_and(|at| at + text.len() > path.len() - field.name.len())
}

fn meant(found: &[Found<'_>]) -> usize {
    found.iter().map(|f| usize::from(f.meant) + meant(&f.children)).sum()
}

fn tree_panel(page: &Page<'_>, found: &[Found<'_>], total: usize, first: &FirstValues) -> LakePanel {
    let asked = given(&page.query.find);
    let search = FormView {
        button: "Find".into(),
        ..form(
            page,
            "Find a field",
            vec![FormField {
                name: "find".into(),
                label: "Field, such as pagePath".into(),
                value: asked.unwrap_or_default().into(),
                kind: "search".into(),
                options: Vec::new(),
            }],
        )
    };
    let all = format::plural(total as u64, "field");
    let sub = if asked.is_some() { format!("{} of {all}", format::count(meant(found) as u64)) } else { all };
    let base = LakePanel { title: "Schema".into(), sub, forms: vec![search], ..LakePanel::default() };
    if found.is_empty() {
        let node = TreeNode { name: "No field".into(), kind: "has that in its path".into(), ..TreeNode::default() };
        return LakePanel { tree: vec![node], ..base };
    }
    LakePanel { tree: found.iter().map(|f| tree_node(f, asked.is_some(), first)).collect(), ..base }
}

fn tree_node(found: &Found<'_>, open: bool, first: &FirstValues) -> TreeNode {
    let field = found.field;
    let (value, late) = match (field.children.is_empty(), first.first.get(&field.path)) {
        (true, Some(day)) if Some(*day) > first.begin => (format!("values since {day}"), true),
        // Partition columns are in the names of the folders, not in the files.
        (true, None) if first.known.contains(&field.path) => ("no values".to_owned(), false),
        _ => (String::new(), false),
    };
    TreeNode {
        name: if found.meant { field.path.clone() } else { field.name.clone() },
        kind: field.words(),
        value,
        marked: late || found.meant,
        link: None,
        open,
        children: found.children.iter().map(|f| tree_node(f, open, first)).collect(),
    }
}

/// Days after the first one on which fields have their first values, with those fields.
fn starts(first: &FirstValues) -> Vec<(NaiveDate, Vec<&str>)> {
    let mut days: std::collections::BTreeMap<NaiveDate, Vec<&str>> = std::collections::BTreeMap::new();
    for (path, day) in first.first.iter().filter(|(_, day)| Some(**day) > first.begin) {
        days.entry(*day).or_default().push(path);
    }
    days.into_iter().collect()
}

/// What the declared schema does not say: from which day on fields are filled.
fn beginnings(page: &Page<'_>, first: &FirstValues) -> Vec<NoteView> {
    // Rare values merely turn up some day; what changed has values on each day since.
    let changes = starts(first).into_iter().filter(|(_, fields)| fields.iter().any(|f| first.steady.contains(*f)));
    changes.map(|(day, fields)| beginning(page, first, day, &fields)).collect()
}

fn beginning(page: &Page<'_>, first: &FirstValues, day: NaiveDate, fields: &[&str]) -> NoteView {
    let named = fields.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = fields.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let looked = if first.days < first.days_total {
        format!(" ({} of {} days looked at)", format::count(first.days as u64), format::count(first.days_total as u64))
    } else {
        String::new()
    };
    let compare = page.at("schema").with("since", day);
    NoteView {
        kind: NoteKind::Info,
        text: format!("The data changed on {day}: {named}{more} had no values before{looked}."),
        link: Some((format!("Compare the days before and since {day}"), compare.into())),
    }
}

/// What differs between two schemas: first what both have, then what only one has.
fn compared(page: &Page<'_>, here: &Address, before: &str, after: &str, found: &[Difference]) -> Result<LakePanel> {
    let title = format!("{before} against {after}");
    if found.is_empty() {
        return Ok(same(title, "no difference".into(), "each field has the same name and type in both"));
    }
    let mut found: Vec<&Difference> = found.iter().collect();
    found.sort_by_key(|d| d.before.is_none() || d.after.is_none());
    let window = Window::new(page.page()?, PAGE, found.len());
    let shown = &found[window.skip()..window.skip() + window.take()];
    let rows = shown.iter().map(|d| difference(d, before, after)).collect();
    let sub = format::plural(found.len() as u64, "difference");
    let titles = ["Field:", "Difference", "Type before:-", "Type after:-"];
    Ok(grid_panel(title, sub, &titles, rows, window.pager(here)))
}

fn difference(found: &Difference, before: &str, after: &str) -> Vec<GridCell> {
    let kind = |side: &Option<(String, String)>| side.as_ref().map_or("–".to_owned(), |(_, kind)| kind.clone());
    let path = |side: &Option<(String, String)>| side.as_ref().map(|(path, _)| path.clone());
    let (old, new) = (kind(&found.before), kind(&found.after));
    let (field, what) = match (path(&found.before), path(&found.after)) {
        (Some(path), None) => (path, format!("only in {before}")),
        (None, Some(path)) => (path, format!("only in {after}")),
        (Some(path), Some(other)) if path != other && old != new => (path, format!("other name and type: {other}")),
        (Some(path), Some(other)) if path != other => (path, format!("other name: {other}")),
        (Some(path), Some(_)) => (path, "other type".to_owned()),
        (None, None) => (String::new(), String::new()),
    };
    vec![cell(field), cell(what), cell(old), cell(new)]
}

/// A comparison that found nothing.
fn same(title: String, sub: String, words: &str) -> LakePanel {
    let node = TreeNode { name: "The same".into(), kind: words.into(), ..TreeNode::default() };
    LakePanel { title, sub, tree: vec![node], ..LakePanel::default() }
}

/// Fields that have values only before a day, or only since.
fn around(day: NaiveDate, values: &DayValues) -> LakePanel {
    let title = format!("Before and since {day}");
    let words = |side: &Option<(NaiveDate, NaiveDate, usize)>| match side {
        Some((from, to, 1)) if from == to => format!("{from}"),
        Some((from, to, days)) => format!("{from} to {to}, {}", format::plural(*days as u64, "day")),
        None => "no days".to_owned(),
    };
    if values.before.is_none() || values.since.is_none() {
        return empty_panel(
            title,
            format!("There are no days on one side of {day}."),
            "Choose a day behind the first and not behind the last that the table has.",
        );
    }
    let sides = format!("{} against {}", words(&values.before), words(&values.since));
    let rows: Vec<_> = values
        .fields
        .iter()
        .filter(|(_, before, since)| (*before == 0) != (*since == 0))
        .map(|(path, before, since)| {
            let what = if *before == 0 { "new" } else { "gone" };
            vec![cell(path), cell(what), cell(format::count(*before)), cell(format::count(*since))]
        })
        .collect();
    if rows.is_empty() {
        return same(title, sides, "the same fields have values on both sides");
    }
    grid_panel(title, sides, &["Field:", "Change", "Values before#", "Values since#"], rows, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &str, children: Vec<FieldNode>) -> FieldNode {
        FieldNode {
            name: path.rsplit('.').next().unwrap_or(path).into(),
            path: path.into(),
            kind: if children.is_empty() { "STRING" } else { "RECORD" }.into(),
            repeated: false,
            children,
        }
    }

    fn schema() -> Vec<FieldNode> {
        let page = field("hits.page", vec![field("hits.page.pagePath", vec![]), field("hits.page.hostname", vec![])]);
        vec![field("clientId", vec![]), field("hits", vec![page, field("hits.number", vec![])])]
    }

    fn paths(found: &[Found<'_>]) -> Vec<String> {
        found.iter().flat_map(|f| f.meant.then(|| f.field.path.clone()).into_iter().chain(paths(&f.children))).collect()
    }

    #[test]
    fn a_field_is_found_by_its_name_or_path() {
        let schema = schema();
        for (text, expected) in [
            ("hits.page.pagePath", &["hits.page.pagePath"][..]),
            ("pagepath", &["hits.page.pagePath"]),
            ("page", &["hits.page", "hits.page.pagePath"]),
            ("CLIENT", &["clientId"]),
            ("hits.page", &["hits.page"]),
            ("nothing", &[]),
        ] {
            let found = find(&schema, Some(text));
            assert_eq!(paths(&found), expected, "{text}");
            assert_eq!(meant(&found), expected.len());
        }
        assert_eq!(find(&schema, None).len(), 2);
        assert_eq!(find(&schema, Some("pagePath"))[0].children[0].children.len(), 1, "only the way to what is meant");
    }

    #[test]
    fn fields_that_came_later_are_marked_and_empty_ones_said() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let first = FirstValues {
            first: [("clientId", "2017-07-01"), ("hits.number", "2017-06-01")]
                .map(|(path, text)| (path.to_owned(), day(text)))
                .into(),
            steady: ["clientId"].map(str::to_owned).into(),
            known: ["clientId", "hits.number", "hits.page.hostname"].map(str::to_owned).into(),
            days: 2,
            days_total: 2,
            begin: Some(day("2017-06-01")),
        };
        let schema = schema();
        let nodes: Vec<_> = find(&schema, None).iter().map(|f| tree_node(f, false, &first)).collect();
        assert_eq!((nodes[0].value.as_str(), nodes[0].marked), ("values since 2017-07-01", true));
        let hits = &nodes[1];
        assert_eq!((hits.value.as_str(), hits.children[1].value.as_str()), ("", ""));
        let page: Vec<_> = hits.children[0].children.iter().map(|n| n.value.as_str()).collect();
        assert_eq!(page, ["", "no values"], "what is in no file is not said to be empty");
        assert_eq!(starts(&first), [(day("2017-07-01"), vec!["clientId"])]);
    }

    #[test]
    fn a_difference_is_said_in_words() {
        let side = |path: &str, kind: &str| Some((path.to_owned(), kind.to_owned()));
        for (before, after, expected) in [
            (side("a", "STRING"), None, ["a", "only in x", "STRING", "–"]),
            (None, side("a", "STRING"), ["a", "only in y", "–", "STRING"]),
            (side("aB", "STRING"), side("a_b", "STRING"), ["aB", "other name: a_b", "STRING", "STRING"]),
            (side("aB", "STRING"), side("a_b", "DATE"), ["aB", "other name and type: a_b", "STRING", "DATE"]),
            (side("a", "STRING"), side("a", "DATE"), ["a", "other type", "STRING", "DATE"]),
        ] {
            let row = difference(&Difference { before, after }, "x", "y");
            assert_eq!(row.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn only_what_changed_is_listed() {
        let day = "2017-07-01".parse().unwrap();
        let values = DayValues {
            fields: vec![("clientId".into(), 0, 40), ("visitId".into(), 30, 40), ("none".into(), 0, 0)],
            before: Some((day, day, 1)),
            since: Some((day, day, 1)),
        };
        let rows = around(day, &values).grid.unwrap().rows;
        let texts: Vec<_> = rows.iter().flatten().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, ["clientId", "new", "0", "40"]);
        assert!(around(day, &DayValues { before: None, ..values }).empty.is_some());
    }
}
