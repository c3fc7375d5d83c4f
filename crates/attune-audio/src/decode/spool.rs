//! Standard input as a file: what cannot be sought is copied to a temporary file first, which needs no name.
//!
//! In: a path. Out: an open file. Thread: any.

use crate::source::{SourceError, SourceErrorKind};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// More than this is not copied: 3.4 h of 32-bit stereo at 44.1 kHz, a year of speech at 1 kbit/s.
const MOST_BYTES: u64 = 4 << 30;

/// What came from standard input. It comes once, and a file is read several times (each seek may open it again).
static INPUT: Mutex<Option<Arc<File>>> = Mutex::new(None);

/// Whether the path stands for standard input, which may be a pipe.
pub(super) fn is_input(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]
        .iter()
        .any(|name| path == Path::new(name))
}

/// All of standard input, in a file that is removed when this program ends.
pub(super) fn input() -> Result<Arc<File>, SourceError> {
    let mut kept = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = &*kept {
        return Ok(Arc::clone(file));
    }
    let copied = copy(io::stdin().lock(), MOST_BYTES);
    let file = Arc::new(copied.map_err(|error| {
        SourceError::new(
            SourceErrorKind::Unreadable,
            format!("standard input cannot be read: {error}"),
        )
    })?);
    *kept = Some(Arc::clone(&file));
    Ok(file)
}

fn copy(mut from: impl Read, most: u64) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut from.by_ref().take(most), &mut file)?;
    if copied == most && from.read(&mut [0])? > 0 {
        return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
    }
    file.flush()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_copied_up_to_a_limit() {
        let bytes: Vec<u8> = (0..=255).collect();
        let file = copy(&bytes[..], 256).expect("it fits");
        assert_eq!(file.metadata().map(|about| about.len()).ok(), Some(256));
        assert!(copy(&bytes[..], 255).is_err());
    }

    #[test]
    fn only_standard_input_is_spooled() {
        assert!(is_input(Path::new("-")) && is_input(Path::new("/dev/stdin")));
        assert!(!is_input(Path::new("./-")) && !is_input(Path::new("a.wav")));
    }
}
