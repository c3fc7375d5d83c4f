//! MP4: boxes as they stand in the file (ISO 14496-12), and the items of iTunes in `moov/udta/meta/ilst`.

use super::{Form, Item, Of, Raw, damaged, digest, take};
use crate::error::Refusal;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Seek, SeekFrom};

type Kind = [u8; 4];

/// Kind and content of boxes.
type Parts<'a> = Vec<(Kind, &'a [u8])>;

/// Type and bytes of an item's values.
type Values = Vec<(u32, Vec<u8>)>;

/// Which boxes are looked into, each in the one before it; so the nesting is bounded. Empty: the file.
const INSIDE: [(&[u8], Kind); 8] = [
    (b"", *b"moov"),
    (b"moov", *b"trak"),
    (b"moov", *b"udta"),
    (b"trak", *b"mdia"),
    (b"mdia", *b"minf"),
    (b"minf", *b"stbl"),
    (b"udta", *b"meta"),
    (b"meta", *b"ilst"),
];

/// They refer to places in the file, which move where a tag grows, and are not corrected.
const NOT_MOVED: [(&[u8], Kind); 4] = [(b"", *b"moof"), (b"", *b"mfra"), (b"", *b"meta"), (b"stbl", *b"saio")];

/// A file has some tens of boxes, and a few more for each item and track.
const MOST_BOXES: usize = 100_000;

/// One box: where it and its content begin and where both end.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    kind: Kind,
    start: u64,
    content: u64,
    end: u64,
}

struct Walk<'a> {
    file: &'a mut File,
    /// The boxes of the file itself: what offsets refer to.
    top: Vec<Bounds>,
    boxes: usize,
    /// All but the box of tags, in the order of the file.
    hash: Sha256,
    /// What stands beside the list of items.
    meta: Option<Sha256>,
    items: Option<Vec<Item>>,
}

pub(super) fn read(file: &mut File) -> Result<Raw, Refusal> {
    let length = file.metadata()?.len();
    let mut walk = Walk {
        file,
        top: Vec::new(),
        boxes: 0,
        hash: Sha256::new(),
        meta: None,
        items: None,
    };
    walk.top = walk.boxes(0, length, true)?;
    for of in walk.top.clone() {
        walk.visit(&[], of)?;
    }
    Ok(Raw {
        items: walk.items.unwrap_or_default(),
        of: walk.meta.map_or(Of::Nothing, |hash| Of::Meta(hash.finalize().to_vec())),
        rest: vec![walk.hash.finalize().to_vec()],
    })
}

impl Walk<'_> {
    /// The boxes from here to there, which they fill.
    fn boxes(&mut self, mut place: u64, end: u64, is_top: bool) -> Result<Vec<Bounds>, Refusal> {
        let mut found = Vec::new();
        while place < end {
            self.boxes += 1;
            if self.boxes > MOST_BOXES {
                return Err(damaged("it has too many boxes"));
            }
            self.file.seek(SeekFrom::Start(place))?;
            let head = take(self.file, 8)?;
            let (kind, mut head_length) = ([head[4], head[5], head[6], head[7]], 8);
            let size = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
                0 if is_top => end - place,
                1 => {
                    head_length = 16;
                    take(self.file, 8)?
                        .iter()
                        .fold(0, |size, byte| size << 8 | u64::from(*byte))
                }
                size => u64::from(size),
            };
            let stop = place
                .checked_add(size)
                .filter(|stop| size >= head_length && *stop <= end);
            let stop = stop.ok_or_else(|| damaged("a box reaches beyond the one around it"))?;
            found.push(Bounds {
                kind,
                start: place,
                content: place + head_length,
                end: stop,
            });
            place = stop;
        }
        Ok(found)
    }

    fn visit(&mut self, path: &[Kind], of: Bounds) -> Result<(), Refusal> {
        let parent = path.last().map_or(&b""[..], |kind| &kind[..]);
        if NOT_MOVED.contains(&(parent, of.kind)) {
            return Err(damaged("fragmented and indexed files are not written"));
        }
        let path = [path, &[of.kind]].concat();
        if !INSIDE.contains(&(parent, of.kind)) {
            return self.leaf(parent, &path, of);
        }
        let mut content = of.content;
        match &of.kind {
            // A tag may need them; they have nothing of their own.
            b"udta" => {}
            b"ilst" => return self.list(of),
            b"meta" => content = self.meta(of)?,
            _ => self.hash.update(label(&path, None)),
        }
        for child in self.boxes(content, of.end, false)? {
            self.visit(&path, child)?;
        }
        Ok(())
    }

    fn leaf(&mut self, parent: &[u8], path: &[Kind], of: Bounds) -> Result<(), Refusal> {
        self.file.seek(SeekFrom::Start(of.content))?;
        let length = of.end - of.content;
        let content = match (parent, &of.kind) {
            // Room for the list of items.
            (b"meta", b"free") => return Ok(()),
            (b"stbl", b"stco") => self.offsets(length, 4)?,
            (b"stbl", b"co64") => self.offsets(length, 8)?,
            _ => digest(b"", self.file, Some(length))?,
        };
        let hash = self
            .meta
            .as_mut()
            .filter(|_| parent == b"meta")
            .unwrap_or(&mut self.hash);
        hash.update(label(path, Some(length)));
        hash.update(content);
        Ok(())
    }

    /// The places of the sound, each as a box of the file and a place in that: so they stay what they are where it
    /// moves, and what points elsewhere than before is found.
    fn offsets(&mut self, length: u64, width: usize) -> Result<Vec<u8>, Refusal> {
        let bytes = take(self.file, length)?;
        let cut = || damaged("its table of places is cut");
        let (head, places) = bytes.split_at_checked(8).ok_or_else(cut)?;
        let count = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if places.len() as u64 != u64::from(count) * width as u64 {
            return Err(cut());
        }
        let mut hash = Sha256::new();
        hash.update(head);
        for place in places.chunks_exact(width) {
            let place = place.iter().fold(0, |place, byte| place << 8 | u64::from(*byte));
            let of = self.top.partition_point(|of| of.end <= place);
            let start = self
                .top
                .get(of)
                .ok_or_else(|| damaged("its sound is beyond its end"))?
                .start;
            hash.update((of as u64).to_be_bytes());
            hash.update((place - start).to_be_bytes());
        }
        Ok(hash.finalize().to_vec())
    }

    /// Where the boxes in it begin: behind version and flags, which some writers leave out.
    fn meta(&mut self, of: Bounds) -> Result<u64, Refusal> {
        if self.meta.is_some() {
            return Err(damaged("there are two boxes of tags"));
        }
        self.file.seek(SeekFrom::Start(of.content))?;
        let head = take(self.file, 8.min(of.end - of.content))?;
        let mut hash = Sha256::new();
        let is_full = match head.get(4..8) {
            None => return Err(damaged("its box of tags is too short")),
            Some(kind) => ![&b"hdlr"[..], b"ilst", b"mhdr", b"ctry", b"lang"].contains(&kind),
        };
        if is_full {
            hash.update(&head[..4]);
        }
        self.meta = Some(hash);
        Ok(of.content + if is_full { 4 } else { 0 })
    }

    fn list(&mut self, of: Bounds) -> Result<(), Refusal> {
        if self.items.is_some() {
            return Err(damaged("there are two lists of tags"));
        }
        self.file.seek(SeekFrom::Start(of.content))?;
        let list = take(self.file, of.end - of.content)?;
        let mut items = Vec::new();
        for (kind, content) in parts(&list)? {
            // Room for more.
            if matches!(&kind, b"free" | b"skip") {
                continue;
            }
            if !kind.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9)) {
                return Err(damaged("an item has no name"));
            }
            let id = match Name::of(kind, content)? {
                (Name::Own { mean, name }, _) => format!("----:{mean}:{name}"),
                (Name::Known(kind), _) => kind.map(char::from).iter().collect(),
            };
            items.push(Item {
                form: Form::Ilst,
                id,
                data: [&kind[..], content].concat(),
            });
        }
        self.items = Some(items);
        Ok(())
    }
}

