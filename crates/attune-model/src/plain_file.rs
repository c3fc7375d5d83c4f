//! Files of strangers cost what the program chooses: they are files, and no larger than what is read of them may be.
//!
//! In: a path. Out: its bytes. Thread: the caller's, which never waits for another program.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The bytes of a plain file of at most `most` bytes.
///
/// ```
/// use std::io::ErrorKind;
/// let file = tempfile::NamedTempFile::new()?;
/// std::fs::write(file.path(), b"12345")?;
/// assert_eq!(attune_model::plain_file::read(file.path(), 5)?, b"12345");
/// assert_eq!(attune_model::plain_file::read(file.path(), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If it cannot be read, is larger, or is a folder, a pipe or a device: to open a pipe is to wait for who writes, and a
/// device may never end.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A file that grows meanwhile is bounded too.
    open(path, most)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large(most));
    }
    Ok(bytes)
}

/// A plain file of at most `most` bytes, to be read.
///
/// # Errors
/// As of [`read`].
pub fn open(path: &Path, most: u64) -> Result<File> {
    let there = std::fs::metadata(path)?;
    if there.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !there.is_file() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "it is a pipe or a device, and no file",
        ));
    }
    if there.len() > most {
        return Err(too_large(most));
    }
    File::open(path)
}

fn too_large(most: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("it has more than {most} bytes"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let endless = folder.path().join("endless");
        std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
        for path in [&pipe, &endless] {
            let error = read(path, 10).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
        assert_eq!(read(folder.path(), 10).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(
            read(&folder.path().join("none"), 10).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
