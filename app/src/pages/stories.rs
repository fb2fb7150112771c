use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Facts, Grid, Note, Panel, choice_links, state_mark},
    wire::{
        ChapterPreview, DepthView, FieldNote, NoteView, State, StepEditView, StepForm, StepPreview, StoriesView,
        StoryEditView, StoryLine, StoryPreview,
    },
};

/// The stories, and which of them is on stage.
#[component]
pub(crate) fn Stories() -> impl IntoView {
    let search = use_location().search.get_untracked();
    drawn(Redraw::OnNews, api::stories(search), |view| view! { <List view /> })
}

/// A story as it would be told.
#[component]
pub(crate) fn StoryPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    let search = use_location().search.get_untracked();
    drawn(Redraw::OnNews, api::story(id, search), |view| view! { <Preview view /> })
}

/// The form of a duplicate. What happens elsewhere must not take away what is typed.
#[component]
pub(crate) fn EditStory() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    let search = use_location().search.get_untracked();
    drawn(Redraw::OnRequest, api::story_form(id, search), |view| view! { <Edit view /> })
}

fn notes(notes: Vec<NoteView>) -> AnyView {
    notes.into_iter().map(|note| view! { <Note note /> }).collect_view().erased()
}

#[component]
fn List(view: StoriesView) -> impl IntoView {
    let delete = view.delete.map(|(id, title, means)| view! { <Delete id title means /> });
    let edits = view.edits;
    let stories = view.stories.into_iter().map(|story| view! { <Line story edits /> }).collect_view();
    view! {
        <PageTitle text="Stories" />
        <main class="page stories" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Stories"</h1>
                <span class="sub">"What can be told, for how long, and what is on stage"</span>
            </header>
            {delete}
            {stories}
        </main>
    }
    .erased()
}

#[component]
fn Delete(id: String, title: String, means: String) -> impl IntoView {
    let action = expect_context::<Actions>().story;
    view! {
        <Panel title=format!("Delete {id}?") id="delete">
            <p>
                <strong>{title}</strong>
            </p>
            <p class="sub">{means}</p>
            <div class="btns">
                <Post action>
                    <input type="hidden" name="story" value=id.clone() />
                    <button class="btn danger" type="submit" name="change" value="delete">
                        {format!("Delete {id}")}
                    </button>
                </Post>
                <a class="btn quiet" href="/stories">
                    "Keep it"
                </a>
            </div>
        </Panel>
    }
    .erased()
}

#[component]
fn Line(story: StoryLine, edits: bool) -> impl IntoView {
    let action = expect_context::<Actions>().story;
    let StoryLine { id, title, on_stage, facts, depths, notes, duplicate } = story;
    let end = on_stage.map_or_else(|| ().erased(), |words| state_mark(State::Done, words).erased());
    let rows =
        depths.into_iter().map(|depth| view! { <Depth id=id.clone() title=title.clone() depth /> }).collect_view();
    let heading = format!("{title} ({id})");
    let change = edits.then(|| {
        let own = duplicate.then(|| {
            view! {
                <a class="btn" href=format!("/stories/{id}/edit") aria-label=format!("Edit {id}")>
                    "Edit"
                </a>
                <form method="get" action="/stories">
                    <input type="hidden" name="delete" value=id.clone() />
                    <button class="btn" type="submit" aria-label=format!("Delete {id}…")>
                        "Delete…"
                    </button>
                </form>
            }
        });
        view! {
            <div class="btns">
                <Post action>
                    <input type="hidden" name="story" value=id.clone() />
                    <button
                        class="btn"
                        type="submit"
                        name="change"
                        value="duplicate"
                        aria-label=format!("Duplicate {id}")
                    >
                        "Duplicate"
                    </button>
                </Post>
                {own}
            </div>
        }
    });
    view! {
        // Two stories may have the same title.
        <Panel title=heading end>
            <Facts facts />
            {self::notes(notes)}
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Show"</th>
                        <th scope="col" class="r">
                            "Steps"
                        </th>
                        <th scope="col" class="r">
                            "Planned"
                        </th>
                        <th scope="col">"Stage"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {change}
        </Panel>
    }
    .erased()
}

