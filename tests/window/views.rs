//! Stage, lecture and bench.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::settings::Settings;
use attune::ui::{Plot, View};
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::Seconds;
use attune_engine::smoothing::AnswerState;
use attune_engine::{Command, Event};
use attune_model::genre::GenreId;
use eframe::egui;
use egui_kittest::kittest::{NodeT, Queryable};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A window of this view at which a file plays.
fn playing(view: View) -> Rig {
    let mut rig = Rig::playing(Setup::default(), 1200);
    let at = View::ALL.into_iter().position(|each| each == view).unwrap();
    let key = [egui::Key::Num1, egui::Key::Num2, egui::Key::Num3][at];
    rig.window.key_press_modifiers(egui::Modifiers::COMMAND, key);
    rig.settle();
    assert_eq!(rig.app().view().view, view);
    rig
}

#[test]
fn the_answer_on_the_stage_is_a_quarter_of_the_window_high() {
    let rig = playing(View::Stage);
    let answer = rig.window.get_by_label_contains("Answer: ").rect();
    assert!(answer.height() > 0.2 * 800.0 && answer.width() > 1200.0, "{answer:?}");
    rig.window.get_by_label("Answers of the last 20 minutes");
    assert!(rig.window.query_by_label_contains("Spectrogram of the last").is_none());
}

#[test]
fn a_change_is_seen_on_the_stage_before_it_is_answered() {
    let mut rig = playing(View::Stage);
    let answered = AnswerState::Genre(GenreId(1));
    let mut frames = 1200;
    let mut show = |rig: &mut Rig, other: u8, count: u64| {
        frames += count;
        let mut snapshot = hand_made::playing(frames);
        snapshot.decision.state = answered;
        for column in &mut snapshot.recent {
            column.decision.state = answered;
            for raw in column.raw.iter_mut().filter(|raw| !raw.as_slice().is_empty()) {
                raw.as_mut_slice().fill(0.02);
                raw.as_mut_slice()[usize::from(other)] = 0.82;
            }
        }
        rig.show(snapshot);
        rig.settle();
    };
    show(&mut rig, 1, 100);
    assert!(rig.window.query_by_label_contains("Changing: ").is_none());
    rig.window.get_by_label_contains("next: ");
    // Less than a second and a half of it is no sign yet.
    show(&mut rig, 4, 30);
    assert!(rig.window.query_by_label_contains("Changing: ").is_none());
    show(&mut rig, 4, 60);
    rig.window.get_by_label_contains("Changing: Hip-hop?");
}

#[test]
fn songs_are_listed_and_a_new_one_is_begun_by_hand() {
    let mut rig = playing(View::Stage);
    let songs = |rig: &Rig| rig.window.get_all_by_label_contains("Song: ").count();
    let before = songs(&rig);
    assert!(before > 0);
    rig.orders();
    rig.window.get_by_label("New song").click();
    assert_eq!(rig.orders(), [Command::NewSong]);
    assert_eq!(songs(&rig), before + 1);
    rig.window.key_press(egui::Key::N);
    assert_eq!(rig.orders(), [Command::NewSong]);
}

#[test]
fn a_locked_stage_takes_no_key_but_the_one_that_unlocks_it() {
    let mut rig = playing(View::Stage);
    rig.window.get_by_label("Lock").click();
    rig.settle();
    assert!(rig.window.query_by_label("New song").is_none());
    rig.orders();
    for key in [egui::Key::Space, egui::Key::N, egui::Key::D, egui::Key::F11] {
        rig.window.key_press(key);
        rig.settle();
    }
    rig.window
        .key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    rig.settle();
    assert_eq!((rig.orders(), rig.app().view().view), (Vec::new(), View::Stage));
    rig.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::L);
    rig.settle();
    rig.window.key_press(egui::Key::Space);
    assert_eq!(rig.orders(), [Command::Pause]);
}

