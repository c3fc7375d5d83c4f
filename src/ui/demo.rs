//! The bundled demo as a file that the engine can open.
//!
//! In: nothing. Out: a path. Thread: window.

use attune_engine::files::{FileError, write_atomically};
use std::path::PathBuf;

/// The demo's bytes (Ogg Vorbis).
const DEMO: &[u8] = include_bytes!("../../assets/demo/demo.ogg");

/// Writes the demo beside other temporary files, once, and says where it lies.
pub(crate) fn file() -> Result<PathBuf, FileError> {
    let folder = std::env::temp_dir().join(format!("attune-{}", env!("CARGO_PKG_VERSION")));
    let path = folder.join("Attune demo.ogg");
    if std::fs::read(&path).is_ok_and(|found| found == DEMO) {
        return Ok(path);
    }
    // In one piece: a second window must never read half a file.
    write_atomically(&path, DEMO)?;
    Ok(path)
}
