//! The page of the policies: what there is, and what each identity sees.

use app::wire::{
    GridKind, GridView, MaskForm, PoliciesView, PolicyLine, PolicyStatement, PolicyTable, RowPolicyForm, SeenView,
};
use futures::future::join_all;
use showrunner_lake::calls::ChangePolicy;
use showrunner_lake::policy::{
    DataPolicy, Gives, Grantee, How, Identity, IfThere, Injected, Policies, RowPolicy, Rule, Statement, TableName,
    is_policy_statement,
};
use showrunner_lake::{Answer, QueryLimits};

use super::Views;
use super::sql::grid;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::policies::Viewer;

/// Changes and switches that the page lists.
const LISTED: u32 = 20;
/// What looking at who sees what may take.
const LIMITS: QueryLimits = QueryLimits { rows: 8, timeout: std::time::Duration::from_secs(20) };
/// A condition in a table's line.
const SHOWN: usize = 160;

impl Views {
    /// The page as it is before the query was asked as each identity.
    pub async fn policies_asked(&self) -> Result<PoliciesView> {
        let policies = self.state.lake.policies();
        let story = self.story();
        let mut tables: Vec<TableName> = policies.rows.iter().map(|policy| policy.table.clone()).collect();
        tables.extend(policies.attached.iter().map(|attached| attached.table.clone()));
        tables.extend(
            policies.tags.iter().map(|tag| tag.table.clone()).filter(|t| policies.on_columns(t).next().is_some()),
        );
        tables.sort();
        tables.dedup();
        let tables: Vec<PolicyTable> = tables.iter().map(|table| self.policy_table(table, &policies)).collect();
        let mut data: Vec<PolicyLine> = policies.data.iter().map(|policy| self.data_line(policy)).collect();
        data.sort_by(|a, b| a.name.cmp(&b.name));
        let mut choices: Vec<String> = Vec::new();
        for table in self.state.lake.catalog().into_iter().filter(|table| !table.view) {
            choices.push(format!("{}.{}", table.zone.name(), table.name));
        }
        let mut grantees: Vec<String> = story.identities.iter().map(|who| format!("user:{}", who.user)).collect();
        grantees
            .extend(story.identities.iter().flat_map(|who| who.groups.iter().map(|group| format!("group:{group}"))));
        grantees.push("allAuthenticatedUsers".into());
        grantees.sort();
        grantees.dedup();
        Ok(PoliciesView {
            summary: format!(
                "{}, {} on columns; enforced by the engine for SQL, report, lake and exports",
                format::plural(policies.rows.len() as u64, "row access policy"),
                format::plural(policies.data.len() as u64, "data policy")
            ),
            locked: match &self.viewer {
                Viewer::Admin => None,
                Viewer::Own(_) => Some("Only a presenter or an admin changes policies.".into()),
                Viewer::As(who) => Some(format!("You view as {}. Press Back to admin to change policies.", who.title)),
                Viewer::Unknown => Some("You view as somebody unknown. Press Back to admin to change policies.".into()),
            },
            story: story.policies.statements.trim().to_owned(),
            tables,
            data,
            seen: Vec::new(),
            waiting: !story.policies.query.trim().is_empty(),
            query: story.policies.query.trim().to_owned(),
            choices,
            rules: Rule::ALL.map(|rule| (rule.name().to_owned(), words_of(rule).to_owned())).to_vec(),
            grantees,
            changes: self.policy_changes().await?,
            switches: self.view_switches().await?,
        })
    }

    fn policy_table(&self, table: &TableName, policies: &Policies) -> PolicyTable {
        let rows = policies.rows.iter().filter(|policy| policy.table == *table).map(|policy| {
            let create = Statement::CreateRowPolicy { policy: policy.clone(), there: IfThere::Refuse };
            let drop =
                Statement::DropRowPolicy { name: policy.name.clone(), table: table.clone(), if_exists: false }.sql();
            let what = policy.filter.split_whitespace().collect::<Vec<_>>().join(" ");
            PolicyLine {
                name: policy.name.clone(),
                what: what.chars().take(SHOWN).collect(),
                to: granted(&policy.grantees),
                codes: self.codes_of(&create),
                drop,
            }
        });
        let by_name = |column: &str, policy: &DataPolicy| {
            policies.attached.iter().any(|a| a.table == *table && a.column == column && a.policy == policy.name)
        };
        let columns = policies.on_columns(table).map(|(column, policy)| {
            let set = |how| Statement::SetColumnPolicies {
                table: table.clone(),
                column: column.to_owned(),
                policies: vec![policy.name.clone()],
                how,
            };
            let named = by_name(column, policy);
            PolicyLine {
                name: column.to_owned(),
                what: format!("{} ({}{})", gives(policy), policy.name, if named { "" } else { ", by tag" }),
                to: granted(&policy.grantees),
                codes: if named { self.codes_of(&set(How::Add)) } else { Vec::new() },
                drop: if named { set(How::Remove).sql() } else { String::new() },
            }
        });
        PolicyTable { name: table.to_string(), rows: rows.collect(), columns: columns.collect() }
    }

