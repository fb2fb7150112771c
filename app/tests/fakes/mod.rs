//! Services that answer with made-up values: enough to show every part of every page.

mod calls;
mod customers;
mod datasets;
mod lake;
mod lineage;
mod people;
mod policies;
mod presenting;
pub mod privacy;
mod report;
mod reset;
mod sql;
mod stories;
pub mod stream;

use std::sync::Arc;

use app::{services::*, wire::*};
use async_trait::async_trait;

/// What the services are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// A run is under way.
    #[default]
    Busy,
    /// The next step waits to be pressed.
    Idle,
    /// The step cannot be pressed.
    Blocked,
    /// Nothing has happened yet.
    Fresh,
    /// Nothing may be seen.
    Locked,
    /// The database does not answer.
    Broken,
}

/// Services in a mood.
pub fn services(mood: Mood, theme: &'static str) -> Services {
    let fake = Arc::new(Fake { mood, theme });
    Services {
        policy: fake.clone(),
        show: fake.clone(),
        presenting: fake.clone(),
        browse: fake.clone(),
        runs: fake.clone(),
        reports: fake.clone(),
        resets: fake.clone(),
        queries: fake.clone(),
        streaming: fake.clone(),
        lineages: fake.clone(),
        policies: fake.clone(),
        privacy: fake.clone(),
        people: fake.clone(),
        customers: fake.clone(),
        datasets: fake.clone(),
        stories: fake,
    }
}

struct Fake {
    mood: Mood,
    theme: &'static str,
}

