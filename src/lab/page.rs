//! A lab's tables in a page of text, between two lines that mark their place.

use super::{Entry, LabError, Report, Table};
use crate::train::TrainError;
use crate::train::checkpoint::write_atomically;
use std::fmt::Write;
use std::path::Path;

/// The line behind the tables.
const END: &str = "<!-- end -->";

impl Table {
    /// In Markdown: words stand left, all else right.
    pub fn markdown(&self) -> String {
        let is_words = |column: usize| {
            self.rows
                .iter()
                .any(|row| matches!(row.get(column), Some(Entry::Text(_))))
        };
        let rule = (0..self.columns.len()).map(|column| if is_words(column) { "---" } else { "--:" });
        let mut text = format!(
            "| {} |\n|{}|\n",
            self.columns.join(" | "),
            rule.collect::<Vec<_>>().join("|")
        );
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|entry| entry.to_string().replace('|', "\\|")).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }
}

impl Report {
    /// Puts the tables that are for readers, and what must be known of them, in place of what stands between the lines
    /// `<!-- attune lab NAME -->` and `<!-- end -->` of the page.
    ///
    /// # Errors
    /// If the page cannot be read or written, or has no such lines.
    pub fn write_into(&self, page: &Path) -> Result<(), LabError> {
        let text = std::fs::read_to_string(page).map_err(|source| TrainError::Read {
            path: page.to_owned(),
            source,
        })?;
        let Some(text) = self.put_into(&text) else {
            return Err(LabError::Asked(format!(
                "{}: it has no line `{}` with a line `{END}` after it: put both where the tables are to stand",
                page.display(),
                self.begin()
            )));
        };
        Ok(write_atomically(page, text.as_bytes())?)
    }

    fn begin(&self) -> String {
        format!("<!-- attune lab {} -->", self.lab)
    }

    fn put_into(&self, page: &str) -> Option<String> {
        let begin = self.begin() + "\n";
        let from = page.find(&begin)? + begin.len();
        let to = from + page[from..].find(END)?;
        let tables = self.tables.iter().filter(|table| !table.long).map(Table::markdown);
        let notes = self.notes.iter().map(|note| format!("{note}.\n"));
        let between: Vec<String> = tables.chain(notes).collect();
        Some(format!("{}{}{}", &page[..from], between.join("\n"), &page[to..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_between_the_marks_and_nothing_else_changes() {
        let mut table = Table::new("x", "Numbers", &["net", "right"]);
        table.rows.push(vec!["a|b".into(), Entry::Share(0.125)]);
        let long = Table {
            long: true,
            ..table.clone()
        };
        let report = Report {
            lab: "arena",
            tables: vec![table, long],
            notes: vec!["one clip".to_owned()],
            picture: None,
        };
        let page = "before\n<!-- attune lab arena -->\nold\n<!-- end -->\nafter\n";
        let put = report.put_into(page).unwrap();
        assert_eq!(
            put,
            "before\n<!-- attune lab arena -->\n| net | right |\n|---|--:|\n| a\\|b | 12.5 % |\n\none clip.\n<!-- end -->\nafter\n"
        );
        assert_eq!(report.put_into(&put), Some(put.clone()), "again the same");
        assert_eq!(report.put_into("no marks\n<!-- end -->"), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("PAGE.md");
        std::fs::write(&path, "nothing").unwrap();
        let error = report.write_into(&path).unwrap_err().to_string();
        assert!(
            error.contains("PAGE.md") && error.contains("<!-- attune lab arena -->"),
            "{error}"
        );
    }
}
