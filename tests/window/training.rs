//! Training on folders of one's own: looked through, set, trained, stopped, resumed, used.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::media;
use super::pictures::options;
use super::rig::{Rig, Setup};
use attune::settings::Theme;
use attune::ui::{Training, TrainingState};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};

const RATE: u32 = 16_000;
/// Until a test gives up, on a machine that others use too.
const LONG: Duration = Duration::from_mins(15);

/// So many recordings of two seconds each of two classes, low and high tones.
fn sounds(folder: &Path, each: u32) {
    for (class, base_hz) in [("low", 200.0), ("high", 2_000.0)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for n in 0..each {
            let hz = base_hz * (1.0 + 0.01 * f64::from(n));
            let samples: Vec<f32> = (0..2 * RATE)
                .map(|i| 0.3 * (std::f64::consts::TAU * hz * f64::from(i) / f64::from(RATE)).sin() as f32)
                .collect();
            media::write_float_wav(
                &folder.join(class).join(format!("{class} {n:02}.wav")),
                RATE,
                1,
                &samples,
            );
        }
    }
}

/// A window with the page open, which keeps models in this folder.
fn open(models: &Path, setup: Setup) -> Rig {
    let mut rig = Rig::playing(setup, 600);
    let app = rig.window.state_mut().take().unwrap();
    *rig.window.state_mut() = Some(app.with_models_folder(models.to_owned()));
    rig.window.key_press(Key::R);
    rig.settle();
    rig.settle();
    rig
}

fn training(rig: &Rig) -> &Training {
    rig.app().training()
}

fn press(rig: &mut Rig, label: &str) {
    rig.window.get_by_label(label).click();
    rig.settle();
    rig.settle();
}

