//! Programs that are killed (SIGKILL) at random moments: each file is as it was or as it is to be, and what was said to
//! be kept is kept.

#![cfg(unix)]

use super::media::{signal, write_int_wav};
use attune::sessions::{Beginning, Decided, SessionCommand, SessionUpdate, SessionWriter, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each program is killed; `./test.sh --proof` says more.
const KILLS: &str = "ATTUNE_TEST_KILLS";
const FEW: usize = 6;
/// The child's part: the history that it writes.
const KEPT: &str = "ATTUNE_TEST_KEPT";
/// The program ends by itself within this.
const PATIENCE: Duration = Duration::from_mins(2);

fn kills() -> usize {
    std::env::var(KILLS).map_or(FEW, |kills| kills.parse().unwrap())
}

/// Files of a folder and those below it, by their names.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

fn attune(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command
        .args(args)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end; how long that took.
fn undisturbed(mut command: Command) -> Duration {
    let began = Instant::now();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed()
}

/// Runs it and kills it after so long. Whether it was killed, and not done before.
fn killed_after(mut command: Command, after: Duration) -> bool {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(
        status.success() || status.signal() == Some(9),
        "it failed by itself: {status}"
    );
    !status.success()
}

/// The child's only test: keeps a history until it is killed, and says what is kept already; does nothing when the whole
/// binary is tested.
#[test]
fn keeper() {
    let Ok(path) = std::env::var(KEPT) else { return };
    let writer = SessionWriter::begin(PathBuf::from(path), || {});
    let mut kept = (0, 0);
    let began = Instant::now();
    for turn in 0_u32.. {
        if turn.is_multiple_of(20) {
            writer.send(SessionCommand::Begin(Beginning {
                begun: std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64,
                kind: "file".to_owned(),
                name: "a song".to_owned(),
                source: "/music/a song".to_owned(),
            }));
        }
        for _ in 0..turn % 7 {
            writer.send(SessionCommand::Decided(Decided {
                at: 1.5,
                state: "genre".to_owned(),
                genre: Some("jazz".to_owned()),
                confidence: 0.5,
                rule: "confident".to_owned(),
            }));
        }
        writer.send(SessionCommand::Played(f64::from(turn), Some("jazz".to_owned())));
        writer.send(SessionCommand::List);
        while let Some(update) = writer.poll() {
            if let SessionUpdate::List(list) = update {
                let now = (list.len(), list.iter().map(|session| session.decisions).sum::<u64>());
                if now != kept {
                    kept = now;
                    println!("kept {} {}", now.0, now.1);
                }
            }
        }
        assert!(began.elapsed() < PATIENCE, "it was not killed");
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_history_whose_program_is_killed_has_all_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut most, mut kept_before, mut said_in_all) = (0, 0, 0);
    for kill in 0..kills() {
        // The list has at most 500 sessions, which one file would soon hold.
        let path = folder.path().join(format!("history-{}.sqlite", kill / 5));
        if kill % 5 == 0 {
            kept_before += most;
            most = 0;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::keeper", "--test-threads=1", "--nocapture"])
            .env(KEPT, &path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(random.random_range(2..400)));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "it ended by itself");
        let lines = reader.join().unwrap();
        let said: Vec<Vec<u64>> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("kept "))
            .map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect())
            .collect();
        said_in_all += said.len();
        // A kill may come before there is a file.
        if !path.exists() {
            continue;
        }
        let check: String = Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok", "kill {kill}");
        let store = Store::open(&path).unwrap();
        let list = store.list().unwrap();
        let decisions: u64 = list.iter().map(|session| session.decisions).sum();
        if let Some(last) = said.last() {
            assert!(
                list.len() as u64 >= last[0] && decisions >= last[1],
                "kill {kill}: {last:?} were kept"
            );
        }
        assert!(decisions >= most, "kill {kill} has lost decisions of the runs before");
        most = decisions;
        for session in &list {
            let whole = |it: &Decided| it.rule == "confident" && it.genre.as_deref() == Some("jazz");
            assert!(store.decisions(session.id).unwrap().iter().all(whole));
        }
    }
    assert!(
        said_in_all > 0 && kept_before + most > 0,
        "no kill came after something was kept"
    );
    super::proved(
        &format!("history: {} kills", kills()),
        &format!(
            "{} decisions, none lost; all that was said to be kept is",
            kept_before + most
        ),
    );
}

/// A sound of its own kind for each number.
fn song(path: &Path, number: u32, secs: f64) {
    let samples: Vec<f32> = signal(22_050, 1, secs)
        .iter()
        .map(|it| it / (1.0 + number as f32))
        .collect();
    write_int_wav(path, 22_050, 1, 16, &samples);
}

