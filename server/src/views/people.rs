//! People: where they sign in, what they may, what anybody did.

use app::wire::{AuditLine, PeopleView, PersonView, RoleChoice, SignInView, State};

use super::Views;
use crate::error::Result;
use crate::format;
use crate::people::{Principal, Role};
use crate::store::{AuditRow, LOCAL, Outcome, PersonRow};

/// Lines of the audit trail on the page.
const LINES: u32 = 100;
/// Lines read at once for the file.
const BATCH: u32 = 5_000;

impl Views {
    /// Where somebody signs in.
    pub async fn sign_in(&self, who: Option<&Principal>) -> Result<SignInView> {
        let provider = self.state.sign_in.provider().map(|provider| provider.title());
        let mut roles = Vec::new();
        if provider.is_none() {
            let choice = |role: Role, title: &str, words: &str| RoleChoice {
                role: role.word().into(),
                customer: String::new(),
                title: title.into(),
                words: words.into(),
            };
            roles = vec![
                choice(Role::Presenter, "Presenter", "Shows the story: presses, streams, sets policies, resets."),
                choice(Role::Admin, "Admin", "Does that, and manages people and customers."),
                choice(Role::Viewer, "Viewer", "Looks at everything that policies grant, and changes nothing."),
            ];
            for customer in self.state.store.customers().await? {
                roles.push(RoleChoice {
                    role: Role::Customer.word().into(),
                    title: customer.title.clone(),
                    customer: customer.id,
                    words: "Delivers files into its own folder, and sees nothing else.".into(),
                });
            }
        }
        let signed_in = who.map(|who| match who.name == who.role.word() {
            true => who.name.clone(),
            false => format!("{} ({})", who.name, who.role),
        });
        Ok(SignInView { provider, roles, signed_in })
    }

    /// People, the audience's link, and the newest of the audit trail.
    pub async fn people(&self, me: Option<&Principal>) -> Result<PeopleView> {
        let now = self.state.clock.millis();
        let rows = self.state.store.people().await?;
        let how = match self.state.sign_in.provider() {
            Some(provider) => format!("{} vouches for them", provider.title()),
            None => "roles are chosen by name, on this machine alone".to_owned(),
        };
        let person = |row: PersonRow| {
            let given = row.issuer != LOCAL;
            PersonView {
                from: match (&row.email, given) {
                    (Some(email), _) => email.clone(),
                    (None, true) => row.issuer.clone(),
                    (None, false) => "this machine".into(),
                },
                role: row.role.word().into(),
                customer: row.customer.clone().unwrap_or_default(),
                seen: format::when(row.seen_at, now),
                given,
                me: me.is_some_and(|me| me.id == row.id),
                name: row.name,
                id: row.id,
            }
        };
        let trail = self.state.store.audit_trail(None, LINES).await?;
        Ok(PeopleView {
            summary: match rows.len() {
                1 => format!("1 person; {how}"),
                many => format!("{} people; {how}", format::count(many as u64)),
            },
            people: rows.into_iter().map(person).collect(),
            roles: Role::ALL.map(|role| role.word().to_owned()).to_vec(),
            customers: self.state.store.customers().await?.into_iter().map(|row| row.id).collect(),
            link: self.audience_link().await?,
            trail: trail.into_iter().map(|row| audit_line(row, now)).collect(),
        })
    }

    /// Where another browser opens the audience screen: a whole address where this server knows its own.
    pub(super) async fn audience_link(&self) -> Result<String> {
        let link = self.state.sign_in.audience_link().await?;
        let public = self.state.config.sign_in.public_url.as_deref().unwrap_or_default();
        Ok(format!("{public}{link}"))
    }

    /// The whole audit trail, oldest last.
    pub async fn audit_csv(&self) -> Result<String> {
        let mut text = String::from("id,time,who,role,action,subject,outcome\n");
        let mut before = None;
        loop {
            let rows = self.state.store.audit_trail(before, BATCH).await?;
            for row in &rows {
                let time = chrono::DateTime::from_timestamp_millis(row.at).unwrap_or_default();
                let fields = [&row.by_whom, &row.role, &row.action, &row.subject].map(|field| quoted(field));
                text.push_str(&format!(
                    "{},{},{},{}\n",
                    row.id,
                    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                    fields.join(","),
                    row.outcome.word()
                ));
            }
            match rows.last() {
                Some(last) if rows.len() == BATCH as usize => before = Some(last.id),
                _ => return Ok(text),
            }
        }
    }
}

fn audit_line(row: AuditRow, now: i64) -> AuditLine {
    let (state, word) = match row.outcome {
        Outcome::Done => (State::Done, "Done"),
        Outcome::Refused => (State::Blocked, "Refused"),
        Outcome::Failed => (State::Failed, "Failed"),
    };
    AuditLine {
        at: format::when(row.at, now),
        role: if row.role == row.by_whom { String::new() } else { row.role },
        who: row.by_whom,
        // May be broken where its words are.
        action: row.action.replace('_', "_\u{200b}"),
        subject: row.subject,
        state,
        word: word.into(),
    }
}

/// A field of a CSV file. One that a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_is_a_field_to_every_reader() {
        for (field, expected) in
            [("plain", "\"plain\""), ("a \"b\", c", "\"a \"\"b\"\", c\""), ("=1+1", "\"'=1+1\""), ("", "\"\"")]
        {
            assert_eq!(quoted(field), expected);
        }
    }
}
