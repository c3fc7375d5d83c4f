//! Names of files that would move a terminal's cursor, turn its text, or compute in a spreadsheet, through every
//! command.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::media::{folder, signal, text, write_float_wav};
use std::path::Path;
use std::process::Command;

/// Escapes for terminals, a line break, a mark that turns text, and what a page or a spreadsheet would run.
const NAME: &str = "=1+1 \u{1b}[31m\u{202e}\u{9b}2J\n<script>$(x)`y`.wav";

fn output(home: &Path, args: &[&str]) -> (String, String) {
    let mut attune = Command::new(env!("CARGO_BIN_EXE_attune"));
    attune
        .args(args)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"));
    let output = attune.env("XDG_CONFIG_HOME", home.join("config")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn nothing_from_outside_reaches_a_terminal_as_more_than_letters() {
    let home = folder();
    let named = home.path().join(NAME);
    write_float_wav(&named, 22_050, 1, &signal(22_050, 1, 4.0));
    let (path, gone) = (text(&named), home.path().join(format!("gone {NAME}")));
    let (gone, library) = (text(&gone), home.path().join("library.sqlite"));
    let commands: [&[&str]; 12] = [
        &["analyze", path, gone],
        &["analyze", "--json", path, gone],
        &["analyze", "--ndjson", path, gone],
        &["analyze", "--segments", path],
        &["explain", path],
        &["explain", "--json", gone],
        &["live", "--source", path, "--mute", "--pace", "flat"],
        &["live", "--source", gone, "--ndjson"],
        &["tag", path, gone, "--overwrite"],
        &["tag", path, gone, "--overwrite", "--json"],
        &["scan", text(home.path()), "--db", text(&library)],
        &["query", "--db", text(&library)],
    ];
    for command in commands {
        let (out, err) = output(home.path(), command);
        assert!(!out.is_empty() || !err.is_empty(), "{command:?}");
        for said in [&out, &err] {
            let odd = said
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
            assert_eq!(odd, None, "{command:?}: {said:?}");
        }
        if command.iter().any(|word| word.contains("json")) {
            for line in out.lines() {
                let document: serde_json::Value = serde_json::from_str(line).unwrap();
                let name = document["source"]["path"].as_str().or(document["path"].as_str());
                assert!(name.is_none_or(|name| name.ends_with(NAME)), "{line}");
            }
        }
    }
}
