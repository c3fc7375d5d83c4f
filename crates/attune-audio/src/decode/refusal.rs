//! What is said of a file that cannot be decoded: what it is, as far as its content tells, and what to do.
//!
//! In: a path, first bytes, a codec's id. Out: [`SourceError`]. Thread: any.

use crate::source::SourceError;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};
use symphonia::core::errors::Error;

/// First bytes of things that people take for music but symphonia does not read.
const STRANGERS: [(usize, &[u8], &str); 13] = [
    (
        0,
        &[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11],
        "Windows Media (wma, wmv)",
    ),
    (0, b"wvpk", "WavPack"),
    (0, b".snd", "Sun audio (au)"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"MThd", "MIDI: notes, not sound"),
    (0, b"MPCK", "Musepack"),
    (0, b"DSD ", "DSD"),
    (0, b"FLV", "Flash video"),
    (8, b"AVI ", "AVI video"),
    (0, b"%PDF", "a PDF document"),
    (0, &[0x89, b'P', b'N', b'G'], "a picture"),
    (0, &[0xFF, 0xD8, 0xFF], "a picture"),
    (0, b"PK\x03\x04", "a zip archive"),
];

/// Codecs that containers carry and symphonia names but does not decode.
const CODECS: [(AudioCodecId, &str); 10] = [
    (codec::CODEC_ID_OPUS, "Opus"),
    (codec::CODEC_ID_SPEEX, "Speex"),
    (codec::CODEC_ID_AC3, "AC-3"),
    (codec::CODEC_ID_EAC3, "E-AC-3"),
    (codec::CODEC_ID_DCA, "DTS"),
    (codec::CODEC_ID_WMA, "Windows Media Audio"),
    (codec::CODEC_ID_MP1, "MPEG layer 1"),
    (codec::CODEC_ID_MP2, "MPEG layer 2"),
    (codec::CODEC_ID_WAVPACK, "WavPack"),
    (codec::CODEC_ID_TRUEHD, "TrueHD"),
];

/// How to make the file readable.
fn convert(path: &Path) -> String {
    let target = path.with_extension("flac");
    let target = target.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "Convert it, for instance: ffmpeg -i {:?} {target:?}",
        path.display().to_string()
    )
}

/// A track whose codec has no decoder here.
pub(super) fn unsupported_codec(path: &Path, id: AudioCodecId, error: &Error) -> SourceError {
    let name = CODECS.iter().find(|(known, _)| *known == id).map_or_else(
        || {
            if id == codec_null() {
                "unknown".to_owned()
            } else {
                id.to_string()
            }
        },
        |(_, name)| (*name).to_owned(),
    );
    SourceError::lasting(
        "unsupported",
        format!(
            "{} holds audio in the codec {name}, which Attune does not decode ({error})",
            path.display()
        ),
        convert(path),
    )
}

fn codec_null() -> AudioCodecId {
    symphonia::core::codecs::audio::CODEC_ID_NULL_AUDIO
}

/// A container of `tracks` tracks, none of them audio.
pub(super) fn no_audio(path: &Path, tracks: usize) -> SourceError {
    SourceError::lasting(
        "no_audio",
        format!("{} has no audio track ({tracks} of other kinds)", path.display()),
        "Choose a file with sound.",
    )
}

/// A container that no demuxer knows.
pub(super) fn unknown_container(path: &Path, head: &[u8], error: &str) -> SourceError {
    let known = STRANGERS
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let what = match known {
        Some((_, _, name)) => format!("looks like {name}, which Attune does not read"),
        None => format!("is in no audio format that Attune reads ({error})"),
    };
    SourceError::lasting("unsupported", format!("{} {what}", path.display()), convert(path))
}

/// A file of a known kind that stops or goes wrong before any sound.
pub(super) fn truncated(path: &Path, error: &str) -> SourceError {
    SourceError::lasting(
        "truncated",
        format!("{} is cut off or damaged before any sound ({error})", path.display()),
        "Copy or download the file again.",
    )
}

/// A file of a known kind without one sample in it.
pub(super) fn no_samples(path: &Path) -> SourceError {
    SourceError::lasting(
        "empty",
        format!("{} is a sound file of zero length", path.display()),
        "Choose a file with sound, or export it again.",
    )
}

/// A file that states a rate or a number of channels that cannot be.
pub(super) fn impossible(path: &Path, what: &str) -> SourceError {
    SourceError::lasting(
        "unsupported",
        format!("{} states {what}", path.display()),
        convert(path),
    )
}
