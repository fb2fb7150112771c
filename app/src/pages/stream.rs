use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Board, Facts, Note, Panel, icon, percent, state_mark},
    wire::{CompactedView, DeadLetterView, EndedStreamView, NoteKind, NoteView, State, StreamControl, StreamView},
};

/// The stream: what is published, what moves, where it ends up, what could not be taken. With `?still` nothing of it moves, while the
/// stream goes on.
#[component]
pub(crate) fn Stream() -> impl IntoView {
    let still = use_query_map().with_untracked(|query| query.get("still").is_some());
    match still {
        true => drawn(Redraw::OnRequest, api::stream(), |view| view! { <Page view still=true /> }).erased(),
        false => drawn(Redraw::OnNews, api::stream(), |view| view! { <Page view still=false /> }).erased(),
    }
}

#[component]
fn Page(view: StreamView, still: bool) -> impl IntoView {
    let trouble = view.trouble.map(|text| view! { <Note note=NoteView { kind: NoteKind::Warn, text, link: None } /> });
    let freeze = if still {
        view! {
            <a class="btn" href="/stream">
                {icon("#i-play")}
                "Let the screen go on"
            </a>
        }
        .erased()
    } else {
        view! {
            <a class="btn quiet" href="/stream?still">
                {icon("#i-freeze")}
                "Freeze the screen"
            </a>
        }
        .erased()
    };
    let ended = (!view.ended.is_empty()).then(|| view! { <Ended rows=view.ended /> });
    view! {
        <PageTitle text="Stream" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Stream"</h1>
                <span class="sub">"Records of a day, published one after another"</span>
                <span class="page-end viewer">{freeze}</span>
            </header>
            {trouble}
            <Control control=view.control />
            <Board view=view.board still />
            <div class="cols stretch">
                <div class="stack w-6">
                    <Compaction compacted=view.compacted can=view.can_compact />
                    <ByHand sample=view.sample />
                </div>
                <DeadLetters dead=view.dead count=view.dead_count />
                {ended}
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Control(control: StreamControl) -> impl IntoView {
    match control {
        StreamControl::Start { days, lasts } => view! { <StartForm days lasts /> }.erased(),
        StreamControl::Running { id, state, state_text, rate, facts, permille } => {
            let end = state_mark(state, state_text).erased();
            view! {
                <Panel title="Control" class="stream-control" end>
                    <Buttons paused=state != State::Running rate />
                    <div class="bar" aria-hidden="true">
                        <i style=format!("--at:{}", percent(permille))></i>
                    </div>
                    <Facts facts />
                    <p class="sub mono">{id}</p>
                </Panel>
            }
            .erased()
        }
    }
}

/// A form of the stream: one button after another, each a change of its own.
#[component]
fn Buttons(paused: bool, rate: String) -> impl IntoView {
    let action = expect_context::<Actions>().stream;
    let (change, word, drawing) =
        if paused { ("resume", "Resume", "#i-play") } else { ("pause", "Pause", "#i-freeze") };
    let presets = ["1", "10", "100", "1000"]
        .map(|preset| {
            let pressed = if preset == rate { "true" } else { "false" };
            view! {
                <button class="btn" type="submit" name="value" value=preset aria-pressed=pressed>
                    {preset}
                    "/s"
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="stream-forms">
            <Post action class="btns">
                <button class="btn primary" type="submit" name="change" value=change>
                    {icon(drawing)}
                    {word}
                </button>
                <button class="btn" type="submit" name="change" value="step">
                    "One record"
                </button>
                <button class="btn" type="submit" name="change" value="stop">
                    {icon("#i-stop")}
                    "Stop"
                </button>
            </Post>
            <Post action class="btns">
                <input type="hidden" name="change" value="rate" />
                {presets}
            </Post>
            <Post action class="btns">
                <input type="hidden" name="change" value="rate" />
                <label class="field">
                    <span>"Records a second"</span>
                    <input
                        type="number"
                        name="value"
                        min="0.1"
                        max="10000"
                        step="0.1"
                        value=rate.clone()
                        required
                        autocomplete="off"
                    />
                </label>
                <button class="btn" type="submit">
                    "Set rate"
                </button>
            </Post>
            <Post action class="btns">
                <input type="hidden" name="change" value="burst" />
                <label class="field">
                    <span>"At once"</span>
                    <input
                        type="number"
                        name="value"
                        min="1"
                        max="100000"
                        value="100"
                        required
                        autocomplete="off"
                    />
                </label>
                <button class="btn" type="submit">
                    "Burst"
                </button>
            </Post>
        </div>
    }
    .erased()
}

#[component]
fn StartForm(days: Vec<(String, bool)>, lasts: String) -> impl IntoView {
    let action = expect_context::<Actions>().start_stream;
    if days.is_empty() {
        return view! {
            <Panel title="Control">
                <div class="empty">
                    <p>"There is no day to publish yet."</p>
                    <p class="sub">"The seed of the story puts days into the source bucket."</p>
                    <a class="btn" href="/">
                        "Go to the story"
                    </a>
                </div>
            </Panel>
        }
        .erased();
    }
    let days = days
        .into_iter()
        .map(|(day, chosen)| {
            let value = day.clone();
            view! {
                <option value=value selected=chosen>
                    {day}
                </option>
            }
        })
        .collect_view();
    let payloads = choice(
        "A message holds",
        "payload",
        [("full", "the whole session"), ("flattened", "the session without its hits")],
    );
    let dates = choice("Dates", "dates", [("today", "as if today"), ("original", "original dates")]);
    let ends = choice("At the end of the day", "end", [("stop", "stop"), ("loop", "begin again")]);
    view! {
        <Panel title="Control" class="stream-control">
            <Post action class="filter">
                <label>
                    <span>"Day"</span>
                    <select name="day">{days}</select>
                </label>
                <label>
                    <span>"Records a second"</span>
                    <input type="number" name="rate" min="0.1" max="10000" step="0.1" value="1" required />
                </label>
                {payloads}
                {dates}
                {ends}
                <span class="filter-do">
                    <button class="btn primary" type="submit">
                        {icon("#i-play")}
                        "Start the stream"
                    </button>
                </span>
            </Post>
            <p class="sub">{lasts}</p>
        </Panel>
    }
    .erased()
}

/// One of two, the first unless somebody chooses.
fn choice(label: &'static str, name: &'static str, options: [(&'static str, &'static str); 2]) -> AnyView {
    let options = options.map(|(value, words)| view! { <option value=value>{words}</option> }).collect_view();
    view! {
        <label>
            <span>{label}</span>
            <select name=name>{options}</select>
        </label>
    }
    .erased()
}

#[component]
fn Compaction(compacted: Vec<CompactedView>, can: bool) -> impl IntoView {
    let action = expect_context::<Actions>().stream;
    let none = compacted.is_empty();
    let rows = compacted
        .into_iter()
        .map(|table| {
            let bars = [("before", table.files.0, table.before), ("after", table.files.1, table.after)]
                .map(|(word, permille, text)| {
                    view! {
                        <li>
                            <span>{word}</span>
                            <span class="num">{text}</span>
                            <span></span>
                            <i style=format!("--at:{}", percent(permille))></i>
                        </li>
                    }
                })
                .collect_view();
            view! {
                <h3 class="mono">{table.table}</h3>
                <ul class="bars">{bars}</ul>
                <p class="sub">{table.rows}</p>
            }
            .erased()
        })
        .collect::<Vec<_>>();
    let empty = none.then(|| {
        view! { <p class="sub">"A stream makes many small files. Compaction writes one large file for each day, and readers see each row once all the while."</p> }
    });
    view! {
        <Panel title="Compaction" id="compaction">
            <Post action class="btns">
                <button class="btn" type="submit" name="change" value="compact" disabled=!can>
                    "Compact now"
                </button>
            </Post>
            {empty}
            {rows}
        </Panel>
    }
    .erased()
}

#[component]
fn DeadLetters(dead: Vec<DeadLetterView>, count: String) -> impl IntoView {
    let actions = expect_context::<Actions>();
    let none = dead.is_empty();
    let letters = dead.into_iter().map(|letter| dead_letter(actions, letter)).collect::<Vec<_>>();
    let poisons = [("json", "Bad JSON"), ("missing", "Missing field"), ("type", "Wrong type")]
        .map(|(value, words)| {
            view! {
                <button class="btn" type="submit" name="value" value=value>
                    {words}
                </button>
            }
        })
        .collect_view();
    let empty = none.then(|| {
        view! { <p class="sub">"No record is waiting here. One that cannot be taken never stops the stream: it comes here, with the reason."</p> }
    });
    let end = view! { <span class="sub num">{count}</span> }.erased();
    view! {
        <Panel title="Dead letters" class="w-6" id="dead-letters" end>
            <Post action=actions.stream class="btns">
                <input type="hidden" name="change" value="poison" />
                <span class="sub">"Throw in a poisoned record:"</span>
                {poisons}
            </Post>
            {empty}
            {letters}
        </Panel>
    }
    .erased()
}

fn dead_letter(actions: Actions, letter: DeadLetterView) -> AnyView {
    let key = format!("{} {} {}", letter.run_id, letter.seq, letter.attempt);
    let (run, seq) = (letter.run_id.clone(), letter.seq.clone());
    let mend = letter.mended.map(|payload| {
        let (summary, words) = if letter.known {
            ("Repair and resend", "It is mended from the record that it was made of.")
        } else {
            ("Repair and resend", "Mend the record, then send it again.")
        };
        view! {
            <details class="data">
                <summary>{icon("#i-down")} <span>{summary}</span></summary>
                <Post action=actions.resend class="stack">
                    <input type="hidden" name="run" value=run />
                    <input type="hidden" name="seq" value=seq />
                    <label class="field wide">
                        <span>{words}</span>
                        <textarea name="payload" rows="6" spellcheck="false">
                            {payload}
                        </textarea>
                    </label>
                    <button class="btn" type="submit">
                        "Resend"
                    </button>
                </Post>
            </details>
        }
    });
    let attempt = (!letter.attempt.is_empty()).then(|| view! { <span class="sub">"attempt " {letter.attempt}</span> });
    view! {
        <article class="dead" data-key=key>
            <p>
                <span class="num sub">{letter.received}</span>
                " "
                <span class="mono">{letter.run_id}</span>
                " "
                <span class="num">"#" {letter.seq}</span>
                " "
                {attempt}
            </p>
            <p>{letter.reason}</p>
            <pre class="code" tabindex="0">
                {letter.payload}
            </pre>
            {mend}
        </article>
    }
    .erased()
}

#[component]
fn ByHand(sample: Option<String>) -> impl IntoView {
    let action = expect_context::<Actions>().stream;
    let body = match sample {
        None => view! { <p class="sub">"The first stream brings a record to begin with."</p> }.erased(),
        Some(sample) => view! {
            <Post action class="stack">
                <input type="hidden" name="change" value="send" />
                <label class="field wide">
                    <span>"The record that comes next, without its hits. Change it as you like."</span>
                    <textarea name="value" rows="6" spellcheck="false">
                        {sample}
                    </textarea>
                </label>
                <button class="btn" type="submit">
                    "Send this record"
                </button>
            </Post>
        }
        .erased(),
    };
    view! {
        <Panel title="By hand" id="by-hand">
            {body}
        </Panel>
    }
    .erased()
}

#[component]
fn Ended(rows: Vec<EndedStreamView>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row" class="mono">
                        {row.id}
                    </th>
                    <td class="num">{row.date}</td>
                    <td class="r num">{row.published}</td>
                    <td class="r num wide-only">{row.started}</td>
                    <td class="r num wide-only">{row.took}</td>
                    <td>{row.why}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Streams before" class="w-12" body="panel-body rows scroll">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Stream"</th>
                        <th scope="col">"Day"</th>
                        <th scope="col" class="r">
                            "Published"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Started"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Took"
                        </th>
                        <th scope="col">"Why it ended"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}