fn label(path: &[Kind], length: Option<u64>) -> Vec<u8> {
    let mut label = path.concat();
    label.push(u8::from(length.is_some()));
    label.extend(length.unwrap_or_default().to_be_bytes());
    label
}

/// The boxes of a list, or of an item.
fn parts(mut bytes: &[u8]) -> Result<Parts<'_>, Refusal> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let part = bytes.split_first_chunk::<4>().and_then(|(size, rest)| {
            let (kind, rest) = rest.split_first_chunk::<4>()?;
            let (content, rest) = rest.split_at_checked((u32::from_be_bytes(*size) as usize).checked_sub(8)?)?;
            Some((kind, content, rest))
        });
        let (kind, content, rest) = part.ok_or_else(|| damaged("an item reaches beyond the one around it"))?;
        if found.len() == MOST_BOXES {
            return Err(damaged("it has too many boxes"));
        }
        found.push((*kind, content));
        bytes = rest;
    }
    Ok(found)
}

/// What an item is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Known(Kind),
    /// `----`
    Own {
        mean: String,
        name: String,
    },
}

impl Name {
    /// And what follows it.
    fn of(kind: Kind, content: &[u8]) -> Result<(Self, Parts<'_>), Refusal> {
        if &kind != b"----" {
            return Ok((Self::Known(kind), parts(content)?));
        }
        let mut of_item = parts(content)?.into_iter();
        let mut text = |kind: &Kind| {
            let (_, content) = of_item.next().filter(|(found, _)| found == kind)?;
            // Behind version and flags.
            String::from_utf8(content.get(4..)?.to_vec()).ok()
        };
        let (mean, name) = (text(b"mean"), text(b"name"));
        match (mean, name) {
            (Some(mean), Some(name)) => Ok((Self::Own { mean, name }, of_item.collect())),
            _ => Err(damaged("an item has no name")),
        }
    }
}

/// An item's name, and type and bytes of each of its values: all that it has.
///
/// # Errors
/// If it has more: that would be lost where it is written again.
pub(crate) fn values(item: &Item) -> Result<(Name, Values), Refusal> {
    let more = || Refusal::Unreadable(format!("its item {} has no values, or more than values", item.id));
    let (kind, content) = item.data.split_first_chunk().ok_or_else(more)?;
    let (name, of_item) = Name::of(*kind, content)?;
    let value = |(kind, content): (Kind, &[u8])| {
        // Version, type, language, value.
        let (head, value) = content.split_at_checked(8).filter(|_| &kind == b"data")?;
        let is_plain = head[0] == 0 && head[4..] == [0; 4];
        is_plain.then(|| (u32::from_be_bytes([0, head[1], head[2], head[3]]), value.to_vec()))
    };
    let values: Option<Values> = of_item.into_iter().map(value).collect();
    Ok((name, values.filter(|values| !values.is_empty()).ok_or_else(more)?))
}
