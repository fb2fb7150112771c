//! Brings elements up to date by newer ones, so that what somebody opened, typed, scrolled or focused stays.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{DomParser, Element, Node, SupportedType};

/// Brings the element with this id up to date, where the page has one.
pub(crate) fn frame(id: &str, html: &str) {
    let new = DomParser::new().ok().and_then(|parser| parser.parse_from_string(html, SupportedType::TextHtml).ok());
    if let (Some(old), Some(new)) = (document().get_element_by_id(id), new.and_then(|page| page.get_element_by_id(id)))
    {
        morph(&old, &new, false);
    }
}

/// What an element is about, where its place in a list says nothing of it.
const KEY: &str = "data-key";

/// Makes `old` what `new` is, in place as far as the two are alike. `fresh` says that it is another page: then what is unfolded is as the
/// server says, too.
pub(super) fn morph(old: &Element, new: &Element, fresh: bool) {
    attributes(old, new, fresh);
    let mut next_old = old.first_child();
    let mut next_new = new.first_child();
    while let Some(wanted) = next_new {
        next_new = wanted.next_sibling();
        // Without an answer worth a word: moving nodes within a page cannot fail.
        let _ = match next_old.take() {
            None => old.append_child(&wanted).is_ok(),
            Some(there) => {
                next_old = there.next_sibling();
                patch(&there, &wanted, fresh) || old.replace_child(&wanted, &there).is_ok()
            }
        };
    }
    while let Some(left) = next_old {
        next_old = left.next_sibling();
        let _ = old.remove_child(&left);
    }
}

/// False when the one cannot become the other.
fn patch(old: &Node, new: &Node, fresh: bool) -> bool {
    if old.node_name() != new.node_name() {
        return false;
    }
    match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        // What was unfolded or typed there was about another thing.
        (Some(old), Some(new)) if old.get_attribute(KEY) != new.get_attribute(KEY) => return false,
        (Some(old), Some(new)) => morph(old, new, fresh),
        _ => {
            let text = new.node_value();
            if old.node_value() != text {
                old.set_node_value(text.as_deref());
            }
        }
    }
    true
}

fn attributes(old: &Element, new: &Element, fresh: bool) {
    let kept = |name: &str| !fresh && name == "open";
    for name in new.get_attribute_names().iter().filter_map(|name| name.as_string()).filter(|name| !kept(name)) {
        let value = new.get_attribute(&name);
        if old.get_attribute(&name) != value {
            let _ = old.set_attribute(&name, &value.unwrap_or_default());
        }
    }
    for name in old.get_attribute_names().iter().filter_map(|name| name.as_string()).filter(|name| !kept(name)) {
        if !new.has_attribute(&name) {
            let _ = old.remove_attribute(&name);
        }
    }
}

/// What is for browsers without JavaScript is text in a page that was loaded and elements in one that was parsed, so that it is left out.
pub(super) fn without_noscript(root: &Element) {
    while let Ok(Some(left_out)) = root.query_selector("noscript") {
        left_out.remove();
    }
}
