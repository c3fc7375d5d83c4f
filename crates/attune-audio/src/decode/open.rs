//! From a path to a demuxer and a decoder, or the error that says why not.
//!
//! In: a path. Out: [`Opened`]. Thread: any.

use super::bytes::Part;
use super::frames::FrameReader;
use super::names::{Content, HEAD_BYTES};
use super::ogg::{Next, OggReader, Pages};
use super::{flac, mkv, mp4, ogg, raw, refusal, spool, tags, wave};
use crate::source::{SourceError, SourceErrorKind};
use crate::units::Seconds;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia_adapter_libopus::OpusDecoder;

/// A file ready to be decoded.
pub(super) struct Opened {
    pub(super) demuxer: Demuxer,
    pub(super) decoder: Box<dyn AudioDecoder>,
    pub(super) track: Track,
    /// Decoder's short name.
    pub(super) decoder_name: String,
    /// Whether the demuxer can go to any place.
    pub(super) can_seek: bool,
    /// What is to be played of the track, where an mp4 says so.
    pub(super) gaps: Option<mp4::Gaps>,
    /// What stands before the sound of a Matroska file.
    pub(super) heading: mkv::Heading,
    pub(super) ending: Ending,
}

/// Who takes the packets apart.
pub(super) enum Demuxer {
    /// One of symphonia's.
    Container(Box<dyn FormatReader>),
    /// One of symphonia's, watched for pages that are missing.
    Ogg(Box<OggReader>),
    /// Ours, for frames without a container.
    Frames(Box<FrameReader>),
}

impl Demuxer {
    /// The same, which knows from now on which pages of an Ogg file are missing.
    fn watching(self, pages: Pages) -> Self {
        match self {
            Self::Container(reader) => Self::Ogg(Box::new(OggReader::new(pages, reader))),
            other => other,
        }
    }

    /// The next packet of a track, or what is missing in its place; `None` at the end.
    pub(super) fn next(&mut self, track: u32) -> Result<Option<Next>, Error> {
        let reader: &mut dyn FormatReader = match self {
            Self::Ogg(ogg) => return ogg.next(track),
            Self::Container(reader) => reader.as_mut(),
            Self::Frames(reader) => reader.as_mut(),
        };
        loop {
            match reader.next_packet()? {
                Some(packet) if packet.track_id != track => {}
                packet => return Ok(packet.map(|packet| Next::Packet(packet, None))),
            }
        }
    }

    /// Goes to the packet that holds the timestamp, or one before it.
    pub(super) fn seek(&mut self, to: SeekTo) -> Result<(), Error> {
        let sought = match self {
            Self::Container(reader) => reader.seek(SeekMode::Accurate, to),
            Self::Ogg(reader) => reader.seek(SeekMode::Accurate, to),
            Self::Frames(reader) => reader.seek(SeekMode::Accurate, to),
        };
        sought.map(|_| ())
    }

    fn tracks(&self) -> (Option<&Track>, &[Track]) {
        let reader = match self {
            Self::Container(reader) => reader.as_ref(),
            Self::Ogg(reader) => reader.reader(),
            Self::Frames(reader) => return (None, reader.tracks()),
        };
        (reader.default_track(TrackType::Audio), reader.tracks())
    }
}

/// What the end of the file says of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending {
    /// Whether the sound may end anywhere without being cut: no length is stated.
    pub(super) is_open: bool,
    /// Time that the header promises beyond the end of the file.
    pub(super) missing: Seconds,
    /// What follows the sound is another file of its own.
    pub(super) next: Option<Part>,
    /// Bytes that the packets together should have, where there is nothing else.
    pub(super) packet_bytes: Option<u64>,
}

/// Opus decodes at this rate (RFC 7845, 5.1).
const OPUS_RATE_HZ: u32 = 48_000;

/// The codecs of symphonia, and Opus.
static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut registry = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut registry);
    registry.register_audio_decoder::<OpusDecoder>();
    registry
});

/// How the demuxer may move in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// In both directions, with its length known.
    Seekable,
    /// Only forward, as from a network stream: the only way to read an mp4 whose end is missing.
    Forward,
}

/// The bytes of a file, without tags before the sound, and what they begin with.
pub(super) fn part_of(path: &Path) -> Result<(Part, Content), SourceError> {
    let io = |error: std::io::Error| io_error(path, &error);
    let whole = Part::whole(open_file(path)?).map_err(io)?;
    if whole.end == 0 {
        return Err(SourceError::new(
            SourceErrorKind::Empty,
            format!("{} is empty (0 bytes)", path.display()),
        ));
    }
    let start = tags::sound_start(&whole).map_err(io)?;
    let part = whole.cut(Vec::new(), start, whole.end);
    let head = part.read_at(start, HEAD_BYTES).map_err(io)?;
    Ok((part, Content::of(&head)))
}

