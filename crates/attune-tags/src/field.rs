//! Where a genre is written: the genre of every format, or a field with a name of one's own.
//!
//! In: tags of one format. Out: values; changed tags. Thread: any.

use crate::Refusal;
use crate::raw::mp4::{Name, values};
use crate::raw::{Form, Item, is_own_text};
use lofty::TextEncoding;
use lofty::ape::ApeTag;
use lofty::id3::v1::GENRES;
use lofty::id3::v2::{ExtendedTextFrame, Frame, FrameId, Id3v2Tag, Id3v2Version, TextInformationFrame};
use lofty::iff::wav::RiffInfoList;
use lofty::mp4::{Atom, AtomData, AtomIdent, DataType, Ilst};
use lofty::ogg::tag::VorbisComments;
use std::borrow::Cow;

/// Where a genre is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `TCON`, `GENRE`, `©gen`.
    Genre,
    /// A field of one's own: `TXXX` of this name, a comment of this name, `----:com.apple.iTunes:NAME`.
    Own(String),
}

const ITUNES: &str = "com.apple.iTunes";

impl Field {
    /// `genre`, or the name of a field of one's own: 1 to 64 letters, digits, `_`, `-` and blanks.
    ///
    /// # Errors
    /// If it is another.
    pub fn named(name: &str) -> Result<Self, String> {
        let is_possible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ');
        if name.eq_ignore_ascii_case("genre") {
            Ok(Self::Genre)
        } else if (1..=64).contains(&name.len()) && name.chars().all(is_possible) {
            Ok(Self::Own(name.to_owned()))
        } else {
            Err(format!(
                "{name:?} is no name for a field: use 1 to 64 letters, digits, \"_\", \"-\" and blanks"
            ))
        }
    }

    /// As people read it.
    pub fn name(&self) -> &str {
        match self {
            Self::Genre => "genre",
            Self::Own(name) => name,
        }
    }
}

/// A kind of tag in which a field can be read.
pub(crate) trait Fields: Clone {
    fn get(&self, field: &Field) -> Vec<String>;

    /// The same tag without the field, in a form that can be compared.
    fn others(&self, field: &Field) -> Self;
}

/// One in which lofty writes it.
pub(crate) trait Settable: Fields {
    /// In place of all values that it has.
    fn set(&mut self, field: &Field, value: &str);
}

impl Fields for Id3v2Tag {
    fn get(&self, field: &Field) -> Vec<String> {
        match field {
            Field::Genre => self.genres().into_iter().flatten().map(str::to_owned).collect(),
            Field::Own(name) => self.into_iter().filter_map(|frame| own_text(frame, name)).collect(),
        }
    }

    fn others(&self, field: &Field) -> Self {
        let mut others = self.clone();
        match field {
            Field::Genre => others.retain(|frame| frame.id_str() != "TCON"),
            Field::Own(name) => others.retain(|frame| own_text(frame, name).is_none()),
        }
        others
    }
}

impl Settable for Id3v2Tag {
    fn set(&mut self, field: &Field, value: &str) {
        // Latin-1 is what every version and every reader knows.
        let encoding = if value.is_ascii() {
            TextEncoding::Latin1
        } else {
            TextEncoding::UTF16
        };
        match field {
            Field::Genre => {
                let id = FrameId::Valid(Cow::Borrowed("TCON"));
                self.insert(Frame::Text(TextInformationFrame::new(id, encoding, value.to_owned())));
            }
            Field::Own(name) => {
                self.retain(|frame| own_text(frame, name).is_none());
                let frame = ExtendedTextFrame::new(encoding, name.clone(), value.to_owned());
                self.insert(Frame::UserText(frame));
            }
        }
    }
}

/// The value of a `TXXX` of this name.
fn own_text(frame: &Frame<'_>, name: &str) -> Option<String> {
    match frame {
        Frame::UserText(text) if text.description.eq_ignore_ascii_case(name) => Some(text.content.to_string()),
        _ => None,
    }
}

impl Field {
    /// Whether this is one of the field's own values, as it stands in a file.
    pub(crate) fn is_of(&self, item: &Item) -> bool {
        match (item.form, self) {
            (Form::Comments | Form::Ape, _) => item.id.eq_ignore_ascii_case(self.key()),
            (Form::Id3, Self::Genre) => item.id == "TCON",
            (Form::Id3, Self::Own(name)) => is_own_text(item, name),
            (Form::Ilst, Self::Genre) => matches!(&item.id[..], "\u{a9}gen" | "gnre"),
            (Form::Ilst, Self::Own(name)) => item.id == format!("----:{ITUNES}:{name}"),
            (Form::Info, _) => *self == Self::Genre && item.id == INFO_GENRE,
        }
    }

