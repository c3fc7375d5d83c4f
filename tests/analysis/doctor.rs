//! `attune doctor` on systems that lack this or that.

use crate::common::media::{folder, text};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The program in a home of its own, without display, sound server and programs.
fn doctor(home: &Path, args: &[&str]) -> (Value, Output) {
    let run = |json: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_attune"))
            .arg("doctor")
            .args(args)
            .args(json)
            .env_clear()
            .env("HOME", home)
            .env("TMPDIR", std::env::temp_dir())
            .env("XDG_RUNTIME_DIR", home)
            .output()
            .unwrap()
    };
    let document = serde_json::from_slice(&run(&["--json"]).stdout).unwrap();
    (document, run(&[]))
}

fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {document}"))
}

#[test]
fn without_display_sound_and_ffmpeg_it_works_with_limits_and_says_what_to_do() {
    let home = folder();
    let (document, output) = doctor(home.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(document["works"], true);
    assert_eq!(document["attune"], env!("CARGO_PKG_VERSION"));
    for (name, state) in [
        ("models", "works"),
        ("window", "limited"),
        ("sound", "limited"),
        ("input", "limited"),
        ("monitor", "limited"),
        ("settings", "works"),
        ("history", "works"),
        ("cache", "works"),
        ("temporary", "works"),
        ("ffmpeg", "limited"),
    ] {
        let check = check(&document, name);
        assert_eq!(check["state"], state, "{check}");
        assert_eq!(check["remedy"].is_string(), state == "limited", "{check}");
        assert!(
            check["found"].as_str().is_some_and(|found| !found.is_empty()),
            "{check}"
        );
    }
    assert_eq!(check(&document, "libraries")["state"], "works", "test.sh installs them");
    let said = String::from_utf8(output.stdout).unwrap();
    for line in [
        "✓ models     lstm, tcn, attention, gate: weights and golden test",
        "– ffmpeg     not installed",
        "             Install FFmpeg.",
        "Attune works here, with limits: ",
    ] {
        assert!(said.lines().any(|it| it.starts_with(line)), "{line} in {said}");
    }
    for folder in [".config", ".local/share", ".cache"] {
        assert!(
            !home.path().join(folder).join("attune").exists(),
            "looking leaves nothing behind"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_a_limit() {
    let home = folder();
    std::fs::write(home.path().join(".config"), "").unwrap();
    let (document, output) = doctor(home.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    let settings = check(&document, "settings");
    assert_eq!(settings["state"], "limited");
    let (found, remedy) = (
        settings["found"].as_str().unwrap(),
        settings["remedy"].as_str().unwrap(),
    );
    assert!(
        found.contains(".config/attune") && remedy.contains("file where a folder must be"),
        "{settings}"
    );
    assert_eq!(check(&document, "history")["state"], "works");
}

#[test]
fn ffmpeg_is_named_with_its_version_and_one_that_fails_is_a_limit() {
    use std::os::unix::fs::PermissionsExt;
    let home = folder();
    let program = home.path().join("ffmpeg");
    for (script, state, found) in [
        ("echo 'ffmpeg version 7.1.1-1 Copyright'", "works", "7.1.1"),
        ("echo 'no such library' >&2; exit 127", "limited", "it cannot be run"),
        // What another program says reaches the terminal as letters.
        ("printf 'ffmpeg version \\033[31mn7\\n'", "works", "\u{1b}[31mn7"),
    ] {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let run = |json: &[&str]| {
            let mut attune = Command::new(env!("CARGO_BIN_EXE_attune"));
            let attune = attune.arg("doctor").args(json).env_clear().env("HOME", home.path());
            attune.env("PATH", text(home.path())).output().unwrap().stdout
        };
        let document: Value = serde_json::from_slice(&run(&["--json"])).unwrap();
        let ffmpeg = check(&document, "ffmpeg");
        assert_eq!(ffmpeg["state"], state, "{ffmpeg}");
        assert!(ffmpeg["found"].as_str().unwrap().starts_with(found), "{ffmpeg}");
        assert!(!run(&["--json"]).contains(&0x1b) && !run(&[]).contains(&0x1b));
    }
}

#[test]
fn a_model_that_does_not_load_and_a_display_that_is_not_there_fail() {
    let home = folder();
    let (document, output) = doctor(home.path(), &["--model", "/nowhere/model.json"]);
    assert_eq!(
        (output.status.code(), &document["works"]),
        (Some(1), &Value::Bool(false))
    );
    let models = check(&document, "models");
    assert_eq!(models["state"], "fails");
    assert!(
        models["found"].as_str().unwrap().contains("/nowhere/model.json"),
        "{models}"
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("This has to be mended first: models.\n"), "{said}");

    let mut attune = Command::new(env!("CARGO_BIN_EXE_attune"));
    let attune = attune.args(["doctor", "--json"]).env_clear().env("HOME", home.path());
    let output = attune.env("DISPLAY", ":64999").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let document = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(check(&document, "window")["state"], "fails");
}