#[test]
fn an_export_that_is_killed_leaves_each_file_old_or_new() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let formats = "json,csv,jams,audacity,srt,svg,html,parquet";
    let export = || {
        attune(
            folder.path(),
            &["analyze", "song.wav", "--out", "out", "--format", formats],
        )
    };
    let source = folder.path().join("song.wav");
    let mut versions = Vec::new();
    let mut life = Duration::ZERO;
    for number in 0..2 {
        song(&source, number, 6.0 + 3.0 * f64::from(number));
        std::fs::remove_dir_all(&out).unwrap_or_default();
        undisturbed(export());
        std::fs::remove_dir_all(&out).unwrap();
        life = undisturbed(export());
        versions.push(files(&out));
    }
    let [old, new] = &versions[..] else { unreachable!() };
    assert_eq!(old.len(), 10, "{:?}", old.keys());
    assert!(
        old.iter().all(|(name, bytes)| new[name] != *bytes),
        "the songs differ in every format"
    );
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut done, mut seen, mut left_over) = (0, [0, 0], 0);
    while done < kills() {
        std::fs::remove_dir_all(&out).unwrap();
        for (name, bytes) in old {
            std::fs::create_dir_all(&out).unwrap();
            std::fs::write(out.join(name), bytes).unwrap();
        }
        if !killed_after(export(), life.mul_f64(random.random_range(0.3..1.05))) {
            continue;
        }
        done += 1;
        for (name, bytes) in files(&out) {
            let Some(before) = old.get(&name) else {
                left_over += 1;
                continue;
            };
            let is_new = bytes == new[&name];
            assert!(is_new || bytes == *before, "{} is neither old nor new", name.display());
            seen[usize::from(is_new)] += 1;
        }
        for name in old.keys() {
            assert!(out.join(name).exists(), "{} is gone", name.display());
        }
    }
    // What a kill left behind is in nobody's way.
    undisturbed(export());
    let last = files(&out);
    assert!(new.iter().all(|(name, bytes)| last[name] == *bytes));
    super::proved(
        &format!("export: {done} kills"),
        &format!(
            "{} files old, {} new, none between; {left_over} temporary ones left",
            seen[0], seen[1]
        ),
    );
}

const CHECKPOINT: &str = "checkpoint.safetensors";

/// What the checkpoint in this folder has, by name.
fn tensors_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(folder.join(CHECKPOINT)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let named = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view.data().to_vec()));
    named.collect()
}

/// The step of a checkpoint, if there is one; it is whole then.
fn step_of(path: &Path) -> u64 {
    let Ok(bytes) = std::fs::read(path) else { return 0 };
    SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    header.metadata().as_ref().unwrap()["step"].parse().unwrap()
}

#[test]
fn a_training_that_is_killed_goes_on_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    for class in 0..2 {
        for take in 0..6 {
            let at = folder.path().join("sounds").join(["one", "two"][class as usize]);
            std::fs::create_dir_all(&at).unwrap();
            song(&at.join(format!("{take}.wav")), 3 * class + take % 3, 2.0);
        }
    }
    let train = |out: &str| {
        let mut command = attune(
            folder.path(),
            &["train", "tcn", "--data", "sounds", "--name", "songs", "--resume"],
        );
        command.args([
            "--fold", "1/3", "--width", "8", "--steps", "60", "--every", "4", "--out", out,
        ]);
        command
    };
    undisturbed(train("whole"));
    std::fs::remove_dir_all(folder.path().join("whole")).unwrap();
    let life = undisturbed(train("whole"));
    let out = folder.path().join("killed");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let (mut done, mut before, mut ends, mut taken_up) = (0, 0, 0, 0);
    let whole = files(&folder.path().join("whole"));
    let mut is_whole = || {
        let killed = files(&out);
        assert_eq!(tensors_of(&out), tensors_of(&folder.path().join("whole")));
        for (name, bytes) in &whole {
            // The card has the time that the run took, and the checkpoint's fields are in no order.
            if name.extension().is_none_or(|extension| extension != "md") && name != Path::new(CHECKPOINT) {
                assert!(
                    killed[name] == *bytes,
                    "{} differs from the undisturbed run's",
                    name.display()
                );
            }
        }
        ends += 1;
        std::fs::remove_dir_all(&out).unwrap();
    };
    while done < kills() {
        if !killed_after(train("killed"), life.mul_f64(random.random_range(0.2..1.05))) {
            is_whole();
            before = 0;
            continue;
        }
        done += 1;
        let step = step_of(&out.join(CHECKPOINT));
        assert!(step >= before, "a kill has lost steps: {step} after {before}");
        taken_up += u32::from(before > 0);
        before = step;
    }
    undisturbed(train("killed"));
    is_whole();
    assert!(taken_up > 0, "no kill came after a checkpoint");
    super::proved(
        &format!("training: {done} kills"),
        &format!("{taken_up} of them in a run that was taken up; {ends} runs ended, to the bit as the undisturbed one"),
    );
}
