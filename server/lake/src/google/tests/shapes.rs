//! Every request that the call log shows, against Google's own description: verb and address are a method's, and so are its parameters and
//! the fields of its body, with values that Google takes.

use showrunner_tests::discovery::Discovery;

use super::*;
use crate::policy::{DataPolicy, Gives, Grantee, How, IfThere, RowPolicy, Rule, Statement, TableName};
use crate::ports::WarehouseTable;

const WHAT: &str = "the shapes of the requests that the call log shows";
/// Where each service is described.
const SURFACES: [(&str, &str); 6] = [
    ("storage", "storage.v1"),
    ("pubsub", "pubsub.v1"),
    ("bigquery", "bigquery.v2"),
    ("bigquerydatapolicy", "bigquerydatapolicy.v2"),
    ("dataproc", "dataproc.v1"),
    ("monitoring", "monitoring.v1"),
];

/// Google's descriptions.
struct Judge(Vec<(&'static str, Discovery)>);

impl Judge {
    fn read() -> Option<Judge> {
        SURFACES
            .iter()
            .map(|(service, name)| Some((*service, Discovery::read(name, WHAT)?)))
            .collect::<Option<_>>()
            .map(Judge)
    }

    /// What is wrong with a call. The last of its requests is the method that it says.
    fn problems(&self, call: &GoogleCall) -> Vec<String> {
        let mut problems = Vec::new();
        let Some((_, google)) = self.0.iter().find(|(service, _)| *service == call.service) else {
            return if call.rest.is_empty() { problems } else { vec![format!("nobody knows {}", call.service)] };
        };
        for (at, rest) in call.rest.iter().enumerate() {
            let Some(target) = rest.url.strip_prefix(google.root()) else {
                problems.push(format!("{} is not below {}", rest.url, google.root()));
                continue;
            };
            let body = rest.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
            let (method, found) = google.check(rest.verb, target, &body);
            problems.extend(found);
            let said = format!(".{}", call.method);
            if at + 1 == call.rest.len() && !method.ends_with(&said) {
                problems.push(format!("it is {method}, not {}", call.method));
            }
        }
        problems
    }
}

fn policies() -> Vec<Statement> {
    let table = || TableName { zone: Zone::Warehouse, table: "ga_sessions".into() };
    let grantees = || {
        vec![
            Grantee::User("a@example.com".into()),
            Grantee::Group("g@example.com".into()),
            Grantee::Domain("example.com".into()),
            Grantee::Everybody,
        ]
    };
    let row =
        |filter: &str| RowPolicy { name: "chile".into(), table: table(), grantees: grantees(), filter: filter.into() };
    let rules = Rule::ALL.iter().map(|rule| Gives::Masked(*rule)).chain([Gives::Raw]);
    let made = rules.flat_map(|gives| {
        [vec![], vec!["EMAIL_ADDRESS".to_owned()]].map(|info_types| Statement::CreateDataPolicy {
            policy: DataPolicy { name: "mail".into(), gives, grantees: grantees(), info_types },
            there: IfThere::Replace,
        })
    });
    let mut all: Vec<Statement> = made.collect();
    for filter in ["country = 'Chile'", "country IN (SELECT c FROM warehouse.t WHERE email = SESSION_USER())"] {
        all.push(Statement::CreateRowPolicy { policy: row(filter), there: IfThere::Refuse });
    }
    all.extend([
        Statement::DropRowPolicy { name: "chile".into(), table: table(), if_exists: true },
        Statement::DropAllRowPolicies { table: table() },
        Statement::DropDataPolicy { name: "mail".into(), if_exists: false },
        Statement::Grant { policy: "mail".into(), grantees: grantees() },
        Statement::Revoke { policy: "mail".into(), grantees: grantees() },
    ]);
    for how in [How::Set, How::Add, How::Remove] {
        let policies = vec!["mail".into()];
        all.push(Statement::SetColumnPolicies { table: table(), column: "geo.city".into(), policies, how });
    }
    all
}

/// The tables that are really made, and one with every type.
fn tables() -> Vec<WarehouseTable> {
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let nested = WarehouseTable {
        name: "nested".into(),
        columns: vec![
            column("date", "DATE"),
            column("price", "NUMERIC(18, 2)"),
            column("tags", "ARRAY<STRING>"),
            column("geo", "STRUCT<country STRING, at STRUCT<lat FLOAT64, lon FLOAT64>>"),
            column("hits", "ARRAY<STRUCT<page STRING, price NUMERIC(18, 2), n ARRAY<INT64>>>"),
        ],
        partition: "date".into(),
        cluster: vec!["price".into()],
    };
    let serving = crate::warehouse::serve::serving_table().unwrap();
    vec![nested, serving, crate::stream::rows_table().unwrap(), crate::stream::errors_table()]
}

fn more() -> Vec<Operation> {
    let day = |files| LoadedDate { date: "2017-07-29".parse().unwrap(), files };
    let load = |partitions| Load { table: "ga_sessions".into(), job: "r:1".into(), partitions }.into();
    let purge = |zone, scope| Purge { zone, table: "ga_sessions".into(), scope }.into();
    let to = |to| Seek { subscription: "reader".into(), to }.into();
    let time = chrono::DateTime::from_timestamp(1_500_000_000, 123_000_000).unwrap();
    let mut all: Vec<Operation> = vec![
        load(vec![day(Some(vec![]))]),
        load(vec![day(None), day(Some(vec!["date=2017-07-29/a.parquet".into()]))]),
        purge(Zone::Warehouse, Scope::All),
        purge(Zone::Warehouse, Scope::Customer("customer01".into())),
        purge(Zone::Bronze, Scope::Days(vec![super::day()])),
        purge(Zone::Silver, Scope::Stream),
        to(SeekTo::Time(time)),
        ModifyAckDeadline { subscription: "reader".into(), ids: vec!["7".into()], more: 0, seconds: 600 }.into(),
    ];
    all.extend(policies().into_iter().map(|statement| ChangePolicy { statement }.into()));
    all.extend(tables().into_iter().map(|table| CreateTable { table }.into()));
    all
}

#[test]
fn every_request_is_one_that_google_describes() {
    let Some(judge) = Judge::read() else { return };
    let hostile = "it's \"quoted\" & 100%/a+b?c=d&e#7:käse";
    let operations = plain_cases().into_iter().chain(cases(hostile, "a.b_c~d+e%20", "ga_sessions"));
    let operations: Vec<Operation> = operations.map(|case| case.operation).chain(more()).collect();
    for place in [place(), Place { run: None, ..place() }] {
        for operation in &operations {
            let call = google(operation, &place);
            let problems = judge.problems(&call);
            assert!(problems.is_empty(), "{}: {problems:#?}\n{}", operation.method(), call.rest_text());
        }
    }
}

/// The judge is worth nothing if it lets everything pass.
#[test]
fn wrong_calls_are_found() {
    let Some(judge) = Judge::read() else { return };
    let right = |operation: Operation| google(&operation, &place());
    let pull = || right(Pull { subscription: "reader".into(), max: 7 }.into());
    let changed = |mut call: GoogleCall, change: fn(&mut GoogleCall)| {
        change(&mut call);
        judge.problems(&call)
    };
    for (problems, expected) in [
        (changed(pull(), |call| call.method = "subscriptions.acknowledge"), "not subscriptions.acknowledge"),
        (changed(pull(), |call| call.service = "pubsublite"), "nobody knows pubsublite"),
        (changed(pull(), |call| call.rest[0].verb = "GET"), "Google has no method"),
        (changed(pull(), |call| call.rest[0].url.push_str("?max=7")), "there is no parameter max"),
        (changed(pull(), |call| call.rest[0].body = Some(json!({ "max": 7 }))), "body.max is no property"),
        (changed(pull(), |call| call.rest[0].body = Some(json!({ "maxMessages": 0 }))), "not between 1"),
        (changed(pull(), |call| call.rest[0].url = call.rest[0].url.replace("https:", "http:")), "is not below"),
    ] {
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
    // What a table was shown with before this judge.
    let mut call = right(CreateTable { table: tables().remove(0) }.into());
    call.rest[0].body.as_mut().unwrap()["schema"] = json!({ "fields": [{ "name": "tags", "type": "ARRAY<STRING>" }] });
    let problems = judge.problems(&call);
    assert!(problems.iter().any(|problem| problem.contains("which its description does not list")), "{problems:?}");
}
