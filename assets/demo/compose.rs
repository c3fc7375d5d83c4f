//! Composes the demo: five short pieces in clearly different styles, one after another, as a Standard MIDI file, and a
//! table of where each begins and ends. Always the same, from one seed.
//!
//! `cargo run --release --example compose_demo -- demo.mid sections.csv`

mod harmony;
mod score;
mod styles {
    pub(crate) mod classical;
    pub(crate) mod disco;
    pub(crate) mod jazz;
    pub(crate) mod metal;
    pub(crate) mod reggae;
}

use anyhow::{Context, Result};
use score::Score;
use std::path::PathBuf;
use styles::{classical, disco, jazz, metal, reggae};

/// Silence between two pieces: long enough for tails to fade, too short to be a pause.
const GAP_SECS: f64 = 0.6;

/// Writes a piece that begins at the given second; returns how long it lasts.
type Compose = fn(&mut Score, f64) -> f64;

const PIECES: [(&str, Compose); 5] = [
    ("classical", classical::compose),
    ("metal", metal::compose),
    ("jazz", jazz::compose),
    ("disco", disco::compose),
    ("reggae", reggae::compose),
];

fn main() -> Result<()> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(midi), Some(table)) = (paths.next(), paths.next()) else {
        anyhow::bail!("usage: compose_demo MIDI_FILE SECTIONS_CSV");
    };
    let mut score = Score::new(20_251);
    let mut sections = vec!["start_s,end_s,style\n".to_owned()];
    let mut start = 0.0;
    for (style, compose) in PIECES {
        let end = start + compose(&mut score, start);
        sections.push(format!("{start:.2},{end:.2},{style}\n"));
        start = end + GAP_SECS;
    }
    score
        .save(&midi)
        .with_context(|| format!("cannot write {}", midi.display()))?;
    std::fs::write(&table, sections.concat()).with_context(|| format!("cannot write {}", table.display()))?;
    Ok(())
}
