//! Hydrates the server-rendered pages. Nothing else belongs here.

use wasm_bindgen::JsCast;

/// Called by the page's module script once the WebAssembly has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let document = leptos::prelude::document();
    if let Some(root) = document.get_element_by_id(app::ROOT) {
        leptos::mount::hydrate_from(root.unchecked_into(), app::App).forget();
    }
    // From here on the page answers to events; the browser specs wait for this mark.
    if let Some(root) = document.document_element() {
        // Without the mark the page works all the same.
        let _ = root.set_attribute("data-hydrated", "");
    }
}
