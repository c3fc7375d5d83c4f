//! Two programs that train into one folder.

use std::fs::File;
use std::process::Command;

#[test]
fn a_second_run_into_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [data, out] = ["data", "out"].map(|name| folder.path().join(name));
    std::fs::create_dir(&out).unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir_all(data.join(class)).unwrap();
        std::fs::write(data.join(class).join("no sound.wav"), "RIFF").unwrap();
    }
    // As the first run does it; this one ends when the test wants.
    let first = File::create(out.join("run.lock")).unwrap();
    first.try_lock().unwrap();
    let train = || {
        let output = Command::new(env!("CARGO_BIN_EXE_attune"))
            .args(["train", "tcn", "--steps", "1", "--data"])
            .arg(&data)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = train();
    assert!(
        said.contains("another run is writing into") && said.contains("another --out"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1, "nothing is written");
    // It was killed, or its machine lost power: the file is there, and the lock is not.
    drop(first);
    let said = train();
    assert!(!said.contains("another run"), "{said}");
}
