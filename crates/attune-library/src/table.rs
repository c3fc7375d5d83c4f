//! A table of typed columns, for CSV, Parquet and lines of JSON.
//!
//! In: columns whose values are computed when they are written. Out: text or bytes. Thread: any.

use std::borrow::Cow;

/// Values of one type by row; `None`: there is none.
pub enum Values<'a> {
    /// Text.
    Text(Box<dyn Fn(usize) -> Option<Cow<'a, str>> + 'a>),
    /// Single precision.
    Float(Box<dyn Fn(usize) -> Option<f32> + 'a>),
    /// Double precision.
    Double(Box<dyn Fn(usize) -> Option<f64> + 'a>),
    /// Whole numbers.
    Whole(Box<dyn Fn(usize) -> Option<i64> + 'a>),
}

/// One column.
pub struct Column<'a> {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values<'a>,
}

/// A table.
pub struct Table<'a> {
    /// How many rows it has.
    pub rows: usize,
    /// Its columns.
    pub columns: Vec<Column<'a>>,
    /// Names and values of what is said of the whole table, where the format has room for it.
    pub notes: Vec<(String, String)>,
}

impl<'a> Column<'a> {
    /// A column.
    pub fn new(name: impl Into<String>, values: Values<'a>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }

    /// A value as text: empty if there is none. Numbers in the shortest form that is read back as the same.
    pub fn text(&self, row: usize) -> Cow<'a, str> {
        let number = |number: Option<String>| Cow::Owned(number.unwrap_or_default());
        match &self.values {
            Values::Text(of) => of(row).unwrap_or_default(),
            Values::Float(of) => number(of(row).map(|x| x.to_string())),
            Values::Double(of) => number(of(row).map(|x| x.to_string())),
            Values::Whole(of) => number(of(row).map(|x| x.to_string())),
        }
    }
}

impl Table<'_> {
    /// Comma-separated values with a heading. What a spreadsheet would take for a formula gets a `'` before it.
    pub fn csv(&self) -> String {
        let heading = self.columns.iter().map(|column| Field(Cow::from(&*column.name)));
        attune_engine::table::csv([heading.collect()]) + &self.csv_rows()
    }

    /// The same without the heading.
    pub fn csv_rows(&self) -> String {
        let row = |row: usize| self.columns.iter().map(|column| Field(column.text(row))).collect();
        attune_engine::table::csv((0..self.rows).map(row))
    }

    /// As Apache Parquet, compressed with Snappy; the notes are its key–value metadata.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn parquet(&self) -> Result<Vec<u8>, super::ExportError> {
        super::export::write_parquet(self)
    }
}

/// Text as bytes.
struct Field<'a>(Cow<'a, str>);

impl AsRef<[u8]> for Field<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
