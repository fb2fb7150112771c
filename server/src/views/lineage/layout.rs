//! Where boxes and lines of the graph go.

use std::collections::{BTreeMap, BTreeSet};

use app::wire::{LineageBox, LineageGraph, LineageRow};
use showrunner_lake::lineage::ColumnRef;

use super::graph::{Graph, Path, inputs_of, split};

/// Pixels of the look: head and rows of a box, gaps.
const HEAD: u32 = 28;
const ROW: u32 = 24;
const TOP: u32 = 40;
/// Between the names of the zones and the boxes: where lines pass zones that they have nothing to do with.
const LANE: u32 = 30;
const GAP_X: u32 = 36;
const GAP_Y: u32 = 16;
/// Columns of a table that are shown when none is followed.
const SHOWN: usize = 5;
/// Columns of an opened table.
const MOST: usize = 400;

/// What is to be drawn.
pub struct Drawing<'a> {
    pub graph: &'a Graph,
    /// Tables.
    pub tables: BTreeSet<String>,
    /// The path, if a column is followed.
    pub path: Option<&'a Path>,
    /// The column that is followed.
    pub current: Option<&'a ColumnRef>,
    /// Tables of which all columns are shown.
    pub open: Option<&'a str>,
    /// Only columns of the path.
    pub path_only: bool,
    /// Addresses: of a column, and of a table opened.
    pub column_href: &'a (dyn Fn(&ColumnRef) -> String + Sync),
    pub open_href: &'a (dyn Fn(&str) -> String + Sync),
    /// Info types of columns with personal data.
    pub tags: &'a BTreeMap<ColumnRef, String>,
}

