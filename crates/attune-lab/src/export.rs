//! The files of a network that a lab trained.
//!
//! In: weights, manifest, card. Out: three files. Thread: the caller's.

use super::LabError;
use attune_engine::files::write_atomically;
use attune_model::trained::TrainedFiles;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::path::Path;

/// Writes `NAME.safetensors`, `.md` and `.json` to the folder, NAME being the manifest's; the manifest last, so that it
/// never names weights that are not there.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn write<S: Serialize + DeserializeOwned + Clone + Debug + PartialEq>(
    to: &Path,
    files: &TrainedFiles<S>,
    card: &str,
) -> Result<(), LabError> {
    let at = |extension: &str| to.join(&files.manifest.name).with_extension(extension);
    write_atomically(&at("safetensors"), &files.weights)?;
    write_atomically(&at("md"), card.as_bytes())?;
    write_atomically(&at("json"), files.json()?.as_bytes())?;
    Ok(())
}

/// The last part of the path to a data set, for cards.
pub(crate) fn name_of(data: &Path) -> String {
    data.file_name()
        .unwrap_or(data.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Today, as in 2026-11-30.
pub(crate) fn date() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
