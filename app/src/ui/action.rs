use leptos::{either::EitherOf3, prelude::*};

use super::{icon, state_icon};
use crate::{
    actions::{Actions, Mutation, Post},
    erase::Erase,
    wire::{ActionKind, ActionView, State},
};

/// What a button looks like.
#[derive(Clone)]
struct Face {
    class: &'static str,
    label: String,
    busy: bool,
    off: bool,
    reason: Option<String>,
    drawing: Option<&'static str>,
    keys: Option<&'static str>,
}

/// An action as a button. While it cannot be pressed it keeps focus and contrast, and `reason` is the id of what says why.
/// `step` is what `press` is posted with.
#[component]
pub(crate) fn Act(
    action: ActionView,
    #[prop(into)] step: String,
    #[prop(optional)] primary: bool,
    /// Id of the element that says why, if there is one.
    #[prop(into)]
    reason: String,
) -> impl IntoView {
    let off = action.busy || action.disabled.is_some();
    let drawing = match action.kind {
        ActionKind::Retry(_) | ActionKind::Reingest(_) => Some("#i-reset"),
        ActionKind::Press if primary => Some("#i-next"),
        _ => None,
    };
    let face = Face {
        class: if primary { "btn primary" } else { "btn" },
        label: action.label,
        busy: action.busy,
        off,
        reason: off.then_some(reason),
        drawing,
        keys: primary.then_some("g"),
    };
    let actions = expect_context::<Actions>();
    match action.kind {
        ActionKind::Press | ActionKind::Look(_) => post(actions.press, "step", step, face).erased(),
        ActionKind::Reingest(day) => post(actions.reingest, "day", day, face).erased(),
        ActionKind::Retry(id) => post(actions.retry, "id", id, face).erased(),
        ActionKind::Stop(id) => post(actions.stop, "id", id, face).erased(),
        ActionKind::TakeUp => post(actions.take_up, "step", step, face).erased(),
        ActionKind::Link(_) if off => button(face).erased(),
        ActionKind::Link(href) => view! {
            <a class=face.class href=href aria-keyshortcuts=face.keys>
                {face.label}
            </a>
        }
        .erased(),
        ActionKind::UploadOwn(day) => view! { <Upload day label=face.label /> }.erased(),
    }
}

fn post(action: Mutation, field: &'static str, value: String, face: Face) -> impl IntoView {
    view! {
        <Post action>
            <input type="hidden" name=field value=value />
            {button(face)}
        </Post>
    }
    .erased()
}

fn button(face: Face) -> impl IntoView {
    let mark = if face.busy {
        EitherOf3::A(state_icon(State::Running, None))
    } else if let Some(drawing) = face.drawing {
        EitherOf3::B(icon(drawing))
    } else {
        EitherOf3::C(())
    };
    view! {
        // No submit button while it cannot be pressed: neither Enter nor a click posts the form then, with or without JavaScript.
        <button
            class=face.class
            type=if face.off { "button" } else { "submit" }
            aria-disabled=face.off.then_some("true")
            aria-describedby=face.reason
            aria-keyshortcuts=face.keys
        >
            {mark}
            <span>{face.label}</span>
        </button>
    }
    .erased()
}

/// Secondary buttons with their reasons.
#[component]
pub(crate) fn More(actions: Vec<ActionView>, #[prop(into)] step: String) -> impl IntoView {
    let buttons = actions
        .into_iter()
        .enumerate()
        .map(|(index, action)| {
            let id = format!("why-{index}");
            let why = action.disabled.clone().map(|why| view! { <span class="why-not" id=id.clone()>{why}</span> });
            let step = step.clone();
            view! { <Act action step reason=id.clone() /> {why} }
        })
        .collect::<Vec<_>>();
    (!buttons.is_empty()).then(|| view! { <div class="btns more">{buttons}</div> })
}

/// Files of one's own into a day's folder: a plain form, streamed by the server.
#[component]
fn Upload(day: String, label: String) -> impl IntoView {
    view! {
        <details class="upload">
            <summary class="btn">{label}</summary>
            <form action="/upload" method="post" enctype="multipart/form-data" class="upload-form">
                <input type="hidden" name="day" value=day.clone() />
                <label>
                    <span class="sub">
                        "Files for " <span class="mono">{day}</span> ": NDJSON, JSON, CSV or Parquet, plain, gz or zip"
                    </span>
                    <input type="file" name="file" multiple required />
                </label>
                <button class="btn" type="submit">
                    "Upload"
                </button>
            </form>
        </details>
    }
    .erased()
}
