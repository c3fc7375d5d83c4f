//! Plots saved as pictures, with where they come from.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::rig::{Rig, Setup};
use attune::model;
use eframe::egui::{ColorImage, ViewportCommand};
use egui_kittest::kittest::Queryable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn saving(folder: &Path) -> Rig {
    let setup = Setup {
        models: Some(model::bundled().unwrap()),
        ..Setup::default()
    };
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
        let lstm = &model::bundled().unwrap().models[0].manifest().weights_sha256.clone();
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
