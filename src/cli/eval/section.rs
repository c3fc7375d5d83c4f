//! A table with a heading, and how figures stand in it.
//!
//! In: figures. Out: text. Thread: any.

/// A heading and its table.
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Section {
    pub(super) fn new<H: Into<String>>(
        heading: impl Into<String>,
        columns: impl IntoIterator<Item = H>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self {
            heading: heading.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().collect(),
        }
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

pub(super) fn interval([low, high]: [f64; 2]) -> String {
    format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)
}

/// A rounded interval: half as wide as [`interval`].
pub(super) fn rounded([low, high]: [f64; 2]) -> String {
    format!("{:.0}–{:.0} %", low * 100.0, high * 100.0)
}
