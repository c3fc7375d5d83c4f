//! Music files and the kind of tag that each has.
//!
//! In: a file. Out: what stands in its tags; the file with one field changed. Thread: any.

use crate::field::{Field, Fields, Settable, ilst_of, is_old};
use crate::raw::{Form, Item, Of, Raw, ape};
use crate::{Refusal, TagError};
use lofty::ape::{ApeFile, ApeTag};
use lofty::config::{ParseOptions, ParsingMode, WriteOptions};
use lofty::file::{AudioFile, FileType, TaggedFile, TaggedFileExt};
use lofty::flac::FlacFile;
use lofty::id3::v2::{BinaryFrame, Frame, FrameId, Id3v2Tag};
use lofty::iff::aiff::AiffFile;
use lofty::iff::wav::{RiffInfoList, WavFile};
use lofty::mp4::{Ilst, Mp4File};
use lofty::mpeg::MpegFile;
use lofty::ogg::tag::VorbisComments;
use lofty::ogg::{OggPictureStorage, OpusFile, SpeexFile, VorbisFile};
use lofty::picture::{Picture, PictureInformation};
use lofty::probe::Probe;
use lofty::tag::{ItemKey, Tag, TagExt, TagType};
use lofty::wavpack::WavPackFile;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

/// What stands in a file's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// The values of the field, of all tags.
    pub values: Vec<String>,
}

/// The one tag that is written, of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Main {
    Id3(Box<Id3v2Tag>),
    Vorbis(Box<VorbisComments>, Vec<(Picture, PictureInformation)>),
    Ilst(Box<Ilst>),
    Ape(Box<ApeTag>),
    Info(Box<RiffInfoList>),
}

impl Main {
    fn form(&self) -> Form {
        match self {
            Self::Id3(_) => Form::Id3,
            Self::Vorbis(..) => Form::Comments,
            Self::Ilst(_) => Form::Ilst,
            Self::Ape(_) => Form::Ape,
            Self::Info(_) => Form::Info,
        }
    }
}

/// All tags of a file.
pub(crate) struct Content {
    pub(crate) kind: FileType,
    pub(crate) main: Main,
    /// The other tags.
    pub(crate) rest: Vec<Tag>,
    /// As the bytes stand.
    pub(crate) raw: Raw,
}

/// The values of a field in a file's tags.
///
/// # Errors
/// If it is no music file whose tags are written, or they cannot be read to the letter.
pub fn read(path: &Path, field: &Field) -> Result<Tags, TagError> {
    let mut file = File::open(path).map_err(|error| TagError::of(path)(error.into()))?;
    let content = Content::of(&mut file, field).map_err(TagError::of(path))?;
    Ok(Tags {
        values: content.values(field),
    })
}

/// Nothing is repaired and nothing left out: what is not as it should be is an error.
fn options() -> ParseOptions {
    let mut options = ParseOptions::new();
    options.parsing_mode(ParsingMode::Strict).implicit_conversions(false);
    options
}

fn unreadable(error: impl Error) -> Refusal {
    Refusal::Unreadable(with_causes(&error))
}

fn unwritable(error: impl Error) -> Refusal {
    Refusal::Unwritable(with_causes(&error))
}

/// lofty's errors say what was being read, and their causes what is wrong with it.
fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}

fn parsed<F: AudioFile>(file: &mut File) -> Result<F, Refusal> {
    file.rewind()?;
    F::read_from(&mut BufReader::new(file), options()).map_err(unreadable)
}

fn id3(tag: Option<&Id3v2Tag>) -> Main {
    Main::Id3(Box::new(tag.cloned().unwrap_or_default()))
}

fn comments(tag: &VorbisComments) -> Main {
    Main::Vorbis(Box::new(tag.clone()), Vec::new())
}

fn main_ape(tag: Option<&ApeTag>) -> Main {
    Main::Ape(Box::new(tag.cloned().unwrap_or_default()))
}

