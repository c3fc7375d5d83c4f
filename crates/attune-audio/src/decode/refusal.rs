//! Errors for files that cannot be decoded: what the file is, as far as its content shows.
//!
//! In: a path, first bytes, a codec's id. Out: [`SourceError`]. Thread: any.

use crate::source::{SourceError, SourceErrorKind};
use std::path::Path;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};
use symphonia::core::errors::Error;

/// Offset, first bytes and name of formats that users try to open but symphonia does not read.
const UNREADABLE_FORMATS: [(usize, &[u8], &str); 13] = [
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

/// Codecs that symphonia recognises but does not decode.
const UNDECODED_CODECS: [(AudioCodecId, &str); 10] = [
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

/// A track whose codec has no decoder here.
pub(super) fn unsupported_codec(path: &Path, id: AudioCodecId, error: &Error) -> SourceError {
    let name = UNDECODED_CODECS.iter().find(|(known, _)| *known == id).map_or_else(
        || {
            if id == codec_null() {
                "unknown".to_owned()
            } else {
                id.to_string()
            }
        },
        |(_, name)| (*name).to_owned(),
    );
    SourceError::unsupported_file(
        path,
        format!(
            "{} holds audio in the codec {name}, which Attune does not decode ({error})",
            path.display()
        ),
    )
}

fn codec_null() -> AudioCodecId {
    symphonia::core::codecs::audio::CODEC_ID_NULL_AUDIO
}

/// A container of `tracks` tracks, none of them audio.
pub(super) fn no_audio(path: &Path, tracks: usize) -> SourceError {
    SourceError::new(
        SourceErrorKind::NoAudio,
        format!("{} has no audio track ({tracks} of other kinds)", path.display()),
    )
}

/// A container that no demuxer knows.
pub(super) fn unknown_container(path: &Path, head: &[u8], error: &str) -> SourceError {
    let known = UNREADABLE_FORMATS
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let what = match known {
        Some((_, _, name)) => format!("looks like {name}, which Attune does not read"),
        None => format!("is in no audio format that Attune reads ({error})"),
    };
    SourceError::unsupported_file(path, format!("{} {what}", path.display()))
}

/// A file of a known kind that stops or goes wrong before any sound.
pub(super) fn truncated(path: &Path, error: &str) -> SourceError {
    SourceError::new(
        SourceErrorKind::Truncated,
        format!("{} is cut off or damaged before any sound ({error})", path.display()),
    )
}

/// A file of a known kind without one sample in it.
pub(super) fn no_samples(path: &Path) -> SourceError {
    SourceError::new(
        SourceErrorKind::Empty,
        format!("{} is a sound file of zero length", path.display()),
    )
}

/// A file that states an impossible rate or number of channels.
pub(super) fn impossible(path: &Path, what: &str) -> SourceError {
    SourceError::unsupported_file(path, format!("{} states {what}", path.display()))
}