    fn data_line(&self, policy: &DataPolicy) -> PolicyLine {
        let create = Statement::CreateDataPolicy { policy: policy.clone(), there: IfThere::Refuse };
        let mut codes = self.codes_of(&create);
        if !policy.grantees.is_empty() {
            let grant = Statement::Grant { policy: policy.name.clone(), grantees: policy.grantees.clone() };
            codes.extend(self.codes_of(&grant));
        }
        let kinds = match policy.info_types.as_slice() {
            [] => String::new(),
            kinds => format!(" on what is tagged {}", kinds.join(", ")),
        };
        PolicyLine {
            name: policy.name.clone(),
            what: format!("{}{kinds}", gives(policy)),
            to: granted(&policy.grantees),
            codes,
            drop: Statement::DropDataPolicy { name: policy.name.clone(), if_exists: false }.sql(),
        }
    }

    fn codes_of(&self, statement: &Statement) -> Vec<app::wire::CodeView> {
        let mut codes = vec![app::wire::CodeView { label: "SQL".into(), text: statement.sql() }];
        codes.extend(self.google_codes(&ChangePolicy { statement: statement.clone() }.into()));
        codes
    }

    /// The same query as the admin and as each identity, side by side; nothing if the story has none.
    pub async fn policies_seen(&self) -> Vec<SeenView> {
        let (story, query) = (self.story(), self.story().policies.query.trim());
        if query.is_empty() {
            return Vec::new();
        }
        // Who views as somebody sees that and no more.
        let all = self.viewer.is_admin();
        let admin = all.then(|| ("Admin", "everything", "", Identity::admin()));
        let others = story.identities.iter().filter(|who| all || self.viewer.id() == Some(&who.id));
        let others = others.map(|who| (&*who.title, &*who.user, &*who.id, who.identity()));
        // At once: nobody's answer waits for another's.
        join_all(
            admin
                .into_iter()
                .chain(others)
                .map(|(title, user, id, who)| async move { self.seen_as(title, user, id, &who, query).await }),
        )
        .await
    }

    async fn seen_as(&self, title: &str, user: &str, id: &str, who: &Identity, query: &str) -> SeenView {
        let mut view = SeenView {
            title: title.into(),
            user: user.into(),
            id: id.into(),
            words: String::new(),
            rows: None,
            masked: Vec::new(),
            error: None,
        };
        let answer = self.state.lake.query(who, query, LIMITS).await.map_err(Error::from);
        match answer.and_then(|answer| Ok((grid(&answer)?, answer))) {
            Ok(((mut rows, total), answer)) => {
                rows.caption = format!("What {title} sees");
                let is_masked = |name: &str| masked(&answer).any(|column| column.eq_ignore_ascii_case(name));
                view.masked = rows.head.iter().map(|(name, _)| is_masked(name)).collect();
                view.words = words(&answer, total);
                view.rows = Some(rows);
            }
            Err(error) => {
                // A denial is an answer; who looks at this page every minute fills no log with them.
                if error.kind == ErrorKind::Internal {
                    tracing::error!(identity = id, "{}", error.chain());
                }
                view.error = Some(error.message);
            }
        }
        view
    }

    async fn policy_changes(&self) -> Result<Option<GridView>> {
        let now = self.state.clock.millis();
        let rows: Vec<Vec<String>> = self
            .state
            .store
            .policy_changes(LISTED)
            .await?
            .into_iter()
            .map(|row| {
                let statement = row.statement.split_whitespace().collect::<Vec<_>>().join(" ");
                let statement = statement.chars().take(SHOWN).collect();
                vec![row.version.to_string(), format::when(row.at, now), row.by_whom, statement]
            })
            .collect();
        Ok(listing("Changes of policies", &["Version", "When", "By", "Statement"], rows))
    }

