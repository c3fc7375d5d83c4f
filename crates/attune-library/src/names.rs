//! Names of the files that are written: one for each input, no two alike, and none that is an input.
//!
//! In: inputs, a folder, formats. Out: paths. Thread: any.

use super::Format;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The longest name before its suffix, in bytes: file systems allow 255 in all.
const LONGEST: usize = 200;

/// Gives each input the name of its outputs.
#[derive(Debug, Clone)]
pub struct Names {
    folder: PathBuf,
    /// Names that are given, in lower case: some file systems do not tell cases apart.
    given: HashSet<String>,
}

/// An output would replace an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: it is one of the files to analyse, and would be overwritten", path.display())]
pub struct WouldOverwrite {
    /// The file.
    pub path: PathBuf,
}

impl Names {
    /// Outputs go to this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            given: HashSet::new(),
        }
    }

    /// The path of an input's outputs without their suffix: the folder and the input's name without its extension, with
    /// `-2`, `-3` … where an earlier input has that name.
    pub fn give(&mut self, input: &Path) -> PathBuf {
        let stem = if input == Path::new("-") {
            Some(OsStr::new("stdin"))
        } else {
            input.file_stem()
        };
        let stem = cut(stem.unwrap_or(OsStr::new("sound")));
        let mut name = stem.clone();
        let mut number = 1;
        while !self.given.insert(name.to_string_lossy().to_lowercase()) {
            number += 1;
            name.clone_from(&stem);
            name.push(format!("-{number}"));
        }
        self.folder.join(name)
    }
}

/// A name of at most [`LONGEST`] bytes.
fn cut(name: &OsStr) -> OsString {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let text = name.to_string_lossy();
    OsString::from(&text[..text.floor_char_boundary(LONGEST)])
}

/// The path with this suffix.
pub fn with_suffix(base: &Path, suffix: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Checks that no output of these formats at `base` is one of the inputs, by whatever name or link.
///
/// # Errors
/// The first output that is.
pub fn check(base: &Path, formats: &[Format], inputs: &[PathBuf]) -> Result<(), WouldOverwrite> {
    let suffixes = formats.iter().flat_map(|format| format.suffixes());
    for output in suffixes.map(|suffix| with_suffix(base, suffix)) {
        // What is not there is nobody's input.
        let Some(there) = identity(&output) else { continue };
        if inputs.iter().any(|input| identity(input).as_ref() == Some(&there)) {
            return Err(WouldOverwrite { path: output });
        }
    }
    Ok(())
}

/// What two paths of one file have in common: its number on its device, as hard links are one file too.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let it = std::fs::metadata(path).ok()?;
    Some((it.dev(), it.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_a_name_of_its_own() {
        let mut names = Names::new(Path::new("out"));
        let given: Vec<PathBuf> = ["a/song.mp3", "b/Song.flac", "song-2.ogg", "-", "..", "x/.hidden"]
            .into_iter()
            .map(|input| names.give(Path::new(input)))
            .collect();
        let expected = [
            "out/song",
            "out/Song-2",
            "out/song-2-2",
            "out/stdin",
            "out/sound",
            "out/.hidden",
        ];
        assert_eq!(given, expected.map(PathBuf::from));
        let long = names.give(Path::new(&format!("{}.mp3", "ä".repeat(120))));
        assert_eq!(long, PathBuf::from(format!("out/{}", "ä".repeat(100))));
    }

    #[cfg(unix)]
    #[test]
    fn an_output_that_is_an_input_is_refused_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("song.json"), "a sound").unwrap();
        std::os::unix::fs::symlink(at("song.json"), at("other.wav")).unwrap();
        std::fs::hard_link(at("song.json"), at("third.html")).unwrap();
        let base = Names::new(folder.path()).give(Path::new("song.json"));
        assert!(check(&base, &[Format::Csv, Format::Html], &[at("song.json")]).is_ok());
        for input in ["song.json", "other.wav", "third.html"] {
            let refused = check(&base, &[Format::Json], &[at(input)]).unwrap_err();
            assert_eq!(refused.path, at("song.json"), "{input}");
        }
    }
}
