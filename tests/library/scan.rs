//! A library that is kept up to date: what is new, changed, moved, broken, and what a kill leaves.

use super::tools::{attune, python, succeeded};
use crate::media;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sound that differs from any other number's.
fn tone(path: &Path, number: u32, secs: f64) {
    let mut samples = media::signal(11_025, 1, secs);
    for (place, sample) in samples.iter_mut().enumerate() {
        let t = place as f32 / 11_025.0;
        *sample += 0.2 * (std::f32::consts::TAU * (300.0 + 37.0 * number as f32) * t).sin();
    }
    media::write_float_wav(path, 11_025, 1, &samples);
}

fn scan(folder: &Path, db: &Path) -> Command {
    let mut command = attune();
    command.args(["scan", "--json", "--quiet", "--db"]).arg(db).arg(folder);
    command
}

/// The summary of a scan, whatever its exit code.
fn scanned(folder: &Path, db: &Path) -> Value {
    let output = scan(folder, db).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn tracks(db: &Path, args: &[&str]) -> Vec<Value> {
    let output = succeeded(
        attune()
            .args(["query", "--format", "ndjson", "--db"])
            .arg(db)
            .args(args),
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn paths(of: &[Value]) -> Vec<String> {
    let name = |track: &Value| {
        Path::new(track["path"].as_str().unwrap())
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    of.iter().map(name).collect()
}

#[test]
fn only_what_is_new_is_analysed_and_everything_is_found_again() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join("music").join(name);
    let db = folder.path().join("library.db");
    fs::create_dir_all(at("b")).unwrap();
    for (number, name) in ["1.wav", "2.wav", "b/3.wav", "b/4.wav"].into_iter().enumerate() {
        tone(&at(name), number as u32, 3.0);
    }
    fs::write(at("broken.mp3"), "no sound at all").unwrap();
    let odd = at("b").join(std::ffi::OsStr::from_bytes(b"odd \xff.wav"));
    tone(&odd, 9, 3.0);

    let first = scanned(&at(""), &db);
    assert_eq!(
        (&first["found"], &first["analyzed"], &first["broken"]),
        (&6.into(), &5.into(), &1.into())
    );
    let again = scanned(&at(""), &db);
    assert_eq!(
        (&again["unchanged"], &again["analyzed"], &again["broken"]),
        (&6.into(), &0.into(), &0.into())
    );
    let all = tracks(&db, &[]);
    assert_eq!(
        paths(&all),
        ["1.wav", "2.wav", "3.wav", "4.wav", "odd \u{fffd}.wav", "broken.mp3"]
    );
    let hex = attune_model::load::hex(odd.canonicalize().unwrap().as_os_str().as_bytes());
    assert_eq!(all[4]["path_bytes"], hex);
    assert_eq!(all[0]["duration_s"], 3.0);
    assert!(all[5]["error"].as_str().unwrap().contains("broken.mp3") && all[5]["genre"].is_null());

    // Moved, copied, touched, changed; the same sound in another container; one gone.
    fs::rename(at("1.wav"), at("b/moved.wav")).unwrap();
    fs::copy(at("2.wav"), at("copy.wav")).unwrap();
    tone(&at("b/4.wav"), 77, 4.0);
    let caf = at("b/3.caf");
    media::ffmpeg(&[
        "-i",
        media::text(&at("b/3.wav")),
        "-c:a",
        "pcm_f32le",
        media::text(&caf),
    ]);
    fs::remove_file(&odd).unwrap();
    let third = scanned(&at(""), &db);
    assert_eq!(
        ["found", "analyzed", "known", "moved", "missing"].map(|key| third[key].as_u64().unwrap()),
        [7, 2, 2, 1, 1],
        "{third}"
    );
    let all = tracks(&db, &[]);
    assert_eq!(
        paths(&all),
        [
            "2.wav",
            "3.caf",
            "3.wav",
            "4.wav",
            "moved.wav",
            "broken.mp3",
            "copy.wav"
        ]
    );
    assert_eq!(all[3]["duration_s"], 4.0);
    // Twins by content, and by their samples alone.
    let twins = tracks(&db, &["--where", "copies>1"]);
    assert_eq!(paths(&twins), ["2.wav", "3.caf", "3.wav", "copy.wav"]);
    assert_eq!(twins[1]["audio_sha256"], twins[2]["audio_sha256"]);
    assert_ne!(twins[1]["content_sha256"], twins[2]["content_sha256"]);
    assert_eq!(tracks(&db, &["--missing", "--where", "path~odd"]).len(), 1);
    // What was missing is there again, and is known.
    tone(&odd, 9, 3.0);
    let fourth = scanned(&at(""), &db);
    assert_eq!(
        (&fourth["known"], &fourth["analyzed"], &fourth["missing"]),
        (&1.into(), &0.into(), &0.into()),
        "{fourth}"
    );
    assert_eq!(tracks(&db, &["--where", "path~odd"]).len(), 1);
}

#[test]
fn the_answers_are_those_of_analyze() {
    let folder = media::folder();
    let music = folder.path().join("music");
    fs::create_dir(&music).unwrap();
    media::demo_clips(&music, 8.0);
    let db = folder.path().join("library.db");
    succeeded(&mut scan(&music, &db));
    for track in tracks(&db, &[]) {
        let output = succeeded(attune().args(["analyze", "--json", track["path"].as_str().unwrap()]));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for key in ["state", "genre", "confidence"] {
            assert_eq!(track[key], report["answer"][key], "{key} of {}", track["path"]);
        }
        assert_eq!(track["duration_s"], report["source"]["duration_s"]);
    }
}

/// How often a scan is killed; `./test.sh --proof` says more.
const KILLS: &str = "ATTUNE_TEST_KILLS";
/// Files that those scans are killed over.
const FILES: u32 = 60;

#[test]
fn kills_leave_what_an_undisturbed_run_leaves() {
    let wanted = std::env::var(KILLS).map_or(10, |kills| kills.parse().unwrap());
    let folder = media::folder();
    let music = folder.path().join("music");
    fs::create_dir(&music).unwrap();
    for number in 0..FILES {
        tone(&music.join(format!("{number:03}.wav")), number, 6.0);
    }
    let (whole, killed) = (folder.path().join("whole.db"), folder.path().join("killed.db"));
    let begun = Instant::now();
    succeeded(&mut scan(&music, &whole));
    let undisturbed = begun.elapsed();
    let mut random = 0x9e37_79b9_u64;
    let (mut kills, mut before) = (0, 0);
    while kills < wanted {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (random >> 40) as f64 / f64::from(1_u32 << 24);
        let mut child = scan(&music, &killed).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(undisturbed.mul_f64(0.02 + 0.25 * share));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.success() {
            // Done before it could be killed: from the beginning, to be killed again.
            for name in ["killed.db", "killed.db-wal", "killed.db-shm"] {
                let _ = fs::remove_file(folder.path().join(name));
            }
            before = 0;
            continue;
        }
        kills += 1;
        if killed.exists() {
            let there = kept(&killed);
            assert!(there >= before, "a kill has lost {} tracks", before - there);
            before = there;
        }
    }
    let last = scanned(&music, &killed);
    // Whatever was kept is not analysed again.
    assert_eq!(last["analyzed"].as_i64().unwrap() + before, i64::from(FILES), "{last}");
    let (whole, killed) = (tracks(&whole, &[]), tracks(&killed, &[]));
    assert_eq!(whole.len(), FILES as usize);
    assert_eq!(whole, killed);
    println!("PROOF\tscan: {kills} kills\t{FILES} tracks, none lost or analysed twice");
}

/// Tracks in a library that is sound.
fn kept(db: &Path) -> i64 {
    let db = rusqlite::Connection::open(db).unwrap();
    let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    // A kill may come before the tables are there.
    db.query_row(
        "SELECT count(*) FROM track WHERE genre IS NOT NULL OR state IS NOT NULL",
        [],
        |row| row.get(0),
    )
    .unwrap_or(0)
}

/// The most memory that a scan took, in MB.
fn peak_mb(folder: &Path, db: &Path) -> f64 {
    let mut child = scan(folder, db).stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0.0_f64;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        peak = peak.max(kb.unwrap_or(0.0) / 1024.0);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_flat() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("few")).unwrap();
    fs::create_dir(at("many")).unwrap();
    fs::create_dir(at("long")).unwrap();
    for number in 0..400 {
        let place = if number < 40 { at("few") } else { at("many") };
        tone(&place.join(format!("{number}.wav")), number, 1.2);
    }
    tone(&at("long/hour.wav"), 1, 1200.0);
    let few = peak_mb(&at("few"), &at("few.db"));
    let many = peak_mb(&at("many"), &at("many.db"));
    let long = peak_mb(&at("long"), &at("long.db"));
    // Nine times as many: the allocator's own coming and going is a few MB.
    assert!(many < few + 12.0, "{few:.0} MB for 40 files, {many:.0} MB for 360");
    assert!(few.max(many).max(long) < 150.0, "{few:.0}, {many:.0}, {long:.0} MB");
}

/// A scan that watches; it is killed at the end of the test.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn summary(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watched_folder_is_followed() {
    let folder = media::folder();
    let music = folder.path().join("music");
    fs::create_dir_all(music.join("below")).unwrap();
    tone(&music.join("1.wav"), 1, 2.0);
    let db = folder.path().join("library.db");
    let mut child = scan(&music, &db).arg("--watch").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut watching = Watching { child, lines };
    assert_eq!(watching.summary()["analyzed"], 1);
    tone(&music.join("below/2.wav"), 2, 2.0);
    fs::rename(music.join("1.wav"), music.join("renamed.wav")).unwrap();
    let mut seen = (0, 0);
    while seen != (1, 1) {
        let summary = watching.summary();
        seen.0 += summary["analyzed"].as_u64().unwrap();
        seen.1 += summary["moved"].as_u64().unwrap();
        assert!(seen.0 <= 1 && seen.1 <= 1, "{summary}");
    }
    assert_eq!(paths(&tracks(&db, &[])), ["2.wav", "renamed.wav"]);
}

fn a_library(folder: &Path) -> PathBuf {
    let music = folder.join("music");
    fs::create_dir(&music).unwrap();
    media::demo_clips(&music, 8.0);
    fs::rename(music.join("jazz.wav"), music.join("=1+1, \"x\".wav")).unwrap();
    fs::write(music.join("broken.mp3"), "no sound").unwrap();
    let db = folder.join("library.db");
    scanned(&music, &db);
    db
}

#[test]
fn a_library_is_filtered_and_exported() {
    let folder = media::folder();
    let db = a_library(folder.path());
    let all = tracks(&db, &[]);
    assert_eq!(all.len(), 8);
    let classical = tracks(&db, &["--where", "genre=classical"]);
    assert!(!classical.is_empty() && classical.iter().all(|track| track["genre"] == "classical"));
    let sure = tracks(&db, &["--where", "confidence>=0.5", "--where", "genre!=classical"]);
    assert!(
        sure.iter()
            .all(|track| track["confidence"].as_f64().unwrap() >= 0.5 && track["genre"] != "classical")
    );
    assert_eq!(paths(&tracks(&db, &["--where", "error!="])), ["broken.mp3"]);
    assert_eq!(tracks(&db, &["--where", "path~1+1, \""]).len(), 1);
    assert_eq!(
        tracks(&db, &["--where", "path~%"]).len(),
        0,
        "a pattern is meant as it is"
    );
    assert_eq!(tracks(&db, &["--limit", "3"]), all[..3]);
    for wrong in [
        "genre",
        "colour=red",
        "confidence=high",
        "genre>rock",
        "1=1 OR genre=rock",
    ] {
        let output = attune()
            .args(["query", "--where", wrong, "--db"])
            .arg(&db)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
    // CSV: read as it was written, and no formula.
    let to = |name: &str| folder.path().join(name);
    let export = |format: &str, name: &str| {
        succeeded(
            attune()
                .args(["query", "--format", format, "--out"])
                .arg(to(name))
                .arg("--db")
                .arg(&db),
        );
        to(name)
    };
    let mut csv = csv::Reader::from_path(export("csv", "all.csv")).unwrap();
    let headings = csv.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let column = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
    for (row, track) in rows.iter().zip(&all) {
        assert_eq!(row[column("path")], *track["path"].as_str().unwrap());
        assert_eq!(row[column("genre")], *track["genre"].as_str().unwrap_or(""));
    }
    // Parquet: as pyarrow reads it.
    let parquet = python("read_table.py", &export("parquet", "all.parquet"));
    for (place, track) in all.iter().enumerate() {
        for name in [
            "path",
            "size",
            "duration_s",
            "genre",
            "confidence",
            "copies",
            "error_kind",
            "audio_sha256",
        ] {
            assert_eq!(parquet["columns"][name][place], track[name], "{name}");
        }
    }
    assert_eq!(
        (&parquet["types"]["size"], &parquet["types"]["genre"]),
        (&"int64".into(), &"string".into())
    );
}

#[test]
fn what_is_no_library_is_refused_with_a_remedy() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("text.db"),
        "this is no database, but a text that is long enough to be looked at",
    )
    .unwrap();
    rusqlite::Connection::open(at("newer.db"))
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    for (name, expected) in [
        ("text.db", "no library"),
        ("newer.db", "newer version"),
        ("none.db", "no such library"),
    ] {
        let output = attune().args(["query", "--db"]).arg(at(name)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && said.contains(name), "{said}");
    }
    let output = attune()
        .args(["scan", "--db"])
        .arg(at("x.db"))
        .arg(at("nowhere"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
