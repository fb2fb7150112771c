use app::{services::Policies, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood};

fn line(name: &str, what: &str, drop: &str) -> PolicyLine {
    PolicyLine {
        name: name.into(),
        what: what.into(),
        to: "user:analyst.de@example.com".into(),
        codes: vec![CodeView { label: "SQL".into(), text: format!("CREATE {name}") }],
        drop: drop.into(),
    }
}

fn seen(title: &str, masked: bool, error: Option<&str>) -> SeenView {
    SeenView {
        title: title.into(),
        user: "somebody@example.com".into(),
        id: String::new(),
        words: "1 row".into(),
        rows: error.is_none().then(|| SqlRows {
            caption: format!("What {title} sees"),
            head: vec![("country".into(), false), ("city".into(), false)],
            rows: vec![vec![Some("Germany".into()), None]],
        }),
        masked: vec![false, masked],
        error: error.map(Into::into),
    }
}

#[async_trait]
impl Policies for Fake {
    async fn policies(&self) -> Result<PoliciesView, WireError> {
        self.usable()?;
        if self.mood == Mood::Fresh {
            return Ok(PoliciesView::default());
        }
        let listing =
            || GridView::numbers("Listing", GridKind::Text, &["When", "By"], vec![vec!["a".into(), "b".into()]]);
        Ok(PoliciesView {
            waiting: false,
            summary: "1 row access policy".into(),
            locked: (self.mood == Mood::Blocked).then(|| "You view as somebody. Press Back to admin.".into()),
            story: "CREATE OR REPLACE ROW ACCESS POLICY a ON silver.visits FILTER USING (TRUE);".into(),
            tables: vec![PolicyTable {
                name: "silver.visits".into(),
                rows: vec![line("germany", "country = 'Germany'", "DROP ROW ACCESS POLICY germany ON silver.visits;")],
                columns: vec![line("city", "SHA256 (city_hash)", "")],
            }],
            data: vec![line("city_hash", "SHA256", "DROP DATA_POLICY city_hash;")],
            seen: vec![
                seen("Admin", false, None),
                seen("Analyst", true, None),
                seen("Guest", false, Some("Access Denied")),
            ],
            query: "SELECT country, city FROM silver.visits".into(),
            choices: vec!["silver.visits".into()],
            rules: vec![("SHA256".into(), "the hash".into())],
            grantees: vec!["allAuthenticatedUsers".into()],
            changes: Some(listing()),
            switches: Some(listing()),
        })
    }

    async fn change_policies(&self, _sql: String) -> Result<String, WireError> {
        Ok("/policies".into())
    }

    async fn add_row_policy(&self, _form: RowPolicyForm) -> Result<String, WireError> {
        Ok("/policies".into())
    }

    async fn add_mask(&self, _form: MaskForm) -> Result<String, WireError> {
        Ok("/policies".into())
    }

    async fn story_policies(&self) -> Result<String, WireError> {
        Ok("/policies".into())
    }

    async fn view_as(&self, identity: String) -> Result<String, WireError> {
        Ok(identity)
    }
}
