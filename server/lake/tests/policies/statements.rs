//! Statements: what is read, what is refused, what is written back.

use showrunner_lake::ErrorKind;
use showrunner_lake::policy::{Statement, is_policy_statement};

use crate::world::{POLICIES, World};

#[test]
fn a_statement_is_written_as_it_was_read() {
    let more = [
        "DROP ROW ACCESS POLICY IF EXISTS a ON silver.sessions;",
        "DROP ALL ROW ACCESS POLICIES ON silver.sessions;",
        "CREATE OR REPLACE ROW ACCESS POLICY a ON silver.sessions GRANT TO ('domain:example.com', 'allAuthenticatedUsers') FILTER USING (a = ')' AND (b OR c))",
        "CREATE ROW ACCESS POLICY IF NOT EXISTS a ON gold.daily_kpis FILTER USING (TRUE)",
        "CREATE OR REPLACE DATA_POLICY a OPTIONS (masking_expression = 'EMAIL_MASK', data_policy_type = 'DATA_MASKING_POLICY', info_types = ['EMAIL_ADDRESS'])",
        "DROP DATA_POLICY IF EXISTS a",
        "REVOKE FINE_GRAINED_READ ON DATA_POLICY `p.region-us.a` FROM 'group:x@example.com', 'user:y@example.com'",
        "ALTER TABLE bronze.ga_sessions ALTER COLUMN geoNetwork.city SET OPTIONS (data_policies -= [\"{'name':'p.region-us.hash'}\"])",
    ];
    for sql in POLICIES.iter().chain(&more) {
        assert!(is_policy_statement(sql), "{sql}");
        let statement = Statement::parse(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let written = statement.sql();
        assert_eq!(Statement::parse(&written).unwrap_or_else(|e| panic!("{written}: {e}")), statement, "{written}");
    }
    for sql in
        ["SELECT 1", "CREATE TABLE policy (a INT)", "DROP TABLE access", "ALTER TABLE a ADD COLUMN b INT", "-- CREATE"]
    {
        assert!(!is_policy_statement(sql), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let world = World::new().await;
    let before = world.f.lake.policies();
    for (sql, kind, says) in [
        (
            "CREATE ROW ACCESS POLICY germany ON silver.sessions GRANT TO ('user:a@b.c') FILTER USING (TRUE)",
            ErrorKind::Exists,
            "OR REPLACE",
        ),
        ("CREATE ROW ACCESS POLICY a ON silver.nothing FILTER USING (TRUE)", ErrorKind::NotFound, "silver.nothing"),
        ("CREATE ROW ACCESS POLICY a ON sessions FILTER USING (TRUE)", ErrorKind::Invalid, "its zone"),
        ("CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (nothing = 1)", ErrorKind::Invalid, "nothing"),
        ("CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (country)", ErrorKind::Invalid, "condition"),
        ("CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (count(*) > 1)", ErrorKind::Invalid, "condition"),
        (
            "CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (TRUE) OR 1 = 1",
            ErrorKind::Invalid,
            "Behind the statement",
        ),
        ("CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (TRUE -- x\n)", ErrorKind::Invalid, "comments"),
        ("CREATE ROW ACCESS POLICY a ON silver.sessions FILTER USING (TRUE", ErrorKind::Invalid, "not closed"),
        (
            "CREATE ROW ACCESS POLICY a ON silver.sessions GRANT TO ('bob') FILTER USING (TRUE)",
            ErrorKind::Invalid,
            "names nobody",
        ),
        (
            "CREATE ROW ACCESS POLICY \"a b\" ON silver.sessions FILTER USING (TRUE)",
            ErrorKind::Invalid,
            "letters, digits",
        ),
        ("DROP ROW ACCESS POLICY a ON silver.sessions", ErrorKind::NotFound, "no row access policy 'a'"),
        (
            "CREATE DATA_POLICY a OPTIONS (data_policy_type = 'DATA_MASKING_POLICY')",
            ErrorKind::Invalid,
            "masking_expression",
        ),
        (
            "CREATE DATA_POLICY a OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'ROT13')",
            ErrorKind::Invalid,
            "SHA256",
        ),
        ("DROP DATA_POLICY raw", ErrorKind::Invalid, "silver.sessions.browser"),
        ("DROP DATA_POLICY other", ErrorKind::NotFound, "other"),
        ("GRANT FINE_GRAINED_READ ON DATA_POLICY other TO 'user:a@b.c'", ErrorKind::NotFound, "other"),
        (
            "ALTER TABLE silver.sessions ALTER COLUMN hits SET OPTIONS (data_policies = ['last_four'])",
            ErrorKind::Invalid,
            "LAST_FOUR_CHARACTERS cannot mask",
        ),
        (
            "ALTER TABLE silver.sessions ALTER COLUMN date SET OPTIONS (data_policies = ['nothing'])",
            ErrorKind::Invalid,
            "partition column",
        ),
        (
            "ALTER TABLE silver.sessions ALTER COLUMN nowhere SET OPTIONS (data_policies = ['nothing'])",
            ErrorKind::NotFound,
            "nowhere",
        ),
        (
            "CREATE OR REPLACE DATA_POLICY last_four OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'DATE_YEAR_MASK')",
            ErrorKind::Invalid,
            "DATE_YEAR_MASK cannot mask",
        ),
    ] {
        match world.change(sql).await {
            Ok(_) => panic!("{sql} is accepted"),
            Err(error) => {
                assert_eq!(error.kind, kind, "{sql}: {error}");
                assert!(error.message.contains(says), "{sql}: {error}");
            }
        }
    }
    assert_eq!(world.f.lake.policies(), before);
    for sql in [
        "CREATE ROW ACCESS POLICY IF NOT EXISTS germany ON silver.sessions FILTER USING (FALSE)",
        "DROP ROW ACCESS POLICY IF EXISTS a ON silver.sessions",
        "DROP DATA_POLICY IF EXISTS other",
    ] {
        assert_eq!(world.change(sql).await.unwrap(), *before, "{sql} changes nothing");
    }
}
