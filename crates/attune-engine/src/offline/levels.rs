//! Whole files for what reads them at once: log-mel levels, and the segments that decide.
//!
//! In: a path. Out: levels, or a [`DecidedReport`]. Thread: the caller's.

use super::AnalyzeError;
use attune_audio::decode::decode_file;
use attune_audio::features::{FrontEndSpec, levels_of};
use attune_model::hierarchical::{DecidedReport, SegmentReader};
use attune_model::sections::{SectionReader, SectionReading};
use std::path::Path;

/// The log-mel levels of a whole file in dB, (frames, bands).
///
/// # Errors
/// If the file cannot be decoded, or has a rate that the front end cannot process.
pub fn levels_of_file(path: &Path, spec: &FrontEndSpec) -> Result<Vec<f32>, AnalyzeError> {
    let (info, samples) = decode_file(path)?;
    levels_of(&samples, info.rate, spec).map_err(|error| AnalyzeError::Pipeline {
        path: path.display().to_string(),
        source: error.into(),
    })
}

/// What sections a file has; `None` if it is shorter than a step of the network's.
///
/// # Errors
/// As [`levels_of_file`], or if the network cannot be computed.
pub fn sections_of_file(path: &Path, reader: &SectionReader) -> Result<Option<SectionReading>, AnalyzeError> {
    let levels = levels_of_file(path, reader.front_end())?;
    Ok(reader.levels(&levels)?)
}

/// Which segments of a file decided; `None` if it is shorter than the shortest segment.
///
/// # Errors
/// As [`levels_of_file`], or if the network cannot be computed.
pub fn segments_of_file(path: &Path, reader: &SegmentReader) -> Result<Option<DecidedReport>, AnalyzeError> {
    let levels = levels_of_file(path, reader.front_end())?;
    Ok(reader.levels(&levels)?)
}
