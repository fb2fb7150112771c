//! Hydrates the server-rendered pages. Nothing else belongs here.

/// Called by the page's module script once the WebAssembly has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    // From here on the page answers to events; the browser specs wait for this mark.
    if let Some(root) = leptos::prelude::document().document_element() {
        // Without the mark the page works all the same.
        let _ = root.set_attribute("data-hydrated", "");
    }
}
