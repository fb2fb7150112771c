//! The stream: its controls, its board, its subscribers, its dead letters.

use serde::{Deserialize, Serialize};

use super::*;

/// The page of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamView {
    /// What keeps it from going on, as a sentence.
    pub trouble: Option<String>,
    /// The stream that is under way, or how to start one.
    pub control: StreamControl,
    /// What moves.
    pub board: BoardView,
    /// What the newest compaction did.
    pub compacted: Vec<CompactedView>,
    /// Small files become one: whether there are any.
    pub can_compact: bool,
    /// Open dead letters, newest first.
    pub dead: Vec<DeadLetterView>,
    /// `3 open, 1 repaired`
    pub dead_count: String,
    /// Streams that are over, newest first.
    pub ended: Vec<EndedStreamView>,
    /// A record to send by hand; `None` before the first stream.
    pub sample: Option<String>,
}

/// What can be pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamControl {
    /// Nothing is under way.
    Start {
        /// Days of the source bucket, newest last, with whether it is the chosen one.
        days: Vec<(String, bool)>,
        /// `It stops by itself after 4 hours.`
        lasts: String,
    },
    /// A stream is under way.
    Running {
        /// `stream-0003-7f3a`
        id: String,
        /// Playing or paused.
        state: State,
        /// `Playing`, `Paused`, `Waiting for the subscribers`
        state_text: String,
        /// Chosen rate, as in its field: `1`, `0.5`.
        rate: String,
        /// Facts: the day, published, measured rate, stops at.
        facts: Vec<FactView>,
        /// Per mille of the day; 0 when it loops.
        permille: u16,
    },
}

/// What moves: pushed as HTML, so that each number is formatted once for all browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardView {
    /// `Playing, 1.00 a second`, for the head of the board.
    pub state_text: String,
    /// State.
    pub state: State,
    /// Sessions, revenue, countries, lag, dead letters.
    pub tiles: Vec<FactView>,
    /// Sessions of the last minute, second by second, per mille of the greatest.
    pub minute: Vec<u16>,
    /// `42 sessions in the last minute`
    pub minute_text: String,
    /// The greatest number of a second: `3 a second`.
    pub minute_top: String,
    /// Countries of the last minute: name, per mille of the greatest, sessions.
    pub countries: Vec<(String, u16, String)>,
    /// Products that were viewed.
    pub products: Vec<(String, u16, String)>,
    /// Where the records end up.
    pub sinks: Vec<SinkView>,
    /// The time of it: `14:06:12`.
    pub at: String,
}

/// Where records end up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkView {
    /// `Warehouse`
    pub title: String,
    /// `warehouse.ga_sessions_stream`
    pub table: String,
    /// What it does, in words.
    pub text: String,
    /// Rows, files, bytes, waiting.
    pub facts: Vec<FactView>,
}

/// A table before and after its small files became large ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactedView {
    /// `bronze.ga_sessions_stream`
    pub table: String,
    /// `42 files, 2.61 MB`
    pub before: String,
    /// `1 file, 118 KB`
    pub after: String,
    /// `42 rows, before and after`
    pub rows: String,
    /// Files before and after, per mille of the greater.
    pub files: (u16, u16),
    /// Bytes before and after, per mille of the greater.
    pub bytes: (u16, u16),
}

/// A record that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterView {
    /// With `seq`, its name.
    pub run_id: String,
    /// Sequence number.
    pub seq: String,
    /// `14:06:12`
    pub received: String,
    /// A sentence.
    pub reason: String,
    /// The beginning of the payload.
    pub payload: String,
    /// What to send again; `None` if it is too long for a page.
    pub mended: Option<String>,
    /// True when `mended` is the record that it was made of.
    pub known: bool,
    /// `2` when it was sent again and is still wrong; else empty.
    pub attempt: String,
}

/// A stream that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedStreamView {
    /// `stream-0003-7f3a`
    pub id: String,
    /// The day.
    pub date: String,
    /// Records.
    pub published: String,
    /// When it began.
    pub started: String,
    /// How long it took.
    pub took: String,
    /// Why it ended.
    pub why: String,
}

/// Id of the element that is replaced by each frame of the board.
pub const BOARD: &str = "board";

/// How a stream is to be started, as the form says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartStreamForm {
    /// `2017-07-31`
    pub day: String,
    /// Records a second.
    pub rate: String,
    /// `full` or `flattened`.
    pub payload: String,
    /// `today` or `original`.
    pub dates: String,
    /// `stop` or `loop`.
    pub end: String,
}
