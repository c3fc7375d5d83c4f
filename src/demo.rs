//! The bundled demo: excerpts of free recordings, and for each its genre, its maker and its licence.
//!
//! In: nothing. Out: a path, sections, credits as text. Thread: any.

use attune_audio::units::Seconds;
use attune_engine::files::{FileError, write_atomically};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The demo's bytes (Ogg Vorbis).
const DEMO: &[u8] = include_bytes!("../assets/demo/demo.ogg");
/// Its table of sections; no field has a comma of its own.
const SECTIONS: &str = include_str!("../assets/demo/sections.csv");
/// Columns of the table.
const COLUMNS: usize = 9;

/// A stretch of the demo: one recording.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Section {
    /// Where it begins, in seconds.
    pub start_s: f64,
    /// Where it ends, in seconds.
    pub end_s: f64,
    /// Its genre, as its source names it: a label of the bundled models.
    pub genre: &'static str,
    /// Title of the recording.
    pub title: &'static str,
    /// Who made it.
    pub artist: &'static str,
    /// Its licence in short, and where its text is.
    pub licence: &'static str,
    pub licence_url: &'static str,
    /// Where the recording is from.
    pub source: &'static str,
    /// Which part it is, and what was changed besides level, fades and format.
    pub changes: &'static str,
}

static PARSED: LazyLock<Vec<Section>> = LazyLock::new(|| SECTIONS.lines().skip(1).filter_map(section).collect());

/// A row of the table.
fn section(row: &'static str) -> Option<Section> {
    let fields: [&str; COLUMNS] = row.split(',').collect::<Vec<_>>().try_into().ok()?;
    let [start, end, genre, title, artist, licence, licence_url, source, changes] = fields;
    Some(Section {
        start_s: start.parse().ok()?,
        end_s: end.parse().ok()?,
        genre,
        title,
        artist,
        licence,
        licence_url,
        source,
        changes,
    })
}

/// What the demo consists of, in order and without gaps.
pub(crate) fn sections() -> &'static [Section] {
    &PARSED
}

/// The section that sounds at this time; at its end the next one does.
pub(crate) fn section_at(at: Seconds) -> Option<&'static Section> {
    sections()
        .iter()
        .find(|section| (section.start_s..section.end_s).contains(&at.0))
}

/// Writes the demo beside other temporary files, once, and says where it lies.
pub(crate) fn file() -> Result<PathBuf, FileError> {
    let folder = std::env::temp_dir().join(format!("attune-{}", env!("CARGO_PKG_VERSION")));
    let path = folder.join("Attune demo.ogg");
    if is_demo(&path) {
        return Ok(path);
    }
    // In one piece: a second window must never read half a file.
    write_atomically(&path, DEMO)?;
    Ok(path)
}

/// Whether this file is the demo, byte by byte.
pub(crate) fn is_demo(path: &Path) -> bool {
    // Only a file of its length is read.
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == DEMO.len() as u64)
        && std::fs::read(path).is_ok_and(|found| found == DEMO)
}

/// Whose recordings these are, under which licences, and what was changed.
pub(crate) fn credits() -> String {
    let mut text = String::from("The demo consists of excerpts of free recordings, each under its own licence.\n");
    for section in sections() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{}  {} by {} ({})\n      {}: {}\n      from {}\n      {}\n",
            Seconds(section.start_s).clock(),
            section.title,
            section.artist,
            section.genre,
            section.licence,
            section.licence_url,
            section.source,
            section.changes
        );
    }
    text.push_str(CHANGES);
    text
}

/// What was done to all of them.
pub(crate) const CHANGES: &str = "\nEach is an excerpt, brought to -23 LUFS by one constant gain, faded in and out \
    over 20 ms, and encoded again as Ogg Vorbis.\n";

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::genre::GTZAN;

    #[test]
    fn every_row_is_a_section_and_they_follow_one_another_without_gaps() {
        assert_eq!(sections().len(), SECTIONS.lines().count() - 1);
        let mut end = 0.0;
        for section in sections() {
            assert_eq!(section.start_s.to_bits(), f64::to_bits(end), "{section:?}");
            assert!(section.end_s - section.start_s >= 12.0, "{section:?}");
            assert!(GTZAN.contains(&section.genre), "{section:?}");
            for url in [section.licence_url, section.source] {
                assert!(url.starts_with("https://"), "{section:?}");
            }
            end = section.end_s;
        }
        let genres: std::collections::BTreeSet<_> = sections().iter().map(|section| section.genre).collect();
        assert_eq!(genres.len(), sections().len(), "one section for each genre");
        assert!(genres.len() >= 6);
        assert!(DEMO.len() <= 3_000_000);
    }

    #[test]
    fn the_table_ends_where_the_sound_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.ogg");
        std::fs::write(&path, DEMO).unwrap();
        let (info, samples) = attune_audio::decode::decode_file(&path).unwrap();
        let secs = samples.len() as f64 / info.rate.hz();
        assert!((secs - sections().last().unwrap().end_s).abs() < 1e-3, "{secs}");
        assert!(is_demo(&path));
        std::fs::write(&path, &DEMO[1..]).unwrap();
        assert!(!is_demo(&path) && !is_demo(folder.path()));
    }

    #[test]
    fn a_time_belongs_to_the_section_that_begins_at_it() {
        let second = &sections()[1];
        assert_eq!(section_at(Seconds(second.start_s)), Some(second));
        assert_eq!(section_at(Seconds(second.start_s - 1e-6)), Some(&sections()[0]));
        assert_eq!(section_at(Seconds(1e4)), None);
    }

    #[test]
    fn credits_name_every_title_maker_licence_and_source() {
        let text = credits();
        for section in sections() {
            for part in [
                section.title,
                section.artist,
                section.licence_url,
                section.source,
                section.changes,
            ] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}
