//! Tables as text.
//!
//! In: rows of fields. Out: comma-separated values (RFC 4180). Thread: any.

/// Each row on a line; fields with commas, quotes or line breaks are quoted.
///
/// ```
/// let rows = [vec!["label", "n"], vec!["drum, bass", "3"]];
/// assert_eq!(attune_engine::table::csv(rows), "label,n\n\"drum, bass\",3\n");
/// ```
pub fn csv<F: AsRef<[u8]>>(rows: impl IntoIterator<Item = Vec<F>>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Memory takes whatever is written, and rows may be of any length.
        let _ = writer.write_record(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
