//! Where exports go, and what stays whole: names, inputs, links, pipes, a terminal that is gone.

use super::tools::{attune, json, succeeded};
use crate::media;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

fn tone(path: &Path) {
    media::write_float_wav(path, 22_050, 1, &media::signal(22_050, 1, 4.0));
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn inputs_of_one_name_have_outputs_of_their_own() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("below")).unwrap();
    tone(&at("song.wav"));
    tone(&at("below/song.wav"));
    fs::copy(at("song.wav"), at("SONG.wave")).unwrap();
    succeeded(
        attune()
            .args(["analyze", "--format", "json", "--out"])
            .arg(at("out"))
            .args([at("song.wav"), at("below/song.wav"), at("SONG.wave")]),
    );
    for (name, source) in [
        ("song", "song.wav"),
        ("song-2", "below/song.wav"),
        ("SONG-3", "SONG.wave"),
    ] {
        let document = json(&at(&format!("out/{name}.json")));
        assert_eq!(document["source"]["path"], at(source).display().to_string());
    }
    assert_eq!(fs::read_dir(at("out")).unwrap().count(), 3, "nothing temporary is left");
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    tone(&at("tone.wav"));
    // Sound under the name of an output; and an output's name that is a link to sound.
    fs::rename(at("tone.wav"), at("song.json")).unwrap();
    let before = fs::read(at("song.json")).unwrap();
    for input in ["song.json", "./song.json"] {
        let output = attune()
            .current_dir(folder.path())
            .args(["analyze", "--json", "--format", "json,srt", "--out", ".", input])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("would be overwritten"), "{}", said(&output));
        // The answer is there all the same.
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["answer"]["state"].is_string());
    }
    assert!(fs::read(at("song.json")).unwrap() == before);
    assert!(!at("song.srt").exists());
}

#[cfg(unix)]
#[test]
fn an_output_goes_where_a_link_points_and_keeps_its_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    tone(&at("song.wav"));
    fs::create_dir(at("out")).unwrap();
    fs::write(at("kept.json"), "before").unwrap();
    fs::set_permissions(at("kept.json"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("../kept.json", at("out/song.json")).unwrap();
    succeeded(
        attune()
            .args(["analyze", "--format", "json", "--out"])
            .arg(at("out"))
            .arg(at("song.wav")),
    );
    assert!(at("out/song.json").is_symlink());
    assert_eq!(json(&at("kept.json"))["source"]["rate_hz"], 22_050);
    assert_eq!(
        fs::metadata(at("kept.json")).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_file_that_fails_leaves_no_output_and_the_others_have_theirs() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    tone(&at("good.wav"));
    fs::write(at("bad.mp3"), "no sound").unwrap();
    let output = attune()
        .args(["analyze", "--format", "srt,audacity", "--out"])
        .arg(at("out"))
        .args([at("bad.mp3"), at("good.wav")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let mut names: Vec<String> = fs::read_dir(at("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["good.labels.txt", "good.srt"]);
    // A folder that cannot be one is named.
    let output = attune()
        .args(["analyze", "--format", "srt", "--out"])
        .arg(at("good.wav"))
        .arg(at("good.wav"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("good.wav: File exists"), "{}", said(&output));
}

#[test]
fn a_least_length_of_nothing_keeps_every_segment() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    tone(&at("song.wav"));
    succeeded(
        attune()
            .args(["analyze", "--format", "json", "--min-segment", "0", "--out"])
            .arg(at("out"))
            .arg(at("song.wav")),
    );
    let document = json(&at("out/song.json"));
    let kept = document["segments"].as_array().unwrap();
    let answered = kept.iter().filter(|segment| segment["state"] != "warming_up").count();
    assert_eq!(document["merged"].as_array().unwrap().len(), answered.max(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_gone_costs_no_result() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    tone(&at("good.wav"));
    let output = attune()
        .args(["analyze", "--json"])
        .args([at("missing.wav"), at("good.wav")])
        .stderr(File::options().write(true).open("/dev/full").unwrap())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents[0]["error"]["kind"], "not_found");
    assert!(documents[1]["answer"]["state"].is_string());
}
