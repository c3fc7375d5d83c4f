//! Files that are whole or not there, and what to do about one that cannot be read or written.
//!
//! In: a path, and bytes or a function that writes them. Out: the file, or a [`FileError`]. Thread: the caller's; writing
//! returns when the bytes and the file's name are on the disk.

use attune_model::plain_file;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file cannot be read or written: which, why, and what to do about it ([`FileError::remedy`]).
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl FileError {
    /// For `map_err` of what reads this path.
    pub fn reading(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// For `map_err` of what writes this path.
    pub fn writing(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. } | Self::Write { path, .. } => path,
        }
    }

    /// Why.
    pub fn io_error(&self) -> &std::io::Error {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => source,
        }
    }

    /// What a user can do about it.
    pub fn remedy(&self) -> &'static str {
        match self.io_error().kind() {
            ErrorKind::NotFound => "Check the spelling and the folder.",
            ErrorKind::PermissionDenied => "Give yourself access, for instance with chmod u+rw, or name another place.",
            ErrorKind::ReadOnlyFilesystem => "Name a place that can be written to.",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Make room on the disk, or name another place.",
            ErrorKind::IsADirectory => "This is a folder: name a file.",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                "There is a file where a folder must be: name another."
            }
            ErrorKind::Unsupported => "Name a plain file.",
            ErrorKind::FileTooLarge => "Check that it is the right file.",
            ErrorKind::InvalidData => "This is not text in UTF-8: check that it is the right file.",
            _ => "Check the disk or the network drive.",
        }
    }
}

/// The most bytes of a file that is read at once: a data set's features may have some hundred megabytes.
const LARGEST: u64 = 4 << 30;

/// The bytes of a plain file of at most 4 GB.
///
/// # Errors
/// If it cannot be read, is larger, or is a pipe or a device.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    plain_file::read(path, LARGEST).map_err(FileError::reading(path))
}

/// As [`read`]; `None` if there is no file.
///
/// # Errors
/// If there is one that cannot be read.
pub fn read_if_any(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    read_if_any_to(path, LARGEST)
}

/// As [`read_if_any`], of a file of at most `most` bytes.
///
/// # Errors
/// If there is one that cannot be read, or is larger.
pub fn read_if_any_to(path: &Path, most: u64) -> Result<Option<Vec<u8>>, FileError> {
    match plain_file::read(path, most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::reading(path)(error)),
    }
}

/// The text of a plain file of at most `most` bytes.
///
/// # Errors
/// If it cannot be read, is larger, is a pipe or a device, or is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    let bytes = plain_file::read(path, most).map_err(FileError::reading(path))?;
    String::from_utf8(bytes)
        .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
        .map_err(FileError::reading(path))
}

/// Makes a folder, and those above it that are missing.
///
/// # Errors
/// If it cannot be made.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(FileError::writing(path))
}

/// Writes a file in one piece: until the new one is whole, what was there stays. Missing folders are made. A link is
/// followed; a pipe or a device is written to; a file that was there keeps its mode.
///
/// # Errors
/// If it cannot be written; what was there is then as it was, unless it is a pipe or a device.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_with(path, |out| out.write_all(bytes))
}

/// As [`write_atomically`], for what is not all in memory: `write` is given what it writes to.
///
/// # Errors
/// As of [`write_atomically`], and those of `write`.
pub fn write_with(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> std::io::Result<()>,
) -> Result<(), FileError> {
    if let Some(mut stream) = open_stream(path).map_err(FileError::writing(path))? {
        return write(&mut stream).map_err(FileError::writing(path));
    }
    replace(path, |temporary| {
        let mut file = BufWriter::new(File::options().write(true).open(temporary)?);
        write(&mut file)?;
        file.flush()
    })
}

