//! Hydrates the server-rendered pages. Nothing else belongs here.

/// Called by the page's module script once the WebAssembly has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