#[component]
fn Depth(id: String, title: String, depth: DepthView) -> impl IntoView {
    let words = format!("{} minutes", depth.depth);
    if depth.steps == 0 {
        return view! {
            <tr>
                <th scope="row">{words}</th>
                <td class="r num">"0"</td>
                <td class="r num">"–"</td>
                <td class="sub">"No step is part of it."</td>
            </tr>
        }
        .erased();
    }
    let stage = if depth.on_stage {
        state_mark(State::Done, "On stage").erased()
    } else {
        let label = format!("Put on stage: {id}, {words}");
        view! { <Put id=id.clone() depth=depth.depth label /> }.erased()
    };
    let over = depth.too_long.map(|words| state_mark(State::Warn, words));
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/stories/{id}?depth={}", depth.depth) title=format!("Preview of {title}")>
                    {words}
                </a>
            </th>
            <td class="r num">{depth.steps}</td>
            <td class="r num">{depth.minutes} {over}</td>
            <td>{stage}</td>
        </tr>
    }
    .erased()
}

#[component]
fn Put(id: String, depth: u32, label: String) -> impl IntoView {
    let action = expect_context::<Actions>().on_stage;
    view! {
        <Post action>
            <input type="hidden" name="story" value=id />
            <input type="hidden" name="depth" value=depth.to_string() />
            <button class="btn" type="submit" aria-label=label>
                "Put on stage"
            </button>
        </Post>
    }
    .erased()
}

#[component]
fn Preview(view: StoryPreview) -> impl IntoView {
    let (id, depth) = (view.id, view.depth);
    let ways = view.depths.into_iter().map(|(way, words)| (words, format!("/stories/{id}?depth={way}"), way == depth));
    let ways = choice_links(ways.collect());
    let stage = if view.on_stage {
        state_mark(State::Done, "On stage").erased()
    } else {
        let label = format!("Put on stage: {depth} minutes");
        view! { <Put id=id.clone() depth label /> }.erased()
    };
    let edit = view.edits.then(|| {
        view! {
            <a class="btn" href=format!("/stories/{id}/edit")>
                "Edit"
            </a>
        }
    });
    let chapters = view.chapters.into_iter().map(|chapter| view! { <Chapter chapter /> }).collect_view();
    let versions = view.versions.map(|grid| {
        view! {
            <Panel title="Versions" body="panel-body rows">
                <Grid grid />
            </Panel>
        }
    });
    view! {
        <PageTitle text=view.title.clone() />
        <main class="page stories" id="main" tabindex="-1">
            <header class="page-head">
                <h1>{view.title}</h1>
                <span class="sub">{view.summary}</span>
            </header>
            <div class="btns">
                <nav class="seg" aria-label="Depth">
                    {ways}
                </nav>
                {stage}
                {edit}
                <a class="btn quiet" href="/stories">
                    "All stories"
                </a>
            </div>
            {notes(view.notes)}
            {chapters}
            {versions}
        </main>
    }
    .erased()
}

#[component]
fn Chapter(chapter: ChapterPreview) -> impl IntoView {
    let end = chapter.minutes.erased();
    let steps = chapter.steps.into_iter().map(|step| view! { <Told step /> }).collect_view();
    view! {
        <Panel title=chapter.title end>
            <ol class="told">{steps}</ol>
        </Panel>
    }
    .erased()
}

#[component]
fn Told(step: StepPreview) -> impl IntoView {
    let say = step.say.into_iter().map(|paragraph| view! { <p>{paragraph}</p> }).collect_view();
    let number = step.number.map(|number| {
        view! {
            <dl class="tell">
                <dt>{number.label}</dt>
                <dd>{number.value}</dd>
                <dd class="sub">{number.compare}</dd>
            </dl>
        }
    });
    view! {
        <li>
            <div class="told-time num">
                <span>{step.minutes}</span>
                " "
                <span class="sub">"until " {step.until}</span>
            </div>
            <div class="told-words">
                <h3>{format!("{} {}", step.id, step.title)}</h3>
                {say}
                <p class="sub">{format!("Button: {}", step.button)}</p>
            </div>
            {number}
        </li>
    }
    .erased()
}

