//! What a library knows, filtered and exported.
//!
//! In: a library, filters. Out: tables, a few thousand rows at a time. Thread: the caller's.

mod filter;
mod rows;

pub use filter::Filter;
pub use rows::Track;

use crate::export::ParquetWriter;
use crate::scan::{Library, LibraryError};
use rusqlite::types::Value;
use std::io::Write;

/// Rows in memory at a time.
const PAGE: usize = 4096;

/// How tracks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum TableFormat {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// For pandas, DuckDB and others
    Parquet,
    /// A line of JSON for each track
    Ndjson,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// All of them must be true.
    pub filters: Vec<Filter>,
    /// Also what is not there any more.
    pub includes_missing: bool,
    /// At most so many tracks.
    pub limit: Option<u64>,
}

impl Query {
    /// Calls `on_page` with the tracks that fit, in the order of their paths, some at a time.
    ///
    /// # Errors
    /// If the library cannot be read, and those of `on_page`.
    pub fn run(
        &self,
        library: &Library,
        on_page: &mut dyn FnMut(&[Track]) -> Result<(), LibraryError>,
    ) -> Result<u64, LibraryError> {
        let mut conditions: Vec<&str> = self.filters.iter().map(|filter| &filter.sql[..]).collect();
        if !self.includes_missing {
            conditions.push("missing_since IS NULL");
        }
        conditions.push("1");
        let (columns, conditions) = (rows::COLUMNS, conditions.join(" AND "));
        let sql = format!("SELECT {columns} FROM track WHERE {conditions} ORDER BY path LIMIT ?");
        let mut values: Vec<Value> = self.filters.iter().map(|filter| filter.value.clone()).collect();
        values.push(Value::Integer(self.limit.map_or(-1, |limit| limit as i64)));
        let mut count = 0;
        let mut page = Vec::new();
        let failed = library.failed();
        let mut statement = library.reader().prepare(&sql).map_err(&failed)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            page.push(Track::of(row).map_err(&failed)?);
            count += 1;
            if page.len() == PAGE {
                on_page(&page)?;
                page.clear();
            }
        }
        if !page.is_empty() {
            on_page(&page)?;
        }
        Ok(count)
    }

    /// Writes the tracks that fit as one of the formats that machines read; how many those are.
    ///
    /// # Errors
    /// If the library cannot be read, or `out` not written.
    pub fn write(
        &self,
        library: &Library,
        format: TableFormat,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, LibraryError> {
        match format {
            TableFormat::Table | TableFormat::Csv => {
                out.write_all(rows::table(&[]).csv().as_bytes())?;
                self.run(library, &mut |tracks| {
                    Ok(out.write_all(rows::table(tracks).csv_rows().as_bytes())?)
                })
            }
            TableFormat::Ndjson => self.run(library, &mut |tracks| {
                for track in tracks {
                    writeln!(out, "{}", attune_engine::offline::document(track))?;
                }
                Ok(())
            }),
            TableFormat::Parquet => {
                let mut out = std::io::BufWriter::new(out);
                let mut writer = ParquetWriter::new(&mut out, &rows::table(&[]))?;
                let count = self.run(library, &mut |tracks| {
                    Ok(writer.group(&rows::table(tracks), 0..tracks.len())?)
                })?;
                writer.close()?;
                out.flush()?;
                Ok(count)
            }
        }
    }
}
