//! What the window says when something happens.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::source::{SourceError, SourceErrorKind};
use attune_audio::units::Seconds;
use attune_engine::{Event, ResetCause, SECTIONS, SURPRISE};
use egui_kittest::kittest::Queryable;

#[test]
fn a_seek_says_that_all_models_are_reset() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let (cause, at) = (ResetCause::Sought, Seconds(42.0));
    rig.send(Event::Reset { cause, at });
    rig.window.get_by_label("Jumped to 0:42.0: all models are reset.");
}

#[test]
fn an_error_names_the_thing_and_the_remedy_and_goes_when_dismissed() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::SourceFailed {
        message: "The microphone USB Mic is gone".to_owned(),
        remedy: "Plug it in again.".to_owned(),
        retrying: true,
    });
    rig.window.get_by_label("The microphone USB Mic is gone");
    rig.window.get_by_label("Plug it in again. Attune keeps trying.");
    rig.window.get_by_label("Dismiss").click();
    rig.settle();
    assert!(rig.window.query_by_label("The microphone USB Mic is gone").is_none());
    // The window is alive.
    rig.show(hand_made::playing(620));
    rig.window.get_by_label_contains("Answer:");
}

#[test]
fn a_warning_goes_when_it_is_over() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::Warning {
        message: "Only zeros come from the microphone".to_owned(),
        remedy: "Unmute it.".to_owned(),
    });
    rig.window.get_by_label("Only zeros come from the microphone");
    rig.send(Event::Recovered);
    assert!(
        rig.window
            .query_by_label("Only zeros come from the microphone")
            .is_none()
    );
}

#[test]
fn a_failed_engine_is_named() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::ModelFailed {
        model: 2,
        name: "tcn".to_owned(),
        message: "out of memory".to_owned(),
    });
    rig.window
        .get_by_label("Attention failed and was switched off: out of memory");
}

#[test]
fn what_runs_beside_the_models_is_off_once_it_has_failed() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let app = rig.window.state_mut().as_mut().unwrap();
    app.view_mut().spectrogram.surprise = true;
    app.view_mut().timeline.lists_sections = true;
    for (model, name, said) in [
        (4, SURPRISE, "The surprise failed and was switched off: too slow"),
        (
            4,
            SECTIONS,
            "The list of sections failed and was switched off: too slow",
        ),
        (3, "gate", "The gate failed and was switched off: too slow"),
    ] {
        rig.send(Event::ModelFailed {
            model,
            name: name.to_owned(),
            message: "too slow".to_owned(),
        });
        rig.window.get_by_label(said);
    }
    let view = rig.app().view();
    assert!(!view.spectrogram.surprise && !view.timeline.lists_sections);
}

#[test]
fn a_file_that_cannot_be_opened_leaves_what_plays() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::OpenFailed {
        message: "/music/gone.mp3 does not exist".to_owned(),
        remedy: "Check the spelling and the folder.".to_owned(),
    });
    rig.window.get_by_label_contains("/music/gone.mp3 does not exist");
    rig.window.get_by_label_contains("What was open goes on.");
    rig.window.get_by_label_contains("Spectrogram of the last seconds");
}

#[test]
fn a_file_that_cannot_be_opened_leaves_the_welcome() {
    let mut rig = Rig::new(Setup::default());
    rig.send(Event::SourceFailed {
        message: "/music/film.mp4 has no audio track".to_owned(),
        remedy: "Choose a file with sound.".to_owned(),
        retrying: false,
    });
    rig.window.get_by_label("/music/film.mp4 has no audio track");
    rig.window.get_by_label("What shall we listen to?");
}

#[test]
fn without_a_microphone_it_says_what_to_do() {
    let rig = Rig::new(Setup {
        devices: Ok(Vec::new()),
        ..Setup::default()
    });
    rig.window.get_by_label_contains("None was found. Plug one in");
    rig.window.get_by_label_contains("Drop it on this window");
    rig.window.get_by_label("Play it");
}

#[test]
fn a_sound_server_that_fails_is_said() {
    let rig = Rig::new(Setup {
        devices: Err(SourceError::new(SourceErrorKind::NoServer, "No sound server answers")),
        ..Setup::default()
    });
    rig.window
        .get_by_label_contains("No sound server answers. Start PulseAudio or PipeWire.");
}