impl Drawing<'_> {
    pub fn draw(&self) -> LineageGraph {
        let on: BTreeSet<&ColumnRef> =
            self.path.iter().flat_map(|path| &path.columns).map(|(column, _)| column).collect();
        let mut by_zone: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for table in &self.tables {
            by_zone.entry(self.graph.place(table)).or_default().push(table);
        }
        let mut drawn = LineageGraph::default();
        let mut places: BTreeMap<(String, String), (u32, u32, u32)> = BTreeMap::new();
        let mut heads: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
        let mut x = 0;
        for tables in by_zone.values() {
            let boxes: Vec<(LineageBox, Vec<String>)> = tables.iter().map(|table| self.table(table, &on)).collect();
            let width = boxes.iter().map(|(table, _)| table.width).max().unwrap_or_default();
            let mut y = TOP;
            let zone = tables.first().map_or("", |table| split(table).0);
            drawn.zones.push((title(zone), x));
            for ((mut table, columns), full) in boxes.into_iter().zip(tables) {
                (table.x, table.y, table.width) = (x, y, width);
                heads.insert(full, (x, y + HEAD / 2, width));
                for (at, column) in columns.into_iter().enumerate() {
                    let middle = y + HEAD + ROW * at as u32 + ROW / 2;
                    places.insert(((*full).to_owned(), column), (x, middle, width));
                }
                y += HEAD + ROW * (table.rows.len() as u32 + u32::from(table.rest.is_some())) + 2 + GAP_Y;
                drawn.boxes.push(table);
            }
            drawn.height = drawn.height.max(y);
            x += width + GAP_X;
        }
        drawn.width = x.saturating_sub(GAP_X);
        drawn.edges = self.edges(&places, &heads);
        drawn
    }

    /// A table, and the columns of its rows.
    fn table(&self, table: &str, on: &BTreeSet<&ColumnRef>) -> (LineageBox, Vec<String>) {
        let of = |column: &str| ColumnRef { table: table.to_owned(), column: column.to_owned() };
        let known = self.graph.tables.get(table).cloned().unwrap_or_default();
        // Fields of records that were passed on as a whole are on the path, but no columns of their own.
        let path_columns: Vec<String> =
            on.iter().filter(|column| column.table == table).map(|column| column.column.clone()).collect();
        let mut all = known;
        all.extend(path_columns.iter().filter(|column| !all.contains(column)).cloned().collect::<Vec<_>>());
        let is_on = |column: &String| path_columns.contains(column);
        let shown: Vec<String> = if self.open == Some(table) {
            all.iter().take(MOST).cloned().collect()
        } else if self.path_only && self.path.is_some() {
            all.iter().filter(|column| is_on(column)).cloned().collect()
        } else {
            let mut room = SHOWN.saturating_sub(path_columns.len());
            let mut keep = |column: &&String| {
                is_on(column)
                    || (room > 0 && {
                        room -= 1;
                        true
                    })
            };
            all.iter().filter(|column| keep(column)).cloned().collect()
        };
        let rows: Vec<LineageRow> = shown
            .iter()
            .map(|column| {
                let this = of(column);
                let name = column.rsplit('.').next().unwrap_or(column);
                LineageRow {
                    name: name.to_owned(),
                    path: column.clone(),
                    href: (self.column_href)(&this),
                    on: is_on(column),
                    current: self.current == Some(&this),
                    nested: column.contains('.'),
                    tag: self.tags.get(&this).cloned(),
                }
            })
            .collect();
        let left = all.len() - rows.len();
        let rest = (left > 0).then(|| (format!("{left} more"), (self.open_href)(table)));
        let name = split(table).1.to_owned();
        let letters =
            rows.iter().map(|row| row.name.len() + usize::from(row.nested)).chain([name.len()]).max().unwrap_or(0);
        let width = (letters as u32 * 8 + 28).clamp(104, 232);
        let href = (self.open_href)(table);
        let on = rows.iter().any(|row| row.on);
        (LineageBox { name, full: table.to_owned(), x: 0, y: 0, width, on, href, rows, rest }, shown)
    }

    fn edges(
        &self,
        places: &BTreeMap<(String, String), (u32, u32, u32)>,
        heads: &BTreeMap<&str, (u32, u32, u32)>,
    ) -> Vec<(String, bool)> {
        let mut lines: BTreeSet<(bool, String)> = BTreeSet::new();
        let place = |column: &ColumnRef| places.get(&(column.table.clone(), column.column.clone()));
        let path: BTreeSet<&(ColumnRef, ColumnRef)> = self.path.iter().flat_map(|path| &path.edges).collect();
        for (from, to) in &path {
            if let (Some(from), Some(to)) = (place(from), place(to)) {
                lines.insert((true, line(*from, *to)));
            }
        }
        if self.path.is_some() && self.path_only {
            return lines.into_iter().map(|(on, line)| (line, on)).collect();
        }
        for job in self.graph.jobs().iter().filter(|job| self.tables.contains(&job.output)) {
            let mut joined: BTreeSet<&str> = BTreeSet::new();
            for column in &job.lineage.columns {
                let to = ColumnRef { table: job.output.clone(), column: column.column.clone() };
                for input in &column.inputs {
                    if let (Some(from), Some(at)) = (place(&input.of), place(&to)) {
                        joined.insert(&input.of.table);
                        if !path.contains(&(input.of.clone(), to.clone())) {
                            lines.insert((false, line(*from, *at)));
                        }
                    }
                }
            }
            // What is joined by columns that are not shown is joined all the same.
            let tables: BTreeSet<&str> = inputs_of(job).map(|input| input.of.table.as_str()).collect();
            for table in tables.difference(&joined) {
                if let (Some(from), Some(to)) = (heads.get(table), heads.get(job.output.as_str())) {
                    lines.insert((false, line(*from, *to)));
                }
            }
        }
        lines.into_iter().map(|(on, line)| (line, on)).collect()
    }
}

/// From the right edge of one to the left edge of another.
fn line((x1, y1, width): (u32, u32, u32), (x2, y2, _): (u32, u32, u32)) -> String {
    let from = x1 + width;
    let bend = GAP_X / 2;
    if x2 > from && x2 - from <= GAP_X {
        return format!("M{from},{y1}C{},{y1} {},{y2} {x2},{y2}", from + bend, x2 - bend);
    }
    let (up, down) = (from + GAP_X, x2.saturating_sub(GAP_X));
    format!(
        "M{from},{y1}C{},{y1} {},{LANE} {up},{LANE}H{down}C{},{LANE} {},{y2} {x2},{y2}",
        from + bend,
        from + bend,
        x2.saturating_sub(bend),
        x2.saturating_sub(bend)
    )
}

fn title(zone: &str) -> String {
    let mut letters = zone.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
