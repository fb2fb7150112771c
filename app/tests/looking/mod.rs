//! Pages that one looks into: the lake, queries, calls.

use crate::fakes::Mood;
use crate::rendered::{Page, count, page, tag};

#[tokio::test]
async fn a_table_of_the_lake_is_linked_paged_and_unfolds() {
    let html = page("/lake/bronze.visits", Mood::Idle).await.html;
    assert!(html.contains("51 to 70 of 10,000"));
    assert!(tag(&html, "rel=\"next\"").contains("href=\"/lake/x?page=3\""));
    let current = tag(&html, "/lake/bronze.visits?tab=partitions");
    assert!(current.contains("aria-current=\"true\""), "{current}");
    assert_eq!(count(&html, "<caption"), 1);
    let folded = page("/lake/bronze.visits?tab=schema", Mood::Idle).await.html;
    let found = page("/lake/bronze.visits?tab=schema&find=pagePath", Mood::Idle).await.html;
    for (html, open) in [(folded, false), (found, true)] {
        assert_eq!(html.contains("<details open"), open);
        assert!(html.contains(">hits.page.pagePath<") && html.contains("values since 2017-07-01"));
        let chosen = tag(&html, "selected");
        assert!(chosen.starts_with("<option"), "{chosen}");
        assert!(html.contains(&format!("{chosen}gold.daily_kpis")), "{chosen}");
    }
    let Page { html, status } = page("/lake/nothing", Mood::Idle).await;
    assert!(html.contains("There is no table &#x27;nothing&#x27;.") || html.contains("There is no table 'nothing'."));
    assert_eq!(status, [404]);
}

#[tokio::test]
async fn a_query_is_shown_with_its_rows_its_cost_and_its_plan() {
    let html = page("/sql?q=one", Mood::Idle).await.html;
    let text = html.split_once(tag(&html, "name=\"q\"")).expect("the query").1;
    assert!(text.starts_with("SELECT '&lt;/textarea>&amp;lt;'\nFROM t</textarea>"), "{text}");
    for label in ["<label for=\"q\"", "<label for=\"compare\"", "id=\"q\"", "id=\"compare\""] {
        assert_eq!(count(&html, label), 1, "{label}");
    }
    for shown in
        ["Partitions", "of 58", "12.3 KB", "TableScan: silver.sessions", "Cut after 1,000 rows", "date, partition"]
    {
        assert!(html.contains(shown), "{shown}");
    }
    // Numbers stand right, and NULL is no text.
    assert!(
        html.contains("<td class=\"num r\">140</td>") && html.contains("<td class=\"\">United Kingdom</td>"),
        "{html}"
    );
    assert!(html.contains("<td class=\"null\">NULL</td>") && html.contains("<td class=\"null r\">NULL</td>"), "{html}");
    assert!(html.contains("&lt;b&gt;"));
    let csv = tag(&html, "/sql.csv");
    assert!(csv.contains("rel=\"external\"") && csv.contains("q=SELECT%201"), "{csv}");
    assert!(tag(&html, "/sql?saved=2").contains("aria-current=\"true\""));
    assert!(tag(&html, "data-query").contains("sql-running"), "seen by the style sheet only while the browser waits");
}

#[tokio::test]
async fn two_queries_stand_side_by_side_and_an_error_is_marked() {
    let html = page("/sql?q=both", Mood::Idle).await.html;
    assert!(html.contains("58 ×") && html.contains("1 of 58") && html.contains("Compared with"));
    let main = |html: &str| html.split_once("<main").expect("a main").1.to_owned();
    assert!(tag(&main(&html), "<details").contains("open"), "the second query is seen");
    let html = page("/sql", Mood::Idle).await.html;
    assert!(!tag(&main(&html), "<details").contains("open") && html.contains("No query has run on this page yet."));
    let html = page("/sql?q=wrong", Mood::Idle).await.html;
    assert!(html.contains("No field named contry.") && html.contains("Line 1, column 8."));
    assert!(html.contains("SELECT contry\n    │        ^"), "{html}");
}

#[tokio::test]
async fn calls_read_without_javascript_and_each_text_can_be_copied() {
    let html = page("/runs/run-0059-7f3a/calls?step=bronze", Mood::Idle).await.html;
    assert_eq!(count(&html, "<details class=\"call\""), 4);
    for shown in [
        "What did that button do?",
        "objects.put(b/customer01/end_file.txt, \"&lt;b&gt;\")",
        "POST https://storage.googleapis.com/upload/storage/v1/b/b/o?name=x",
        "printf '' | gcloud storage cp - gs://b/customer01/end_file.txt",
        "And 212 more like those above, 1.30 s in all.",
        "The disk is full: free some space.",
        "The batch makes this request last.",
        "26 to 29 of 54",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    for label in ["Copy: Here", "Copy: REST", "Copy: gcloud"] {
        assert_eq!(count(&html, &format!("aria-label=\"{label}\"")), 4, "{label}");
    }
    assert!(tag(&html, "aria-label=\"Copy: Here\"").contains("type=\"button\""));
    let current = tag(&html, "href=\"/runs/run-0059-7f3a/calls?step=bronze\"");
    assert!(current.contains("aria-current=\"true\""), "{current}");
    assert!(tag(&html, "rel=\"next\"").contains("page=3") && html.contains("class=\"state failed\""));
    let Page { html, status } = page("/runs/run-0059-7f3a/calls?step=nothing", Mood::Idle).await;
    assert!(html.contains("This run has no step") && status == [404], "{status:?}");
    // From the run and from the step there is a way there; the first call is open.
    let html = page("/runs/run-0059-7f3a", Mood::Idle).await.html;
    assert!(html.contains("3 of 215 calls") && tag(&html, "/runs/run-0059-7f3a/calls").starts_with("<a "));
    assert!(tag(&html, "class=\"call\"").contains("open"));
    let html = page("/", Mood::Idle).await.html;
    assert!(html.contains(">What did this button do?</a>"));
    assert!(!page("/", Mood::Busy).await.html.contains("What did this button do?"), "not before it is over");
    let html = page("/sql?q=one", Mood::Idle).await.html;
    assert!(html.contains("bq query 'SELECT 1'") && !html.contains("Copy: bq"), "{html}");
}
