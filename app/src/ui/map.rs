use leptos::prelude::*;

use super::{Panel, choice_links};
use crate::erase::Erase;
use crate::wire::{MapShape, MapSpot, MapView};

/// A map of countries, shaded, and of known cities as dots. A picture for those who see it: the lists beside it say the same and lead
/// to the same places, so that it is hidden from screen readers and left out of the order of the tab key.
#[component]
pub(crate) fn Map(map: MapView, #[prop(optional)] class: &'static str) -> impl IntoView {
    let measures = choice_links(map.measures);
    let back = map.back.map(|href| {
        view! {
            <a class="btn quiet" href=href>
                "All countries"
            </a>
        }
    });
    let end = view! { {back} <span class="seg">{measures}</span> }.erased();
    let shapes = map.shapes.into_iter().map(shape).collect::<Vec<_>>();
    let spots = map.spots.into_iter().map(spot).collect::<Vec<_>>();
    view! {
        <Panel title=map.title id="map" class end>
            <svg class="map" viewBox=map.view_box aria-hidden="true">
                {shapes}
                {spots}
            </svg>
            <p class="sub">{map.label}</p>
        </Panel>
    }
    .erased()
}

fn shape(shape: MapShape) -> AnyView {
    let outline = format!("/world.svg#{}", shape.id);
    let level = format!("lv-{}", shape.level);
    let drawn = view! {
        <use class=level href=outline>
            <title>{shape.words}</title>
        </use>
    };
    linked(shape.href, drawn.erased())
}

fn spot(spot: MapSpot) -> AnyView {
    let level = format!("spot lv-{}", spot.level);
    let drawn = view! {
        <circle class=level cx=spot.x cy=spot.y r=spot.r>
            <title>{spot.words}</title>
        </circle>
    };
    linked(spot.href, drawn.erased())
}

fn linked(href: Option<String>, drawn: AnyView) -> AnyView {
    match href {
        Some(href) => view! {
            <a href=href tabindex="-1">
                {drawn}
            </a>
        }
        .erased(),
        None => drawn,
    }
}
