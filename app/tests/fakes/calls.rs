//! Calls of a run.

use app::wire::*;

fn code(label: &str, text: &str) -> CodeView {
    CodeView { label: label.into(), text: text.into() }
}

/// A write, one that was not there, one that failed, and many that were only counted.
pub fn calls() -> Vec<CallView> {
    let call = |title: &str, resource: &str, state, state_text: &str| CallView {
        title: title.into(),
        resource: resource.into(),
        step: "Write bronze".into(),
        state,
        state_text: state_text.into(),
        facts: "14:06:12.031 · 2.0 ms · 1,987 rows".into(),
        error: (state == State::Failed).then(|| "The disk is full: free some space.".into()),
        more: None,
        google: "storage.objects.insert".into(),
        note: Some("The batch makes this request last.".into()),
        codes: vec![
            code("Here", &format!("{title}({resource}, \"<b>\")")),
            code("REST", "POST https://storage.googleapis.com/upload/storage/v1/b/b/o?name=x\n\n{\n  \"a\": 1\n}"),
            code("gcloud", "printf '' | gcloud storage cp - gs://b/customer01/end_file.txt"),
        ],
    };
    let counted = CallView {
        more: Some("And 212 more like those above, 1.30 s in all. The last of them is shown.".into()),
        ..call("objects.head", "b/y", State::Done, "OK")
    };
    vec![
        call("objects.put", "b/customer01/end_file.txt", State::Done, "OK"),
        call("objects.head", "b/x", State::Later, "Not there"),
        call("delta.commit", "bronze.visits", State::Failed, "Failed"),
        counted,
    ]
}

/// The page of the calls.
pub fn page(id: String, step: Option<String>, fresh: bool) -> CallsView {
    let choice = |label: &str, query: &str, current| CallChoice {
        label: label.into(),
        count: "215".into(),
        href: format!("/runs/{id}/calls{query}"),
        current,
    };
    CallsView {
        title: "Ingest 2017-07-29".into(),
        running: false,
        summary: "215 calls, noted by the data plane as they happened.".into(),
        legend: "PROJECT stands for your project.".into(),
        steps: vec![
            choice("All steps", "", step.is_none()),
            choice("Write bronze", "?step=bronze", step.as_deref() == Some("bronze")),
        ],
        kinds: vec![choice("All kinds", "", true), choice("SQL", "?kind=sql", false)],
        calls: if fresh { vec![] } else { calls() },
        range: if fresh { String::new() } else { "26 to 29 of 54".into() },
        previous: (!fresh).then(|| format!("/runs/{id}/calls")),
        next: (!fresh).then(|| format!("/runs/{id}/calls?page=3")),
        run_id: id,
    }
}
