//! Models that the user loads in the window.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::settings::Settings;
use attune_engine::{Command, Snapshot};
use attune_model::ModelSet;
use egui_kittest::kittest::Queryable;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A model of another name than the bundled one that it is, in a folder of its own; the manifest is changed so.
fn model(of: &str, change: impl FnOnce(String) -> String) -> (TempDir, PathBuf) {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let folder = tempfile::tempdir().unwrap();
    let manifest = fs::read_to_string(bundled.join(format!("{of}.json"))).unwrap();
    let path = folder.path().join("mine.json");
    fs::write(&path, change(manifest)).unwrap();
    fs::copy(
        bundled.join(format!("{of}.safetensors")),
        folder.path().join("mine.safetensors"),
    )
    .unwrap();
    (folder, path)
}

fn renamed(name: &'static str) -> impl FnOnce(String) -> String {
    move |manifest| {
        let (from, to) = ("\"name\": \"rnn\"", format!("\"name\": \"{name}\""));
        assert!(manifest.contains(from));
        manifest.replace(from, &to)
    }
}

/// Frames until the window has had this effect.
fn wait<T>(rig: &mut Rig, mut effect: impl FnMut(&mut Rig) -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        rig.settle();
        if let Some(it) = effect(rig) {
            return it;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing happens");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The models that the window orders next, and which of them are off.
fn ordered(rig: &mut Rig) -> (Box<ModelSet>, Vec<usize>) {
    wait(rig, |rig| {
        rig.orders().into_iter().find_map(|order| match order {
            Command::UseModels { models, off } => Some((models, off)),
            _ => None,
        })
    })
}

/// What the engine shows of `count` models, the newest set of which it was told `set` times.
fn playing(frames: u64, (count, set): (usize, u64)) -> Snapshot {
    let mut snapshot = hand_made::playing(frames);
    (snapshot.model_count, snapshot.model_set, snapshot.epoch) = (count, set, 1 + set);
    for (place, model) in snapshot.models.iter_mut().enumerate() {
        model.enabled = place < count;
    }
    snapshot
}

fn names(models: &ModelSet) -> Vec<&str> {
    models
        .models
        .iter()
        .map(|model| model.manifest().name.as_str())
        .collect()
}

#[test]
fn a_model_from_a_dialog_runs_beside_the_others_until_it_is_removed() {
    let (_folder, path) = model("rnn", renamed("newer"));
    let mut rig = Rig::playing(
        Setup {
            chosen: vec![path.clone()],
            ..Setup::with_models()
        },
        600,
    );
    rig.window.get_by_label("Model TCN").click();
    rig.settle();
    rig.window.get_by_label("Load a model…").click();
    let (models, off) = ordered(&mut rig);
    assert_eq!(
        (names(&models), off),
        (vec!["lstm", "tcn", "attention", "newer"], vec![1])
    );
    assert!(models.gate.is_some());
    rig.window.get_by_label_contains("Newer runs beside the other models");
    rig.show(playing(640, (4, 1)));
    rig.settle();
    rig.window.get_by_label("Model Newer");
    rig.window.get_by_label_contains("Rock, Newer");
    rig.window.get_by_label_contains("Newer · mine.json");
    let kept = rig.app().settings_now();
    assert_eq!(kept.own_models, [path.to_str().unwrap()]);
    // A second time it runs already.
    rig.drop_files(&[&path]);
    rig.window
        .get_by_label_contains("mine.json is not loaded: it runs already.");
    rig.window.get_by_label("Remove the model Newer").click();
    let (models, off) = ordered(&mut rig);
    assert_eq!((names(&models), off), (vec!["lstm", "tcn", "attention"], vec![1]));
    rig.show(playing(680, (3, 2)));
    rig.settle();
    assert!(rig.window.query_by_label("Model Newer").is_none());
    assert!(rig.app().settings_now().own_models.is_empty());
    assert!(path.exists());
}

#[test]
fn what_cannot_run_is_refused_by_name_and_changes_nothing() {
    type Change = Box<dyn FnOnce(String) -> String>;
    let cases: [(&str, Change, &[&str]); 6] = [
        ("rnn", Box::new(|_| "{".to_owned()), &["not valid", "attune train"]),
        (
            "rnn",
            Box::new(|it| it.replace("\"weights_sha256\": \"", "\"weights_sha256\": \"0")),
            &["SHA-256", "Copy the model again"],
        ),
        (
            "lstm",
            Box::new(|it| it),
            &["two models have the name \"lstm\"", "a name of its own"],
        ),
        // The same for people.
        (
            "rnn",
            Box::new(renamed("LSTM")),
            &["a model with the name \"LSTM\" is there", "a name of its own"],
        ),
        ("gate", Box::new(|it| it), &["\"gate\" separates music", "--model"]),
        (
            "rnn",
            Box::new(|it| it.replace("\"hop_samples\": 512", "\"hop_samples\": 1")),
            &["22050 frames a second", "smaller network"],
        ),
    ];
    for (of, change, said) in cases {
        let (_folder, path) = model(of, change);
        let mut rig = Rig::playing(Setup::with_models(), 600);
        let before = rig.app().settings_now();
        rig.drop_files(&[&path]);
        let problem = wait(&mut rig, |rig| rig.app().view().notices.problem().cloned());
        let text = format!("{} {}", problem.message, problem.remedy);
        for said in said.iter().chain(&["mine.json"]) {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!(rig.orders(), []);
        assert_eq!(rig.app().settings_now(), before);
        rig.window.get_by_label("Load a model…");
        assert!(rig.window.query_by_label_contains("Remove the model").is_none());
    }
}

#[test]
fn a_name_that_turns_or_breaks_lines_is_shown_as_it_is_written() {
    let (_folder, path) = model(
        "rnn",
        renamed("a\\u202e\\u001b[31mb\\nc and much more than fits anywhere"),
    );
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.drop_files(&[&path]);
    ordered(&mut rig);
    rig.show(playing(640, (4, 1)));
    rig.settle();
    rig.window.get_by_label("Model A\\u202e\\u001b[31mb\\nc an…");
}

#[test]
fn it_is_back_after_a_restart_and_a_missing_file_is_said_once() {
    let (folder, path) = model("rnn", renamed("newer"));
    let gone = folder.path().join("gone.json");
    let kept = Settings {
        own_models: [&gone, &path].map(|path| path.to_str().unwrap().to_owned()).to_vec(),
        models: [("Newer".to_owned(), false)].into(),
        ..Settings::default()
    };
    let mut rig = Rig::new(Setup {
        kept,
        ..Setup::with_models()
    });
    let (models, off) = ordered(&mut rig);
    assert_eq!((models.models.len(), off), (4, vec![3]), "it is off, as it was");
    let problem = rig.app().view().notices.problem().cloned().unwrap();
    assert!(
        problem.message.contains("gone.json is not loaded: cannot read"),
        "{problem:?}"
    );
    assert!(problem.remedy.contains("not tried again"), "{problem:?}");
    assert_eq!(rig.app().settings_now().own_models, [path.to_str().unwrap()]);
}

#[test]
fn no_more_are_loaded_than_fit() {
    let models: Vec<_> = ["w", "x", "y", "z", "one too many"]
        .map(|name| model("rnn", renamed(name)))
        .into_iter()
        .collect();
    let mut rig = Rig::playing(Setup::with_models(), 600);
    let paths: Vec<&Path> = models.iter().map(|(_, path)| path.as_path()).collect();
    rig.drop_files(&paths);
    let problem = wait(&mut rig, |rig| rig.app().view().notices.problem().cloned());
    assert!(problem.message.contains("no room for more"), "{problem:?}");
    assert_eq!(rig.app().settings_now().own_models.len(), 4);
}
