//! Who somebody is and what they may: roles, and the one table that says which of them may do what.

use std::fmt;

use app::services::Permission;
use app::wire::{ErrorCode, WireError};

use crate::error::{Error, ErrorKind};
use crate::policies::Viewer;

/// What somebody is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Manages everything.
    Admin,
    /// Shows the story: presses, resets, sets policies.
    Presenter,
    /// Looks, within what policies grant.
    Viewer,
    /// Delivers the files of one customer, and sees nothing else.
    Customer,
    /// Signed in by a provider, and no admin has said yet what they are.
    None,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Role; 5] = [Role::Admin, Role::Presenter, Role::Viewer, Role::Customer, Role::None];

    /// The word in database, form and page.
    pub fn word(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Presenter => "presenter",
            Role::Viewer => "viewer",
            Role::Customer => "customer",
            Role::None => "none",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What the role may, whoever has it. Nothing else decides about that.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{Administer, Enter, Govern, Inspect, Present, Reset, Switch, Upload, View, Watch};
        match self {
            Role::Admin => true,
            Role::Presenter => match permission {
                Enter | Watch | View | Present | Reset | Inspect | Govern | Switch | Upload => true,
                Administer => false,
            },
            Role::Viewer => matches!(permission, Enter | Watch | View),
            Role::Customer => matches!(permission, Enter | Upload),
            Role::None => matches!(permission, Enter),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Id in the control database.
    pub id: String,
    /// For people, and for records.
    pub name: String,
    /// Where the provider vouches for it.
    pub email: Option<String>,
    /// What they are.
    pub role: Role,
    /// Whose files a [`Role::Customer`] delivers.
    pub customer: Option<String>,
}

/// On whose behalf a request is made: who signed in, and as whom they look at the data.
#[derive(Debug, Clone)]
pub struct Asker {
    /// `None`: nobody is signed in.
    pub principal: Option<Principal>,
    /// As whom policies see them.
    pub viewer: Viewer,
    /// The person's epoch by which they were let in.
    pub epoch: i64,
}

impl Asker {
    /// Nobody.
    pub fn anonymous() -> Asker {
        Asker { principal: None, viewer: Viewer::Unknown, epoch: 0 }
    }

    /// For records: the person's name.
    pub fn name(&self) -> &str {
        self.principal.as_ref().map_or("anonymous", |person| &person.name)
    }

    /// For records: the person's role.
    pub fn role(&self) -> Role {
        self.principal.as_ref().map_or(Role::None, |person| person.role)
    }

    /// The customer whose files alone they deliver.
    pub fn delivers_for(&self) -> Option<&str> {
        self.principal.as_ref().filter(|p| p.role == Role::Customer).map(|p| p.customer.as_deref().unwrap_or_default())
    }

    /// Whether they may deliver files of this customer, given that they may deliver at all.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] for another customer's.
    pub fn may_deliver_for(&self, customer: &str) -> Result<(), Error> {
        match self.delivers_for() {
            Some(own) if own != customer => Err(Error::new(
                ErrorKind::Refused,
                format!("You are signed in for {own}, and deliver into its folder only."),
            )),
            _ => Ok(()),
        }
    }

    /// The policy choke point: whether this may be done.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn authorize(&self, permission: Permission) -> Result<(), WireError> {
        let refused = |words: String| Err(WireError::new(ErrorCode::Forbidden, words));
        let Some(person) = &self.principal else {
            return Err(WireError::new(ErrorCode::Unauthenticated, "You are not signed in. Sign in, then try again."));
        };
        if !person.role.may(permission) {
            return refused(match person.role {
                Role::None => "No admin has given you a role yet. Ask one of them, then reload this page.".into(),
                Role::Customer => "You are signed in as a customer, who only delivers files.".into(),
                role => format!(
                    "You are signed in as {role}, who may not {}. Sign in as somebody who may.",
                    verb(permission)
                ),
            });
        }
        match (&self.viewer, permission) {
            // What policies do not reach, or what is not the data's.
            (_, Permission::Enter | Permission::Switch | Permission::Watch) => Ok(()),
            (Viewer::Admin, _) | (Viewer::As(_), Permission::View) => Ok(()),
            (Viewer::Own(_), Permission::View | Permission::Upload) => Ok(()),
            (Viewer::Unknown, _) => {
                refused("This browser views as somebody whom the story does not know. Press Back to admin.".into())
            }
            (Viewer::As(who) | Viewer::Own(who), Permission::Inspect) => refused(format!(
                "You view as {}. Runs, buckets, resets and stories are the presenter's: policies do not reach them. Press Back to admin to see them.",
                who.title
            )),
            (Viewer::As(who) | Viewer::Own(who), _) => {
                refused(format!("You view as {}, who may only look. Press Back to admin, then try again.", who.title))
            }
        }
    }
}

fn verb(permission: Permission) -> &'static str {
    match permission {
        Permission::Enter => "enter",
        Permission::Watch => "see the audience screen",
        Permission::View => "see this",
        Permission::Present => "press the story's buttons",
        Permission::Reset => "reset",
        Permission::Inspect => "see runs, buckets, resets and stories",
        Permission::Govern => "change policies",
        Permission::Switch => "view as somebody else",
        Permission::Upload => "deliver files",
        Permission::Administer => "administer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(role: Role, viewer: Viewer) -> Asker {
        let principal = Principal { id: "p".into(), name: "Ada".into(), email: None, role, customer: None };
        Asker { principal: Some(principal), viewer, epoch: 0 }
    }

    #[test]
    fn nobody_may_nothing() {
        for permission in Permission::ALL {
            let refused = Asker::anonymous().authorize(permission).unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unauthenticated, "{permission:?}");
        }
    }

    #[test]
    fn each_role_may_what_the_table_says_and_a_mightier_one_of_the_house_no_less() {
        let may = |role: Role| Permission::ALL.into_iter().filter(|p| role.may(*p)).collect::<Vec<_>>();
        assert_eq!(may(Role::None), [Permission::Enter]);
        assert_eq!(may(Role::Customer), [Permission::Enter, Permission::Upload]);
        assert_eq!(may(Role::Viewer), [Permission::Enter, Permission::Watch, Permission::View]);
        assert!(!Role::Presenter.may(Permission::Administer));
        for (mighty, less) in [(Role::Admin, Role::Presenter), (Role::Presenter, Role::Viewer)] {
            assert!(may(less).iter().all(|permission| mighty.may(*permission)), "{mighty} {less}");
        }
        for role in Role::ALL {
            assert_eq!(Role::parse(role.word()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn whoever_views_as_somebody_changes_nothing() {
        let story = crate::story::first(None).unwrap();
        let who = story.identities[0].clone();
        for role in [Role::Admin, Role::Presenter] {
            let asker = asker(role, Viewer::As(who.clone()));
            for permission in Permission::ALL {
                let only_looks =
                    matches!(permission, Permission::Enter | Permission::Switch | Permission::Watch | Permission::View);
                assert_eq!(asker.authorize(permission).is_ok(), only_looks, "{role} {permission:?}");
            }
        }
        for permission in [Permission::View, Permission::Present] {
            assert!(asker(Role::Admin, Viewer::Unknown).authorize(permission).is_err(), "{permission:?}");
        }
    }
}
