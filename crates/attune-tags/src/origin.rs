//! Who made the music in a file, as its tags say.
//!
//! In: a path. Out: artist and album. Thread: any.

use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::TaggedFileExt;
use lofty::probe::Probe;
use lofty::tag::ItemKey;
use std::path::Path;

/// Where a recording comes from. What no tag says is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who plays.
    pub artist: String,
    /// The record.
    pub album: String,
}

/// Reads artist and album from the tags of a music file, of whatever kind; nothing of a file without readable tags.
pub fn origin(path: &Path) -> Origin {
    let mut options = ParseOptions::new();
    options
        .parsing_mode(ParsingMode::BestAttempt)
        .read_properties(false)
        .read_cover_art(false);
    let opened = Probe::open(path).and_then(|probe| Ok(probe.options(options).guess_file_type()?));
    let Ok(Ok(file)) = opened.map(Probe::read) else {
        return Origin::default();
    };
    let first = |keys: [ItemKey; 2]| {
        let values = keys
            .into_iter()
            .flat_map(|key| file.tags().iter().filter_map(move |tag| tag.get_string(key)));
        let mut values = values.map(str::trim).filter(|value| !value.is_empty());
        values.next().unwrap_or_default().to_owned()
    };
    Origin {
        artist: first([ItemKey::TrackArtist, ItemKey::AlbumArtist]),
        album: first([ItemKey::AlbumTitle, ItemKey::OriginalAlbumTitle]),
    }
}
