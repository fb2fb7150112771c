//! The stream: its controls, its board, its dead letters.

use crate::fakes::{Mood, stream};
use crate::rendered::{count, page, tag};

#[tokio::test]
async fn a_stream_is_started_or_changed_never_both() {
    let idle = page("/stream", Mood::Idle).await.html;
    assert!(idle.contains("Start the stream") && !idle.contains(">Pause<") && idle.contains("after 240 minutes"));
    assert!(tag(&idle, "value=\"2017-07-31\"").contains("selected"), "the newest day");
    let busy = page("/stream", Mood::Busy).await.html;
    assert!(busy.contains("Pause") && !busy.contains("Start the stream"));
    assert!(tag(&busy, "name=\"value\" value=\"10\"").contains("aria-pressed=\"true\""), "the rate that is chosen");
    let paused = page("/stream", Mood::Blocked).await.html;
    assert!(paused.contains("Resume") && paused.contains("The subscribers are behind"));
    let fresh = page("/stream", Mood::Fresh).await.html;
    assert!(fresh.contains("There is no day to publish yet.") && fresh.contains("No record is waiting here."));
    assert!(tag(&fresh, "value=\"compact\"").contains("disabled"), "nothing to compact");
}

#[tokio::test]
async fn a_dead_letter_says_why_and_is_mended_where_it_can_be() {
    let html = page("/stream", Mood::Busy).await.html;
    assert_eq!(count(&html, "class=\"dead\""), 2);
    assert_eq!(count(&html, ">Resend<"), 1, "one is too long for a page");
    assert!(html.contains("It is mended from the record that it was made of."));
    assert!(html.contains("{\"visitorId\":\"7\"}</textarea>"), "{html}");
    assert!(tag(&html, "name=\"run\"").contains("value=\"stream-0003-7f3a-hand\""));
}

#[tokio::test]
async fn a_still_board_is_not_replaced() {
    let moving = page("/stream", Mood::Busy).await.html;
    assert_eq!(count(&moving, "id=\"board\""), 1);
    let still = page("/stream?still", Mood::Busy).await.html;
    assert_eq!(count(&still, "id=\"board\""), 0);
    assert!(still.contains("frozen at 14:06:12") && tag(&still, "class=\"drawn\"").contains("data-still"));
}

#[tokio::test]
async fn a_frame_is_the_board_as_the_page_has_it() {
    let frame = app::board_html(stream::board(false));
    assert_eq!(frame.matches("id=\"board\"").count(), 1);
    assert_eq!(frame.matches("<rect").count(), 60);
    let lists = |html: &str| html.matches("<li").count();
    assert_eq!(lists(&frame), lists(&app::board_html(stream::board(true))), "nothing below moves when a name comes");
}
