//! Tables as text.
//!
//! In: rows of fields. Out: comma-separated values (RFC 4180). Thread: any.

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

#[cfg(test)]
mod tests {
    use super::*;

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