    /// Its name in Vorbis comments and APE.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Genre => "GENRE",
            Self::Own(name) => name,
        }
    }
}

impl Fields for VorbisComments {
    fn get(&self, field: &Field) -> Vec<String> {
        self.get_all(field.key()).map(str::to_owned).collect()
    }

    fn others(&self, field: &Field) -> Self {
        let mut others = self.clone();
        others.remove(field.key()).for_each(drop);
        others
    }
}

impl Settable for VorbisComments {
    fn set(&mut self, field: &Field, value: &str) {
        self.insert(field.key().to_owned(), value.to_owned());
    }
}

impl Fields for ApeTag {
    fn get(&self, field: &Field) -> Vec<String> {
        let item = ApeTag::get(self, field.key());
        let text = item.and_then(|item| item.value().text());
        text.into_iter()
            .flat_map(|text| text.split('\0'))
            .map(str::to_owned)
            .collect()
    }

    fn others(&self, field: &Field) -> Self {
        let mut others = self.clone();
        others.remove(field.key());
        others
    }
}

impl Fields for Ilst {
    fn get(&self, field: &Field) -> Vec<String> {
        let atoms = idents(field).into_iter().filter_map(|ident| Ilst::get(self, &ident));
        let text = |data: &AtomData| match data {
            AtomData::UTF8(text) | AtomData::UTF16(text) => text.clone(),
            // `gnre` is a place in ID3v1's list, from 1.
            AtomData::Unknown { data, .. } => match data[..] {
                [0, number] if (1..=GENRES.len()).contains(&usize::from(number)) => {
                    GENRES[usize::from(number) - 1].to_owned()
                }
                _ => format!("{data:?}"),
            },
            other => format!("{other:?}"),
        };
        atoms
            .flat_map(|atom| atom.data().map(text).collect::<Vec<_>>())
            .collect()
    }

    fn others(&self, field: &Field) -> Self {
        let mut others = self.clone();
        for ident in idents(field) {
            others.remove(&ident).for_each(drop);
        }
        others
    }
}

impl Settable for Ilst {
    fn set(&mut self, field: &Field, value: &str) {
        for ident in idents(field) {
            self.remove(&ident).for_each(drop);
        }
        if let Some(ident) = idents(field).into_iter().next() {
            self.insert(Atom::new(ident, AtomData::UTF8(value.to_owned())));
        }
    }
}

/// A list of these items, with the bytes that they have: lofty makes other numbers of some that it reads, and leaves
/// out empty ones.
pub(crate) fn ilst_of(items: impl IntoIterator<Item = Item>) -> Result<Ilst, Refusal> {
    let mut list = Ilst::new();
    for item in items {
        let (name, values) = values(&item)?;
        let ident = match name {
            Name::Known(kind) => AtomIdent::Fourcc(kind),
            Name::Own { mean, name } => AtomIdent::Freeform {
                mean: mean.into(),
                name: name.into(),
            },
        };
        let data = values.into_iter().map(|(code, data)| AtomData::Unknown {
            code: DataType::from(code),
            data,
        });
        if let Some(atom) = Atom::from_collection(ident, data.collect()) {
            list.insert(atom);
        }
    }
    Ok(list)
}

/// `IGNR`; there is no room for fields of one's own.
const INFO_GENRE: &str = "IGNR";

impl Fields for RiffInfoList {
    fn get(&self, field: &Field) -> Vec<String> {
        let value = RiffInfoList::get(self, INFO_GENRE).filter(|_| *field == Field::Genre);
        value.map(str::to_owned).into_iter().collect()
    }

    fn others(&self, field: &Field) -> Self {
        let mut others = self.clone();
        if *field == Field::Genre {
            others.remove(INFO_GENRE);
        }
        others
    }
}

impl Settable for RiffInfoList {
    fn set(&mut self, _: &Field, value: &str) {
        self.insert(INFO_GENRE.to_owned(), value.to_owned());
    }
}

fn idents(field: &Field) -> Vec<AtomIdent<'static>> {
    match field {
        Field::Genre => vec![AtomIdent::Fourcc(*b"\xa9gen"), AtomIdent::Fourcc(*b"gnre")],
        Field::Own(name) => vec![AtomIdent::Freeform {
            mean: Cow::Borrowed(ITUNES),
            name: Cow::Owned(name.clone()),
        }],
    }
}

/// Whether the tag is to be written in the form of ID3v2.3, as it was.
pub(crate) fn is_old(tag: &Id3v2Tag) -> bool {
    tag.original_version() == Id3v2Version::V3
}
