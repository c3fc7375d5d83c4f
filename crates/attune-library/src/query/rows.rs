//! One track of a library, and tables of them.

use crate::scan::paths::path_of;
use crate::table::{Column, Table, Values};
use attune_model::load::hex;
use rusqlite::Row;
use serde::Serialize;
use std::borrow::Cow;

pub(super) const COLUMNS: &str = "path, size, modified, content, audio, duration_s, rate_hz, channels, decoder, state, \
                                  genre, confidence, familiarity, warnings, error_kind, error, missing_since, copies";

/// One track of a library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Track {
    /// Where it is; what is not UTF-8 stands as U+FFFD.
    pub path: String,
    /// The bytes of the path in hexadecimal, if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Bytes.
    pub size: i64,
    /// When it was changed last, in seconds since 1970.
    pub modified_s: f64,
    /// SHA-256 of its bytes.
    pub content_sha256: Option<String>,
    /// SHA-256 of its decoded samples (mono, f32, little endian).
    pub audio_sha256: Option<String>,
    /// Length of the sound in seconds.
    pub duration_s: Option<f64>,
    /// Sample rate.
    pub rate_hz: Option<i64>,
    /// Audio channels.
    pub channels: Option<i64>,
    /// `mp3`, `flac`, …
    pub decoder: Option<String>,
    /// The answer, as in `attune analyze --json`.
    pub state: Option<String>,
    /// Its genre.
    pub genre: Option<String>,
    /// 0…1.
    pub confidence: Option<f64>,
    /// 0…1.
    pub familiarity: Option<f64>,
    /// How many things were not as they should be.
    pub warnings: Option<i64>,
    /// Why it cannot be analysed, for scripts.
    pub error_kind: Option<String>,
    /// The same for people.
    pub error: Option<String>,
    /// When it was found to be gone, in seconds since 1970.
    pub missing_since: Option<i64>,
    /// Files with the same audio that are there, this one among them; 0 if that is unknown.
    pub copies: i64,
}

impl Track {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let bytes: Vec<u8> = row.get(0)?;
        let digest =
            |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<Vec<u8>>>(at)?.map(|digest| hex(&digest)));
        Ok(Self {
            path_bytes: std::str::from_utf8(&bytes).is_err().then(|| hex(&bytes)),
            path: path_of(&bytes).display().to_string(),
            size: row.get(1)?,
            modified_s: row.get::<_, i64>(2)? as f64 / 1e9,
            content_sha256: digest(3)?,
            audio_sha256: digest(4)?,
            duration_s: row.get(5)?,
            rate_hz: row.get(6)?,
            channels: row.get(7)?,
            decoder: row.get(8)?,
            state: row.get(9)?,
            genre: row.get(10)?,
            confidence: row.get(11)?,
            familiarity: row.get(12)?,
            warnings: row.get(13)?,
            error_kind: row.get(14)?,
            error: row.get(15)?,
            missing_since: row.get(16)?,
            copies: row.get(17)?,
        })
    }
}

/// The columns of tracks, in the order of [`Track`]'s fields.
pub(super) fn table(tracks: &[Track]) -> Table<'_> {
    type Text = fn(&Track) -> Option<&str>;
    let text = |name: &str, of: Text| {
        let value = move |row: usize| of(&tracks[row]).map(Cow::from);
        Column::new(name, Values::Text(Box::new(value)))
    };
    let double = |name: &str, of: fn(&Track) -> Option<f64>| {
        Column::new(name, Values::Double(Box::new(move |row: usize| of(&tracks[row]))))
    };
    let whole = |name: &str, of: fn(&Track) -> Option<i64>| {
        Column::new(name, Values::Whole(Box::new(move |row: usize| of(&tracks[row]))))
    };
    Table {
        rows: tracks.len(),
        columns: vec![
            text("path", |track| Some(&track.path)),
            text("path_bytes", |track| track.path_bytes.as_deref()),
            whole("size", |track| Some(track.size)),
            double("modified_s", |track| Some(track.modified_s)),
            text("content_sha256", |track| track.content_sha256.as_deref()),
            text("audio_sha256", |track| track.audio_sha256.as_deref()),
            double("duration_s", |track| track.duration_s),
            whole("rate_hz", |track| track.rate_hz),
            whole("channels", |track| track.channels),
            text("decoder", |track| track.decoder.as_deref()),
            text("state", |track| track.state.as_deref()),
            text("genre", |track| track.genre.as_deref()),
            double("confidence", |track| track.confidence),
            double("familiarity", |track| track.familiarity),
            whole("warnings", |track| track.warnings),
            text("error_kind", |track| track.error_kind.as_deref()),
            text("error", |track| track.error.as_deref()),
            whole("missing_since", |track| track.missing_since),
            whole("copies", |track| Some(track.copies)),
        ],
        notes: vec![(
            "attune.program".to_owned(),
            concat!("attune ", env!("CARGO_PKG_VERSION")).to_owned(),
        )],
    }
}
