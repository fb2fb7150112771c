use leptos::prelude::*;

use crate::{erase::Erase, wire::TreeNode};

/// Nested fields or values; what has something in it unfolds.
pub(crate) fn tree(nodes: Vec<TreeNode>) -> AnyView {
    let items = nodes.into_iter().map(|node| view! { <li>{branch(node)}</li> }).collect::<Vec<_>>();
    view! { <ul class="tree">{items}</ul> }.erased()
}

fn branch(node: TreeNode) -> AnyView {
    let TreeNode { name, kind, value, marked, link, open, children } = node;
    let class = if marked { "mono marked" } else { "mono" };
    let value = (!value.is_empty()).then(|| view! { <span class="value">{value}</span> });
    let link = link.map(|(words, href)| view! { <a href=href>{words}</a> });
    let line = view! { <span class=class>{name}</span> <span class="sub">{kind}</span> {value} }.erased();
    if children.is_empty() {
        return view! { <div class="leaf">{line} {link}</div> }.erased();
    }
    view! {
        <details open=open>
            <summary>{line}</summary>
            {tree(children)}
            {link}
        </details>
    }
    .erased()
}
