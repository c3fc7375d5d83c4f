//! From a path to a demuxer and a decoder, or the error that says why not.
//!
//! In: a path. Out: [`Opened`]. Thread: any.

use super::refusal;
use crate::source::{SourceError, SourceErrorKind};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::Path;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

/// A file ready to be decoded.
pub(super) struct Opened {
    pub(super) format: Box<dyn FormatReader>,
    pub(super) decoder: Box<dyn AudioDecoder>,
    pub(super) track: Track,
    /// Decoder's short name.
    pub(super) decoder_name: String,
}

/// How the demuxer may move in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// In both directions, with its length known.
    Seekable,
    /// Only forward, as from a network stream: the only way to read an mp4 whose end is missing.
    Forward,
}

/// Opens the file, finds its container by content, and takes the first audio track that can be decoded.
pub(super) fn open(path: &Path, access: Access) -> Result<Opened, SourceError> {
    let (file, head) = open_file(path)?;
    let source: Box<dyn MediaSource> = match access {
        Access::Seekable => Box::new(file),
        Access::Forward => Box::new(ReadOnlySource::new(file)),
    };
    let format = probe(source).map_err(|error| probe_error(path, &head, &error))?;
    let (track, decoder, decoder_name) = choose_track(path, format.as_ref())?;
    Ok(Opened {
        format,
        decoder,
        track,
        decoder_name,
    })
}

/// Finds the container by content alone: an extension may lie.
fn probe(source: Box<dyn MediaSource>) -> Result<Box<dyn FormatReader>, Error> {
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    symphonia::default::get_probe().probe(
        &Hint::new(),
        stream,
        FormatOptions::default(),
        MetadataOptions::default(),
    )
}

/// A decoder for the first audio track that has one.
pub(super) fn choose_track(
    path: &Path,
    format: &dyn FormatReader,
) -> Result<(Track, Box<dyn AudioDecoder>, String), SourceError> {
    let mut refused = None;
    let default = format.default_track(TrackType::Audio);
    for track in default.into_iter().chain(format.tracks()) {
        let Some(CodecParameters::Audio(params)) = &track.codec_params else {
            continue;
        };
        match make_decoder(params) {
            Ok((decoder, name)) => return Ok((track.clone(), decoder, name)),
            Err(error) => {
                refused.get_or_insert((params.codec, error));
            }
        }
    }
    Err(match refused {
        Some((codec, error)) => refusal::unsupported_codec(path, codec, &error),
        None => refusal::no_audio(path, format.tracks().len()),
    })
}

fn make_decoder(params: &AudioCodecParameters) -> Result<(Box<dyn AudioDecoder>, String), Error> {
    let decoder = symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default())?;
    let name = decoder.codec_info().short_name.to_owned();
    Ok((decoder, name))
}

/// The file, rewound, and its first bytes.
fn open_file(path: &Path) -> Result<(File, Vec<u8>), SourceError> {
    let io = |error: &std::io::Error| io_error(path, error);
    let about = std::fs::metadata(path).map_err(|error| io(&error))?;
    if !about.is_file() {
        let what = if about.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(SourceError::new(
            SourceErrorKind::NotAFile,
            format!("{} is {what}", path.display()),
        ));
    }
    let mut file = File::open(path).map_err(|error| io(&error))?;
    let mut head = Vec::new();
    file.by_ref()
        .take(64)
        .read_to_end(&mut head)
        .map_err(|error| io(&error))?;
    file.rewind().map_err(|error| io(&error))?;
    if head.is_empty() {
        return Err(SourceError::new(
            SourceErrorKind::Empty,
            format!("{} is empty (0 bytes)", path.display()),
        ));
    }
    Ok((file, head))
}

/// Why the system does not open or read a file.
fn io_error(path: &Path, error: &std::io::Error) -> SourceError {
    let name = path.display();
    let (kind, message) = match error.kind() {
        ErrorKind::NotFound => (SourceErrorKind::FileNotFound, format!("{name} does not exist")),
        ErrorKind::PermissionDenied => (
            SourceErrorKind::FileForbidden,
            format!("{name} may not be read by this user"),
        ),
        _ => (SourceErrorKind::Unreadable, format!("{name} cannot be read: {error}")),
    };
    SourceError::new(kind, message)
}

/// Why no container was found.
fn probe_error(path: &Path, head: &[u8], error: &Error) -> SourceError {
    match error {
        Error::IoError(io) if io.kind() != ErrorKind::UnexpectedEof => io_error(path, io),
        // The header is known, but what follows it is malformed.
        Error::IoError(_) | Error::DecodeError(_) => refusal::truncated(path, &error.to_string()),
        _ => refusal::unknown_container(path, head, &error.to_string()),
    }
}
