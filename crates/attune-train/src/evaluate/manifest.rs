//! The table of labelled clips.

use super::EvaluateError;
use super::rejection::NOT_MUSIC;
use attune_model::genre::{GenreId, GenreSet};
use std::path::{Path, PathBuf};

/// What a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Music of this class.
    Genre(GenreId),
    /// One of [`NOT_MUSIC`].
    NotMusic(&'static str),
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
}

/// Reads `path,label[,group]`, with or without a heading.
///
/// # Errors
/// If the file cannot be read, has no rows, or names a label that is neither a class nor one of [`NOT_MUSIC`].
pub fn read(path: &Path, genres: &GenreSet) -> Result<Vec<Row>, EvaluateError> {
    let wrong = |place: String, message: String| EvaluateError::Manifest {
        path: path.to_owned(),
        place,
        message,
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| wrong(String::new(), format!("cannot be read: {error}")))?;
    let mut rows = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let place = format!(" line {}", number + 1);
        let record = record.map_err(|error| wrong(place.clone(), error.to_string()))?;
        let (Some(clip), Some(label)) = (record.get(0), record.get(1)) else {
            return Err(wrong(place, "expected path,label[,group]".to_owned()));
        };
        let known = match genres.find(label) {
            Some(genre) => Some(Label::Genre(genre)),
            None => NOT_MUSIC.into_iter().find(|kind| *kind == label).map(Label::NotMusic),
        };
        match known {
            Some(label) => rows.push(Row {
                clip: clip.to_owned(),
                label,
                group: record.get(2).unwrap_or_default().to_owned(),
            }),
            None if number == 0 && ["label", "genre"].contains(&label.to_lowercase().as_str()) => {} // a heading
            None => {
                let message = format!(
                    "the label {label:?} is none of the models' classes ({}), nor {}",
                    genres.labels().join(" "),
                    NOT_MUSIC.join(", ")
                );
                return Err(wrong(place, message));
            }
        }
    }
    if rows.is_empty() {
        let message = format!(
            "no rows of path,label[,group] with a label of the models ({})",
            genres.labels().join(" ")
        );
        return Err(wrong(String::new(), message));
    }
    Ok(rows)
}

/// Where a clip lies: beside the table if it is there, else as its path stands.
pub fn beside(table: &Path, clip: &str) -> PathBuf {
    let beside = table.parent().unwrap_or(Path::new("")).join(clip);
    if beside.exists() { beside } else { PathBuf::from(clip) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_classes_or_what_is_no_music() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clips.csv");
        std::fs::write(&path, "path,label\na.wav, blues ,x\nb.wav,speech\n").unwrap();
        let rows = read(&path, &GenreSet::gtzan()).unwrap();
        assert_eq!(rows[0].label, Label::Genre(GenreId(0)));
        assert_eq!(rows[1].label, Label::NotMusic("speech"));
        assert_eq!((rows[0].group.as_str(), rows[1].group.as_str()), ("x", ""));
        assert_eq!(rows.len(), 2);
        std::fs::write(&path, "a.wav,blues\nb.wav,noise\n").unwrap();
        let said = read(&path, &GenreSet::gtzan()).unwrap_err().to_string();
        assert!(
            said.contains("clips.csv line 2") && said.contains("not_music"),
            "{said}"
        );
        // A class of the models comes before what is no music.
        let own = GenreSet::new(vec!["silence".to_owned(), "bark".to_owned()]).unwrap();
        std::fs::write(&path, "a.wav,silence\n").unwrap();
        assert_eq!(read(&path, &own).unwrap()[0].label, Label::Genre(GenreId(0)));
    }
}
