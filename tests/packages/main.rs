//! The packages that `tools/package.sh` builds, here of the program under test: what is in them, what they need, and
//! what the tools of distributions say of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../tools/package/share/mod.rs"]
mod share;

mod contents;
mod needs;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The packages, and what is in the .deb.
struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// Built once for all tests.
    fn built() -> &'static Self {
        static BUILT: OnceLock<Packages> = OnceLock::new();
        BUILT.get_or_init(|| {
            // Two runs at once would build into one folder: tests of one target folder run one after the other.
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
            drop(std::fs::remove_dir_all(&folder)); // of the last run
            let at = |name: &str| folder.join(name);
            share::write(root(), &at("share")).unwrap();
            run(Command::new(root().join("tools/package.sh"))
                .args(["--binary", env!("CARGO_BIN_EXE_attune"), "--quick", "--share"])
                .arg(at("share"))
                .arg("--out")
                .arg(at("out")));
            let it = Packages { folder };
            run(Command::new("dpkg-deb").arg("-x").arg(it.file("deb")).arg(it.root()));
            it
        })
    }

    /// The package with this ending.
    fn file(&self, ending: &str) -> PathBuf {
        let files = std::fs::read_dir(self.folder.join("out")).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        files.find(|file| file.to_str().unwrap().ends_with(ending)).unwrap()
    }

    /// The folder into which the .deb was unpacked.
    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The output of a command that must succeed.
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; ./test.sh installs what tests need"));
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{command:?}: {text}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    text
}
