//! Plots saved as pictures, with where they come from.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use eframe::egui::{ColorImage, ViewportCommand};
use egui_kittest::kittest::Queryable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn saving(folder: &Path) -> Rig {
    let setup = Setup::with_models();
    let mut rig = Rig::playing(setup, 600);
    let window = rig.window.state_mut().as_mut().unwrap();
    window.view_mut().export_folder = Some(folder.to_owned());
    rig
}

/// Chooses from the menu in a plot's heading.
fn choose(rig: &mut Rig, plot: &str, words: &str) {
    rig.window.get_by_label(&format!("Save {plot}")).click();
    rig.settle();
    rig.window.get_by_label(words).click();
}

fn written(rig: &mut Rig, folder: &Path, ending: &str) -> PathBuf {
    let begun = Instant::now();
    loop {
        rig.settle();
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let found = files
            .into_iter()
            .find(|path| path.extension().is_some_and(|it| it == ending));
        if let Some(path) = found {
            return path;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no {ending} was written");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_plot_is_saved_as_svg_with_its_provenance() {
    for (plot, has) in [
        ("Spectrogram", &["<image", ">Hz</text>", ">now</text>"][..]),
        ("Attention heads", &["<image", ">layer 1</text>"]),
        ("Answers and disagreement", &["Classical</text>", "linearGradient"]),
        ("Timeline", &["Classical</text>", ">100 %</text>"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = saving(folder.path());
        choose(&mut rig, plot, "Save as SVG");
        let path = written(&mut rig, folder.path(), "svg");
        let svg = std::fs::read_to_string(&path).unwrap();
        let lstm = &attune_model::bundled().unwrap().models[0]
            .manifest()
            .weights_sha256
            .clone();
        for wanted in [
            "<svg ",
            "<dc:source>Attune demo.ogg</dc:source>",
            "attune 0.",
            lstm,
            "</svg>",
        ] {
            assert!(svg.contains(wanted), "{plot} has no {wanted}");
        }
        for wanted in has {
            assert!(svg.contains(wanted), "{plot} has no {wanted}");
        }
        assert!(svg.contains(&format!("<title>{plot}</title>")));
        // In the numbers: the pictures' base 64 may have any letters.
        let broken = ["\"NaN", " NaN", "MNaN", "LNaN", "\"inf", " inf"];
        assert!(
            broken.iter().all(|slip| !svg.contains(slip)),
            "{plot} has a number that is none"
        );
        assert!(svg.len() < 4_000_000, "{} bytes", svg.len());
    }
}

/// The rows of a file of figures: the lines about it are left out, and all rows are as long as the heading.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let about: Vec<&str> = text.lines().take_while(|line| line.starts_with("# ")).collect();
    let lstm = &attune_model::bundled().unwrap().models[0]
        .manifest()
        .weights_sha256
        .clone();
    for wanted in ["# Source: Attune demo.ogg", "# Software: attune 0.", lstm] {
        assert!(
            about.iter().any(|line| line.contains(wanted)),
            "no {wanted} in {about:?}"
        );
    }
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .has_headers(false)
        .from_reader(text.as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_figures_behind_every_plot_are_saved_as_a_table() {
    for (plot, columns, first) in [
        ("Spectrogram", 129, "at_s"),
        ("Attention heads", 2 + 16, "back_s"),
        ("Answers and disagreement", 24, "at_s"),
        ("Timeline", 14, "at_s"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = saving(folder.path());
        choose(&mut rig, plot, "Save figures as CSV");
        let rows = rows(&written(&mut rig, folder.path(), "csv"));
        assert_eq!((rows[0].len(), rows[0][0].as_str()), (columns, first), "{plot}");
        assert!(rows.len() > 30, "{plot}: {} rows", rows.len());
        assert!(rows.iter().flatten().all(|value| !value.contains("NaN")), "{plot}");
        if plot == "Spectrogram" {
            let newest = hand_made::playing(600);
            let column = &newest.recent[(newest.frames as usize - 1) % newest.recent.len()];
            let last = rows.last().unwrap();
            assert_eq!(last[0], format!("{:.4}", column.at.0));
            assert_eq!(last[1], format!("{:.2}", column.mel_db[0]));
        }
    }
}

#[test]
fn the_figures_of_a_held_moment_are_saved_as_tables_too() {
    for (plot, look_into, columns) in [
        ("What changed the answer", None, 2 + 10 + 10),
        ("Receptive field", Some("TCN field"), 2),
        ("Units", Some("LSTM gates"), 1 + 128),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = saving(folder.path());
        rig.window.key_press(eframe::egui::Key::H);
        if let Some(name) = look_into {
            rig.settle();
            rig.window.get_by_label(&format!("Show {name}")).click();
        }
        rig.settle();
        // Before there are any, that is said.
        let begun = Instant::now();
        let path = loop {
            assert!(begun.elapsed() < Duration::from_mins(1), "no figures of {plot}");
            choose(&mut rig, plot, "Save figures as CSV");
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(20));
                rig.settle();
            }
            let files = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            if let Some(path) = files
                .into_iter()
                .find(|path| path.extension().is_some_and(|it| it == "csv"))
            {
                break path;
            }
            rig.window.get_by_label_contains("There are no figures of");
        };
        let rows = rows(&path);
        assert_eq!(rows[0].len(), columns, "{plot}");
        assert!(rows.len() > 20, "{plot}: {} rows", rows.len());
    }
}

#[test]
fn a_plot_is_saved_as_png_with_its_provenance() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = saving(folder.path());
    let plot = rig.window.get_by_label_contains("Spectrogram of the last").rect();
    choose(&mut rig, "Spectrogram", "Save as PNG");
    // Where there is no screen, the test takes the picture that is asked for.
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(20), "no picture was asked for");
        rig.window.step();
        let outputs = rig.window.output().viewport_output.values();
        let asked = outputs
            .flat_map(|output| output.commands.clone())
            .find_map(|command| match command {
                ViewportCommand::Screenshot(callback) => Some(callback),
                _ => None,
            });
        if let Some(callback) = asked {
            assert!(
                rig.window.query_by_label("Save as PNG").is_none(),
                "the menu is in the picture"
            );
            let shot = rig.window.render().unwrap();
            let size = [shot.width() as usize, shot.height() as usize];
            callback.complete(Arc::new(ColorImage::from_rgba_unmultiplied(size, shot.as_raw())));
            break;
        }
    }
    let path = written(&mut rig, folder.path(), "png");
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let (info, colours) = (reader.info(), pixels.chunks_exact(4).map(<[u8]>::to_vec));
    assert_eq!(
        [info.width, info.height],
        [plot.width(), plot.height()].map(|side| side.round() as u32)
    );
    let colours: std::collections::BTreeSet<Vec<u8>> = colours.collect();
    assert!(colours.len() > 100, "{} colours are no spectrogram", colours.len());
    let word = |keyword: &str| {
        let mut chunks = info.utf8_text.iter();
        chunks
            .find(|chunk| chunk.keyword == keyword)
            .unwrap()
            .get_text()
            .unwrap()
    };
    assert_eq!(
        (word("Title"), word("Source")),
        ("Spectrogram".to_owned(), "Attune demo.ogg".to_owned())
    );
    assert!(word("Models").contains("lstm ") && word("Software").starts_with("attune "));
    assert!(word("Creation Time").starts_with("20") && word("Moment").starts_with("0:13"));
}
