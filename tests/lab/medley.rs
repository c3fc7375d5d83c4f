//! `attune lab medley`: what is written, how it is scored, and what is refused.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

fn medley(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.args(["lab", "medley"]).args(args).current_dir(folder);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn medleys_are_written_the_same_twice_and_a_right_list_has_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    for out in ["one", "two"] {
        let args = [
            "generate",
            "--kind",
            "composed",
            "--count",
            "3",
            "--sections",
            "2-3",
            "--seed",
            "4",
            "--out",
            out,
        ];
        let output = medley(&args, folder.path());
        assert!(output.status.success(), "{}", said(&output));
    }
    for name in [
        "reference.csv",
        "details.csv",
        "medley-0000.wav",
        "medley-0001.wav",
        "medley-0002.wav",
    ] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
        assert_eq!(read("one"), read("two"), "{name}");
    }
    // A hypothesis that says all a second late: every figure by hand.
    let reference = std::fs::read_to_string(folder.path().join("one/reference.csv")).unwrap();
    let mut hypothesis = "piece,token,start_s,written_s\n".to_owned();
    let mut sections = 0;
    for line in reference.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let start: f64 = fields[1].parse().unwrap();
        writeln!(hypothesis, "{},{},{start},{}", fields[0], fields[3], start + 1.0).unwrap();
        sections += 1;
    }
    std::fs::write(folder.path().join("late.csv"), hypothesis).unwrap();
    let tables = ["--reference", "one/reference.csv", "--hypothesis", "late.csv"];
    let output = medley(&[&["score", "--json"], &tables[..]].concat(), folder.path());
    let scores: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&scores["pieces"], &scores["tokens"]["reference"]),
        (&3.into(), &sections.into())
    );
    assert_eq!(scores["tokens"]["rate"]["value"], 0.0);
    assert_eq!(scores["boundaries"][0]["f_measure"]["value"], 1.0);
    let median = scores["delay"]["median_s"]["value"].as_f64().unwrap();
    assert!((median - 1.0).abs() < 1e-6, "{median}");
    let text = medley(&[&["score"], &tables[..]].concat(), folder.path());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("token error") && text.contains("0.0 %") && text.contains("1.00 s"),
        "{text}"
    );
    // What is there stays.
    let args = ["generate", "--kind", "composed", "--count", "1", "--out", "one"];
    let output = medley(&args, folder.path());
    assert!(
        !output.status.success() && said(&output).contains("not empty"),
        "{}",
        said(&output)
    );
}

#[test]
fn wrong_usage_and_wrong_tables_are_refused_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("right.csv", "piece,start_s,end_s,token\na,0,5,rock\n");
    write("wrong.csv", "piece,start_s,end_s,token\na,0,5,rock\na,five,9,jazz\n");
    write("empty.csv", "piece,start_s,end_s,token\n");
    write("said.csv", "piece,token\nb,rock\n");
    let refused = |args: &[&str], words: &[&str]| {
        let output = medley(args, folder.path());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {word}: {said}");
        }
    };
    let score = |reference, hypothesis| ["score", "--reference", reference, "--hypothesis", hypothesis];
    refused(
        &score("wrong.csv", "said.csv"),
        &["wrong.csv line 3", "\"five\"", "number of seconds"],
    );
    refused(
        &score("right.csv", "said.csv"),
        &["said.csv line 2", "\"b\"", "reference"],
    );
    refused(&score("none.csv", "said.csv"), &["none.csv", "cannot be read"]);
    refused(&score("empty.csv", "said.csv"), &["empty.csv", "no sections"]);
    refused(
        &[&score("right.csv", "right.csv")[..], &["--quick"]].concat(),
        &["--quick"],
    );
    refused(&["generate", "--kind", "composed", "--count", "1"], &["--out"]);
    refused(
        &["generate", "--kind", "real", "--count", "1", "--out", "x"],
        &["--data"],
    );
    refused(
        &["generate", "--kind", "composed", "--count", "0", "--out", "x"],
        &["--count"],
    );
    refused(
        &[
            "generate",
            "--kind",
            "composed",
            "--count",
            "1",
            "--sections",
            "9",
            "--out",
            "x",
        ],
        &["1 to 8"],
    );
    assert!(!folder.path().join("x").exists());
}
