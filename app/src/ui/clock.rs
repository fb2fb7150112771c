use leptos::prelude::*;

use super::{icon, percent, state_icon};
use crate::{
    actions::{Actions, Post},
    erase::Erase,
    wire::{ClockView, State},
};

/// Within this many milliseconds of the plan nobody is behind or ahead.
const ON_TIME: i64 = 10_000;

/// The story's clock: a segment for each chapter, as wide as its planned time. It is rendered with the server's values and counts on
/// from there in the browser.
#[component]
pub(crate) fn Clock(title: String, clock: ClockView, step: String) -> impl IntoView {
    let ticked = ticking(clock.running);
    let used = move || if clock.started { minutes(clock.used + ticked.get()) } else { "–".to_owned() };
    // Memos, so that the page changes once a second at most.
    let used = Memo::new(move |_| used());
    let standing = Memo::new(move |_| {
        if clock.started { standing(clock.behind + (ticked.get() - clock.slack).max(0)) } else { Default::default() }
    });
    let planned = minutes(clock.planned);
    let position = Memo::new(move |_| permille(clock.used + ticked.get(), clock.planned));
    let label = format!("Plan of {planned}, by chapter");
    let bars = clock
        .segments
        .iter()
        .map(|segment| {
            let style = format!("--min:{};--at:{}", segment.seconds, percent(segment.done));
            view! { <i class=if segment.over { "over" } else { "" } style=style></i> }
        })
        .collect_view();
    let rows = clock
        .segments
        .into_iter()
        .map(|segment| {
            view! {
                <tr>
                    <th scope="row">{segment.title}</th>
                    <td class="r num">{segment.planned}</td>
                    <td class="r num" class:late=segment.over>
                        {segment.used}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let (start, label_of_start) = match (clock.running, clock.started) {
        (true, _) => ("pause", "Pause"),
        (false, true) => ("start", "Go on"),
        (false, false) => ("start", "Start the clock"),
    };
    let action = expect_context::<Actions>().clock;
    view! {
        <section class="clock" aria-label="Story clock">
            <h2>{title}</h2>
            <div class="clock-bar" role="img" aria-label=label>
                {bars}
                <b style=move || format!("--at:{}", percent(position.get()))></b>
            </div>
            <details class="clock-time">
                <summary>
                    <span class="num" class:paused=!clock.running>
                        {used}
                    </span>
                    <span class="sub">{format!("of {planned}")}</span>
                    <span class=move || if standing.get().0 { "state warn" } else { "sub" }>
                        {move || standing.get().0.then(|| state_icon(State::Warn, None))}
                        <span>{move || standing.get().1}</span>
                    </span>
                    {icon("#i-down")}
                </summary>
                <div class="clock-more">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Chapter"</th>
                                <th scope="col" class="r">
                                    "Planned"
                                </th>
                                <th scope="col" class="r">
                                    "Used"
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                    <p class="sub">{clock.skipped}</p>
                    <Post action class="btns">
                        <input type="hidden" name="step" value=step />
                        <button class="btn" type="submit" name="change" value=start>
                            {label_of_start}
                        </button>
                        {clock
                            .started
                            .then(|| {
                                view! {
                                    <button class="btn" type="submit" name="change" value="restart">
                                        "Back to 0:00"
                                    </button>
                                }
                            })}
                    </Post>
                </div>
            </details>
        </section>
    }
    .erased()
}

/// Milliseconds since this was rendered, once a second while the clock runs. By the browser's own count, which nobody sets back.
fn ticking(running: bool) -> RwSignal<i64> {
    let ticked = RwSignal::new(0);
    #[cfg(feature = "hydrate")]
    if running {
        use std::time::Duration;
        let now = || window().performance().map_or(0.0, |p| p.now());
        let began = now();
        let tick = move || ticked.set((now() - began) as i64);
        if let Ok(handle) = set_interval_with_handle(tick, Duration::from_millis(250)) {
            on_cleanup(move || handle.clear());
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = running;
    ticked
}

/// Milliseconds as `7:42`.
fn minutes(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let rest = seconds % 60;
    format!("{}:{}{}", seconds / 60, rest / 10, rest % 10)
}

/// Whether one is behind the plan, and that in words, for so many milliseconds behind.
fn standing(ms: i64) -> (bool, String) {
    match ms {
        ms if ms >= ON_TIME => (true, format!("{} behind", minutes(ms))),
        ms if ms <= -ON_TIME => (false, format!("{} ahead", minutes(-ms))),
        _ => (false, "on time".to_owned()),
    }
}

fn permille(part: i64, whole: i64) -> u16 {
    if whole <= 0 { 0 } else { (part.clamp(0, whole) * 1000 / whole) as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_in_minutes_and_seconds() {
        for (ms, expected) in
            [(0, "0:00"), (999, "0:00"), (1_000, "0:01"), (65_000, "1:05"), (3_725_000, "62:05"), (-5, "0:00")]
        {
            assert_eq!(minutes(ms), expected);
        }
        for (ms, behind, expected) in [
            (0, false, "on time"),
            (9_999, false, "on time"),
            (-9_999, false, "on time"),
            (42_000, true, "0:42 behind"),
            (-70_000, false, "1:10 ahead"),
        ] {
            assert_eq!(standing(ms), (behind, expected.to_owned()));
        }
        for (part, whole, expected) in [(0, 0, 0), (5, 10, 500), (20, 10, 1000), (-1, 10, 0)] {
            assert_eq!(permille(part, whole), expected);
        }
    }
}
