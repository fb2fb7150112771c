use leptos::prelude::*;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Panel, options_of, state_mark},
    wire::{AuditLine, PeopleView, PersonView},
};

/// Who signed in, what they may, and what anybody did.
#[component]
pub(crate) fn People() -> impl IntoView {
    drawn(Redraw::OnNews, api::people(), |view| view! { <Page view /> })
}

#[component]
fn Page(view: PeopleView) -> impl IntoView {
    let action = expect_context::<Actions>().person;
    let PeopleView { summary, people, roles, customers, link, trail } = view;
    let people = people
        .into_iter()
        .map(|person| view! { <Person person roles=roles.clone() customers=customers.clone() /> })
        .collect_view();
    let trail = trail.into_iter().map(|line| view! { <Line line /> }).collect_view();
    let end = view! {
        <a class="btn quiet" href="/audit.csv" rel="external" download>
            "All of it as CSV"
        </a>
    }
    .into_any();
    view! {
        <PageTitle text="People" />
        <main class="page people" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"People"</h1>
                <span class="sub">{summary}</span>
            </header>
            <Panel title="Signed in" class="signed-in" body="panel-body rows">
                <table class="table">
                    <thead>
                        <tr>
                            <th>"Name"</th>
                            <th class="wide-only">"From"</th>
                            <th>"Last sign-in"</th>
                            <th>"Role"</th>
                            <th>"Sessions"</th>
                        </tr>
                    </thead>
                    <tbody>{people}</tbody>
                </table>
            </Panel>
            <Panel title="Audience link">
                <div class="row audience-link">
                    <span class="mono">{link}</span>
                    <Post action>
                        <button class="btn" type="submit" name="change" value="new_link">
                            "Make another"
                        </button>
                    </Post>
                </div>
                <p class="sub">
                    "Opens the audience screen in another browser, as a viewer. Another link signs those out who came by this one."
                </p>
            </Panel>
            <Panel title="Audit trail" body="panel-body rows" end>
                <table class="table audit">
                    <thead>
                        <tr>
                            <th>"Time"</th>
                            <th>"Who"</th>
                            <th>"What"</th>
                            <th class="wide-only">"About"</th>
                            <th>"Outcome"</th>
                        </tr>
                    </thead>
                    <tbody>{trail}</tbody>
                </table>
            </Panel>
        </main>
    }
    .erased()
}

#[component]
fn Person(person: PersonView, roles: Vec<String>, customers: Vec<String>) -> impl IntoView {
    let action = expect_context::<Actions>().person;
    let me = person.me.then_some(" (you)");
    let id = person.id.clone();
    let role = if person.given {
        let (role_label, customer_label) = (format!("Role of {}", person.name), format!("Customer of {}", person.name));
        view! {
            <Post action class="row">
                <input type="hidden" name="person" value=person.id />
                <select name="role" aria-label=role_label>
                    {options_of(roles, &person.role)}
                </select>
                <select name="customer" aria-label=customer_label>
                    <option value="">"no customer"</option>
                    {options_of(customers, &person.customer)}
                </select>
                <button class="btn" type="submit" name="change" value="role">
                    "Set"
                </button>
            </Post>
        }
        .erased()
    } else {
        let customer = (!person.customer.is_empty()).then(|| format!(" of {}", person.customer));
        view! { <span>{person.role} {customer}</span> }.erased()
    };
    view! {
        <tr>
            <th scope="row">{person.name} {me}</th>
            <td class="wide-only mono">{person.from}</td>
            <td class="num">{person.seen}</td>
            <td>{role}</td>
            <td class="r">
                <Post action>
                    <input type="hidden" name="person" value=id />
                    <button class="btn quiet" type="submit" name="change" value="sign_out">
                        "Sign out everywhere"
                    </button>
                </Post>
            </td>
        </tr>
    }
    .erased()
}

#[component]
fn Line(line: AuditLine) -> impl IntoView {
    view! {
        <tr>
            <td class="num">{line.at}</td>
            <td>{line.who} <span class="sub">{format!(" {}", line.role)}</span></td>
            <td class="mono">{line.action}</td>
            <td class="wide-only mono">{line.subject}</td>
            <td>{state_mark(line.state, line.word)}</td>
        </tr>
    }
    .erased()
}
