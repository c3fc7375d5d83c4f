//! The bundled demo as a file that the engine can open.
//!
//! In: nothing. Out: a path. Thread: window.

use std::io::{self, Write};
use std::path::PathBuf;

/// The demo's bytes (Ogg Vorbis).
const DEMO: &[u8] = include_bytes!("../../assets/demo/demo.ogg");

/// Writes the demo beside other temporary files, once, and says where it lies.
pub fn file() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("attune-{}", env!("CARGO_PKG_VERSION")));
    let path = folder.join("Attune demo.ogg");
    if std::fs::read(&path).is_ok_and(|found| found == DEMO) {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder)?;
    // Written whole under another name first: a second window must never read half a file.
    let mut whole = tempfile::NamedTempFile::new_in(&folder)?;
    whole.write_all(DEMO)?;
    whole.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}
