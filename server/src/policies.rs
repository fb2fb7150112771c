//! The policies of this data folder: kept in the control database, in force in the lake.

use std::sync::Arc;

use showrunner_lake::Lake;
use showrunner_lake::policy::{Identity, Policies, Statement, is_policy_statement};
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::story::{Story, StoryIdentity};

/// Changes policies, one change after another.
#[derive(Clone)]
pub struct Keeper {
    store: Store,
    lake: Arc<Lake>,
    turn: Arc<Mutex<()>>,
}

impl Keeper {
    /// Puts in force what the control database holds; in a warehouse elsewhere it is once tags are known ([`crate::lineage::spread`]).
    pub async fn open(store: Store, lake: Arc<Lake>) -> Result<Keeper> {
        lake.set_policies(store.policies().await?);
        Ok(Keeper { store, lake, turn: Arc::default() })
    }

    /// Executes statements, all or none. They are in force when this returns: the next query is subject to them, here and in a warehouse
    /// elsewhere. That one is asked first, since it alone may refuse: then neither it nor anything here has changed.
    pub async fn change(&self, statements: &[Statement], by: &str) -> Result<()> {
        let (keeper, statements, by) = (self.clone(), statements.to_vec(), by.to_owned());
        // To its end, even if nobody waits for the answer any more: the three places have to agree.
        let work = tokio::spawn(async move { keeper.put(&statements, &by).await });
        work.await.map_err(|e| Error::with(ErrorKind::Internal, "Changing the policies stopped unexpectedly.", e))?
    }

    async fn put(&self, statements: &[Statement], by: &str) -> Result<()> {
        let _turn = self.turn.lock().await;
        let before = self.lake.policies();
        let mut next = Policies::clone(&before);
        for statement in statements {
            next = self.lake.policies_after(&next, statement).await?;
        }
        let texts: Vec<String> = statements.iter().map(Statement::sql).collect();
        if let Err(error) = self.lake.serve_policies(&next).await {
            let error = Error::from(error);
            let message = format!("The warehouse does not take this, so no policy was changed. {}", error.message);
            return Err(Error { message, ..error });
        }
        if let Err(error) = self.store.set_policies(&next, by, &texts).await {
            // What cannot be taken back there is noted by the lake, and corrected at the next start.
            if let Err(worse) = self.lake.serve_policies(&before).await {
                tracing::error!(error = %worse, "policies that were not kept stay in force in the warehouse");
            }
            return Err(error);
        }
        self.lake.set_policies(next);
        Ok(())
    }
}

/// Statements in a text, each ended by a semicolon.
pub fn parse(text: &str) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for part in split(text) {
        if !is_policy_statement(&part) {
            let begin: String = part.chars().take(60).collect();
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("'{begin}' is no statement about policies. Queries run on the SQL page."),
            ));
        }
        statements.push(Statement::parse(&part)?);
    }
    if statements.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "There is no statement. Write one, for instance CREATE ROW ACCESS POLICY.",
        ));
    }
    Ok(statements)
}

/// At semicolons that stand in no quotes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, ';') => {
                parts.push(String::new());
                continue;
            }
            (None, '\'' | '"' | '`') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// As whom policies see whoever asks.
#[derive(Debug, Clone)]
pub enum Viewer {
    /// An admin or a presenter as such, who sees everything.
    Admin,
    /// An admin or a presenter, as somebody of the story.
    As(StoryIdentity),
    /// Somebody who looks as themselves, and sees what policies grant them.
    Own(StoryIdentity),
    /// The browser names somebody that the story does not know: nothing is shown.
    Unknown,
}

impl Viewer {
    /// Of an admin or a presenter, by what the browser's cookie says. It only ever narrows: nothing in it makes anybody an admin but its
    /// absence.
    pub fn by_cookie(story: &Story, cookie: Option<&str>) -> Viewer {
        match cookie {
            None | Some("") => Viewer::Admin,
            Some(id) => match story.identities.iter().find(|identity| identity.id == id) {
                Some(identity) => Viewer::As(identity.clone()),
                None => Viewer::Unknown,
            },
        }
    }

    /// Of whoever looks as themselves. Whom no provider vouches for is granted nothing by name: the id is no e-mail address.
    pub fn own(id: &str, name: &str, email: Option<&str>, groups: Vec<String>) -> Viewer {
        Viewer::Own(StoryIdentity {
            id: id.to_owned(),
            title: name.to_owned(),
            user: email.unwrap_or(id).to_owned(),
            groups,
        })
    }

    /// Who the engine is told. Somebody unknown is granted nothing.
    pub fn identity(&self) -> Identity {
        match self {
            Viewer::Admin => Identity::admin(),
            Viewer::As(identity) | Viewer::Own(identity) => identity.identity(),
            Viewer::Unknown => Identity::person("unknown", [""; 0]),
        }
    }

    /// The identity's id; `None`: the admin.
    pub fn id(&self) -> Option<&str> {
        match self {
            Viewer::Admin => None,
            Viewer::As(identity) | Viewer::Own(identity) => Some(&identity.id),
            Viewer::Unknown => Some("unknown"),
        }
    }

    /// Whether it is the presenter as such.
    pub fn is_admin(&self) -> bool {
        matches!(self, Viewer::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_semicolons() {
        assert_eq!(split("a; b 'x;y'; ;\n`c;d`"), ["a", "b 'x;y'", "`c;d`"]);
        assert_eq!(parse("DROP ALL ROW ACCESS POLICIES ON silver.sessions; DROP DATA_POLICY a;").unwrap().len(), 2);
        for wrong in ["", " ; ", "SELECT 1", "DROP DATA_POLICY a; DELETE FROM b"] {
            assert_eq!(parse(wrong).err().map(|e| e.kind), Some(ErrorKind::Invalid), "{wrong}");
        }
    }

    #[test]
    fn the_cookie_only_ever_narrows() {
        let story = crate::story::first(None).unwrap();
        assert!(!story.identities.is_empty());
        for (cookie, admin) in [(None, true), (Some(""), true), (Some("admin"), false), (Some("no such"), false)] {
            assert_eq!(Viewer::by_cookie(&story, cookie).is_admin(), admin, "{cookie:?}");
        }
        for identity in &story.identities {
            let viewer = Viewer::by_cookie(&story, Some(&identity.id));
            assert!(!viewer.identity().is_unrestricted(), "{}", identity.id);
        }
        assert!(!Viewer::by_cookie(&story, Some("x")).identity().is_unrestricted());
    }

    #[test]
    fn policies_follow_whoever_the_provider_vouches_for() {
        let story = crate::story::first(None).unwrap();
        for somebody in &story.identities {
            let own = Viewer::own("7f", "Somebody", Some(&somebody.user), somebody.groups.clone());
            assert_eq!(own.identity(), somebody.identity(), "{}", somebody.id);
        }
        let unknown = Viewer::own("7f", "Somebody", None, Vec::new());
        assert!(!unknown.identity().is_unrestricted() && !unknown.is_admin());
    }
}
