//! The program, and the Python tools that read what it wrote.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) fn attune() -> Command {
    Command::new(env!("CARGO_BIN_EXE_attune"))
}

/// The output of a run that must succeed.
pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs a script of this folder with the Python in which the tools are, and reads the document that it prints.
pub(crate) fn python(script: &str, argument: &Path) -> Value {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("test-tools/bin/python");
    assert!(
        python.exists(),
        "{} is missing: ./test.sh makes it (ensure_python_tools in .ci/packages.sh)",
        python.display()
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library").join(script);
    let output = succeeded(Command::new(python).arg(script).arg(argument));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two passages of the demo, one after the other, under this name: 9 s each.
pub(crate) fn two_passages(folder: &Path, name: &str) -> PathBuf {
    let clips = crate::media::demo_clips(folder, 9.0);
    let of = |genre: &str| &clips.iter().find(|(label, _)| label == genre).unwrap().1;
    let (info, mut samples) = attune_audio::decode::decode_file(of("classical")).unwrap();
    samples.extend(attune_audio::decode::decode_file(of("metal")).unwrap().1);
    for (_, clip) in &clips {
        std::fs::remove_file(clip).unwrap();
    }
    let path = folder.join(name);
    crate::media::write_float_wav(&path, info.rate.0, 1, &samples);
    path
}