    async fn view_switches(&self) -> Result<Option<GridView>> {
        let now = self.state.clock.millis();
        let named = |id: Option<String>| match id {
            None => "Admin".to_owned(),
            Some(id) => self.story().identities.iter().find(|who| who.id == id).map_or(id, |who| who.title.clone()),
        };
        let rows: Vec<Vec<String>> = self
            .state
            .store
            .view_switches(LISTED)
            .await?
            .into_iter()
            .map(|row| vec![format::when(row.at, now), row.by_whom, named(row.came_from), named(row.went_to)])
            .collect();
        Ok(listing("Who viewed as whom", &["When", "By", "From", "To"], rows))
    }

    /// A statement about policies, written on the SQL page; `None` for anything else.
    pub(super) fn policy_statement(&self, sql: &str) -> Option<PolicyStatement> {
        if !is_policy_statement(sql) {
            return None;
        }
        let statement = |words: String, allowed, codes| PolicyStatement { sql: sql.to_owned(), words, allowed, codes };
        Some(match (crate::policies::parse(sql), self.viewer.is_admin()) {
            (Err(error), _) => statement(error.message, false, Vec::new()),
            (Ok(_), false) => statement(
                "Only a presenter or an admin changes policies, as themselves. Ask one of them, or view as nobody else, then run it.".into(),
                false,
                Vec::new(),
            ),
            (Ok(statements), true) => {
                let codes =
                    statements.iter().flat_map(|s| self.google_codes(&ChangePolicy { statement: s.clone() }.into()));
                let words = format!(
                    "{} policies. It is in force for the next query of anybody.",
                    match statements.len() {
                        1 => "This statement changes".to_owned(),
                        n => format!("These {n} statements change"),
                    }
                );
                statement(words, true, codes.collect())
            }
        })
    }
}

/// What of an answer's columns is masked, by the name of the column alone.
fn masked(answer: &Answer) -> impl Iterator<Item = &str> {
    let columns = answer.cost.injected.iter().flat_map(|injected| &injected.columns);
    columns.filter(|column| column.rule.is_some()).map(|c| c.column.rsplit('.').next().unwrap_or(&c.column))
}

fn words(answer: &Answer, total: usize) -> String {
    let more = if answer.cut { "the first " } else { "" };
    let mut words = format!("{more}{}", format::plural(total as u64, "row"));
    for injected in &answer.cost.injected {
        words.push_str(&format!(" · {}", seen_words(injected)));
    }
    words
}

/// What policies put between a table and somebody, in a sentence without its end.
pub(super) fn seen_words(injected: &Injected) -> String {
    let mut parts = Vec::new();
    match (&injected.rows, injected.row_policies.as_slice()) {
        (None, _) => {}
        (Some(_), []) => parts.push("no row access policy is granted, so no rows".to_owned()),
        (Some(rows), _) => parts.push(format!("rows where {}", rows.split_whitespace().collect::<Vec<_>>().join(" "))),
    }
    let masked: Vec<String> =
        injected.columns.iter().filter_map(|c| Some(format!("{} as {}", c.column, c.rule?))).collect();
    if !masked.is_empty() {
        parts.push(format!("masked: {}", masked.join(", ")));
    }
    let denied: Vec<&str> = injected.columns.iter().filter(|c| c.rule.is_none()).map(|c| c.column.as_str()).collect();
    if !denied.is_empty() {
        parts.push(format!("denied: {}", denied.join(", ")));
    }
    parts.join("; ")
}

fn listing(caption: &str, titles: &[&str], rows: Vec<Vec<String>>) -> Option<GridView> {
    let mut grid = GridView::numbers(caption, GridKind::Text, titles, rows);
    for column in &mut grid.columns {
        column.kind = GridKind::Text;
    }
    (!grid.rows.is_empty()).then_some(grid)
}

fn granted(grantees: &[Grantee]) -> String {
    match grantees {
        [] => "nobody".to_owned(),
        some => some.iter().map(Grantee::row_form).collect::<Vec<_>>().join(", "),
    }
}

fn gives(policy: &DataPolicy) -> &'static str {
    match policy.gives {
        Gives::Raw => "Raw data access",
        Gives::Masked(rule) => rule.name(),
    }
}

