//! The report page.

use serde::{Deserialize, Serialize};

use super::GridView;

/// The report page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// `1 Jun to 29 Jul 2017 · 59 days`; empty when there is no data.
    pub range: String,
    /// What is asked for, and what can be.
    pub filter: FilterView,
    /// KPI tiles.
    pub tiles: Vec<TileView>,
    /// Where the tiles' numbers come from.
    pub tiles_source: SourceView,
    /// Charts in reading order: sessions per day, revenue per day, the finding.
    pub charts: Vec<ChartView>,
    /// The map of countries, or of one country.
    pub map: Option<MapView>,
    /// Bars: countries, channels, devices, browsers, funnel.
    pub bars: Vec<BarsView>,
    /// The best products.
    pub products: ListingView,
    /// Says when the report's data is older than the lake.
    pub stale: Option<String>,
}

/// The filter bar.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilterView {
    /// First and last day asked for: `2017-07-01`, or empty.
    pub dates: (String, String),
    /// First and last day that there are.
    pub bounds: (String, String),
    /// Lists to choose from.
    pub fields: Vec<FieldView>,
    /// The map's measure, kept when the form is sent.
    pub map: String,
    /// True when anything is filtered.
    pub active: bool,
    /// What could not be read, as sentences.
    pub problems: Vec<String>,
}

/// A list of the filter bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// `country`: the name in the address.
    pub name: String,
    /// `Country`
    pub label: String,
    /// Value, words, chosen. The first is everything, with an empty value.
    pub options: Vec<(String, String, bool)>,
}

/// Where numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceView {
    /// The query that was run.
    pub sql: String,
    /// Address of the numbers as CSV.
    pub csv: String,
    /// Address of what the numbers are made of.
    pub lineage: String,
}

/// A map of the world, or of one country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapView {
    /// `Map`, or the country.
    pub title: String,
    /// The message, for people who do not see it.
    pub label: String,
    /// SVG `viewBox`.
    pub view_box: String,
    /// What the colour can say: words, address, chosen.
    pub measures: Vec<(String, String, bool)>,
    /// Back to the world.
    pub back: Option<String>,
    /// Countries, by their shape in `/world.svg`.
    pub shapes: Vec<MapShape>,
    /// Cities, and countries too small for a shape.
    pub spots: Vec<MapSpot>,
}

/// A country of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapShape {
    /// ISO 3166-1 alpha-3, the id of its shape.
    pub id: String,
    /// 0 for nothing, to 5.
    pub level: u8,
    /// `France: 1,240 sessions, $310, 0.81 % conversion`
    pub words: String,
    /// The report of this country.
    pub href: Option<String>,
}

/// A dot on a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapSpot {
    /// Centre, in the map's units.
    pub x: String,
    /// Centre.
    pub y: String,
    /// Radius; the area is the number of sessions.
    pub r: String,
    /// 1 to 5.
    pub level: u8,
    /// `London: 420 sessions, $99, 0.50 % conversion`
    pub words: String,
    /// The report of this country.
    pub href: Option<String>,
}

/// A table of the report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListingView {
    /// Title.
    pub title: String,
    /// The table.
    pub grid: GridView,
    /// Where the numbers come from.
    pub source: SourceView,
}

/// A KPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileView {
    /// `Sessions`
    pub label: String,
    /// `149,694`
    pub value: String,
    /// `+1,987 with 29 Jul`
    pub compare: String,
    /// Address of what the number is made of; empty where nobody can say.
    pub lineage: String,
}

/// A line chart in a 0–100 box that stretches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    /// `sessions`, `revenue`, `finding`: an id for addresses and live updates.
    pub key: String,
    /// Title.
    pub title: String,
    /// The message, for people who do not see it.
    pub label: String,
    /// At most two; the first is the subject.
    pub series: Vec<SeriesView>,
    /// Grid lines: y (0 = top, 100 = bottom, one decimal as text) and its words.
    pub grid: Vec<(String, String)>,
    /// Ticks under the chart: x (0–100 as text) and its words.
    pub ticks: Vec<(String, String)>,
    /// A dotted vertical line with a sentence: x (0–100 as text).
    pub finding: Option<(String, String)>,
    /// The last point: x, y, words.
    pub last: Option<(String, String, String)>,
    /// The numbers behind it.
    pub numbers: GridView,
    /// Where they come from.
    pub source: SourceView,
}

/// A series of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesView {
    /// Name.
    pub name: String,
    /// SVG `points` of a polyline in the 0–100 box.
    pub points: String,
}

/// A list of bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarsView {
    /// `Channels`
    pub title: String,
    /// Name, per mille of the longest, value, second value.
    pub rows: Vec<(String, u16, String, String)>,
    /// Head of value and second value.
    pub heads: (String, String),
    /// The report of each row alone; empty where there is none.
    pub hrefs: Vec<String>,
    /// Where the numbers come from.
    pub source: SourceView,
}
