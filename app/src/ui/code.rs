use leptos::prelude::*;

use super::icon;
use crate::{erase::Erase, wire::CodeView};

/// A text with what it is, and a button that copies it. Without JavaScript there is no button: the text can be selected.
#[component]
pub(crate) fn CodeRow(
    code: CodeView,
    /// Without the button, on pages that the server alone draws.
    #[prop(optional)]
    plain: bool,
    /// What it is is said to those alone who do not see what it stands beside.
    #[prop(optional)]
    bare: bool,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let button = format!("Copy: {}", code.label);
    let text = StoredValue::new(code.text.clone());
    let press = move |_| {
        text.with_value(|text| put_on_clipboard(text, move |there| _ = copied.try_set(there)));
    };
    let copy = (!plain).then(|| {
        view! {
            <button class="btn square copy" type="button" aria-label=button on:click=press>
                <span class="copy-mark" class:done=move || copied.get()>
                    {icon("#i-copy")}
                    {icon("#i-done")}
                </span>
            </button>
            <span class="sr" role="status">
                {move || if copied.get() { "Copied" } else { "" }}
            </span>
        }
    });
    view! {
        <div class=if bare { "code-row bare" } else { "code-row" }>
            <span class=if bare { "sr" } else { "sub" }>{code.label}</span>
            <pre class="code wrap" tabindex="0">
                {code.text}
            </pre>
            {copy}
        </div>
    }
    .erased()
}

/// Puts the text on the clipboard, and says for a moment that it is there.
#[cfg(feature = "hydrate")]
pub(crate) fn put_on_clipboard(text: &str, there: impl Fn(bool) + 'static) {
    use std::time::Duration;

    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::js_sys::{Function, Promise, Reflect};

    // By name: as types they would make half of the WebAssembly's libraries be compiled anew for one call. On a page that is not
    // secure there is no clipboard, and nothing happens.
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let Some((clipboard, write)) = get(&window(), "navigator")
        .and_then(|navigator| get(&navigator, "clipboard"))
        .and_then(|clipboard| Some((clipboard.clone(), get(&clipboard, "writeText")?.dyn_into::<Function>().ok()?)))
    else {
        return;
    };
    let Some(promise) = write.call1(&clipboard, &text.into()).ok().and_then(|p| p.dyn_into::<Promise>().ok()) else {
        return;
    };
    let written = Closure::once(move |_: JsValue| {
        // The page may have gone on in the meantime.
        there(true);
        set_timeout(move || there(false), Duration::from_secs(2));
    });
    let refused = Closure::once(|_: JsValue| ());
    let _settled = promise.then2(&written, &refused);
    // Each is called once at most, later.
    written.forget();
    refused.forget();
}

#[cfg(not(feature = "hydrate"))]
fn put_on_clipboard(_: &str, _: impl Fn(bool) + 'static) {}