fn until(rig: &mut Rig, is_so: impl Fn(&TrainingState) -> bool) {
    let begun = Instant::now();
    while !is_so(training(rig).state()) {
        assert!(begun.elapsed() < LONG, "{:?}", training(rig).state());
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
    rig.settle();
}

/// Types a folder, and waits until it was looked through.
fn look_through(rig: &mut Rig, folder: &Path) {
    rig.window
        .state_mut()
        .as_mut()
        .unwrap()
        .view_mut()
        .training
        .path
        .clear();
    rig.settle();
    rig.type_into("Folder with the classes", folder.to_str().unwrap());
    press(rig, "Look");
    until(rig, |state| {
        matches!(state, TrainingState::Chosen(_) | TrainingState::Choosing(Some(_)))
    });
}

/// Sets the number of steps.
fn steps(rig: &mut Rig, count: &str) {
    rig.window.get_by_label("Steps of the training").focus();
    rig.settle();
    rig.window.get_by_label("Steps of the training").type_text(count);
    rig.settle();
    rig.window.key_press(Key::Enter);
    rig.settle();
    rig.settle();
}

fn step_of(state: &TrainingState) -> u64 {
    match state {
        TrainingState::Running(run) | TrainingState::Stopped(run, _) => run.step,
        _ => 0,
    }
}

fn shows(rig: &Rig, text: &str) -> bool {
    rig.window.query_all_by_label_contains(text).count() > 0
}

#[test]
fn a_folder_is_looked_through_trained_on_and_the_model_shown_and_used() {
    let folder = media::folder();
    let (sound, models) = (folder.path().join("tones"), folder.path().join("models"));
    sounds(&sound, 10);
    let mut rig = open(&models, Setup::default());
    rig.window.get_by_label("Step 1 of 4: Sounds");
    look_through(&mut rig, &sound);
    rig.window
        .get_by_label("high: 10 files, 20 s; 8 for training, 2 for validation, 0 refused");
    assert!(shows(&rig, "The class \"low\" has 10 clips, of which 2 for validation"));
    press(&mut rig, "Next: settings");
    rig.window.get_by_label("Step 2 of 4: Settings");
    rig.window
        .get_by_label_contains("16 files for training (32 s), 4 for validation (8 s)");
    let begun = Instant::now();
    while !shows(&rig, "on this machine") {
        assert!(begun.elapsed() < LONG, "no estimate");
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
    steps(&mut rig, "12");
    press(&mut rig, "Train");
    until(&mut rig, |state| {
        matches!(state, TrainingState::Running(_) | TrainingState::Trained(..))
    });
    until(&mut rig, |state| !matches!(state, TrainingState::Running(_)));
    let TrainingState::Trained(trained, curves) = training(&rig).state() else {
        panic!("{:?}", training(&rig).state());
    };
    assert_eq!((trained.metrics.clips, trained.clips), (4, 16));
    assert_eq!(
        curves.accuracies.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        [5, 10, 12]
    );
    assert_eq!(curves.losses().count(), 12);
    let manifest = trained.manifest.clone();
    assert_eq!(manifest, models.join("tones/tones.json"));
    // What came out is a model as any other.
    let model = attune_model::load::load(&manifest).unwrap();
    assert_eq!(model.manifest().genres.labels(), ["high", "low"]);
    let card = std::fs::read_to_string(manifest.with_extension("md")).unwrap();
    assert!(
        card.contains("attune train tcn --class high=high --class low=low"),
        "{card}"
    );

    rig.window.get_by_label("Step 4 of 4: Result");
    assert!(shows(&rig, "of 4 validation clips, from which it never learnt"));
    assert!(shows(&rig, "Confusion matrix: "));
    assert!(shows(&rig, "The model knows only the classes it was trained on"));
    assert!(shows(&rig, "16 clips of high, low. TCN with"));
    press(&mut rig, "Use it now");
    assert!(shows(&rig, &format!("attune --model '{}'", manifest.display())));
    assert!(rig.orders().is_empty(), "what plays goes on");

    // Another of the same folder does not overwrite it, nor is it offered as unfinished.
    press(&mut rig, "Train another");
    assert!(training(&rig).unfinished().is_empty());
    look_through(&mut rig, &sound);
    match training(&rig).state() {
        TrainingState::Chosen(chosen) => assert_eq!(chosen.settings.name, "tones-2"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_paused_stopped_and_resumed_and_a_second_window_is_kept_out_and_offered_it_later() {
    let folder = media::folder();
    let (sound, models) = (folder.path().join("tones"), folder.path().join("models"));
    sounds(&sound, 5);
    let begin = || {
        let mut rig = open(&models, Setup::default());
        look_through(&mut rig, &sound);
        press(&mut rig, "Next: settings");
        steps(&mut rig, "5000");
        press(&mut rig, "Train");
        rig
    };
    let mut rig = begin();
    until(&mut rig, |state| step_of(state) >= 2);
    rig.window.get_by_label("Step 3 of 4: Training");
    assert!(shows(&rig, "Curves of the training: training loss"));
    let before = step_of(training(&rig).state());
    press(&mut rig, "Pause: training");
    assert!(shows(&rig, "Paused."));
    // One step may have been made before the window said so, and one was under way.
    std::thread::sleep(Duration::from_secs(4));
    rig.settle();
    let paused_at = step_of(training(&rig).state());
    assert!(paused_at <= before + 2, "{before} and {paused_at}");

    // Its folder is its own while it is paused, too.
    let mut second = begin();
    until(&mut second, |state| matches!(state, TrainingState::Stopped(..)));
    assert!(shows(&second, "another run is writing into"));
    assert!(shows(&second, "give the model another name"));
    press(&mut second, "Back to the settings");
    second.window.get_by_label("Step 2 of 4: Settings");
    drop(second);

    press(&mut rig, "Go on: training");
    until(&mut rig, |state| step_of(state) > paused_at);
    press(&mut rig, "Stop: training");
    until(&mut rig, |state| matches!(state, TrainingState::Stopped(_, None)));
    let stopped_at = step_of(training(&rig).state());
    assert!(shows(&rig, &format!("Stopped after step {stopped_at} of 5000.")));
    press(&mut rig, "Resume");
    until(&mut rig, |state| step_of(state) > stopped_at);
    press(&mut rig, "Stop: training");
    until(&mut rig, |state| matches!(state, TrainingState::Stopped(_, None)));
    let stopped_at = step_of(training(&rig).state());
    drop(rig);

    // The next start of the program offers it, with all its steps.
    let mut rig = open(&models, Setup::default());
    rig.window
        .get_by_label(&format!("tones: {stopped_at} of 5000 steps, 2 classes"));
    press(&mut rig, "Resume tones");
    until(&mut rig, |state| step_of(state) > stopped_at);
    press(&mut rig, "Stop: training");
    until(&mut rig, |state| matches!(state, TrainingState::Stopped(_, None)));
}

#[test]
fn a_window_that_closes_leaves_the_checkpoint() {
    let folder = media::folder();
    let (sound, models) = (folder.path().join("tones"), folder.path().join("models"));
    sounds(&sound, 5);
    let mut training = Training::new(Some(models.clone()), || ());
    let until = |training: &mut Training, is_so: fn(&TrainingState) -> bool| {
        let begun = Instant::now();
        while !is_so(training.state()) {
            assert!(begun.elapsed() < LONG, "{:?}", training.state());
            std::thread::sleep(Duration::from_millis(5));
            training.poll();
        }
    };
    training.survey(vec![sound]);
    until(&mut training, |state| matches!(state, TrainingState::Chosen(_)));
    training.begin();
    until(&mut training, |state| step_of(state) >= 1);
    training.close(LONG);
    let made = step_of(training.state());
    drop(training);
    let next = Training::new(Some(models), || ());
    let offered: Vec<_> = next.unfinished().iter().map(|run| run.step).collect();
    assert_eq!(offered, [made], "no step is lost");
}

#[test]
fn leaks_twins_and_refused_files_are_named() {
    let folder = media::folder();
    let (sound, models) = (folder.path().join("tones"), folder.path().join("models"));
    sounds(&sound, 8);
    for n in 0..8 {
        for class in ["low", "high"] {
            let path = sound.join(class).join(format!("{class} {n:02}.wav"));
            media::tag_wav(&path, &format!("{class} Trio {}", n / 2), "Best of");
        }
    }
    std::fs::copy(sound.join("low/low 00.wav"), sound.join("high/the same.wav")).unwrap();
    // A name from a stranger turns no line around and breaks none.
    std::fs::write(sound.join("low/a\u{202e}b\n.mp3"), "no sound").unwrap();
    media::write_float_wav(&sound.join("low/click.wav"), RATE, 1, &[0.5; 200]);
    let mut rig = open(&models, Setup::default());
    look_through(&mut rig, &sound);
    assert!(shows(
        &rig,
        "have the same sound but not the same class: none of them is used"
    ));
    assert!(shows(&rig, "low: 7 files"));
    assert!(shows(&rig, "2 files are refused") && shows(&rig, "click.wav is too short"));
    assert!(shows(&rig, "a\\u202eb\\n.mp3"));
    // Artists are kept together from the beginning, so only the album is on both sides; without, the artists too.
    assert!(shows(&rig, "Leak: The album \"best of\" is in training"));
    assert!(!shows(&rig, "Leak: The artist"));
    press(&mut rig, "Next: settings");
    rig.window.get_by_label("What is kept together").click();
    rig.settle();
    rig.settle();
    press(&mut rig, "Nothing: each file by itself");
    assert!(shows(&rig, "Leak: The artist \"high trio"));
    // One album is one group: nothing is left on the other side.
    rig.window.get_by_label("What is kept together").click();
    rig.settle();
    rig.settle();
    press(&mut rig, "Files of one album (by tags)");
    assert!(shows(&rig, "Too little: The class"));
    rig.window.get_by_label("Train").click();
    rig.settle();
    assert!(
        matches!(training(&rig).state(), TrainingState::Chosen(_)),
        "it cannot begin"
    );
}

#[test]
fn a_folder_without_classes_and_one_that_is_not_there_say_so() {
    let folder = media::folder();
    let models = folder.path().join("models");
    let mut rig = open(&models, Setup::default());
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    look_through(&mut rig, &empty);
    assert!(shows(&rig, "put the audio of each class into a sub-folder of its name"));
    look_through(&mut rig, &folder.path().join("nowhere"));
    assert!(shows(&rig, "nowhere") && shows(&rig, "Check the spelling and the folder."));
    // Classes without files are in the table, and cannot be trained on.
    for class in ["rain", "wind"] {
        std::fs::create_dir(empty.join(class)).unwrap();
    }
    look_through(&mut rig, &empty);
    rig.window
        .get_by_label("rain: 0 files, 0 s; 0 for training, 0 for validation, 0 refused");
    assert!(shows(
        &rig,
        "Too little: The class \"rain\" has 0 clips for training and 0 for validation"
    ));
    rig.window.get_by_label("Next: settings").click();
    rig.settle();
    rig.window.get_by_label("Step 1 of 4: Sounds");
}

#[test]
fn several_folders_of_a_dialog_are_the_classes() {
    let folder = media::folder();
    let sound = folder.path().join("tones");
    sounds(&sound, 3);
    let setup = Setup {
        chosen: vec![sound.join("low"), sound.join("high")],
        ..Setup::default()
    };
    let mut rig = open(&folder.path().join("models"), setup);
    press(&mut rig, "Choose folders…");
    until(&mut rig, |state| matches!(state, TrainingState::Chosen(_)));
    assert!(shows(&rig, "low: 3 files") && shows(&rig, "high: 3 files"));
    // Others are dropped on the page.
    rig.drop_files(&[&sound.join("low"), &sound.join("low")]);
    until(&mut rig, |state| matches!(state, TrainingState::Choosing(Some(_))));
    assert!(shows(&rig, "two of the folders are called \"low\""));
}

#[test]
fn the_page_before_anything_is_chosen() {
    let folder = media::folder();
    let setup = Setup {
        size: [900.0, 600.0],
        ..Setup::default()
    };
    open(&folder.path().join("models"), setup)
        .window
        .snapshot_options("training-900x600-dark", &options());
}

#[test]
fn the_page_of_what_was_found() {
    let folder = media::folder();
    let sound = folder.path().join("tones");
    sounds(&sound, 8);
    for n in 0..8 {
        media::tag_wav(
            &sound.join(format!("low/low {n:02}.wav")),
            &format!("Trio {}", n / 2),
            "Best of",
        );
    }
    let setup = Setup {
        theme: Theme::Light,
        ..Setup::default()
    };
    let mut rig = open(&folder.path().join("models"), setup);
    look_through(&mut rig, &sound);
    rig.window.snapshot_options("training-found-1280x800-light", &options());
}
