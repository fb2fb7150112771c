//! People.

use app::{services::People, wire::*};
use async_trait::async_trait;

use super::Fake;

#[async_trait]
impl People for Fake {
    async fn sign_in(&self) -> Result<SignInView, WireError> {
        self.usable()?;
        let choice = |role: &str, customer: &str, title: &str| RoleChoice {
            role: role.into(),
            customer: customer.into(),
            title: title.into(),
            words: "Does this and that.".into(),
        };
        Ok(SignInView {
            provider: None,
            roles: vec![choice("presenter", "", "Presenter"), choice("customer", "customer01", "Customer 01")],
            signed_in: None,
        })
    }

    async fn people(&self) -> Result<PeopleView, WireError> {
        self.usable()?;
        let person = |id: &str, given: bool| PersonView {
            id: id.into(),
            name: id.into(),
            from: "this machine".into(),
            role: "presenter".into(),
            customer: String::new(),
            seen: "14:06".into(),
            given,
            me: !given,
        };
        Ok(PeopleView {
            summary: "2 people".into(),
            people: vec![person("ada", true), person("local-admin", false)],
            roles: vec!["admin".into(), "presenter".into()],
            customers: vec!["customer01".into()],
            link: "/join/0123".into(),
            trail: vec![AuditLine {
                at: "14:06".into(),
                who: "ada".into(),
                role: "presenter".into(),
                action: "press".into(),
                subject: "step=2.1".into(),
                state: State::Done,
                word: "Done".into(),
            }],
        })
    }

    async fn settings(&self, check: String) -> Result<SettingsView, WireError> {
        self.usable()?;
        Ok(SettingsView {
            summary: "everything is well".into(),
            checks: vec![CheckView {
                state: State::Failed,
                word: "Red".into(),
                what: "free space".into(),
                found: "1.0 GB".into(),
                fix: Some("free 1.0 GB there".into()),
            }],
            cloud: CloudView {
                set: true,
                words: "Looks at the project.".into(),
                summary: "1 thing to mend".into(),
                checks: (check == "google-cloud")
                    .then(|| CheckView {
                        state: State::Failed,
                        word: "Missing".into(),
                        what: "bucket sa_x".into(),
                        found: "not there".into(),
                        fix: Some("showrunner cloud up".into()),
                    })
                    .into_iter()
                    .collect(),
            },
            differences: vec![DifferenceView {
                what: "`max_backlog_bytes`".into(),
                embedded: "publishing waits".into(),
                google: "does not exist there".into(),
                proof: vec!["`a_test` in `server/x.rs`".into(), "https://cloud.google.com/pubsub/docs".into()],
            }],
            settings: vec![SettingView {
                variable: "SHOWRUNNER_SEED".into(),
                flag: "--seed".into(),
                help: "Generated data follows from this number".into(),
                value: "42".into(),
                from: "default".into(),
            }],
        })
    }

    async fn change_person(
        &self,
        _change: String,
        _person: String,
        _role: String,
        _customer: String,
    ) -> Result<(), WireError> {
        self.usable()
    }
}