#[component]
fn Edit(view: StoryEditView) -> impl IntoView {
    let action = expect_context::<Actions>().save_story;
    let (id, form) = (view.form.story.clone(), view.form);
    let steps = form.steps.into_iter().zip(view.steps).enumerate();
    let steps = steps.map(|(at, (step, about))| view! { <StepFields at step about /> }).collect_view();
    view! {
        <PageTitle text=format!("Edit {}", form.title) />
        <main class="page stories" id="main" tabindex="-1">
            <header class="page-head">
                <h1>{format!("Edit {id}")}</h1>
                <span class="sub">{view.saved}</span>
            </header>
            {notes(view.notes)}
            <Post action class="stack story-form">
                <input type="hidden" name="story" value=id.clone() />
                <input type="hidden" name="base" value=form.base />
                {text_field("title".into(), "story-title".into(), "Title of the story", form.title, view.about_title)}
                <p class="sub">
                    "In texts, {date} is the step's day, {said} the day as it is said, {weekday}, {customer} and {dataset} what their names say. The words beside a button are the shipped story's."
                </p>
                {steps}
                <div class="btns">
                    <button class="btn primary" type="submit">
                        "Save"
                    </button>
                    <a class="btn quiet" href=format!("/stories/{id}")>
                        "Back without saving"
                    </a>
                </div>
            </Post>
        </main>
    }
    .erased()
}

#[component]
fn StepFields(at: usize, step: StepForm, about: StepEditView) -> impl IntoView {
    let name = move |field: &str| format!("steps[{at}][{field}]");
    let id = move |field: &str| format!("step-{at}-{field}");
    let of = |field: &str| about.notes.iter().filter(|note| note.field == field).cloned().collect::<Vec<_>>();
    let (say, depth) = (of("say"), of("depth"));
    let options = ["5", "20", "45"].map(|value| {
        view! {
            <option value=value selected={step.depth == value}>
                {format!("{value} minutes")}
            </option>
        }
    });
    // A depth that was sent and is none stays what it is.
    let other = (!["5", "20", "45"].contains(&step.depth.as_str()))
        .then(|| view! { <option value=step.depth.clone() selected=true>{step.depth.clone()}</option> });
    let chapter = about.chapter.clone().map(|title| view! { <h2 class="chapter-name">{title}</h2> });
    view! {
        {chapter}
        <fieldset class="panel">
            <legend>{format!("Step {}", about.id)} " " <span class="sub">{about.button.clone()}</span></legend>
            <input type="hidden" name=name("does") value=step.does />
            {text_field(name("title"), id("title"), "Title", step.title, of("title"))}
            <label class="field wide">
                <span>"Talking point"</span>
                <textarea
                    name=name("say")
                    rows="4"
                    aria-invalid=invalid(&say)
                    aria-describedby=described(&say, &id("say"))
                >
                    // The first line break of a text area is not part of it.
                    {format!("\n{}", step.say)}
                </textarea>
            </label>
            {field_notes(say, &id("say"))}
            <div class="times">
                <div>{text_field(name("minutes"), id("minutes"), "Planned, as 1:30", step.minutes, of("minutes"))}</div>
                <div>
                    {text_field(name("short"), id("short"), "In 5 minutes, if less", step.short, of("short"))}
                </div>
                <div>
                    <label class="field">
                        <span>"Part of a show of"</span>
                        <select
                            name=name("depth")
                            aria-invalid=invalid(&depth)
                            aria-describedby=described(&depth, &id("depth"))
                        >
                            {other}
                            {options.to_vec()}
                        </select>
                    </label>
                    {field_notes(depth, &id("depth"))}
                </div>
            </div>
        </fieldset>
    }
    .erased()
}

fn text_field(name: String, id: String, words: &'static str, value: String, about: Vec<FieldNote>) -> AnyView {
    view! {
        <label class="field">
            <span>{words}</span>
            <input
                name=name
                value=value
                autocomplete="off"
                aria-invalid=invalid(&about)
                aria-describedby=described(&about, &id)
            />
        </label>
        {field_notes(about, &id)}
    }
    .erased()
}

fn invalid(notes: &[FieldNote]) -> Option<&'static str> {
    notes.iter().any(|note| note.wrong).then_some("true")
}

fn described(notes: &[FieldNote], id: &str) -> Option<String> {
    (!notes.is_empty()).then(|| id.to_owned())
}

/// What stands below a field.
fn field_notes(notes: Vec<FieldNote>, id: &str) -> Option<AnyView> {
    let lines = |notes: Vec<FieldNote>| {
        let line = |note: FieldNote| {
            let class = if note.wrong { "wrong" } else { "sub" };
            view! { <p class=class>{note.words}</p> }
        };
        notes.into_iter().map(line).collect_view()
    };
    (!notes.is_empty()).then(|| view! { <div class="field-notes" id=id.to_owned()>{lines(notes)}</div> }.erased())
}
