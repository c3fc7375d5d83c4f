//! How surprising a file or a stream is, second by second and as a whole.
//!
//! In: columns. Out: a [`SurpriseLine`] for each second, a [`SurpriseReport`] for a file. Thread: any.

use super::lines::{rounded, rounded_secs};
use crate::Column;
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, GenreSet, MAX_CLASSES};
use serde::Serialize;

/// One second of sound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurpriseLine {
    r#type: &'static str,
    t_s: f64,
    /// Mean bits per sample.
    bits: f64,
    /// The genre under which the last six seconds take the fewest bits.
    genre: String,
}

impl SurpriseLine {
    /// For people.
    pub fn sentence(&self) -> String {
        sentence(self.bits, &self.genre)
    }
}

impl SurpriseReport {
    /// For people.
    pub fn sentence(&self) -> String {
        sentence(self.bits, &self.genre)
    }
}

fn sentence(bits: f64, genre: &str) -> String {
    format!("{bits:.2} bits per sample; least surprising as {genre}")
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurpriseReport {
    /// Mean bits per sample, of sound at 8 kHz.
    pub bits: f64,
    /// The genre under which the sound took the fewest bits for the longest time.
    pub genre: String,
}

/// Columns since the last line.
#[derive(Debug, Clone, Default)]
pub struct SurpriseLines {
    sum: f64,
    columns: u32,
}

impl SurpriseLines {
    /// The line of the second that ends with this column, if one does.
    pub fn push(&mut self, column: &Column, hop: Seconds, genres: &GenreSet) -> Option<SurpriseLine> {
        let mark = column.surprise?;
        self.sum += f64::from(mark.bits);
        self.columns += 1;
        if f64::from(self.columns) * hop.0 < 1.0 {
            return None;
        }
        let ended = std::mem::take(self);
        Some(SurpriseLine {
            r#type: "surprise",
            t_s: rounded_secs(column.at),
            bits: rounded(ended.sum / f64::from(ended.columns)),
            genre: genres.label(mark.least).to_owned(),
        })
    }
}

/// All columns of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct SurpriseSum {
    bits: f64,
    columns: u64,
    by_genre: [u64; MAX_CLASSES],
}

impl SurpriseSum {
    pub(super) fn push(&mut self, column: &Column) {
        if let Some(mark) = column.surprise {
            self.bits += f64::from(mark.bits);
            self.columns += 1;
            self.by_genre[usize::from(mark.least.0)] += 1;
        }
    }

    /// `None`: it was not measured.
    pub(super) fn report(&self, genres: &GenreSet) -> Option<SurpriseReport> {
        let longest = (0..genres.len()).rev().max_by_key(|genre| self.by_genre[*genre])?;
        (self.columns > 0).then(|| SurpriseReport {
            bits: rounded(self.bits / self.columns as f64),
            genre: genres.label(GenreId(longest as u8)).to_owned(),
        })
    }
}