#[test]
fn full_screen_is_remembered_for_each_view() {
    let mut rig = playing(View::Stage);
    rig.window.key_press(egui::Key::F11);
    rig.settle();
    rig.window
        .key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    rig.settle();
    let kept = rig.app().settings_now();
    assert_eq!(kept.view, View::Bench);
    assert_eq!(kept.full_screen.into_iter().collect::<Vec<_>>(), [View::Stage]);
}

#[test]
fn each_step_of_the_lecture_has_a_plot_and_a_sentence() {
    let mut rig = playing(View::Lecture);
    let zoom = rig.window.ctx.zoom_factor();
    assert!(zoom * 10.5 >= 18.0, "axis labels have 18 points: {zoom}");
    assert!(zoom * 13.5 >= 22.0, "sentences have 22 points: {zoom}");
    for (key, plot, plain, expert) in [
        (
            egui::Key::Num1,
            "Spectrogram of the last",
            "low notes are below",
            "mel bands in dB",
        ),
        (
            egui::Key::Num2,
            "Spectrogram of the last",
            "Gold is where the model attends",
            "Half of the answer rests",
        ),
        (egui::Key::Num4, "Attention heads", "Each row is one head", "attends"),
    ] {
        rig.window.key_press(key);
        rig.settle();
        assert!(rig.window.query_all_by_label_contains(plot).count() > 0, "{plot}");
        rig.window.get_by_label_contains(plain);
        rig.window.get_by_label("Expert").click();
        rig.settle();
        assert!(rig.window.query_all_by_label_contains(expert).count() > 0, "{expert}");
        rig.window.get_by_label("Expert").click();
        rig.settle();
    }
    rig.window.get_by_label("Show Mattered").click();
    rig.settle();
    rig.window.get_by_label_contains("what changes the answer mattered");
    rig.window.get_by_label_contains("What changed the answer: ");
    // The step shows it, whether or not it is switched on elsewhere.
    assert!(!rig.app().settings_now().show_changes);
    assert!(rig.app().settings_now().show_attention);
    // On the bench everything has its own size again.
    rig.window
        .key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    rig.settle();
    assert!((rig.window.ctx.zoom_factor() - 1.0).abs() < 1e-3);
    assert!((rig.app().settings_now().zoom - 1.0).abs() < 1e-3);
}

#[test]
fn plots_are_hidden_enlarged_and_shown_again() {
    let mut rig = playing(View::Bench);
    let heights = |rig: &Rig| {
        let height = |name: &str| {
            rig.window
                .query_by_label_contains(name)
                .map_or(0.0, |node| node.rect().height())
        };
        [height("Spectrogram of the last"), height("Timeline: ")].map(|height| height.round() as i32)
    };
    let [spectrogram, timeline] = heights(&rig);
    let choose = |rig: &mut Rig, menu: &str, choice: &str| {
        rig.window.get_by_label(menu).click();
        rig.settle();
        rig.window.get_by_label(choice).click();
        rig.settle();
    };
    choose(&mut rig, "Save Timeline", "Hide");
    let [larger, none] = heights(&rig);
    assert!(larger > spectrogram && none == 0);
    choose(&mut rig, "Save Spectrogram", "Enlarge");
    assert!(heights(&rig)[0] > larger);
    assert!(rig.window.query_by_label_contains("Attention heads: ").is_none());
    choose(&mut rig, "Save Spectrogram", "All plots");
    assert_eq!(heights(&rig), [larger, 0]);
    choose(&mut rig, "View: Bench", Plot::Timeline.title());
    assert_eq!(heights(&rig), [spectrogram, timeline]);
}

#[test]
fn a_lost_device_is_said_in_every_view() {
    for view in View::ALL {
        let mut rig = playing(view);
        rig.send(Event::SourceFailed {
            message: "gone".to_owned(),
            remedy: "Plug it in.".to_owned(),
            retrying: true,
        });
        let mut lost = hand_made::playing(1201);
        lost.transport.playing = false;
        lost.health.missed = Seconds(3.0);
        rig.show(lost);
        rig.settle();
        let answer = rig.window.get_by_label_contains("Answer: No sound since ");
        assert!(!answer.accesskit_node().label().unwrap_or_default().contains('%'));
        // The banner leaves the rest of the window to it.
        let banner = rig.window.get_by_label("Dismiss").rect();
        assert!(
            banner.bottom() < answer.rect().top() && answer.rect().bottom() < 400.0,
            "{view:?}"
        );
    }
}

