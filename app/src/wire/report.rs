//! The report page.

use serde::{Deserialize, Serialize};

/// The report page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// `1 Jun to 29 Jul 2017 · 59 days`; empty when there is no data.
    pub range: String,
    /// KPI tiles.
    pub tiles: Vec<TileView>,
    /// Charts in reading order: sessions per day, revenue per day, the finding.
    pub charts: Vec<ChartView>,
    /// Bars: channels, devices, countries.
    pub bars: Vec<BarsView>,
    /// Says when the report's data is older than the lake.
    pub stale: Option<String>,
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
    /// Column heads of the numbers behind it.
    pub columns: Vec<String>,
    /// Rows of the numbers behind it.
    pub rows: Vec<Vec<String>>,
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
}
