//! Sessions, kept over restarts: when, what, for how long, what was decided; with notes and favourites.
//!
//! In: sessions as they happen. Out: lists of them. Thread: any; the file belongs to a thread of its own (`writer`),
//! which the window never waits for.

mod error;
mod retry;
mod store;
mod writer;

pub use error::StoreError;
pub use store::Store;
pub use writer::{SessionCommand, SessionUpdate, SessionWriter};

/// A session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Seconds since 1970, UTC.
    pub begun: i64,
    /// `file`, `microphone`, `monitor`.
    pub kind: String,
    /// What people call the source.
    pub name: String,
    /// Path of the file, or stable id of the device.
    pub source: String,
}

/// Something that was decided in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Stream time in seconds.
    pub at: f64,
    /// `genre`, `unsure`, … as in JSON elsewhere.
    pub state: String,
    /// Label of the genre, if one was answered.
    pub genre: Option<String>,
    /// Smoothed probability, 0…1.
    pub confidence: f64,
    /// The rule.
    pub rule: String,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// How it began.
    pub beginning: Beginning,
    /// Seconds of sound played in it.
    pub played_secs: f64,
    /// Label of the genre that was answered for the longest time, if any was.
    pub genre: Option<String>,
    /// How many decisions are kept of it.
    pub decisions: u64,
    /// What the user wrote.
    pub note: String,
    /// Whether the user marked it.
    pub favourite: bool,
}
