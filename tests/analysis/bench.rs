//! `attune bench`: the rows that scripts rely on.

use serde_json::Value;
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
fn peers_are_refused_with_the_tool_that_measures_them() {
    for flags in [&["bench", "--peers", "--quick"][..], &["bench", "--python", "python3"]] {
        let output = attune(flags);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("tools/bench_peers.sh"), "{message}");
        assert!(output.stdout.is_empty());
    }
    // What a user cannot use is not offered.
    let help = attune(&["bench", "--help"]);
    assert!(!String::from_utf8_lossy(&help.stdout).contains("peers"));
}
