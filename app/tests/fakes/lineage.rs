//! Lineage.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

fn table(full: &str, x: u32, columns: &[(&str, bool)]) -> LineageBox {
    let href = |column: &str| format!("/lineage?column={full}.{column}");
    LineageBox {
        name: full.split_once('.').map_or(full, |(_, name)| name).into(),
        full: full.into(),
        x,
        y: 28,
        width: 166,
        on: columns.iter().any(|(_, on)| *on),
        href: format!("/lineage?open={full}"),
        rows: columns
            .iter()
            .map(|(path, on)| LineageRow {
                name: path.rsplit('.').next().unwrap_or(path).into(),
                path: (*path).into(),
                href: href(path),
                on: *on,
                current: *on && full.starts_with("gold"),
                nested: path.contains('.'),
                tag: path.ends_with("city").then(|| "LOCATION".into()),
            })
            .collect(),
        rest: Some(("9 more".into(), format!("/lineage?open={full}"))),
    }
}

#[async_trait]
impl Lineages for Fake {
    async fn lineage(&self, query: String) -> Result<LineageView, WireError> {
        self.usable()?;
        let followed = self.mood != Mood::Fresh;
        let hop = |what: &str, column: &str, expression: &str| LineageHop {
            what: what.into(),
            column: column.into(),
            href: format!("/lineage?column={column}"),
            expression: expression.into(),
        };
        let column = LineageColumn {
            title: "revenue, 2 steps back".into(),
            hops: vec![
                hop("gold · aggregation", "daily_kpis.revenue", "coalesce(sum(revenue), 0)"),
                hop("silver · transformation", "sessions.revenue", "totals.transactionRevenue * 0.000001"),
                hop("bronze · identity", "ga_sessions.totals.transactionRevenue", "totals.transactionRevenue"),
            ],
            rows: vec![(
                "silver.sessions.date".into(),
                "/lineage?column=silver.sessions.date".into(),
                "group by".into(),
            )],
            sql: Some(("gold.daily_kpis".into(), "SELECT date, sum(revenue) AS revenue\nFROM sessions".into())),
            facts: vec![fact("Table", "gold.daily_kpis", ""), fact("Last", "run-0059-7f3a, version 12", "")],
            personal: vec![],
        };
        Ok(LineageView {
            title: "Lineage".into(),
            what: "3 tables, 148 columns".into(),
            ways: vec![
                ("Upstream".into(), "/lineage".into(), true),
                ("Downstream".into(), "/lineage?way=on".into(), false),
            ],
            notes: vec![],
            graph: LineageGraph {
                width: 620,
                height: 180,
                zones: vec![("Bronze".into(), 0), ("Silver".into(), 200), ("Gold".into(), 400)],
                boxes: vec![
                    table("bronze.ga_sessions", 0, &[("totals", false), ("totals.transactionRevenue", followed)]),
                    table("silver.sessions", 200, &[("city", false), ("revenue", followed)]),
                    table("gold.daily_kpis", 400, &[("date", false), ("revenue", followed)]),
                ],
                edges: vec![("M166,93C180,93 186,93 200,93".into(), followed)],
            },
            column: followed.then_some(column),
            find: if query.contains("find=") { "revenue".into() } else { String::new() },
            found: vec![("gold.daily_kpis.revenue".into(), "/lineage?column=gold.daily_kpis.revenue".into())],
            keep: vec![],
            made: if self.mood == Mood::Busy {
                vec![LineageMade {
                    table: "silver.sessions".into(),
                    href: "/lake/silver.sessions".into(),
                    version: "version 12".into(),
                    reads: vec!["2017-07-29, customer01".into()],
                    more: String::new(),
                }]
            } else {
                vec![]
            },
            events: "/runs/run-0059-7f3a/lineage.json".into(),
        })
    }
}
