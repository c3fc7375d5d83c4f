//! A virtual environment with the peers, made once and kept in the user's cache.

use attune_lab::bench::peers::PeerError;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("requirements.txt");
/// What the default wheels of torch are linked to on some systems, though nothing of it is used.
const LINKED: &str = include_str!("requirements-linked.txt");
/// Written last: an environment without it was not finished.
const READY: &str = "ready";
const IMPORTS: &str = "import torch, onnxruntime, onnx, librosa, safetensors";

/// Where the peers are installed.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// In the user's cache, by the hash of what is to be in it.
    ///
    /// # Errors
    /// If the user has no home.
    pub(crate) fn of_user() -> Result<Self, PeerError> {
        let Some(folders) = directories::ProjectDirs::from("", "", "attune") else {
            return Err(PeerError::new(
                "there is no home folder to keep the other libraries in",
                "set HOME, or name a Python that has them with --python",
            ));
        };
        Ok(Self::below(folders.cache_dir()))
    }

    /// In this folder.
    pub(crate) fn below(cache: &Path) -> Self {
        let digest = Sha256::digest([REQUIREMENTS, LINKED].concat());
        let hash = attune_model::load::hex(&digest[..6]);
        Self {
            folder: cache.join(format!("bench-venv-{hash}")),
        }
    }

    /// The Python in it; makes it first if it is not there. `say` is called with a line for each slow step.
    ///
    /// # Errors
    /// If `python` is missing or too old, or packages cannot be installed.
    pub(crate) fn python(&self, python: &Path, say: &mut dyn FnMut(&str)) -> Result<PathBuf, PeerError> {
        let own = python_in(&self.folder);
        if self.folder.join(READY).is_file() && own.is_file() {
            return Ok(own);
        }
        let shown = self.folder.display();
        let remedy = "install Python 3.11 to 3.13 with its venv module (Debian: python3-venv), or name another one \
                      with --python";
        let version = Command::new(python).arg("--version").stderr(Stdio::null()).output();
        if !version.as_ref().is_ok_and(|output| output.status.success()) {
            let message = format!(
                "{} cannot be run, and PyTorch, ONNX Runtime and librosa need it",
                python.display()
            );
            return Err(PeerError::new(message, remedy));
        }
        say(&format!(
            "installing PyTorch, ONNX Runtime and librosa into {shown}, once: up to 2.7 GB to download and 4.6 GB on \
             disk (remove the folder to be rid of them)"
        ));
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&self.folder))
            .map_err(|why| PeerError::new(format!("no virtual environment can be made in {shown}: {why}"), remedy))?;
        self.install("requirements.txt", REQUIREMENTS)?;
        if self.imports("import torch").is_err() {
            say("this build of torch is linked to CUDA: installing the libraries that it loads");
            self.install("requirements-linked.txt", LINKED)?;
        }
        self.imports(IMPORTS).map_err(|why| {
            PeerError::new(
                format!("the other libraries were installed and cannot be imported: {why}"),
                format!("remove {shown} and try again, or name a Python that has them with --python"),
            )
        })?;
        std::fs::write(self.folder.join(READY), "").map_err(|why| {
            PeerError::new(
                format!("{shown} cannot be written to: {why}"),
                "make room or correct its rights",
            )
        })?;
        Ok(own)
    }

    fn install(&self, name: &str, requirements: &str) -> Result<(), PeerError> {
        let list = self.folder.join(name);
        let installed = std::fs::write(&list, requirements)
            .map_err(|why| why.to_string())
            .and_then(|()| {
                run(Command::new(python_in(&self.folder))
                    .args(["-m", "pip", "install", "--no-deps", "--disable-pip-version-check", "-r"])
                    .arg(&list))
            });
        installed.map_err(|why| {
            PeerError::new(
                format!("pip cannot install {name}: {why}"),
                "see pip's message above: often there is no network, no room on the disk (4.6 GB), or a Python for \
                 which the pinned versions have no wheels (3.11 to 3.13 have)",
            )
        })
    }

    fn imports(&self, line: &str) -> Result<(), String> {
        let output = Command::new(python_in(&self.folder))
            .args(["-W", "ignore", "-c", line])
            .output()
            .map_err(|why| why.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(message
            .lines()
            .last()
            .unwrap_or("it ended without a message")
            .to_owned())
    }
}

/// The Python of a virtual environment.
fn python_in(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    }
}

/// Runs to its end; what it prints goes to stderr.
fn run(command: &mut Command) -> Result<(), String> {
    match command.stdin(Stdio::null()).stdout(std::io::stderr()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(why) => Err(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_is_an_error_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::below(folder.path());
        let mut said = Vec::new();
        let error = environment
            .python(Path::new("/no/such/python"), &mut |line| said.push(line.to_owned()))
            .unwrap_err();
        assert!(error.message.contains("/no/such/python"), "{error}");
        assert!(error.remedy.contains("--python"), "{error}");
        assert!(said.is_empty(), "nothing is announced that is not done: {said:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn every_package_is_pinned() {
        for line in REQUIREMENTS.lines().chain(LINKED.lines()) {
            assert!(line.starts_with('#') || line.split("==").count() == 2, "{line}");
        }
    }
}
