//! An analysis in the formats of other tools.
//!
//! In: an [`Analysis`]. Out: the bytes of files. Thread: any.

mod audacity;
mod html;
mod jams;
mod json;
mod parquet;
mod picture;
mod srt;
mod tables;

pub(crate) use parquet::{ParquetWriter, write as write_parquet};

use super::Analysis;
use super::table::Table;
use std::fmt;

/// What an analysis can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Format {
    /// Everything: report, frames, why, provenance (NAME.json)
    Json,
    /// Two tables, of frames and of segments (NAME.hops.csv, NAME.segments.csv)
    Csv,
    /// Annotations for music research tools (NAME.jams)
    Jams,
    /// A label track for Audacity (NAME.labels.txt)
    Audacity,
    /// Subtitles for a video player (NAME.srt)
    Srt,
    /// A drawing (NAME.svg)
    Svg,
    /// The same drawing in pixels (NAME.png)
    Png,
    /// A page that plays the file and moves a cursor over the plots (NAME.html)
    Html,
    /// The two tables for pandas, DuckDB and others (NAME.hops.parquet, NAME.segments.parquet)
    Parquet,
}

/// One file of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// What follows the name in the name of the file, with its dot.
    pub suffix: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why an analysis cannot be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The picture cannot be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Picture(String),
    /// The table cannot be encoded.
    #[error("the Parquet table cannot be encoded: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// JSON cannot be encoded.
    #[error("the document cannot be encoded: {0}")]
    Json(#[from] serde_json::Error),
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Json,
        Self::Csv,
        Self::Jams,
        Self::Audacity,
        Self::Srt,
        Self::Svg,
        Self::Png,
        Self::Html,
        Self::Parquet,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Jams => "jams",
            Self::Audacity => "audacity",
            Self::Srt => "srt",
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Html => "html",
            Self::Parquet => "parquet",
        }
    }

    /// What follows the name in the names of its files.
    pub fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Json => &[".json"],
            Self::Csv => &[".hops.csv", ".segments.csv"],
            Self::Jams => &[".jams"],
            Self::Audacity => &[".labels.txt"],
            Self::Srt => &[".srt"],
            Self::Svg => &[".svg"],
            Self::Png => &[".png"],
            Self::Html => &[".html"],
            Self::Parquet => &[".hops.parquet", ".segments.parquet"],
        }
    }

    /// Whether it shows what the answer rests on, which takes another second of computing.
    pub(crate) fn shows_why(self) -> bool {
        matches!(self, Self::Json | Self::Svg | Self::Png | Self::Html)
    }

    pub(crate) fn files(self, of: &Analysis) -> Result<Vec<ExportFile>, ExportError> {
        let tables = || [tables::hops(of), tables::segments(of)];
        let csv = |table: Table<'_>| Ok(table.csv().into_bytes());
        let contents: Vec<Vec<u8>> = match self {
            Self::Json => vec![json::write(of)?],
            Self::Csv => tables().into_iter().map(csv).collect::<Result<_, ExportError>>()?,
            Self::Jams => vec![jams::write(of)?],
            Self::Audacity => vec![audacity::write(of)],
            Self::Srt => vec![srt::write(of)],
            Self::Svg => vec![picture::svg(of)],
            Self::Png => vec![picture::png(of)?],
            Self::Html => vec![html::write(of)?],
            Self::Parquet => tables().iter().map(parquet::write).collect::<Result<_, _>>()?,
        };
        let files = self.suffixes().iter().zip(contents);
        Ok(files.map(|(suffix, bytes)| ExportFile { suffix, bytes }).collect())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
