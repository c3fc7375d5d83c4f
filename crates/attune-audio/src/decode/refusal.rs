//! Errors for files that cannot be decoded: what the file is, and a remedy that can work.
//!
//! In: a path, first bytes, a codec's id. Out: [`SourceError`]. Thread: any.

use super::ffmpeg::Failure;
use crate::source::{SourceError, SourceErrorKind, convert_command};
use std::path::Path;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, well_known as codec};
use symphonia::core::errors::Error;

/// Codecs that symphonia recognises, and how people call them. It decodes some of them, but not in every variant.
const CODECS: [(AudioCodecId, &str); 18] = [
    (codec::CODEC_ID_OPUS, "Opus"),
    (codec::CODEC_ID_SPEEX, "Speex"),
    (codec::CODEC_ID_AAC, "AAC"),
    (codec::CODEC_ID_ALAC, "ALAC"),
    (codec::CODEC_ID_VORBIS, "Vorbis"),
    (codec::CODEC_ID_FLAC, "FLAC"),
    (codec::CODEC_ID_MP3, "mp3"),
    (codec::CODEC_ID_AC3, "AC-3"),
    (codec::CODEC_ID_EAC3, "E-AC-3"),
    (codec::CODEC_ID_AC4, "AC-4"),
    (codec::CODEC_ID_DCA, "DTS"),
    (codec::CODEC_ID_WMA, "Windows Media Audio"),
    (codec::CODEC_ID_MP1, "MPEG layer 1"),
    (codec::CODEC_ID_MP2, "MPEG layer 2"),
    (codec::CODEC_ID_WAVPACK, "WavPack"),
    (codec::CODEC_ID_TRUEHD, "TrueHD"),
    (codec::CODEC_ID_TTA, "True Audio"),
    (codec::CODEC_ID_MONKEYS_AUDIO, "Monkey's Audio"),
];

/// A track whose codec, or this variant of it, has no decoder here.
pub(super) fn unsupported_codec(path: &Path, params: &AudioCodecParameters, error: &Error) -> SourceError {
    let known = CODECS.iter().find(|(known, _)| *known == params.codec);
    let name = known.map_or("that has no name here", |(_, name)| name);
    let channels = match params.channels.as_ref().map(Channels::count) {
        Some(count) if count > 2 => format!(" with {count} channels"),
        _ => String::new(),
    };
    unsupported(
        path,
        format!(
            "{} holds audio in the codec {name}{channels}, which Attune does not decode ({error})",
            path.display()
        ),
    )
}

/// A file that needs `ffmpeg`, which is not installed or does not read it either.
pub(super) fn foreign(path: &Path, name: &str, failure: &Failure) -> SourceError {
    let message = format!("{} is {name}, which Attune does not decode by itself", path.display());
    with_failure(path, unsupported(path, message), failure)
}

/// The same error, with what `ffmpeg` could do about it.
pub(super) fn with_failure(path: &Path, mut error: SourceError, failure: &Failure) -> SourceError {
    if error.kind != SourceErrorKind::FileUnsupported {
        return error;
    }
    match failure {
        Failure::Absent => {
            let remedy = format!(
                "Install FFmpeg, which Attune then uses, or convert it: {}",
                convert_command(path)
            );
            SourceError::with_remedy(error.kind, error.message, remedy)
        }
        Failure::Refused(reason) => {
            error.message = format!("{}; FFmpeg does not read it either ({reason})", error.message);
            SourceError::with_remedy(
                error.kind,
                error.message,
                "Export it again, as FLAC or WAV, with the program that made it.",
            )
        }
    }
}

fn unsupported(path: &Path, message: String) -> SourceError {
    let remedy = format!("Convert it, for instance: {}", convert_command(path));
    SourceError::with_remedy(SourceErrorKind::FileUnsupported, message, remedy)
}

/// A file that holds no sound, whatever it is.
pub(super) fn silent(path: &Path, name: &str, remedy: &'static str) -> SourceError {
    let message = format!("{} is {name}, which has no sound to decode", path.display());
    SourceError::with_remedy(SourceErrorKind::FileUnsupported, message, remedy)
}

/// An mp4 whose index is missing: the recorder was stopped before it could write it.
pub(super) fn interrupted(path: &Path) -> SourceError {
    SourceError::with_remedy(
        SourceErrorKind::Truncated,
        format!(
            "{} is a recording that was interrupted: its index, which is written last, is missing",
            path.display()
        ),
        "Repair it with untrunc and a complete recording of the same device.",
    )
}

/// A container of `tracks` tracks, none of them audio.
pub(super) fn no_audio(path: &Path, tracks: usize) -> SourceError {
    SourceError::new(
        SourceErrorKind::NoAudio,
        format!("{} has no audio track ({tracks} of other kinds)", path.display()),
    )
}

/// A container that no demuxer knows.
pub(super) fn unknown_container(path: &Path, error: &str) -> SourceError {
    let message = format!("{} is in no audio format that Attune reads ({error})", path.display());
    unsupported(path, message)
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

/// A file of tags alone.
pub(super) fn only_tags(path: &Path) -> SourceError {
    SourceError::new(
        SourceErrorKind::Empty,
        format!("{} holds tags and no sound", path.display()),
    )
}

/// A file that states an impossible rate or number of channels.
pub(super) fn impossible(path: &Path, what: &str) -> SourceError {
    unsupported(path, format!("{} states {what}", path.display()))
}
