use leptos::prelude::*;

use crate::{
    erase::{Erase, Inside},
    wire::FactView,
};

/// The only container: a head with a title, and a body.
#[component]
pub(crate) fn Panel(
    #[prop(into)] title: String,
    /// Id of the section, for addresses.
    #[prop(optional, into)]
    id: Option<String>,
    /// Further classes of the section.
    #[prop(optional)]
    class: &'static str,
    /// Classes of the body.
    #[prop(default = "panel-body")]
    body: &'static str,
    /// What stands at the end of the head.
    #[prop(optional)]
    end: Option<AnyView>,
    children: Inside,
) -> impl IntoView {
    let label = title.clone();
    view! {
        <section class=format!("panel {class}") id=id aria-label=label>
            <div class="panel-head">
                <h2>{title}</h2>
                <span class="end">{end}</span>
            </div>
            <div class=body>{children.view()}</div>
        </section>
    }
    .erased()
}

/// Labels with values.
#[component]
pub(crate) fn Facts(facts: Vec<FactView>, #[prop(optional)] class: &'static str) -> impl IntoView {
    let facts = facts
        .into_iter()
        .map(|fact| {
            // The space goes with the rest: one that stands at the end of a line is moved when the line goes on.
            let rest = (!fact.rest.is_empty()).then(|| format!(" {}", fact.rest));
            view! {
                <div>
                    <dt>{fact.label}</dt>
                    <dd>{fact.value} <small>{rest}</small></dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class=format!("facts {class}")>{facts}</dl> }.erased()
}
