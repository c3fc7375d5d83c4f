//! Writes what packages have beside the program: `attune-package ROOT SHARE`. `tools/package.sh` calls it.

mod share;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [root, share] = &words[..] else {
        eprintln!("usage: attune-package ROOT SHARE");
        return ExitCode::from(2);
    };
    match share::write(Path::new(root), Path::new(share)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attune-package: {error}");
            ExitCode::FAILURE
        }
    }
}