/// Opens the sound in a part of a file by its content, and takes the first audio track that can be decoded.
pub(super) fn open(path: &Path, part: &Part, content: Content) -> Result<Opened, SourceError> {
    let io = |error: std::io::Error| io_error(path, &error);
    let head = part.read_at(part.start, 12).map_err(io)?;
    if wave::is_wave(&head) {
        let Some(wave) = wave::open(part).map_err(io)? else {
            return Err(refusal::truncated(path, "it has no sound"));
        };
        let ending = Ending {
            is_open: wave.is_open,
            missing: wave.missing,
            next: wave.next,
            packet_bytes: None,
        };
        return open_container(path, wave.part, Access::Seekable, ending);
    }
    if content == Content::Unknown {
        let end = tags::sound_end(part).map_err(io)?;
        if let Some(reader) = FrameReader::new(&part.cut(Vec::new(), part.start, end)).map_err(io)? {
            return choose(
                path,
                Demuxer::Frames(Box::new(reader)),
                Access::Seekable,
                Ending::default(),
            );
        }
        if tags::is_nothing(part, end).map_err(io)? {
            return Err(refusal::only_tags(path));
        }
    }
    let is_ogg = head.starts_with(b"OggS");
    let mut source = part.clone();
    let mut packet_bytes = None;
    if head.starts_with(b"fLaC") {
        let end = tags::sound_end(part).map_err(io)?;
        source = part.cut(Vec::new(), part.start, end);
        let first = flac::first_frame(part).map_err(io)?;
        packet_bytes = first.map(|first| end.saturating_sub(first));
    }
    let ending = Ending {
        packet_bytes,
        // Pages say how long they are; nothing says how many there are.
        is_open: is_ogg && !ogg::ends_in_a_page(part).map_err(io)?,
        ..Ending::default()
    };
    let opened = open_container(path, source.clone(), Access::Seekable, ending.clone());
    let mut opened = opened.or_else(|error| match error.kind {
        // Some demuxers report a missing end as damage, others as an unknown format.
        SourceErrorKind::Truncated | SourceErrorKind::FileUnsupported => {
            open_container(path, source, Access::Forward, ending.clone()).map_err(|_| error)
        }
        _ => Err(error),
    });
    if is_ogg {
        let pages = Pages::read(part).map_err(io)?;
        if opened.is_err()
            && let Some(rest) = pages.without_first_damage(part).map_err(io)?
        {
            opened = open_container(path, rest, Access::Seekable, ending);
        }
        opened = opened.map(|opened| Opened {
            demuxer: opened.demuxer.watching(pages),
            ..opened
        });
    }
    if mkv::is_mkv(&head)
        && let Ok(opened) = &mut opened
    {
        opened.heading = mkv::heading(part, opened.track.id).map_err(io)?;
    }
    if mp4::is_mp4(&head) {
        if let Ok(opened) = &mut opened {
            opened.gaps = mp4::gaps(part, opened.track.id).map_err(io)?;
        } else {
            let outline = mp4::outline(part).map_err(io)?;
            if outline.has_data && !outline.has_index {
                return Err(refusal::interrupted(path));
            }
        }
    }
    opened
}

/// Opens bytes that are samples and nothing else.
pub(super) fn open_raw(path: &Path, format: raw::RawFormat) -> Result<Opened, SourceError> {
    let part = Part::whole(open_file(path)?).map_err(|error| io_error(path, &error))?;
    let ending = Ending {
        is_open: true,
        ..Ending::default()
    };
    open_container(path, raw::as_wave(&part, format), Access::Seekable, ending)
}

fn open_container(path: &Path, part: Part, access: Access, ending: Ending) -> Result<Opened, SourceError> {
    let source: Box<dyn MediaSource> = match access {
        Access::Seekable => Box::new(part),
        Access::Forward => Box::new(ReadOnlySource::new(part)),
    };
    let format = probe(source).map_err(|error| probe_error(path, &error))?;
    choose(path, Demuxer::Container(format), access, ending)
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

fn choose(path: &Path, demuxer: Demuxer, access: Access, ending: Ending) -> Result<Opened, SourceError> {
    let (track, decoder, decoder_name) = choose_track(path, &demuxer)?;
    Ok(Opened {
        demuxer,
        decoder,
        track,
        decoder_name,
        can_seek: access == Access::Seekable,
        gaps: None,
        heading: mkv::Heading::default(),
        ending,
    })
}

/// A decoder for the first audio track that has one.
pub(super) fn choose_track(
    path: &Path,
    demuxer: &Demuxer,
) -> Result<(Track, Box<dyn AudioDecoder>, String), SourceError> {
    let mut refused = None;
    let (default, tracks) = demuxer.tracks();
    for track in default.into_iter().chain(tracks) {
        let Some(CodecParameters::Audio(params)) = &track.codec_params else {
            continue;
        };
        match make_decoder(params) {
            Ok((decoder, name)) => return Ok((track.clone(), decoder, name)),
            Err(error) => {
                refused.get_or_insert((params, error));
            }
        }
    }
    Err(match refused {
        Some((params, error)) => refusal::unsupported_codec(path, params, &error),
        None => refusal::no_audio(path, tracks.len()),
    })
}

fn make_decoder(params: &AudioCodecParameters) -> Result<(Box<dyn AudioDecoder>, String), Error> {
    let mut params = params.clone();
    if params.codec == CODEC_ID_OPUS {
        // The adapter would take the pre-skip out of the first packet alone; the stream does it for all of them.
        params.extra_data = None;
        // Whatever the container says the source's rate was.
        params.sample_rate = Some(OPUS_RATE_HZ);
    }
    let decoder = CODECS.make_audio_decoder(&params, &AudioDecoderOptions::default())?;
    let name = decoder.codec_info().short_name.to_owned();
    Ok((decoder, name))
}

fn open_file(path: &Path) -> Result<Arc<File>, SourceError> {
    let io = |error: &std::io::Error| io_error(path, error);
    if path == Path::new("-") {
        return spool::input();
    }
    let about = std::fs::metadata(path).map_err(|error| io(&error))?;
    if !about.is_file() {
        if spool::is_input(path) && !about.is_dir() {
            return spool::input();
        }
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
    Ok(Arc::new(File::open(path).map_err(|error| io(&error))?))
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
fn probe_error(path: &Path, error: &Error) -> SourceError {
    match error {
        Error::IoError(io) if io.kind() != ErrorKind::UnexpectedEof => io_error(path, io),
        // The header is known, but what follows it is malformed.
        Error::IoError(_) | Error::DecodeError(_) => refusal::truncated(path, &error.to_string()),
        _ => refusal::unknown_container(path, &error.to_string()),
    }
}
