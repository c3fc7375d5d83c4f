//! Writes what is known of a held moment to files.
//!
//! In: an explanation. Out: SVG, CSV and JSON. Thread: window; they are small.

use crate::explain::document::{self, Told};
use crate::train::checkpoint::write_atomically;
use std::path::{Path, PathBuf};

/// The user's documents, or where the program was started.
fn usual_folder() -> PathBuf {
    let user = directories::UserDirs::new();
    let documents = user
        .as_ref()
        .and_then(|user| user.document_dir().or_else(|| Some(user.home_dir())));
    documents.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes `attune-SOURCE-TIME.svg`, `.csv` and `.json`; returns the path of the first.
///
/// # Errors
/// The folder, and what is wrong.
pub fn write(told: &Told<'_>, folder: Option<&Path>) -> Result<PathBuf, (PathBuf, String)> {
    let folder = folder.map_or_else(usual_folder, Path::to_owned);
    let name: String = told
        .source
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    let stem = folder.join(format!("attune-{name}-{:.1}s", told.at.0));
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
    let failed = |error: &dyn std::fmt::Display| (folder.clone(), error.to_string());
    let json = serde_json::to_string_pretty(&document::json(told)).map_err(|error| failed(&error))?;
    for (ending, text) in [
        ("csv", document::csv(told)),
        ("json", json),
        ("svg", document::sheet(told).svg()),
    ] {
        write_atomically(&beside(ending), text.as_bytes()).map_err(|error| failed(&error))?;
    }
    Ok(beside("svg"))
}