/// The list of RIFF has a genre, which more programs read than ID3v2 here; what has ID3v2 already keeps to it.
fn wav(file: &WavFile, field: &Field) -> (Main, TagType) {
    match file.id3v2() {
        None if *field == Field::Genre => {
            let list = file.riff_info().cloned().unwrap_or_default();
            (Main::Info(Box::new(list)), TagType::RiffInfo)
        }
        tag => (id3(tag), TagType::Id3v2),
    }
}

impl Content {
    pub(crate) fn of(file: &mut File, field: &Field) -> Result<Self, Refusal> {
        file.rewind()?;
        let probe = Probe::new(BufReader::new(&mut *file)).guess_file_type()?;
        let kind = probe.file_type().ok_or(Refusal::Format)?;
        // First, since it bounds what sizes may claim.
        let raw = Raw::read(kind, file)?;
        let (main, written) = match kind {
            FileType::Mpeg => (id3(parsed::<MpegFile>(file)?.id3v2()), TagType::Id3v2),
            FileType::Aiff => (id3(parsed::<AiffFile>(file)?.id3v2()), TagType::Id3v2),
            FileType::Wav => wav(&parsed(file)?, field),
            FileType::Flac => {
                let flac = parsed::<FlacFile>(file)?;
                let tag = flac.vorbis_comments().cloned().unwrap_or_default();
                let pictures = flac.pictures().to_vec();
                (Main::Vorbis(Box::new(tag), pictures), TagType::VorbisComments)
            }
            FileType::Vorbis => (
                comments(parsed::<VorbisFile>(file)?.vorbis_comments()),
                TagType::VorbisComments,
            ),
            FileType::Opus => (
                comments(parsed::<OpusFile>(file)?.vorbis_comments()),
                TagType::VorbisComments,
            ),
            FileType::Speex => (
                comments(parsed::<SpeexFile>(file)?.vorbis_comments()),
                TagType::VorbisComments,
            ),
            FileType::Mp4 => {
                let tag = parsed::<Mp4File>(file)?.ilst().cloned().unwrap_or_default();
                (Main::Ilst(Box::new(tag)), TagType::Mp4Ilst)
            }
            FileType::Ape => (main_ape(parsed::<ApeFile>(file)?.ape()), TagType::Ape),
            FileType::WavPack => (main_ape(parsed::<WavPackFile>(file)?.ape()), TagType::Ape),
            _ => return Err(Refusal::Format),
        };
        file.rewind()?;
        let all: TaggedFile = Probe::with_file_type(BufReader::new(&mut *file), kind)
            .options(options())
            .read()
            .map_err(unreadable)?;
        let rest = all.tags().iter().filter(|tag| tag.tag_type() != written);
        let rest = rest.cloned().collect();
        Ok(Self { kind, main, rest, raw })
    }

    pub(crate) fn values(&self, field: &Field) -> Vec<String> {
        let mut values = match &self.main {
            Main::Id3(tag) => tag.get(field),
            Main::Vorbis(tag, _) => Fields::get(&**tag, field),
            Main::Ilst(tag) => Fields::get(&**tag, field),
            Main::Ape(tag) => Fields::get(&**tag, field),
            Main::Info(tag) => Fields::get(&**tag, field),
        };
        if *field == Field::Genre {
            let rest = self.rest.iter().flat_map(|tag| tag.get_strings(ItemKey::Genre));
            values.extend(rest.map(str::to_owned));
        }
        values.retain(|value| !value.trim().is_empty());
        values
    }