impl Fake {
    fn usable(&self) -> Result<(), WireError> {
        if self.mood == Mood::Broken {
            return Err(WireError {
                request_id: "r-42".into(),
                ..WireError::new(
                    ErrorCode::Unavailable,
                    "The control database is locked. Close the program that holds it; this page tries again.",
                )
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Policy for Fake {
    async fn authorize(&self, permission: Permission) -> Result<(), WireError> {
        if self.mood == Mood::Locked
            && !matches!(
                permission,
                Permission::Enter | Permission::Watch | Permission::View | Permission::Inspect | Permission::Switch
            )
        {
            return Err(WireError::new(ErrorCode::Forbidden, "Only a presenter may press this. Ask one."));
        }
        Ok(())
    }
}

fn fact(label: &str, value: &str, rest: &str) -> FactView {
    FactView { label: label.into(), value: value.into(), rest: rest.into() }
}

fn progress() -> ProgressView {
    let segment = |title: &str, state, permille| SegmentView { title: title.into(), state, permille };
    ProgressView {
        run_id: "run-0059-7f3a".into(),
        state: State::Running,
        state_text: "Running for 0.9 s".into(),
        segments: vec![
            segment("List", State::Done, 1000),
            segment("Bronze", State::Done, 1000),
            segment("Silver", State::Running, 620),
            segment("Gold", State::Later, 0),
            segment("Warehouse", State::Later, 0),
        ],
        facts: vec![
            fact("Rows", "1,240", "/ 1,987"),
            fact("Bytes", "20.2", "/ 32.6 MB"),
            fact("Rate", "48.3", "MB/s"),
            fact("Elapsed", "0.9", "s"),
            fact("Left", "0.4", "s"),
        ],
        text: "Silver, step 3 of 5".into(),
        permille: 524,
    }
}

fn step(mood: Mood) -> StepView {
    let busy = mood == Mood::Busy;
    let blocked = (mood == Mood::Blocked).then(|| "Upload a day first: the folder is empty.".to_owned());
    let (state, state_text) = match mood {
        Mood::Busy => (State::Running, "Running for 0.9 s"),
        Mood::Blocked => (State::Blocked, "Blocked"),
        _ => (State::Next, "Next"),
    };
    let outcome =
        |what: &str, rows: &str, files: &str, bytes: &str, seconds: &str, state, link: Option<(&str, &str)>| {
            OutcomeRow {
                what: what.into(),
                tables: "1".into(),
                rows: rows.into(),
                files: files.into(),
                bytes: bytes.into(),
                seconds: seconds.into(),
                link: link.map(|(text, href)| (text.into(), href.into())),
                state,
            }
        };
    let mut more = vec![ActionView {
        kind: ActionKind::UploadOwn("customer01/visits/2017-07-29".into()),
        label: "Upload a file of one's own".into(),
        busy: false,
        disabled: None,
    }];
    more.insert(
        0,
        if busy {
            ActionView {
                kind: ActionKind::Stop("run-0059-7f3a".into()),
                label: "Stop the run".into(),
                busy: false,
                disabled: None,
            }
        } else {
            ActionView {
                kind: ActionKind::Reingest("customer01/visits/2017-07-29".into()),
                label: "Re-ingest 2017-07-29".into(),
                busy: false,
                disabled: Some("Not ingested yet.".into()),
            }
        },
    );
    StepView {
        id: "2.2".into(),
        position: "Step 2 of 4 · planned 1:30".into(),
        title: "Write end_file.txt".into(),
        state,
        state_text: state_text.into(),
        say: vec![
            "The file has been lying there for a minute and nothing happened. That is deliberate. This one empty file is the \
             customer saying “I am finished”, and it starts exactly one run over exactly these files."
                .into(),
        ],
        number: Some(NumberView {
            label: "The number to say".into(),
            value: "1,987 sessions".into(),
            compare: Some("a usual Saturday: 1,940 to 2,110".into()),
        }),
        action: ActionView {
            kind: ActionKind::Press,
            label: if busy { "Writing end_file.txt" } else { "Write end_file.txt" }.into(),
            busy,
            disabled: blocked,
        },
        more,
        pressed: busy.then(|| "Pressed 14:06:12.".into()),
        calls: (!busy).then(|| "/runs/run-0059-7f3a/calls".into()),
        progress: busy.then(progress),
        came_out: if busy {
            vec![
                outcome("Bronze", "1,987", "1", "2.31 MB", "0.41", State::Done, Some(("Partition", "/lake/bronze.visits"))),
                outcome("Quarantine", "1", "1", "14.8 KB", "0.00", State::Warn, Some(("Row, reason", "/runs/run-0059-7f3a#quarantine"))),
                outcome("Silver", "1,240", "–", "–", "0.44", State::Running, None),
            ]
        } else {
            Vec::new()
        },
        notes: if busy {
            Vec::new()
        } else {
            vec![NoteView {
                kind: NoteKind::Info,
                text: "Waiting for end_file.txt (1 file, 1.96 MB).".into(),
                link: Some(("The folder".into(), "/lake".into())),
            }]
        },
        skip: (!busy).then(|| SkipView {
            means: "Without end_file.txt 29 Jul does not come into the lake: steps 2.3 and 2.4 are left out too.".into(),
            instead: (mood == Mood::Idle).then(|| "Write end_file.txt, and go on".into()),
        }),
        previous: Some("2.1".into()),
        next: Some("2.3".into()),
    }
}

fn chapters() -> Vec<ChapterView> {
    let row = |id: &str, title: &str, state, minutes: &str, reason: Option<&str>| StepRow {
        id: id.into(),
        title: title.into(),
        state,
        minutes: minutes.into(),
        reason: reason.map(Into::into),
        selected: id == "2.2",
    };
    let chapter = |number, title: &str, done, open, steps: Vec<StepRow>| ChapterView {
        number,
        title: title.into(),
        done,
        total: steps.len() as u32,
        open,
        steps,
    };
    vec![
        chapter(
            1,
            "The lake before today",
            3,
            false,
            vec![
                row("1.1", "Seed the source bucket", State::Done, "2:05", None),
                row("1.2", "Ingest the history as customer01", State::Done, "1:40", None),
                row("1.3", "Look at 58 days", State::Done, "0:50", None),
            ],
        ),
        chapter(
            2,
            "A day arrives",
            1,
            true,
            vec![
                row("2.1", "Upload 2017-07-29", State::Done, "1:47", None),
                row("2.2", "Write end_file.txt", State::Running, "1:20", None),
                row("2.3", "Find the day in each zone", State::Next, "1:30", None),
                row("2.4", "The chart moves", State::Later, "1:30", None),
            ],
        ),
        chapter(
            3,
            "What changed",
            0,
            true,
            vec![
                row("3.1", "The total hides it", State::Later, "1:30", None),
                row("3.2", "Mobile checkout, UK", State::Skipped, "1:30", None),
                row("3.3", "Back to the file", State::Blocked, "1:00", Some("Blocked: needs the finding first")),
            ],
        ),
        chapter(4, "Put it back", 0, false, vec![row("4.1", "Reset", State::Later, "2:00", None)]),
    ]
}

fn zones() -> Vec<ZoneView> {
    [
        ("source", "Source", "61 days", "61 files · 151 MB", "", State::Done),
        ("ingestion", "Ingestion", "1 file", "29 Jul · 1.96 MB", "+1", State::Done),
        ("bronze", "Bronze", "151,681", "59 days · 59 files", "+1,987", State::Done),
        ("silver", "Silver", "150,934", "58 of 59 days", "+1,240", State::Running),
        ("gold", "Gold", "58 days", "7 tables", "waiting", State::Later),
        ("warehouse", "Warehouse", "149,694", "58 partitions", "waiting", State::Later),
        ("report", "Report", "28 Jul", "latest day shown", "waiting", State::Later),
    ]
    .into_iter()
    .map(|(key, title, amount, detail, change, state)| ZoneView {
        key: key.into(),
        title: title.into(),
        amount: amount.into(),
        detail: detail.into(),
        change: change.into(),
        state,
        href: if key == "report" { "/report" } else { "/lake" }.into(),
    })
    .collect()
}

#[async_trait]
impl Show for Fake {
    async fn shell(&self) -> Result<ShellView, WireError> {
        self.usable()?;
        Ok(ShellView {
            customer: "customer01".into(),
            dataset: "visits".into(),
            role: "presenter".into(),
            name: "Ada".into(),
            theme: self.theme.into(),
            last_event: 41,
            at: "14:06:12".into(),
            trouble: None,
            viewing: (self.mood == Mood::Blocked).then(|| ("Analyst".into(), "analyst@example.com".into())),
            identities: vec![("analyst".into(), "Analyst".into())],
        })
    }

    async fn show(&self, _step: Option<String>) -> Result<ShowView, WireError> {
        self.usable()?;
        Ok(ShowView {
            title: "Web analytics: a day arrives".into(),
            clock: presenting::clock(self.mood),
            audience: presenting::control(self.mood),
            chapters: chapters(),
            step: step(self.mood),
            zones: zones(),
        })
    }

    async fn press(&self, step: String) -> Result<String, WireError> {
        if self.mood == Mood::Busy {
            return Err(WireError {
                request_id: "r-7".into(),
                ..WireError::new(
                    ErrorCode::Conflict,
                    "It is running already: run-0059-7f3a. Nothing was started twice.",
                )
            });
        }
        Ok(format!("/?step={step}"))
    }

    async fn reingest(&self, _day: String) -> Result<String, WireError> {
        Ok("/runs/run-0060-0001".into())
    }
}

#[async_trait]
impl Runs for Fake {
    async fn runs(&self) -> Result<Vec<RunRow>, WireError> {
        self.usable()?;
        if self.mood == Mood::Fresh {
            return Ok(Vec::new());
        }
        let row = |id: &str, title: &str, state, text: &str| RunRow {
            id: id.into(),
            title: title.into(),
            state,
            state_text: text.into(),
            started_by: "presenter, step 2.2".into(),
            started: "14:06:12".into(),
            took: "1.30 s".into(),
            rows: "1,987".into(),
            held: "1".into(),
        };
        Ok(vec![
            row("run-0060-11aa", "Ingest 2017-07-30", State::Running, "Running for 0.9 s"),
            row("run-0059-7f3a", "Ingest 2017-07-29", State::Warn, "Done, 1 row held"),
            row("run-0058-aa00", "Ingest 2017-07-28", State::Failed, "Failed after 0.6 s"),
            row("run-0057-aa01", "Seed the source bucket", State::Done, "Done"),
        ])
    }

    async fn run(&self, id: String) -> Result<RunView, WireError> {
        self.usable()?;
        if id != "run-0059-7f3a" {
            return Err(WireError::new(ErrorCode::NotFound, format!("There is no run {id}. Open the list of runs.")));
        }
        let step = |title: &str, state, text: &str, start, width, longest, rows: &str, seconds: &str| RunStepView {
            title: title.into(),
            state,
            state_text: text.into(),
            start,
            width,
            longest,
            rows: rows.into(),
            seconds: seconds.into(),
        };
        let line = |at: &str, topic: &str, text: &str, warn| LogLine {
            at: at.into(),
            topic: topic.into(),
            text: text.into(),
            warn,
        };
        Ok(RunView {
            id,
            title: "Ingest 2017-07-29".into(),
            state: State::Warn,
            state_text: "Done, 1 row held".into(),
            facts: vec![
                fact("Started by", "presenter, step 2.2", ""),
                fact("Started", "14:06:12.031", ""),
                fact("Took", "1.30", "s"),
                fact("Rows in", "1,988", ""),
                fact("Rows out", "1,987", ""),
                fact("Held", "1", ""),
                fact("Read", "32.6", "MB"),
                fact("Engine", "embedded", ""),
            ],
            error: None,
            actions: vec![ActionView {
                kind: ActionKind::Retry("run-0059-7f3a".into()),
                label: "Run again".into(),
                busy: false,
                disabled: None,
            }],
            scale: "seconds of 1.30".into(),
            steps: vec![
                step("List files", State::Done, "Done", 0, 15, false, "1 file", "0.02"),
                step("Write bronze", State::Warn, "1 row held", 15, 316, false, "1,987", "0.41"),
                step("Silver: type, deduplicate", State::Done, "Done", 331, 338, true, "1,987", "0.44"),
                step("Gold: 7 tables", State::Done, "Done", 669, 146, false, "7 days", "0.19"),
                step("Load warehouse", State::Done, "Done", 815, 185, false, "1,987", "0.19"),
            ],
            log: vec![
                line("14:06:12.031", "event", "end_file.txt created in customer01/visits/2017-07-29/, generation 2", false),
                line("14:06:12.034", "run", "started run-0059-7f3a, ledger had 58 days", false),
                line("14:06:12.266", "check", "line 1204 held: visitStartTime is not a number", true),
                line("14:06:13.331", "run", "done in 1.30 s", false),
            ],
            quarantine: vec![QuarantineRow {
                file: "visits_20170729.json.gz".into(),
                line: "1,204".into(),
                reason: "visitStartTime is not a number".into(),
                sample: r#"{"visitId":"1501311","visitStartTime":"15O1311988","date":"20170729","totals":{"visits":"1","hits":"3"}, …"#.into(),
            }],
            quarantine_more: None,
            rules: ["Drop repeated sessions", "‘not available in demo dataset’ becomes NULL", "Micros become decimals"]
                .map(|rule| RuleRow {
                    table: "sessions".into(),
                    rule: rule.into(),
                    rows: "11,402".into(),
                })
                .to_vec(),
            progress: None,
            calls: calls::calls().into_iter().take(3).collect(),
            calls_of: "3 of 215 calls".into(),
            lineage: "/lineage?run=run-0059-7f3a".into(),
        })
    }

    async fn run_calls(
        &self,
        id: String,
        step: Option<String>,
        _kind: Option<String>,
        _page: Option<String>,
    ) -> Result<CallsView, WireError> {
        self.usable()?;
        if step.as_deref() == Some("nothing") {
            return Err(WireError::new(ErrorCode::NotFound, "This run has no step 'nothing'."));
        }
        Ok(calls::page(id, step, self.mood == Mood::Fresh))
    }

    async fn stop_run(&self, id: String) -> Result<String, WireError> {
        Ok(format!("/runs/{id}"))
    }

    async fn retry_run(&self, id: String) -> Result<String, WireError> {
        Ok(format!("/runs/{id}"))
    }
}
