//! `attune tag`: shows first, writes only what is certain, and takes it back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::media::{demo_clips, ffmpeg, folder, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn attune(home: &Path, args: &[&str]) -> Output {
    let mut attune = Command::new(env!("CARGO_BIN_EXE_attune"));
    attune
        .args(args)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"));
    attune.env("XDG_CONFIG_HOME", home.join("config")).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_would_be_written_is_shown_then_written_where_it_is_certain_and_taken_back() {
    let home = folder();
    let music = home.path().join("music");
    fs::create_dir_all(music.join("more")).unwrap();
    let clips = demo_clips(home.path(), 14.0);
    let clip = |genre: &str| text(&clips.iter().find(|(name, _)| name == genre).unwrap().1);
    let song = music.join("a classical.mp3");
    ffmpeg(&["-i", clip("classical"), "-metadata", "title=T", text(&song)]);
    let tagged = music.join("more").join("b tagged.flac");
    ffmpeg(&[
        "-i",
        clip("metal"),
        "-metadata",
        "genre=Thrash\u{1b}[31m",
        text(&tagged),
    ]);
    let silent = music.join("more").join("c silent.ogg");
    ffmpeg(&["-f", "lavfi", "-i", "anullsrc=d=4", "-c:a", "libvorbis", text(&silent)]);
    fs::write(music.join("notes.txt"), "not music").unwrap();
    fs::write(music.join("d broken.mp3"), vec![0x55; 4000]).unwrap();
    let before: Vec<_> = [&song, &tagged, &silent].map(|path| fs::read(path).unwrap()).into();
    let unchanged = || {
        before
            .iter()
            .zip([&song, &tagged, &silent])
            .all(|(old, path)| *old == fs::read(path).unwrap())
    };

    let shown = attune(home.path(), &["tag", text(&music), "--json"]);
    assert_eq!(shown.status.code(), Some(1), "one file is broken");
    let outcomes: Vec<_> = lines(&shown)
        .iter()
        .map(|line| line["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes, ["to_be_written", "failed", "left_alone", "left_alone"]);
    assert_eq!(lines(&shown)[0]["value"], "Classical");
    assert!(unchanged(), "nothing is written without --write");
    let said = attune(home.path(), &["tag", text(&music)]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains("+ genre: Classical") && said.contains("dB of silence"),
        "{said}"
    );
    assert!(said.contains("Thrash\\u001b[31m") && !said.contains('\u{1b}'), "{said}");

    let written = attune(
        home.path(),
        &["tag", text(&song), text(&tagged), "--write", "--overwrite", "--json"],
    );
    let written = lines(&written);
    assert!(written.iter().all(|line| line["outcome"] == "written"), "{written:?}");
    assert_eq!(written[1]["before"][0], "Thrash\u{1b}[31m");
    let again = attune(home.path(), &["tag", text(&song), "--write", "--json"]);
    assert_eq!(lines(&again)[0]["reason"], "its genre is Classical");
    // Of several genres, the first is the one that players show; the others stay.
    let several = music.join("e several.flac");
    let genres = ["-metadata", "genre=Classical", "-metadata", "xenre=Baroque"];
    ffmpeg(&[&["-i", clip("classical")], &genres[..], &[text(&several)]].concat());
    let mut bytes = fs::read(&several).unwrap();
    let second = bytes
        .windows(13)
        .position(|part| part.eq_ignore_ascii_case(b"xenre=Baroque"));
    bytes[second.unwrap()] = b'G';
    fs::write(&several, &bytes).unwrap();
    let kept = attune(
        home.path(),
        &["tag", text(&several), "--write", "--overwrite", "--json"],
    );
    assert_eq!(lines(&kept)[0]["reason"], "its genre is Classical already");
    assert!(fs::read(&several).unwrap() == bytes);
    let own = attune(home.path(), &["tag", text(&song), "--field", "GENRE_CANON", "--json"]);
    assert_eq!(lines(&own)[0]["outcome"], "to_be_written");

    let undone = attune(home.path(), &["tag", "--undo", "--json"]);
    assert!(undone.status.success());
    assert!(lines(&undone).iter().all(|line| line["outcome"] == "restored"));
    assert!(unchanged(), "--undo brings the bytes back");
    let nothing = attune(home.path(), &["tag", "--undo"]);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing to undo"));
}

#[test]
fn an_answer_that_is_not_certain_enough_is_not_written() {
    let home = folder();
    let clips = demo_clips(home.path(), 14.0);
    let (_, song) = clips.iter().find(|(name, _)| name == "classical").unwrap();
    let shown = attune(
        home.path(),
        &["tag", text(song), "--at-least", "100", "--overwrite", "--json"],
    );
    let line = &lines(&shown)[0];
    assert_eq!(line["outcome"], "left_alone");
    assert!(
        line["reason"].as_str().unwrap().starts_with("Classical has 9"),
        "{line}"
    );
}
