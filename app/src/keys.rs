//! Keys of the presenter. What a key does is what the element does that names it in `aria-keyshortcuts`: it is clicked.

/// Whether keys are acted on: whoever dictates or uses a screen reader may not want single letters to do something (WCAG 2.1.4).
#[cfg(feature = "hydrate")]
const SWITCH: &str = "keys";

#[cfg(feature = "hydrate")]
pub(crate) use browser::{are_on, listen, switch};

/// The name of a key as `aria-keyshortcuts` has it; `None` for keys that never are a shortcut.
#[cfg(any(test, feature = "hydrate"))]
fn shortcut(key: &str) -> Option<&str> {
    match key {
        "ArrowLeft" | "ArrowRight" | "PageUp" | "PageDown" | "." | "?" => Some(key),
        // Capital letters come with the shift key and are left alone.
        _ => (key.len() == 1 && key.as_bytes()[0].is_ascii_lowercase()).then_some(key),
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{ev, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, KeyboardEvent, Storage};

    use super::{SWITCH, shortcut};

    /// Acts on keys for as long as the page lives.
    pub fn listen() {
        let handle = window_event_listener(ev::keydown, |event| {
            if let Some(element) = target(&event) {
                event.prevent_default();
                element.click();
            }
        });
        on_cleanup(move || handle.remove());
    }

    fn storage() -> Option<Storage> {
        window().local_storage().ok().flatten()
    }

    /// Whether keys are acted on in this browser.
    pub fn are_on() -> bool {
        storage().and_then(|storage| storage.get_item(SWITCH).ok().flatten()).is_none()
    }

    /// Remembers in this browser whether keys are acted on.
    pub fn switch(on: bool) {
        if let Some(storage) = storage() {
            // Without the storage they stay on.
            let _ = if on { storage.remove_item(SWITCH) } else { storage.set_item(SWITCH, "off") };
        }
    }

    fn target(event: &KeyboardEvent) -> Option<HtmlElement> {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.repeat() || event.is_composing() {
            return None;
        }
        let key = event.key();
        let key = shortcut(&key).filter(|_| !event.default_prevented())?;
        let typing = event.target().and_then(|target| target.dyn_into::<Element>().ok()).is_some_and(|element| {
            element.closest("input, textarea, select, [contenteditable], dialog").is_ok_and(|found| found.is_some())
        });
        // The help can be opened where keys are off, to put them on.
        if typing || (key != "?" && !are_on()) {
            return None;
        }
        let selector = format!("[aria-keyshortcuts~=\"{key}\"]");
        document().query_selector(&selector).ok().flatten()?.dyn_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::shortcut;

    #[test]
    fn letters_and_the_keys_of_a_clicker_are_shortcuts() {
        for (key, expected) in [
            ("n", true),
            ("ArrowRight", true),
            ("PageDown", true),
            ("?", true),
            (".", true),
            ("N", false),
            ("Enter", false),
            (" ", false),
            ("\"", false),
            ("é", false),
            ("F5", false),
            ("", false),
        ] {
            assert_eq!(shortcut(key).is_some(), expected, "{key:?}");
        }
    }
}
