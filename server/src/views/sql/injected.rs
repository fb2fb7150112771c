//! What the engine put into a query on behalf of somebody.

use showrunner_lake::Cost;

/// The query and its plan as they ran, as titles with lines. Lines that were put in are marked.
pub(super) fn injected(sql: &str, cost: &Cost) -> Vec<(String, Vec<(String, bool)>)> {
    if cost.injected.is_empty() {
        return Vec::new();
    }
    let mut text = vec![("WITH".to_owned(), true)];
    for (at, injected) in cost.injected.iter().enumerate() {
        text.push((format!("  {} AS (", injected.table), true));
        text.extend(injected.sql().lines().map(|line| (format!("    {line}"), true)));
        text.push((if at + 1 < cost.injected.len() { "  )," } else { "  )" }.to_owned(), true));
    }
    text.extend(sql.lines().map(|line| (line.to_owned(), false)));
    let mut plan = Vec::new();
    for line in cost.logical.lines() {
        let deep = line.len() - line.trim_start().len();
        let scan = line.trim_start().strip_prefix("TableScan: ").unwrap_or_default();
        let table = scan.split(' ').next().unwrap_or_default();
        match cost.injected.iter().find(|injected| injected.table == table) {
            Some(injected) => {
                let lines = injected.plan_lines();
                let deeper = lines.len();
                for (at, put_in) in lines.into_iter().enumerate() {
                    plan.push((format!("{}{put_in}", " ".repeat(deep + 2 * at)), true));
                }
                plan.push((format!("{}{line}", " ".repeat(2 * deeper)), false));
            }
            None => plan.push((line.to_owned(), false)),
        }
    }
    vec![
        ("What ran: your query, and what the engine put before it".to_owned(), text),
        ("What ran: the plan, and what the engine put into it".to_owned(), plan),
    ]
}

#[cfg(test)]
mod tests {
    use showrunner_lake::policy::{Injected, InjectedColumn};

    use super::*;

    #[test]
    fn lines_that_were_put_in_are_marked() {
        let table = Injected {
            table: "silver.sessions".into(),
            rows: Some("country = 'Germany'".into()),
            row_policies: vec!["germany".into()],
            columns: vec![InjectedColumn {
                column: "city".into(),
                rule: Some("SHA256"),
                policies: vec!["hash".into()],
            }],
        };
        let logical = "Aggregate: x\n  TableScan: silver.sessions projection=[city]".to_owned();
        let cost = Cost { injected: vec![table], logical, ..Cost::default() };
        let shown = injected("SELECT city FROM silver.sessions", &cost);
        let lines = |at: usize| {
            shown[at].1.iter().map(|(line, put)| format!("{}{line}", if *put { "+" } else { " " })).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(0),
            [
                "+WITH",
                "+  silver.sessions AS (",
                "+    SELECT * REPLACE (SHA256(city) AS city)",
                "+    FROM silver.sessions",
                "+    WHERE country = 'Germany'",
                "+  )",
                " SELECT city FROM silver.sessions",
            ]
        );
        assert_eq!(
            lines(1),
            [
                " Aggregate: x",
                "+  Mask: SHA256(city) AS city",
                "+    Filter: country = 'Germany'   -- row access policy germany",
                "       TableScan: silver.sessions projection=[city]",
            ]
        );
        assert!(injected("SELECT 1", &Cost::default()).is_empty());
    }
}