fn words_of(rule: Rule) -> &'static str {
    match rule {
        Rule::Sha256 => "the hash; joins still work",
        Rule::EmailMask => "XXXXX@example.com",
        Rule::LastFourCharacters => "XXXXX and the last four characters",
        Rule::FirstFourCharacters => "the first four characters and XXXXX",
        Rule::DateYearMask => "the first day of the year",
        Rule::DefaultMaskingValue => "empty, 0, FALSE, 1970-01-01",
        Rule::AlwaysNull => "NULL",
    }
}

/// The statement of the form of a row access policy.
pub fn row_policy_statement(form: &RowPolicyForm) -> Result<Statement> {
    let table = table_of(&form.table)?;
    let policy = RowPolicy {
        name: form.name.trim().to_owned(),
        table,
        grantees: grantees_of(&form.grantees)?,
        filter: form.filter.trim().to_owned(),
    };
    // Read back as it would be written: so a form can say no more than a statement.
    Ok(Statement::parse(&Statement::CreateRowPolicy { policy, there: IfThere::Refuse }.sql())?)
}

/// The statements of the form of a mask: a data policy named after column and rule, its grant, and the column that it stands on.
pub fn mask_statements(form: &MaskForm) -> Result<Vec<Statement>> {
    let table = table_of(&form.table)?;
    let gives =
        match form.rule.as_str() {
            "RAW" => Gives::Raw,
            name => Gives::Masked(Rule::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "There is no such masking rule. Choose one of the list.")
            })?),
        };
    let column = form.column.trim().to_owned();
    let name: String = format!("{}_{column}_{}", table.table, form.rule)
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let grantees = grantees_of(&form.grantees)?;
    let policy = DataPolicy { name: name.clone(), gives, grantees: Vec::new(), info_types: Vec::new() };
    let mut statements = vec![Statement::CreateDataPolicy { policy, there: IfThere::Keep }];
    if !grantees.is_empty() {
        statements.push(Statement::Grant { policy: name.clone(), grantees });
    }
    statements.push(Statement::SetColumnPolicies { table, column, policies: vec![name], how: How::Add });
    statements.iter().map(|statement| Ok(Statement::parse(&statement.sql())?)).collect()
}

fn table_of(text: &str) -> Result<TableName> {
    let found = text.trim().split_once('.').and_then(|(zone, table)| {
        let zone = showrunner_lake::model::Zone::ALL.into_iter().find(|z| z.name() == zone)?;
        Some(TableName { zone, table: table.to_owned() })
    });
    found.ok_or_else(|| Error::new(ErrorKind::Invalid, "Choose one of the tables of the list."))
}

fn grantees_of(text: &str) -> Result<Vec<Grantee>> {
    let names = text.split([',', '\n', '\r', ' ']).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Ok(Grantee::parse(name)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_statements_and_can_say_no_more() {
        let form = |name: &str, filter: &str, grantees: &str| RowPolicyForm {
            table: "silver.sessions".into(),
            name: name.into(),
            grantees: grantees.into(),
            filter: filter.into(),
        };
        let statement = row_policy_statement(&form("de", "country = 'Germany'", "user:a@b.c, group:d@e.f")).unwrap();
        assert_eq!(
            statement.sql(),
            "CREATE ROW ACCESS POLICY de\nON silver.sessions\nGRANT TO ('user:a@b.c', 'group:d@e.f')\nFILTER USING (country = 'Germany');"
        );
        for wrong in [
            form("de", "TRUE) ; DROP ALL ROW ACCESS POLICIES ON silver.sessions; --", ""),
            form("de ON gold.daily_kpis", "TRUE", ""),
            form("de", "", ""),
            form("de", "TRUE", "bob"),
            RowPolicyForm { table: "nowhere".into(), ..form("de", "TRUE", "") },
        ] {
            assert!(row_policy_statement(&wrong).is_err(), "{wrong:?}");
        }
        let mask = MaskForm {
            table: "bronze.ga_sessions".into(),
            column: "geoNetwork.city".into(),
            rule: "SHA256".into(),
            grantees: "allAuthenticatedUsers".into(),
        };
        let statements = mask_statements(&mask).unwrap();
        assert_eq!(statements.len(), 3);
        assert!(statements[2].sql().contains("ALTER COLUMN geoNetwork.city"));
        assert!(mask_statements(&MaskForm { rule: "ROT13".into(), ..mask }).is_err());
    }
}