    /// Whether all is the same but the field.
    pub(crate) fn differs_only_in(&self, other: &Self, field: &Field) -> Result<(), Refusal> {
        let (a, b) = (&self.raw, &other.raw);
        let form = self.main.form();
        let others = |raw: &Raw| -> Vec<Item> {
            let is_other = |item: &&Item| item.form != form || !field.is_of(item);
            let mut items: Vec<Item> = raw.items.iter().filter(is_other).cloned().collect();
            items.sort();
            items
        };
        if others(a) != others(b) || (a.of != Of::Nothing && a.of != b.of) {
            return Err(Refusal::Changed("another field of the tag"));
        }
        if a.rest != b.rest {
            return Err(Refusal::Changed("another part of the file"));
        }
        let is_same = match (&self.main, &other.main) {
            (Main::Id3(a), Main::Id3(b)) => same_items(a.others(field), b.others(field)),
            (Main::Vorbis(a, of_a), Main::Vorbis(b, of_b)) => {
                let (a, b) = (a.others(field), b.others(field));
                a.vendor() == b.vendor()
                    && same_items(a.items(), b.items())
                    && same_items(a.pictures(), b.pictures())
                    && same_items(of_a, of_b)
            }
            (Main::Ilst(a), Main::Ilst(b)) => same_items(a.others(field), b.others(field)),
            (Main::Ape(a), Main::Ape(b)) => same_items(a.others(field), b.others(field)),
            (Main::Info(a), Main::Info(b)) => same_items(a.others(field), b.others(field)),
            _ => false,
        };
        let pairs = self.rest.iter().zip(&other.rest);
        let rest = pairs
            .into_iter()
            .all(|(a, b)| a.tag_type() == b.tag_type() && a.items().eq(b.items()) && a.pictures() == b.pictures());
        match (is_same, rest && self.rest.len() == other.rest.len()) {
            (false, _) => Err(Refusal::Changed("another field of the tag")),
            (_, false) => Err(Refusal::Changed("another tag of the file")),
            _ => Ok(()),
        }
    }
}

/// Whether both have the same items, in whatever order: some tags are written in an order of their own.
fn same_items<T: PartialEq>(a: impl IntoIterator<Item = T>, b: impl IntoIterator<Item = T>) -> bool {
    let mut left: Vec<T> = b.into_iter().collect();
    let found = |item: T| {
        left.iter()
            .position(|other| *other == item)
            .map(|place| left.swap_remove(place))
    };
    a.into_iter().map(found).all(|found| found.is_some()) && left.is_empty()
}

/// Sets the field in a file that is open for reading and writing.
pub(crate) fn set(file: &mut File, field: &Field, value: &str) -> Result<(), Refusal> {
    let content = Content::of(file, field)?;
    let mut options = WriteOptions::new().parse_options(options());
    file.rewind()?;
    let form = content.main.form();
    let items = content.raw.items.into_iter().filter(|item| item.form == form);
    let (replaced, kept): (Vec<Item>, Vec<Item>) = items.partition(|item| field.is_of(item));
    match content.main {
        // Frames go as they are: what is parsed and made again is not always the same.
        Main::Id3(old) => {
            options = options.use_id3v23(is_old(&old));
            let mut tag = Id3v2Tag::new();
            for item in kept {
                let id = FrameId::new(item.id).map_err(unwritable)?;
                tag.insert(Frame::Binary(BinaryFrame::new(id, item.data)));
            }
            tag.set(field, value);
            tag.save_to(file, options).map_err(unwritable)
        }
        Main::Vorbis(old, _) => {
            let mut tag = VorbisComments::new();
            tag.set_vendor(old.vendor().to_owned());
            for item in kept {
                tag.push(item.id, String::from_utf8(item.data).map_err(unwritable)?);
            }
            tag.set(field, value);
            if content.kind != FileType::Flac {
                return tag.save_to(file, options).map_err(unwritable);
            }
            // The pictures of a FLAC file are its own, not its tag's: the file is written as a whole.
            let mut flac = parsed::<FlacFile>(file)?;
            file.rewind()?;
            flac.set_vorbis_comments(tag);
            flac.remove_id3v2();
            flac.save_to(file, options).map_err(unwritable)
        }
        Main::Ilst(_) => {
            let mut tag = ilst_of(kept)?;
            tag.set(field, value);
            tag.save_to(file, options).map_err(unwritable)
        }
        Main::Ape(_) => {
            let id = replaced
                .into_iter()
                .next()
                .map_or(field.key().to_owned(), |item| item.id);
            // Flags of text that may be changed.
            let data = [&[0; 4], value.as_bytes()].concat();
            let new = Item { form, id, data };
            ape::write(file, &kept.into_iter().chain([new]).collect::<Vec<_>>())
        }
        Main::Info(mut tag) => {
            tag.set(field, value);
            tag.save_to(file, options).map_err(unwritable)
        }
    }
}
