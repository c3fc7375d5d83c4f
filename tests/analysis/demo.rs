//! `attune demo`: every recording with its genre, what is answered to it, and whose it is.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn demo(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attune"))
        .arg("demo")
        .args(args)
        .output()
        .unwrap()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Rows of the table beside the demo.
fn rows() -> Vec<csv::StringRecord> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/sections.csv");
    let mut reader = csv::Reader::from_path(table).unwrap();
    reader.records().map(Result::unwrap).collect()
}

#[test]
fn every_recording_is_answered_and_counted() {
    let report: Value = serde_json::from_str(&text(demo(&["--json"]))).unwrap();
    let sections = report["sections"].as_array().unwrap();
    assert_eq!(sections.len(), rows().len());
    for (section, row) in sections.iter().zip(rows()) {
        assert_eq!(section["start_s"].as_f64(), row[0].parse().ok());
        assert_eq!(
            (&section["genre"], &section["title"]),
            (&Value::from(&row[2]), &Value::from(&row[3]))
        );
        for answer in [&section["alone"], &section["in_a_row"]] {
            let share = answer["share"].as_f64().unwrap();
            // Every section has sound that is answered, if only with *unsure*.
            assert!(share > 0.2 && share <= 1.0, "{section}");
            assert_eq!(answer["state"] == "genre", answer["genre"].is_string(), "{section}");
        }
    }
    for kind in ["alone", "in_a_row"] {
        let right = sections
            .iter()
            .filter(|section| section[kind]["genre"] == section["genre"])
            .count();
        assert_eq!(report[format!("right_{kind}")], right);
    }
    // Nothing comes before the first section; alone, its last frames are those that the resampler held back.
    let [alone, in_a_row] = [&sections[0]["alone"], &sections[0]["in_a_row"]];
    assert_eq!(
        (&alone["state"], &alone["genre"]),
        (&in_a_row["state"], &in_a_row["genre"])
    );
    let shares = [alone, in_a_row].map(|answer| answer["share"].as_f64().unwrap());
    assert!((shares[0] - shares[1]).abs() < 0.005, "{shares:?}");
    assert_eq!(demo(&["--json", "--credits"]).status.code(), Some(2));
}

#[test]
fn the_table_has_a_line_for_each_recording() {
    let table = text(demo(&[]));
    for row in rows() {
        let line = table
            .lines()
            .find(|line| line.contains(&row[3]))
            .unwrap_or_else(|| panic!("{table}"));
        assert!(line.contains(&row[2]) && line.contains(&row[4]), "{line}");
        assert_eq!(line.matches(['✓', '✗']).count(), 2, "{line}");
    }
}

#[test]
fn credits_say_title_maker_licence_source_and_changes() {
    let credits = text(demo(&["--credits"]));
    for row in rows() {
        for field in row.iter().skip(2) {
            assert!(credits.contains(field), "{field}: {credits}");
        }
    }
}

/// What stands beside the demo for people says the same as the table of the program.
#[test]
fn the_page_beside_it_credits_the_same() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/README.md");
    let page = std::fs::read_to_string(page).unwrap();
    for row in rows() {
        let start: u32 = row[0].parse().unwrap();
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| {}:{:02} |", start / 60, start % 60)));
        let line = line.unwrap_or_else(|| panic!("{row:?}"));
        let title = row[3].split(" (").next().unwrap();
        for field in [&row[2], title, &row[4], &row[6], &row[7]] {
            assert!(line.contains(field), "{field}: {line}");
        }
    }
}
