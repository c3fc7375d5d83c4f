//! Peers that disagree are refused.

use crate::process::PeerProcess;
use attune_lab::bench::{self, BenchConfig, Effort};
use std::path::{Path, PathBuf};

/// A shell script that speaks the peers' protocol.
fn fake_peers(folder: tempfile::TempDir, logits: &str) -> (PeerProcess, PathBuf) {
    let timed = folder.path().join("timed");
    let script = folder.path().join("fake.sh");
    let text = format!(
        r#"echo '{{"fake": "1.0"}}'
while read -r line; do
    case "$line" in
    *'"op":"open"'*) echo '{{"forms": {{"onnxruntime": ["Fake"]}}, "failed": {{"torch_jit": "not here"}}}}' ;;
    *'"op":"push"'*) echo '{{"rows": {logits}}}' ;;
    *) touch '{}'; echo '{{"error": "requested to time"}}' ;;
    esac
done
"#,
        timed.display()
    );
    std::fs::write(&script, text).unwrap();
    let peers = PeerProcess::start_script(Path::new("/bin/sh"), &script, folder).unwrap();
    (peers, timed)
}

#[cfg(unix)]
#[test]
fn a_peer_whose_logits_differ_is_refused_before_it_is_timed() {
    let models = attune_model::bundled().unwrap();
    let config = BenchConfig {
        effort: Effort::QUICK,
        files: Vec::new(),
        only: vec!["step/lstm-page/1".to_owned()],
        program: PathBuf::new(),
    };
    // Zeros, NaN (which is null in JSON), and too few numbers.
    let zeros = "[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]";
    let nans = "[[null, null, null, null, null, null, null, null, null, null]]";
    for (logits, complaint) in [
        (zeros, "differs from us by"),
        (nans, "by inf"),
        ("[[0]]", "gives 1 numbers"),
    ] {
        let (mut peers, timed) = fake_peers(tempfile::tempdir().unwrap(), logits);
        let error = bench::run(&config, &models, Some(&mut peers), &mut |_| {})
            .unwrap_err()
            .to_string();
        for word in ["step/lstm-page/1", "onnxruntime", complaint] {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        assert!(!timed.exists(), "it was requested to time");
        assert_eq!(peers.notes, ["step/lstm-page/1: torch_jit is left out: not here"]);
    }
}

#[test]
fn a_python_that_cannot_be_started_is_an_error_with_a_remedy() {
    let error = PeerProcess::start(Path::new("/no/such/python")).unwrap_err();
    assert!(error.message.contains("/no/such/python cannot be started"), "{error}");
    assert!(error.remedy.contains("--python"), "{error}");
}
