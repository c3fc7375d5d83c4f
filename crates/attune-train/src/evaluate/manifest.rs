//! The table of labelled clips.
//!
//! In: `path,label[,group]`, with or without a heading; or the index of a data set (`clips.csv`), whose columns are
//! found by their names. Out: [`Row`]s. Thread: any.

use super::EvaluateError;
use super::rejection::NOT_MUSIC;
use attune_engine::table;
use attune_model::genre::{GenreId, GenreSet, is_same_name};
use attune_model::plain_file;
use std::path::{Path, PathBuf};

/// The most bytes of a manifest: a million rows have some hundred megabytes.
const MOST_BYTES: u64 = 256 << 20;

/// What a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Music of this class.
    Genre(GenreId),
    /// One of [`NOT_MUSIC`].
    NotMusic(&'static str),
    /// Music of no class of the models.
    Unfamiliar,
}

/// The label of music of no class of the models.
pub(super) const UNFAMILIAR: &str = "unfamiliar";

/// What a label means that is no class of the models and no other label that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownLabel {
    /// A mistake in the table.
    Refused,
    /// Music of no class of the models.
    Unfamiliar,
}

impl Label {
    /// The label that a text names, whatever its case (`Hip-Hop`, `not music`); classes come first.
    fn parse(text: &str, genres: &GenreSet) -> Option<Self> {
        let not_music = || NOT_MUSIC.into_iter().find(|kind| is_same_name(kind, text));
        match genres.find_name(text) {
            Some(genre) => Some(Self::Genre(genre)),
            None if is_same_name(UNFAMILIAR, text) => Some(Self::Unfamiliar),
            None => not_music().map(Self::NotMusic),
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// A path or a key, as it stands there.
    pub clip: String,
    /// What it is.
    pub label: Label,
    /// Its group, such as an artist or a session; empty if the table gives none.
    pub group: String,
    /// The part of the data set that it belongs to (`valid`); empty without such a column.
    pub split: String,
    /// Whether there is sound of it: a column `audio` may say that there is none.
    pub has_audio: bool,
    /// Its file: beside the table if it is there, else as its path stands.
    pub path: PathBuf,
    /// Its line in the table, from 1.
    pub line: u64,
}

/// Names that the columns may have.
const CLIP: &[&str] = &["path", "clip", "file"];
const LABEL: &[&str] = &["label", "genre", "class"];
const GROUP: &[&str] = &["group", "artist", "session", "speaker"];
const SPLIT: &[&str] = &["split"];
const AUDIO: &[&str] = &["audio"];

/// Where the fields stand in a line.
struct Columns {
    clip: usize,
    label: usize,
    group: Option<usize>,
    split: Option<usize>,
    audio: Option<usize>,
}

impl Columns {
    const WITHOUT_HEADING: Self = Self {
        clip: 0,
        label: 1,
        group: Some(2),
        split: None,
        audio: None,
    };

    /// By the names in a heading; `None` if this is none. The error is the heading that a column is missing in.
    fn of_heading(record: &[String]) -> Result<Option<Self>, String> {
        let find = |names: &[&str]| {
            let is_named = |field: &String| names.iter().any(|name| name.eq_ignore_ascii_case(field));
            record.iter().position(is_named)
        };
        let (clip, label) = (find(CLIP), find(LABEL));
        let known = [GROUP, SPLIT, AUDIO].map(find);
        match (clip, label) {
            // The first column is the clip's, whatever it is called.
            (clip, Some(label)) => Ok(Some(Self {
                clip: clip.unwrap_or(0),
                label,
                group: known[0].or((label == 1 && known[1] != Some(2) && known[2] != Some(2)).then_some(2)),
                split: known[1],
                audio: known[2],
            })),
            (Some(_), None) => Err(format!("no column is called {}", LABEL.join(" or "))),
            (None, None) => Ok(None),
        }
    }
}

/// Reads a table. Columns are found by the names in its heading; without one they are path, label and, if there is a
/// third, group.
///
/// # Errors
/// If the file cannot be read, has no rows or no column of labels, or names a label that is neither a class nor one of
/// [`NOT_MUSIC`] nor `unfamiliar`, and unknown labels are refused.
pub fn read(path: &Path, genres: &GenreSet, unknown: UnknownLabel) -> Result<Vec<Row>, EvaluateError> {
    let wrong = |line: Option<u64>, message: String| EvaluateError::Manifest {
        path: path.to_owned(),
        line,
        message,
    };
    let text = plain_file::read(path, MOST_BYTES).map_err(|error| wrong(None, format!("cannot be read: {error}")))?;
    let mut rows = Vec::new();
    let mut columns = Columns::WITHOUT_HEADING;
    for (number, record) in table::records(&text).enumerate() {
        let table::Record { line, fields: record } = record.map_err(|error| wrong(error.line, error.message))?;
        if number == 0
            && let Some(named) = Columns::of_heading(&record).map_err(|message| wrong(Some(line), message))?
        {
            columns = named;
            continue;
        }
        let field = |column: Option<usize>| column.and_then(|column| record.get(column)).map_or("", String::as_str);
        let (clip, text) = (field(Some(columns.clip)), field(Some(columns.label)));
        if clip.is_empty() || text.is_empty() {
            let what = if clip.is_empty() { "clip" } else { "label" };
            return Err(wrong(Some(line), format!("there is no {what} in it")));
        }
        let label = match (Label::parse(text, genres), unknown) {
            (Some(label), _) => label,
            (None, UnknownLabel::Unfamiliar) => Label::Unfamiliar,
            (None, UnknownLabel::Refused) => {
                let message = format!(
                    "the label {text:?} is none of the models' classes ({}), nor {}, {UNFAMILIAR}",
                    genres.labels().join(" "),
                    NOT_MUSIC.join(", ")
                );
                return Err(wrong(Some(line), message));
            }
        };
        let split = field(columns.split);
        rows.push(Row {
            path: file_of(path, clip, split),
            clip: clip.to_owned(),
            label,
            group: field(columns.group).to_owned(),
            split: split.to_owned(),
            has_audio: columns.audio.is_none() || is_same_name(field(columns.audio), "yes"),
            line,
        });
    }
    if rows.is_empty() {
        return Err(wrong(None, "it has no clips".to_owned()));
    }
    Ok(rows)
}

/// The rows of one split.
///
/// # Errors
/// If there are none: the message names the splits that there are.
pub fn of_split(table: &Path, rows: Vec<Row>, split: &str) -> Result<Vec<Row>, EvaluateError> {
    let mut splits: Vec<String> = rows.iter().map(|row| row.split.clone()).collect();
    splits.sort();
    splits.dedup();
    let chosen: Vec<Row> = rows.into_iter().filter(|row| row.split == split).collect();
    if chosen.is_empty() {
        let named: Vec<String> = splits.into_iter().filter(|split| !split.is_empty()).collect();
        let message = match named.as_slice() {
            [] => format!("it has no column `split`, so no clip is of the split {split:?}"),
            named => format!("no clip is of the split {split:?}; there are {}", named.join(", ")),
        };
        return Err(EvaluateError::Manifest {
            path: table.to_owned(),
            line: None,
            message,
        });
    }
    Ok(chosen)
}

/// Refuses a table that names files which are not there, before anything slow.
///
/// # Errors
/// For the first such file; the message says how many there are.
pub fn check_files(table: &Path, rows: &[Row]) -> Result<(), EvaluateError> {
    refuse_missing(table, rows, "there is no file", |row| row.path.exists())
}

/// Refuses a table with clips that are not there; the message begins with `what` and says how many there are.
pub(super) fn refuse_missing(
    table: &Path,
    rows: &[Row],
    what: &str,
    is_there: impl Fn(&Row) -> bool,
) -> Result<(), EvaluateError> {
    let mut missing = rows.iter().filter(|row| !is_there(row));
    let Some(row) = missing.next() else { return Ok(()) };
    let more = match missing.count() {
        0 => String::new(),
        more => format!(", nor {more} more of the table"),
    };
    Err(EvaluateError::Manifest {
        path: table.to_owned(),
        line: Some(row.line),
        message: format!("{what} {:?}{more}", row.clip),
    })
}

/// Where a clip lies: beside the table, or in its split's folder as a data set has it, if it is there; else as its path
/// stands.
fn file_of(table: &Path, clip: &str, split: &str) -> PathBuf {
    let folder = table.parent().unwrap_or(Path::new(""));
    let beside = folder.join(clip);
    if beside.exists() {
        return beside;
    }
    if !split.is_empty() {
        let in_split = folder.join(split).join(format!("{clip}.ogg"));
        if in_split.exists() {
            return in_split;
        }
    }
    PathBuf::from(clip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clips.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn said(text: &str) -> String {
        let (_folder, path) = table(text);
        read(&path, &GenreSet::gtzan(), UnknownLabel::Refused)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn labels_are_classes_or_what_is_no_music_whatever_their_case() {
        let text = "path,label\na.wav, Blues ,x\nb.wav,SPEECH\nc.wav,Hip-Hop\nd.wav,hip hop\ne.wav,Not music\n";
        let (_folder, path) = table(text);
        let rows = read(&path, &GenreSet::gtzan(), UnknownLabel::Refused).unwrap();
        let labels: Vec<Label> = rows.iter().map(|row| row.label).collect();
        let hip_hop = Label::Genre(GenreSet::gtzan().find("hiphop").unwrap());
        assert_eq!(labels[..2], [Label::Genre(GenreId(0)), Label::NotMusic("speech")]);
        assert_eq!(labels[2..], [hip_hop, hip_hop, Label::NotMusic("not_music")]);
        assert_eq!((rows[0].group.as_str(), rows[1].group.as_str()), ("x", ""));
        assert_eq!((rows[0].line, rows[4].line), (2, 6));
        // A class of the models comes before what is no music.
        let own = GenreSet::new(vec!["silence".to_owned(), "bark".to_owned()]).unwrap();
        let (_folder, path) = table("a.wav,silence\n");
        assert_eq!(
            read(&path, &own, UnknownLabel::Refused).unwrap()[0].label,
            Label::Genre(GenreId(0))
        );
    }

    #[test]
    fn music_of_no_class_is_labelled_so_or_by_request() {
        let (_folder, path) = table("a.wav,Unfamiliar\nb.wav,polka\nc.wav,rock\n");
        assert!(read(&path, &GenreSet::gtzan(), UnknownLabel::Refused).is_err());
        let rows = read(&path, &GenreSet::gtzan(), UnknownLabel::Unfamiliar).unwrap();
        let labels: Vec<Label> = rows.iter().map(|row| row.label).collect();
        assert_eq!(labels[..2], [Label::Unfamiliar; 2]);
        assert!(matches!(labels[2], Label::Genre(_)));
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let text = "clip,genre,split,audio,artist,title\na,rock,train,yes,\"Who, The\",x\nb,pop,valid,no,,y\n";
        let (folder, path) = table(text);
        std::fs::create_dir(folder.path().join("train")).unwrap();
        std::fs::write(folder.path().join("train/a.ogg"), "").unwrap();
        let rows = read(&path, &GenreSet::gtzan(), UnknownLabel::Refused).unwrap();
        assert_eq!((rows[0].group.as_str(), rows[0].split.as_str()), ("Who, The", "train"));
        assert!(rows[0].has_audio && !rows[1].has_audio);
        assert_eq!(rows[0].path, folder.path().join("train/a.ogg"));
        assert!(check_files(&path, &rows[..1]).is_ok());
        let missing = check_files(&path, &rows).unwrap_err().to_string();
        assert!(missing.contains("line 3") && missing.contains("\"b\""), "{missing}");
        let valid = of_split(&path, rows.clone(), "valid").unwrap();
        assert_eq!((valid.len(), valid[0].clip.as_str()), (1, "b"));
        let none = of_split(&path, rows, "test").unwrap_err().to_string();
        assert!(none.contains("train, valid"), "{none}");
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        for (text, expected) in [
            ("a.wav,blues\nb.wav,noise\n", &["line 2", "\"noise\"", "not_music"][..]),
            ("a.wav,blues\n\nb.wav\n", &["line 3", "no label"]),
            (",blues\n", &["line 1", "no clip"]),
            ("clip,artist\na,b\n", &["line 1", "label or genre"]),
            ("path,label\n", &["no clips"]),
            ("", &["no clips"]),
        ] {
            let said = said(text);
            assert!(said.contains("clips.csv"), "{said}");
            for part in expected {
                assert!(said.contains(part), "{text:?}: {said}");
            }
        }
    }
}
