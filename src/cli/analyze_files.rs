//! The files that are to be analysed: those on the command line, then those of a list.
//!
//! In: arguments, and the lines of a list as they come. Out: paths. Thread: main.

use super::args::AnalyzeArgs;
use super::error::AppError;
use attune_engine::files::FileError;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Paths in order.
pub(super) struct Files {
    named: std::vec::IntoIter<PathBuf>,
    list: Option<List>,
}

struct List {
    name: PathBuf,
    from: Box<dyn BufRead>,
    end: u8,
}

impl Files {
    /// Those of the arguments; a list is opened, but read only as its files are wanted.
    pub(super) fn new(args: &AnalyzeArgs) -> Result<Self, AppError> {
        let list = match &args.files_from {
            None => None,
            Some(name) => Some(List {
                name: name.clone(),
                from: open(name)?,
                end: if args.null { 0 } else { b'\n' },
            }),
        };
        Ok(Self {
            named: args.files.clone().into_iter(),
            list,
        })
    }

    /// All of them at once.
    pub(super) fn all(self) -> Result<Vec<PathBuf>, AppError> {
        self.collect()
    }
}

fn open(name: &Path) -> Result<Box<dyn BufRead>, FileError> {
    if name == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = std::fs::File::open(name).map_err(FileError::reading(name))?;
    Ok(Box::new(BufReader::new(file)))
}

impl Iterator for Files {
    type Item = Result<PathBuf, AppError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(path) = self.named.next() {
            return Some(Ok(path));
        }
        let list = self.list.as_mut()?;
        loop {
            let mut line = Vec::new();
            match list.from.read_until(list.end, &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    let error = FileError::reading(&list.name)(error);
                    self.list = None;
                    return Some(Err(error.into()));
                }
            }
            if line.last() == Some(&list.end) {
                line.pop();
            }
            if list.end == b'\n' && line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty() {
                return Some(Ok(path_of(line)));
            }
        }
    }
}

/// The bytes of a path, whatever their encoding.
#[cfg(unix)]
fn path_of(line: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(line).into()
}

#[cfg(not(unix))]
fn path_of(line: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&line).into_owned().into()
}
