//! Tables in a page of text, between two lines that mark their place.
//!
//! In: a page in Markdown with `<!-- MARK -->` and, below it, `<!-- end -->`. Out: the same page with something else between
//! them. Thread: the caller's.

use crate::files::{self, FileError};
use std::path::{Path, PathBuf};

/// The most bytes of a page: one of this program's has some ten thousands.
const LARGEST_PAGE: u64 = 16 << 20;

/// The line behind what is put in.
const END: &str = "<!-- end -->";

/// Why nothing was put into a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not say where.
    #[error("{}: no line `{begin}` followed by a line `{END}`", .path.display())]
    NoPlace {
        /// The page.
        path: PathBuf,
        /// The line that is missing, or has no end.
        begin: String,
    },
}

impl PageError {
    /// What a user can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::NoPlace { .. } => "Add both lines where the tables should go.",
        }
    }
}

/// Puts `text` in place of what stands between the lines `<!-- MARK -->` and `<!-- end -->` of the page.
///
/// # Errors
/// If the page cannot be read or written, or has no such lines; it is then as it was.
pub fn put(page: &Path, mark: &str, text: &str) -> Result<(), PageError> {
    Ok(files::write_atomically(page, with(page, mark, text)?.as_bytes())?)
}

/// Whether [`put`] will find its place: call it before the hours of work whose results go there.
///
/// # Errors
/// As [`put`].
pub fn check(page: &Path, mark: &str) -> Result<(), PageError> {
    with(page, mark, "").map(drop)
}

/// The page with `text` in its place.
fn with(page: &Path, mark: &str, text: &str) -> Result<String, PageError> {
    let before = files::read_text(page, LARGEST_PAGE)?;
    let begin = format!("<!-- {mark} -->");
    put_into(&before, &begin, text).ok_or_else(|| PageError::NoPlace {
        path: page.to_owned(),
        begin,
    })
}

fn put_into(page: &str, begin: &str, text: &str) -> Option<String> {
    let begin = format!("{begin}\n");
    let from = page.find(&begin)? + begin.len();
    let to = from + page[from..].find(END)?;
    Some(format!("{}{text}{}", &page[..from], &page[to..]))
}

/// A table in Markdown; of each column, whether it holds words, which stand left: all else stands right.
pub fn table(columns: &[impl AsRef<str>], holds_words: impl Fn(usize) -> bool, rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>, between: &str| format!("|{}|\n", cells.join(between));
    let cell = |text: &str| format!(" {} ", text.trim().replace('|', "\\|"));
    let rule = |column| if holds_words(column) { "---" } else { "--:" }.to_owned();
    let mut text = line(columns.iter().map(|name| cell(name.as_ref())).collect(), "|");
    text += &line((0..columns.len()).map(rule).collect(), "|");
    for row in rows {
        text += &line(row.iter().map(|entry| cell(entry)).collect(), "|");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_stands_between_the_marks_and_nothing_else_changes() {
        let page = "before\n<!-- attune lab arena -->\nold\n<!-- end -->\nafter\n";
        let put = put_into(page, "<!-- attune lab arena -->", "new\n").unwrap();
        assert_eq!(put, "before\n<!-- attune lab arena -->\nnew\n<!-- end -->\nafter\n");
        let again = put_into(&put, "<!-- attune lab arena -->", "new\n");
        assert_eq!(again, Some(put), "again the same");
        assert_eq!(
            put_into("no marks\n<!-- end -->", "<!-- attune lab arena -->", "new\n"),
            None
        );
    }

    #[test]
    fn a_page_without_the_marks_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("PAGE.md");
        std::fs::write(&path, "nothing").unwrap();
        check(&path, "attune lab arena").unwrap_err();
        let error = put(&path, "attune lab arena", "new\n").unwrap_err().to_string();
        assert!(
            error.contains("PAGE.md") && error.contains("<!-- attune lab arena -->"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "nothing");
        std::fs::write(&path, "<!-- x -->\n<!-- end -->").unwrap();
        check(&path, "x").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "<!-- x -->\n<!-- end -->");
        let missing = put(&folder.path().join("MISSING.md"), "x", "").unwrap_err().to_string();
        assert!(missing.contains("MISSING.md"), "{missing}");
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        let rows = [vec!["a|b".to_owned(), "12.5 %".to_owned()]];
        assert_eq!(
            table(&["net", "right"], |column| column == 0, &rows),
            "| net | right |\n|---|--:|\n| a\\|b | 12.5 % |\n"
        );
    }
}
