//! What the presenter has at hand beside the step's button: the audience screen, skipping, the keys.

use leptos::prelude::*;

use super::icon;
use crate::{
    actions::{Actions, Post},
    erase::Erase,
    layout::AUDIENCE,
    wire::{AudienceControl, SkipView},
};

/// The audience screen: what it shows, and the two switches.
#[component]
pub(crate) fn AudiencePanel(control: AudienceControl, step: String) -> impl IntoView {
    let actions = expect_context::<Actions>();
    let elsewhere = control.elsewhere.map(|other| {
        view! {
            <p class="sub">{format!("The audience sees {other}.")}</p>
            <Post action=actions.open>
                <input type="hidden" name="step" value=step />
                <button class="btn" type="submit">
                    "Show this step"
                </button>
            </Post>
        }
    });
    let link = control.link.map(|link| {
        view! {
            <details class="screen-link">
                <summary class="sub">"On another screen"</summary>
                <p class="mono">{link}</p>
            </details>
        }
    });
    let frozen = control.frozen.is_some();
    let words = match (control.blank, control.frozen) {
        (true, _) => Some("The screen is blank.".to_owned()),
        (false, frozen) => frozen,
    };
    view! {
        <section class="foot" aria-label="Audience screen">
            <div class="remote">
                <a class="with-icon" href=AUDIENCE target="_blank" rel="external noopener">
                    {icon("#i-screen")}
                    "Audience screen"
                </a>
                <Post action=actions.audience class="seg">
                    {switch("f", "Freeze", frozen, ["follow", "freeze"])}
                    {switch("b .", "Blank", control.blank, ["show", "blank"])}
                </Post>
            </div>
            <p class="sub" role="status">
                {words}
            </p>
            {elsewhere}
            {link}
        </section>
    }
    .erased()
}

/// A switch that is posted: pressed it changes to the first of `changes`, else to the second.
fn switch(keys: &'static str, words: &'static str, on: bool, [off, set]: [&'static str; 2]) -> AnyView {
    view! {
        <button
            type="submit"
            name="change"
            value=if on { off } else { set }
            aria-pressed=if on { "true" } else { "false" }
            aria-keyshortcuts=keys
        >
            {words}
            <kbd aria-hidden="true">{&keys[..1]}</kbd>
        </button>
    }
    .erased()
}

/// Skipping the step: what it means stands before the buttons.
#[component]
pub(crate) fn Skip(skip: SkipView, step: String) -> impl IntoView {
    let action = expect_context::<Actions>().skip;
    let instead = skip.instead.map(|words| {
        view! {
            <button class="btn" type="submit" name="how" value="instead">
                {words}
            </button>
        }
    });
    view! {
        <details class="upload skip-step">
            <summary class="btn">"Skip…"</summary>
            <Post action class="upload-form">
                <input type="hidden" name="step" value=step />
                <p>{skip.means}</p>
                <div class="btns">
                    <button class="btn" type="submit" name="how" value="out">
                        "Skip this step"
                    </button>
                    {instead}
                </div>
            </Post>
        </details>
    }
    .erased()
}

const KEYS: [(&str, &str); 6] = [
    ("n → PageDown", "Next step"),
    ("p ← PageUp", "Previous step"),
    ("g", "Go: press the button"),
    ("f", "Freeze the audience screen, let it follow"),
    ("b .", "Blank the audience screen, show it"),
    ("?", "These keys"),
];

/// The keys, behind a button; of use in a browser that runs the page's script only, so it is not shown in another.
#[component]
pub(crate) fn Keys() -> impl IntoView {
    let rows = KEYS
        .map(|(keys, what)| {
            let keys = keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view();
            view! {
                <div>
                    <dt>{keys}</dt>
                    <dd>{what}</dd>
                </div>
            }
        })
        .into_iter()
        .collect_view();
    let on = RwSignal::new(true);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| on.set(crate::keys::are_on()));
    let switch = move |_| {
        on.update(|on| *on = !*on);
        #[cfg(feature = "hydrate")]
        crate::keys::switch(on.get_untracked());
    };
    view! {
        <button
            class="btn quiet square keys-open"
            type="button"
            popovertarget="keys"
            title="Keys (?)"
            aria-label="Keys"
            aria-keyshortcuts="?"
        >
            {icon("#i-keys")}
        </button>
        <div id="keys" popover="auto" role="dialog" aria-labelledby="h-keys">
            <h2 id="h-keys">"Keys"</h2>
            <dl class="keys">{rows}</dl>
            <button class="btn" type="button" on:click=switch aria-pressed=move || if on.get() { "true" } else { "false" }>
                {move || if on.get() { "Keys are on" } else { "Keys are off" }}
            </button>
        </div>
    }
    .erased()
}
