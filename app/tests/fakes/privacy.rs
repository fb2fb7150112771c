//! A table with one column of each sort.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

#[async_trait]
impl Privacy for Fake {
    async fn privacy(&self) -> Result<PrivacyView, WireError> {
        self.usable()?;
        if self.mood == Mood::Fresh {
            return Ok(PrivacyView {
                facts: Vec::new(),
                crm: None,
                changes: Vec::new(),
                tables: Vec::new(),
                clean: Vec::new(),
                kinds: Vec::new(),
                inherited: Vec::new(),
                scanned: Vec::new(),
            });
        }
        let column = |name: &str, info_type: &str, stale: bool| PrivacyColumnView {
            name: name.into(),
            info_type: info_type.into(),
            facts: vec![fact("Likelihood", "very likely", "")],
            pro: vec!["The name says 'email'.".into()],
            con: vec!["48 of 400 sampled values are empty.".into()],
            rejected: vec!["USERNAME considered, unlikely: More speaks for EMAIL_ADDRESS.".into()],
            verdict: stale.then(|| "Accepted by presenter at 14:06:12".into()),
            stale,
        };
        Ok(PrivacyView {
            facts: vec![fact("Tables", "12", "")],
            crm: Some(CrmView {
                facts: vec![fact("Precision", "100.0 %", "0 wrong")],
                mistakes: vec!["c05 was missed.".into()],
            }),
            changes: vec!["silver.sessions city: LOCATION is new.".into()],
            tables: vec![PrivacyTableView {
                name: "delivered.crm".into(),
                count: "2 of 25 columns".into(),
                about: "The table is about persons.".into(),
                columns: vec![column("email", "EMAIL_ADDRESS", false), column("town", "LOCATION", true)],
            }],
            clean: vec!["gold.daily".into()],
            kinds: vec!["EMAIL_ADDRESS".into(), "LOCATION".into()],
            inherited: vec![(
                "silver.sessions.city  LOCATION: from bronze.ga_sessions.geoNetwork.city".into(),
                "/lineage?column=silver.sessions.city".into(),
            )],
            scanned: vec!["gold.daily".into()],
        })
    }

    async fn change_privacy(
        &self,
        _change: String,
        _table: String,
        _column: String,
        _value: String,
    ) -> Result<(), WireError> {
        self.usable()
    }
}
