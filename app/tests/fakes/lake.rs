//! A lake with one of each part.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

fn cell(text: &str) -> GridCell {
    GridCell { text: text.into(), ..GridCell::default() }
}

fn link(text: &str, href: &str) -> GridCell {
    GridCell { href: Some(href.into()), ..cell(text) }
}

fn column(title: &str, kind: GridKind, wide: bool) -> GridColumn {
    GridColumn { title: title.into(), kind, wide }
}

fn panel(title: &str, columns: Vec<GridColumn>, rows: Vec<Vec<GridCell>>, pager: Option<PagerView>) -> LakePanel {
    let grid = GridView { caption: title.into(), columns, rows, pager };
    LakePanel { title: title.into(), sub: "newest first".into(), grid: Some(grid), ..LakePanel::default() }
}

fn empty(title: &str) -> LakePanel {
    LakePanel {
        title: title.into(),
        empty: Some(("Nothing yet.".into(), "It appears when the first day has been ingested.".into())),
        ..LakePanel::default()
    }
}

fn tables() -> LakePanel {
    let columns = vec![
        column("Table", GridKind::Id, false),
        column("Rows", GridKind::Number, false),
        column("Files", GridKind::Number, true),
    ];
    let rows = ["bronze.visits", "silver.sessions", "gold.daily_kpis"]
        .map(|name| vec![link(name, &format!("/lake/{name}")), cell("151,681"), cell("59")])
        .to_vec();
    panel("Tables", columns, rows, None)
}

fn folders() -> LakePanel {
    let columns = vec![column("Folder", GridKind::Id, false), column("State", GridKind::Text, false)];
    let row = |date: &str, state, text: &str| {
        let path = format!("customer01/visits/{date}");
        let href = format!("/lake/bucket/ingestion?prefix={path}/");
        vec![
            GridCell { sub: Some("1 file · 1.96 MB".into()), ..link(&path, &href) },
            GridCell { state: Some(state), ..cell(text) },
        ]
    };
    let rows = vec![
        row("2017-07-30", State::Later, "Waiting for end_file.txt (1 file, 1.96 MB)"),
        row("2017-07-29", State::Done, "Ingested"),
        row("2017-07-28", State::Warn, "Late file: part-2.json.gz came after the marker"),
    ];
    LakePanel { aside: true, ..panel("Day folders", columns, rows, None) }
}

fn partitions() -> LakePanel {
    let columns = vec![column("Partition", GridKind::Id, false), column("Rows", GridKind::Number, false)];
    let rows = (10..30).rev().map(|day| vec![link(&format!("2017-07-{day}"), "/lake/x?partition=y"), cell("2,487")]);
    let pager = PagerView {
        words: "51 to 70 of 10,000".into(),
        previous: Some("/lake/x?page=1".into()),
        next: Some("/lake/x?page=3".into()),
    };
    panel("Partitions", columns, rows.collect(), Some(pager))
}

fn schema(query: &TableQuery) -> Vec<LakePanel> {
    let leaf = |name: &str, value: &str, marked| TreeNode {
        name: name.into(),
        kind: "STRING".into(),
        value: value.into(),
        marked,
        ..TreeNode::default()
    };
    let record = |name: &str, kind: &str, children| TreeNode {
        name: name.into(),
        kind: kind.into(),
        open: query.find.is_some(),
        children,
        ..TreeNode::default()
    };
    let page = record("page", "RECORD", vec![leaf("hits.page.pagePath", "", true)]);
    let field = |name: &str, kind: &str, value: &str, options: &[&str]| FormField {
        name: name.into(),
        label: format!("The {name}"),
        value: value.into(),
        kind: kind.into(),
        options: options.iter().map(|o| (*o).to_owned()).collect(),
    };
    let form = |title: &str, fields| FormView {
        title: title.into(),
        action: "/lake/bronze.visits".into(),
        hidden: vec![("tab".into(), "schema".into())],
        fields,
        button: "Ask".into(),
    };
    let find = field("find", "search", query.find.as_deref().unwrap_or_default(), &[]);
    let against = field("against", "select", "gold.daily_kpis", &["silver.sessions", "gold.daily_kpis"]);
    vec![
        LakePanel {
            title: "Schema".into(),
            sub: "338 fields".into(),
            forms: vec![form("Find a field", vec![find])],
            tree: vec![
                leaf("clientId", "values since 2017-07-01", true),
                record("hits", "RECORD, repeated", vec![page]),
            ],
            ..LakePanel::default()
        },
        LakePanel {
            title: "Compare".into(),
            aside: true,
            forms: vec![
                form("Compare tables", vec![against]),
                form("Compare versions", vec![field("from", "number", "0", &[]), field("to", "number", "7", &[])]),
            ],
            ..LakePanel::default()
        },
    ]
}

#[async_trait]
impl Browse for Fake {
    async fn lake(&self) -> Result<LakeView, WireError> {
        self.usable()?;
        let panels = if self.mood == Mood::Fresh {
            vec![empty("Tables"), LakePanel { aside: true, ..empty("Day folders") }]
        } else {
            vec![tables(), folders()]
        };
        Ok(LakeView { title: "Lake".into(), panels, ..LakeView::default() })
    }

    async fn lake_table(&self, table: String, query: TableQuery) -> Result<LakeView, WireError> {
        self.usable()?;
        if table == "nothing" {
            return Err(WireError::new(ErrorCode::NotFound, format!("There is no table '{table}'.")));
        }
        let tab = query.tab.clone().unwrap_or_else(|| "partitions".into());
        let tabs = ["partitions", "schema"]
            .map(|key| (key.to_owned(), format!("/lake/{table}?tab={key}"), key == tab))
            .to_vec();
        let panels = match (self.mood, tab.as_str()) {
            (Mood::Fresh, _) => vec![empty("Partitions")],
            (_, "schema") => schema(&query),
            _ => vec![partitions()],
        };
        Ok(LakeView {
            title: table,
            what: "Visits as delivered".into(),
            crumbs: vec![("Lake".into(), "/lake".into())],
            facts: vec![fact("Rows", "151,681", "")],
            tabs,
            notes: vec![NoteView { kind: NoteKind::Info, text: "The data changed.".into(), link: None }],
            panels,
        })
    }

    async fn lake_bucket(
        &self,
        bucket: String,
        prefix: Option<String>,
        _page: Option<String>,
    ) -> Result<LakeView, WireError> {
        self.usable()?;
        Ok(LakeView { title: prefix.unwrap_or(bucket), panels: vec![folders()], ..LakeView::default() })
    }
}