/// As [`write_atomically`], for what writes to a path itself: `write` is given a temporary file in the same folder, which
/// then takes the name.
///
/// # Errors
/// If it cannot be written; what was there is then as it was. A pipe or a device is refused.
pub fn replace(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), FileError> {
    let replaced = || -> std::io::Result<()> {
        if open_stream(path)?.is_some() {
            return Err(ErrorKind::Unsupported.into());
        }
        // What a link points at is replaced, not the link.
        let path = &std::fs::canonicalize(path).unwrap_or_else(|_| target(path));
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        let file = temporary_in(folder)?;
        write(file.path())?;
        if let Ok(before) = std::fs::metadata(path) {
            file.as_file().set_permissions(before.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_folder(folder)
    };
    replaced().map_err(FileError::writing(path))
}

/// Where a link that points at nothing yet points; any other path as it is.
fn target(path: &Path) -> PathBuf {
    let mut at = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match std::fs::read_link(&at) {
            Ok(next) => at = at.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => break,
        }
    }
    at
}

/// What is there and is no plain file, opened to be written to: a pipe, a device, an open file by its number
/// (`/dev/stdout`, whatever that is). A folder is an error.
fn open_stream(path: &Path) -> std::io::Result<Option<File>> {
    let is_open_file = ["/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/"];
    if is_open_file
        .iter()
        .any(|names| path.to_string_lossy().starts_with(names))
    {
        // Whoever opened it has the name: it must not be given to another file.
        return std::fs::OpenOptions::new().append(true).open(path).map(Some);
    }
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => std::fs::OpenOptions::new().write(true).open(path).map(Some),
        // A plain file, or none, or one that will be refused when it is written.
        _ => Ok(None),
    }
}

/// A temporary file that the user's mask lets others read, as any file that is written.
fn temporary_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Puts the new name on the disk. Some file systems do not support it; outside Unix it is not needed.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // A folder that may be written to but not read cannot be opened.
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/it/x.bin");
        assert_eq!(read_if_any(&path).unwrap(), None);
        write_atomically(&path, b"long before").unwrap();
        write_atomically(&path, b"after").unwrap();
        assert_eq!(read(&path).unwrap(), b"after");
        assert_eq!(read_text(&path, 5).unwrap(), "after");
        let entries = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(entries(), 1);
        let error = replace(&path, |temporary| {
            std::fs::write(temporary, b"half")?;
            Err(ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!((read(&path).unwrap(), entries()), (b"after".to_vec(), 1));
        assert!(error.to_string().contains("x.bin"), "{error}");
        assert_eq!(error.remedy(), "Make room on the disk, or name another place.");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_mask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let (plain, ours) = (folder.path().join("plain"), folder.path().join("ours"));
        std::fs::write(&plain, "x").unwrap();
        write_atomically(&ours, b"x").unwrap();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[cfg(unix)]
    #[test]
    fn it_writes_where_a_link_points_and_keeps_the_mode() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("elsewhere")).unwrap();
        std::fs::write(at("elsewhere/private"), "before").unwrap();
        std::fs::set_permissions(at("elsewhere/private"), std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink("elsewhere/private", at("link")).unwrap();
        symlink("elsewhere/new", at("dangling")).unwrap();
        for link in ["link", "dangling"] {
            write_atomically(&at(link), b"after").unwrap();
            assert!(at(link).is_symlink(), "{link} is replaced");
        }
        assert_eq!(read(&at("elsewhere/private")).unwrap(), b"after");
        assert_eq!(read(&at("elsewhere/new")).unwrap(), b"after");
        let mode = std::fs::metadata(at("elsewhere/private")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_device_are_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        write_atomically(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        write_atomically(Path::new("/dev/null"), b"away").unwrap();
        let full = write_atomically(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(full.remedy(), "Make room on the disk, or name another place.");
    }

    #[test]
    fn errors_name_the_file_and_a_remedy_that_fits() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read(&folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("none: "), "{missing}");
        assert!(missing.remedy().contains("spelling"), "{}", missing.remedy());
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, [0xff]).unwrap();
        let below = write_atomically(&blocked.join("x"), b"x").unwrap_err();
        assert!(below.path().ends_with("file/x"), "{below}");
        assert!(below.remedy().contains("a file where a folder must be"), "{below:?}");
        let large = read_text(&blocked, 0).unwrap_err();
        assert!(
            large.to_string().contains("more than 0 bytes") && large.remedy().contains("right file"),
            "{large}"
        );
        assert!(read_text(&blocked, 1).unwrap_err().remedy().contains("UTF-8"));
        write_atomically(folder.path(), b"x").unwrap_err();
    }
}
