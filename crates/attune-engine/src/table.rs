//! Tables as text.
//!
//! In: rows of fields. Out: comma-separated values (RFC 4180), and back. Thread: any.

use std::borrow::Cow;

/// Each row on a line; fields with commas, quotes or line breaks are quoted, and what a spreadsheet would take for a
/// formula gets a `'` before it.
///
/// ```
/// let rows = [vec!["label", "n"], vec!["drum, bass", "3"]];
/// assert_eq!(attune_engine::table::csv(rows), "label,n\n\"drum, bass\",3\n");
/// assert_eq!(attune_engine::table::csv([vec!["=1+1", "-1.5"]]), "'=1+1,-1.5\n");
/// ```
pub fn csv<F: AsRef<[u8]>>(rows: impl IntoIterator<Item = Vec<F>>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Memory takes whatever is written, and rows may be of any length.
        let _ = writer.write_record(row.iter().map(|field| no_formula(field.as_ref())));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A field that a spreadsheet does not compute: a number stays.
fn no_formula(field: &[u8]) -> Cow<'_, [u8]> {
    let is_number = || std::str::from_utf8(field).is_ok_and(|text| text.parse::<f64>().is_ok());
    if matches!(field.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')) && !is_number() {
        [b"'", field].concat().into()
    } else {
        field.into()
    }
}

/// One row of a table that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its line, from 1.
    pub line: u64,
    /// Its fields, without blanks around them.
    pub fields: Vec<String>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Its line, from 1, where it is known.
    pub line: Option<u64>,
    /// Why.
    pub message: String,
}

/// The rows of comma-separated values, the heading too if there is one; rows may differ in length, and empty lines are
/// none.
///
/// ```
/// let rows: Result<Vec<_>, _> = attune_engine::table::records(b"a, b\n\n1,\"x, y\"\n").collect();
/// let rows = rows.unwrap();
/// assert_eq!((rows[1].line, rows[1].fields[1].as_str()), (3, "x, y"));
/// ```
pub fn records(text: &[u8]) -> impl Iterator<Item = Result<Record, RecordError>> {
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let mut lines = LineCounter { text, at: 0, line: 1 };
    reader.into_records().map(move |record| match record {
        Ok(record) => Ok(Record {
            line: lines.line(record.position()),
            fields: record.iter().map(str::to_owned).collect(),
        }),
        Err(error) => Err(RecordError {
            line: error.position().map(|at| lines.line(Some(at))),
            message: error.to_string(),
        }),
    })
}

/// Counts the lines of a text up to ascending places.
struct LineCounter<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line, from 1, of what is read at a position: the reader stands before the empty lines that it will skip.
    fn line(&mut self, position: Option<&csv::Position>) -> u64 {
        let from = position
            .map_or(0, |at| at.byte() as usize)
            .clamp(self.at, self.text.len());
        let rest = self.text[from..].iter();
        let start = from + rest.take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        for byte in &self.text[self.at..start] {
            self.line += u64::from(*byte == b'\n');
        }
        self.at = start;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_over_empty_ones_and_line_breaks_in_fields() {
        let rows = |text: &[u8]| -> Vec<u64> { records(text).map(|row| row.unwrap().line).collect() };
        assert_eq!(rows(b"a\r\n\r\nb\n"), [1, 3]);
        assert_eq!(rows(b"\n\na,\"x\ny\"\nb"), [3, 5]);
        let error = records(b"a\n\n\xff\n").nth(1).unwrap().unwrap_err();
        assert_eq!(error.line, Some(3), "{error:?}");
    }

    #[test]
    fn formulas_become_text_and_numbers_stay() {
        for (field, expected) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+cmd", "'+cmd"),
            ("-2+3", "'-2+3"),
            ("-2.5e-3", "-2.5e-3"),
            ("+1", "+1"),
            ("a=b", "a=b"),
            ("−", "−"),
            ("", ""),
        ] {
            assert_eq!(no_formula(field.as_bytes()), expected.as_bytes(), "{field}");
        }
    }
}
