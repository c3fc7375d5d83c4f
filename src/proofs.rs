//! Remembers which models have passed their golden test with this program on this machine.
//!
//! In: keys of models. Out: a small file in the user's cache folder (`~/.cache/attune/proofs` on Linux). Thread: the
//! one that loads models.
//!
//! The file is a convenience: where it cannot be read or written, or holds anything else, every model is proved.

use attune_engine::files::{read_text, write_atomically};
use attune_model::load::{Proofs, hex};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The first line of the file.
const FIRST: &str = "attune proofs 1";
/// The most proofs that are kept: the newest.
const MOST: usize = 64;
/// The most bytes that are read: a line is 65 long.
const LARGEST: u64 = 16 << 10;

/// What has been proved.
#[derive(Debug)]
pub(crate) struct ProofStamp {
    /// `None`: nothing is remembered.
    path: Option<PathBuf>,
    /// What makes this program on this machine another: its file and its processor.
    machine: String,
    lines: RefCell<Vec<String>>,
}

impl ProofStamp {
    /// What is remembered.
    pub(crate) fn load() -> Self {
        let path = crate::folders().map(|folders| folders.cache_dir().join("proofs"));
        Self::load_from(path, machine())
    }

    fn load_from(path: Option<PathBuf>, machine: String) -> Self {
        let lines = path.as_deref().and_then(read).unwrap_or_default();
        Self {
            path,
            machine,
            lines: RefCell::new(lines),
        }
    }

    /// One line: what does not fit together is another.
    fn line(&self, key: &str) -> String {
        hex(&Sha256::new()
            .chain_update(&self.machine)
            .chain_update("\n")
            .chain_update(key)
            .finalize())
    }
}

impl Proofs for ProofStamp {
    fn is_proved(&self, key: &str) -> bool {
        let line = self.line(key);
        self.lines.borrow().contains(&line)
    }

    fn proved(&self, key: &str) {
        let mut lines = self.lines.borrow_mut();
        lines.push(self.line(key));
        let surplus = lines.len().saturating_sub(MOST);
        lines.drain(..surplus);
        if let Some(path) = &self.path {
            let text = format!("{FIRST}\n{}\n", lines.join("\n"));
            // Without it the next start takes longer: nothing else.
            if let Err(error) = write_atomically(path, text.as_bytes()) {
                tracing::info!("{error}");
            }
        }
    }
}

/// The lines of a file; `None` if it is no such file.
fn read(path: &Path) -> Option<Vec<String>> {
    let text = read_text(path, LARGEST).ok()?;
    let mut lines = text.lines();
    let is_digest = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    (lines.next()? == FIRST).then(|| lines.filter(is_digest).take(MOST).map(str::to_owned).collect())
}

/// The program's file (another build may compute otherwise) and what the processor can (another one may).
fn machine() -> String {
    let program = std::env::current_exe().ok();
    let file = program.as_ref().and_then(|path| std::fs::metadata(path).ok());
    let changed = file
        .as_ref()
        .and_then(|file| file.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    format!(
        "{program:?} {:?} {changed:?} {} {}",
        file.map(|file| file.len()),
        std::env::consts::ARCH,
        features()
    )
}

/// The vector instructions that the kernels choose by.
#[cfg(target_arch = "x86_64")]
fn features() -> String {
    let (avx2, fma) = (is_x86_feature_detected!("avx2"), is_x86_feature_detected!("fma"));
    let (avx512f, bf16) = (
        is_x86_feature_detected!("avx512f"),
        is_x86_feature_detected!("avx512bf16"),
    );
    format!("avx2 {avx2} fma {fma} avx512f {avx512f} avx512bf16 {bf16}")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(path: &Path, machine: &str) -> ProofStamp {
        ProofStamp::load_from(Some(path.to_owned()), machine.to_owned())
    }

    #[test]
    fn what_was_proved_is_remembered_for_this_program_on_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/proofs");
        let first = stamp(&path, "one");
        assert!(!first.is_proved("model"));
        first.proved("model");
        assert!(first.is_proved("model") && !first.is_proved("another"));
        assert!(stamp(&path, "one").is_proved("model"));
        assert!(!stamp(&path, "two").is_proved("model"));
        assert!(machine().len() > 10 && machine() == machine());
    }

    #[test]
    fn it_stays_small_and_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proofs");
        let it = stamp(&path, "one");
        (0..MOST + 10).for_each(|n| it.proved(&n.to_string()));
        let again = stamp(&path, "one");
        assert!(!again.is_proved("9") && again.is_proved("10") && again.is_proved("73"));
        assert!(std::fs::metadata(&path).unwrap().len() < LARGEST);
    }

    #[test]
    fn a_file_that_is_something_else_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proofs");
        stamp(&path, "one").proved("model");
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in ["", "attune proofs 2\n", &good[1..], &good[..50], "\0\0\0"] {
            std::fs::write(&path, bad).unwrap();
            assert!(!stamp(&path, "one").is_proved("model"), "{bad:?}");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(!stamp(&path, "one").is_proved("model"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let it = stamp(&path, "one");
        it.proved("model");
        assert!(it.is_proved("model"), "at least while the program runs");
    }
}
