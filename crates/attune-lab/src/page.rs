//! A lab's tables in a page of text.

use super::{Entry, LabError, Report, Table};
use attune_engine::page;
use std::path::Path;

impl Table {
    /// In Markdown.
    pub fn markdown(&self) -> String {
        let holds_words = |column: usize| {
            let mut entries = self.rows.iter().map(|row| row.get(column));
            entries.any(|entry| matches!(entry, Some(Entry::Text(_))))
        };
        let texts = |row: &Vec<Entry>| row.iter().map(Entry::to_string).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(texts).collect();
        page::table(&self.columns, holds_words, &rows)
    }
}

/// Whether the page has a place for a lab's tables: see [`Report::write_into`].
///
/// # Errors
/// If it has none, or cannot be read.
pub fn check(lab: &str, page: &Path) -> Result<(), LabError> {
    Ok(page::check(page, &mark(lab))?)
}

fn mark(lab: &str) -> String {
    format!("attune lab {lab}")
}

impl Report {
    /// Puts the tables that are for readers, and what must be known of them, in place of what stands between the lines
    /// `<!-- attune lab NAME -->` and `<!-- end -->` of the page.
    ///
    /// # Errors
    /// If the page cannot be read or written, or has no such lines.
    pub fn write_into(&self, page: &Path) -> Result<(), LabError> {
        Ok(page::put(page, &mark(self.lab), &self.markdown())?)
    }

    /// All but the tables that are for files only.
    fn markdown(&self) -> String {
        let tables = self.tables.iter().filter(|table| !table.long).map(Table::markdown);
        let notes = self.notes.iter().map(|note| format!("{note}.\n"));
        tables.chain(notes).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_short_tables_and_the_notes() {
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("PAGE.md");
        std::fs::write(&path, "before\n<!-- attune lab arena -->\nold\n<!-- end -->\nafter\n").unwrap();
        report.write_into(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "before\n<!-- attune lab arena -->\n| net | right |\n|---|--:|\n| a\\|b | 12.5 % |\n\none clip.\n<!-- end -->\nafter\n"
        );
    }
}
