//! Who answers a query that a person wrote: the lake's own engine, or the warehouse elsewhere as that person.
//!
//! A query over the warehouse alone goes to the warehouse elsewhere, with the person's own token, so that its policies apply to the person.
//! Where nobody signs in by a provider, admin and presenter are whoever started the product. Whoever looks as somebody else, or has no token
//! and is not to see everything, is answered by the lake's engine behind the product's own policies.

use app::wire::FactView;
use showrunner_lake::policy::Identity;
use showrunner_lake::{Answer, Error, ErrorKind, QueryLimits, Result, ServedBy};

use crate::AppState;
use crate::format;
use crate::policies::Viewer;

/// Rows of an answer of the warehouse elsewhere that a file may have: it is fetched whole.
pub const MOST_ROWS: usize = 100_000;

/// On whose behalf a query is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// As whom the product's policies see them.
    pub who: &'a Identity,
    /// The same, as they are shown.
    pub viewer: &'a Viewer,
    /// The id of who is signed in.
    pub person: Option<&'a str>,
}

/// What the warehouse elsewhere is asked, and with which token.
struct Elsewhere {
    sql: String,
    token: Option<String>,
}

/// Answers the query.
///
/// # Errors
/// Those of [`showrunner_lake::Lake::ask`] and [`showrunner_lake::Lake::ask_warehouse`].
pub async fn ask(state: &AppState, by: Asking<'_>, sql: &str, limits: QueryLimits, id: Option<&str>) -> Result<Answer> {
    match elsewhere(state, by, sql).await? {
        Some(question) => state.lake.ask_warehouse(&question.sql, question.token, limits, id).await,
        None => state.lake.ask(by.who, sql, limits, id).await,
    }
}

/// The whole answer, if the warehouse elsewhere is asked.
///
/// # Errors
/// Those of [`ask`], and [`ErrorKind::TooLarge`] beyond [`MOST_ROWS`].
pub async fn whole(state: &AppState, by: Asking<'_>, sql: &str, limits: QueryLimits) -> Result<Option<Answer>> {
    let Some(question) = elsewhere(state, by, sql).await? else { return Ok(None) };
    let limits = QueryLimits { rows: limits.rows.min(MOST_ROWS), ..limits };
    let answer = state.lake.ask_warehouse(&question.sql, question.token, limits, None).await?;
    if answer.cut {
        let message = format!("The answer has more than {MOST_ROWS} rows. Add a filter or a LIMIT.");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(Some(answer))
}

async fn elsewhere(state: &AppState, by: Asking<'_>, sql: &str) -> Result<Option<Elsewhere>> {
    let Some(sql) = state.lake.warehouse_query(sql) else { return Ok(None) };
    if matches!(by.viewer, Viewer::As(_) | Viewer::Unknown) {
        return Ok(None);
    }
    if state.sign_in.provider().is_none() {
        return Ok(by.who.is_unrestricted().then_some(Elsewhere { sql, token: None }));
    }
    let Some(person) = by.person else { return Ok(None) };
    let tokens = state
        .sign_in
        .tokens(person)
        .await
        .map_err(|error| Error::with(ErrorKind::Internal, "Your token could not be read. Sign in again.", error))?;
    match tokens {
        Some(tokens) => Ok(Some(Elsewhere { sql, token: Some(tokens.access) })),
        // Who came by the audience's link has none.
        None => Ok(None),
    }
}

/// Who answered, and what it took, for people.
pub fn facts(by: &ServedBy) -> Vec<FactView> {
    let fact = |label: &str, value: String, rest: String| FactView { label: label.into(), value, rest };
    vec![
        fact("Bytes read", format::bytes(by.bytes_processed), String::new()),
        fact(
            "Bytes billed",
            format::bytes(by.bytes_billed),
            if by.cache_hit { "from the cache".into() } else { String::new() },
        ),
    ]
}
