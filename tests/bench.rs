//! `attune bench`: the rows that scripts rely on, and peers that are refused.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use attune_lab::bench::peers::Peers;
use attune_lab::bench::{BenchConfig, Effort};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn attune(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attune")).args(args).output().unwrap()
}

#[test]
fn every_row_that_scripts_rely_on_is_there_with_figures() {
    let output = attune(&["bench", "--json", "--quick"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for speed in [
        "matvec_gflops",
        "matvec_far_gflops",
        "gemm_gflops",
        "copy_gbytes",
        "copy_far_gbytes",
    ] {
        assert!(report["machine"][speed].as_f64().unwrap() > 0.0, "{speed}");
    }
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    let mut expected = vec!["features/2048-512-128".to_owned(), "resample/48000-22050".to_owned()];
    for kind in ["ogg", "mp3", "wav"] {
        expected.extend([format!("decode/{kind}"), format!("analyze/{kind}")]);
    }
    for engine in ["lstm", "tcn", "attention", "lstm-page", "tcn-page", "attention-page"] {
        for block in ["1", "4", "16", "64", "100", "256", "whole"] {
            expected.push(format!("step/{engine}/{block}"));
        }
        expected.push(format!("train/{engine}/16x256"));
    }
    expected.extend(["explain/held", "explain/live"].map(str::to_owned));
    expected.extend(["lstm", "tcn", "attention"].map(|engine| format!("step/{engine}/1-cold")));
    if cfg!(target_os = "linux") {
        expected.push("live/load".to_owned());
    }
    for name in expected {
        assert!(names.contains(&name.as_str()), "{name} is not in {names:?}");
    }
    for row in rows {
        let (median, p99) = (row["median"].as_f64().unwrap(), row["p99"].as_f64().unwrap());
        assert!(
            median.is_finite() && median > 0.0 && p99.is_finite() && p99 > 0.0,
            "{row}"
        );
        // Speeds fall where times rise.
        let is_speed = row["unit"] == "x real time";
        assert!(if is_speed { p99 <= median } else { p99 >= median }, "{row}");
        assert!(
            row["runs"].as_u64().unwrap() > 0 && row.get("ratio_to_best_peer").is_none(),
            "{row}"
        );
        let name = row["name"].as_str().unwrap();
        if name.starts_with("step/") || name.starts_with("train/") {
            assert!(row["ceiling_us"].as_f64().unwrap() > 0.0 && row["ratio_to_ceiling"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn a_file_stands_in_for_the_demo_of_its_kind_and_only_wanted_rows_are_measured() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.mp3");
    let output = attune(&["bench", "--json", "--quick", "--only", "decode/", demo]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut names: Vec<&str> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["decode/mp3", "decode/ogg", "decode/wav"]);
}

#[test]
fn peers_without_a_python_end_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["bench", "--peers", "--quick"])
        .env("PATH", "")
        .env("HOME", home.path())
        .env_remove("XDG_CACHE_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("python3 cannot be run") && said.contains("install Python"),
        "{said}"
    );
    assert!(output.stdout.is_empty());

    let output = attune(&["bench", "--peers", "--quick", "--python", "/no/such/python"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("/no/such/python cannot be started") && said.contains("--python"),
        "{said}"
    );
    // `--python` alone measures nothing: a slip of the user's.
    assert_eq!(attune(&["bench", "--python", "python3"]).status.code(), Some(2));
}

/// A shell script that speaks the peers' language.
#[cfg(unix)]
fn fake_peers(folder: tempfile::TempDir, logits: &str) -> (Peers, PathBuf) {
    let timed = folder.path().join("timed");
    let script = folder.path().join("fake.sh");
    let text = format!(
        r#"echo '{{"fake": "1.0"}}'
while read -r line; do
    case "$line" in
    *'"op":"open"'*) echo '{{"forms": {{"onnxruntime": ["Fake"]}}, "failed": {{"torch_jit": "not here"}}}}' ;;
    *'"op":"push"'*) echo '{{"rows": {logits}}}' ;;
    *) touch '{}'; echo '{{"error": "asked to time"}}' ;;
    esac
done
"#,
        timed.display()
    );
    std::fs::write(&script, text).unwrap();
    (
        Peers::start_script(Path::new("/bin/sh"), &script, folder).unwrap(),
        timed,
    )
}

#[cfg(unix)]
#[test]
fn a_peer_that_answers_otherwise_is_refused_before_it_is_timed() {
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
        let error = attune_lab::bench::run(&config, &models, Some(&mut peers), &mut |_| {})
            .unwrap_err()
            .to_string();
        for word in ["step/lstm-page/1", "onnxruntime", complaint] {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        assert!(!timed.exists(), "it was asked for times");
        assert_eq!(peers.notes, ["step/lstm-page/1: torch_jit is left out: not here"]);
    }
}