#[test]
fn a_page_is_served_while_it_is_wanted() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    let toggle = |rig: &mut Rig| {
        rig.window.get_by_label("View: Bench").click();
        rig.settle();
        rig.window.get_by_label("Serve a page").click();
        rig.settle();
        rig.window.key_press(egui::Key::Escape);
        rig.settle();
    };
    toggle(&mut rig);
    let url = rig.app().view().served.clone().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    rig.window
        .get_by_label_contains(&format!("A page with the answer is at {url}"));
    assert!(rig.app().settings_now().serve_page);
    let snapshot = hand_made::playing(700);
    let genre = match snapshot.decision.state {
        AnswerState::Genre(id) => attune_model::genre::GenreSet::gtzan().title(id),
        state => panic!("a genre, not {state:?}"),
    };
    rig.show(snapshot);
    rig.settle();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "GET /answer.txt HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains(&format!("\r\n\r\n{genre} ")), "{text}");
    toggle(&mut rig);
    assert!(rig.app().view().served.is_none() && TcpStream::connect(&address).is_err());
}

#[test]
fn the_stage_is_of_now_while_a_moment_is_held() {
    let mut rig = playing(View::Bench);
    rig.window.key_press(egui::Key::H);
    rig.settle();
    rig.window
        .key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num1);
    let mut now = hand_made::playing(1300);
    now.decision.state = AnswerState::Silence;
    rig.show(now);
    rig.settle();
    assert!(rig.app().held().is_some());
    rig.window.get_by_label("Answer: Silence");
}

/// A model whose answer is a sum over time has rows above the spectrogram on the bench, and no room for them here.
#[test]
fn the_plot_of_the_lecture_keeps_its_height() {
    for frames in [1200, 1201] {
        let mut rig = playing(View::Lecture);
        rig.show(if frames == 1200 {
            hand_made::playing(frames)
        } else {
            hand_made::playing_evidence(frames)
        });
        rig.settle();
        let plot = rig.window.get_by_label_contains("Spectrogram of the last").rect();
        assert!(plot.height() > 130.0, "{plot:?} at {frames}");
        assert!(rig.window.query_by_label("Listen to what mattered").is_none());
    }
}

#[test]
fn heads_are_frozen_while_listening_goes_on() {
    let mut rig = Rig::playing(
        Setup {
            kept: Settings {
                view: View::Lecture,
                ..Settings::default()
            },
            ..Setup::default()
        },
        600,
    );
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Microphone,
        duration: None,
        ..hand_made::open_file()
    }));
    rig.window.key_press(egui::Key::Num4);
    rig.show(hand_made::playing(640));
    rig.settle();
    rig.orders();
    // By its button, then by its key.
    for is_by_key in [false, true] {
        if is_by_key {
            rig.window.key_press(egui::Key::H);
        } else {
            rig.window.get_by_label("Freeze").click();
        }
        rig.settle();
        let frozen = rig.app().held().expect("a moment is held").snapshot.clone();
        let next = rig.app().snapshot().frames + 100;
        rig.show(hand_made::playing(next));
        rig.settle();
        let held = rig.app().held().expect("it is still held");
        assert_eq!(held.snapshot.attention, frozen.attention);
        assert_eq!(rig.app().snapshot().frames, next, "what is heard goes on");
        assert_ne!(rig.app().snapshot().attention, frozen.attention);
        let frozen = rig.window.get_by_label_contains("Attention heads:").rect();
        assert!(frozen.height() > 100.0);
        assert_eq!(rig.orders(), [], "nothing is paused");
        if is_by_key {
            rig.window.key_press(egui::Key::End);
        } else {
            rig.window.get_by_label("Freeze").click();
        }
        rig.settle();
        assert!(rig.app().held().is_none());
    }
}
