//! An analysis as a drawing: what is answered when, how probable the genres are, and what the answer rests on; as SVG,
//! and the same in pixels as PNG.

use super::ExportError;
use crate::Analysis;
use attune_audio::units::Seconds;
use attune_engine::explain::document;
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Paper, Raster, Scale, Sheet};
use attune_model::genre::GenreId;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

/// Series that can be told apart by their colour.
const SERIES: usize = 6;
/// Points of a line: about one for each pixel of a plot in double size.
const POINTS: usize = 680;
/// Pixels for each unit of the drawing.
const SCALE: f32 = 2.0;
/// The longest name in a title, in characters.
const LONGEST_NAME: usize = 34;

pub(super) fn svg(of: &Analysis) -> Vec<u8> {
    let text = sheet(of).svg();
    let metadata = provenance(of).svg_metadata();
    text.replacen("</title>\n", &format!("</title>\n{metadata}"), 1)
        .into_bytes()
}

pub(super) fn png(of: &Analysis) -> Result<Vec<u8>, ExportError> {
    let failed = |error: &dyn std::fmt::Display| ExportError::Picture(error.to_string());
    let options = Options {
        fontdb: fonts(),
        ..Options::default()
    };
    let tree = Tree::from_str(&sheet(of).svg_on(Paper::Light), &options).map_err(|error| failed(&error))?;
    let (width, height) = (tree.size().width() * SCALE, tree.size().height() * SCALE);
    let mut pixmap = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
        .ok_or_else(|| failed(&format!("{width} × {height} pixels are too many")))?;
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    let pixels = pixmap.pixels().iter().map(|pixel| {
        let pixel = pixel.demultiply();
        [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
    });
    let raster = Raster {
        width: pixmap.width() as usize,
        height: pixmap.height() as usize,
        pixels: pixels.collect(),
    };
    raster.png(&provenance(of).entries()).map_err(|error| failed(&error))
}

fn provenance(of: &Analysis) -> attune_engine::picture::Provenance {
    of.provenance.of_picture(&title(of), &of.name())
}

/// The program's own letters: a picture looks the same on every machine.
fn fonts() -> Arc<fontdb::Database> {
    let mut database = fontdb::Database::new();
    database.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let own = database
        .faces()
        .find_map(|face| face.families.first().map(|(name, _)| name.clone()));
    if let Some(own) = own {
        database.set_sans_serif_family(&own);
        database.set_serif_family(own);
    }
    Arc::new(database)
}

/// Name and answer.
fn title(of: &Analysis) -> String {
    let answer = &of.report.answer;
    let said = of.title(answer.state, answer.genre.as_deref());
    let name: String = of.name().chars().take(LONGEST_NAME).collect();
    match answer.confidence.filter(|_| answer.genre.is_some()) {
        Some(sure) => format!("{name}: {said} {:.0} %", 100.0 * sure),
        None => format!("{name}: {said}"),
    }
}

fn sheet(of: &Analysis) -> Sheet {
    let shown = most_probable(of);
    let mut panels = vec![
        Panel::Chart(answers(of, &shown)),
        Panel::Chart(probabilities(of, &shown)),
    ];
    if let Some(why) = &of.why {
        // The panels name neither file nor models: the drawing does.
        panels.extend(document::sheet(&why.context("", &of.genres, &[])).panels);
    }
    Sheet {
        title: format!("{}, analysed by {}", title(of), of.provenance.program),
        panels,
    }
}

/// The answer, then the classes that are answered somewhere, then those with the highest mean probability.
pub(super) fn most_probable(of: &Analysis) -> Vec<GenreId> {
    let hops = &of.hops;
    let mean = |class: GenreId| -> f64 {
        let column = hops.ensemble.iter().skip(usize::from(class.0)).step_by(hops.classes);
        column.filter(|p| p.is_finite()).map(|p| f64::from(*p)).sum()
    };
    let is_label = |class: GenreId, label: &Option<String>| label.as_deref() == Some(of.genres.label(class));
    let rank = |class: GenreId| {
        let is_answer = is_label(class, &of.report.answer.genre);
        let is_answered = of.segments.iter().any(|segment| is_label(class, &segment.genre));
        u8::from(is_answer) + u8::from(is_answered)
    };
    let mut ranked: Vec<(u8, f64, GenreId)> = of.genres.ids().map(|id| (rank(id), mean(id), id)).collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    ranked.into_iter().take(SERIES).map(|(_, _, id)| id).collect()
}

/// Means of a class's probability over as many frames each as keep the line within `most` points: time and value.
pub(super) fn line(of: &Analysis, class: GenreId, most: usize) -> Vec<(f64, f64)> {
    let hops = &of.hops;
    let bin = hops.len().div_ceil(most).max(1);
    let frames: Vec<usize> = (0..hops.len()).collect();
    let point = |frames: &[usize]| {
        let values = frames
            .iter()
            .map(|&frame| f64::from(hops.ensemble_at(frame)[usize::from(class.0)]));
        let count = frames.len() as f64;
        let at = frames.iter().map(|&frame| hops.at_s[frame]).sum::<f64>() / count;
        (at, values.sum::<f64>() / count)
    };
    frames.chunks(bin).map(point).filter(|(_, p)| p.is_finite()).collect()
}

/// A bar for each segment, as high as its answer is sure.
fn answers(of: &Analysis, shown: &[GenreId]) -> Chart {
    let ink = |genre: Option<&str>| {
        let place = genre.and_then(|label| shown.iter().position(|id| of.genres.label(*id) == label));
        place.map_or(Ink::Faint, Ink::Series)
    };
    let mut inks: Vec<Ink> = (0..shown.len()).map(Ink::Series).collect();
    inks.push(Ink::Faint);
    let mut marks = Vec::new();
    let mut legend = Vec::new();
    for wanted in inks {
        let inked = of
            .segments
            .iter()
            .filter(|segment| ink(segment.genre.as_deref()) == wanted);
        let bars: Vec<(f64, f64, f64)> = inked
            .clone()
            .map(|segment| (segment.start_s, segment.end_s, segment.confidence))
            .collect();
        if bars.is_empty() {
            continue;
        }
        let mut names: Vec<String> = inked.map(|segment| of.title_of(segment)).collect();
        names.sort();
        names.dedup();
        legend.push((wanted, names.join(", ")));
        marks.push(Mark::Bars(wanted, bars));
    }
    Chart {
        title: title(of),
        x: clock(of.report.source.duration_s),
        y: Axis::shares("how sure"),
        marks,
        legend,
    }
}

fn probabilities(of: &Analysis, shown: &[GenreId]) -> Chart {
    let lines = shown.iter().enumerate().rev();
    Chart {
        title: "How probable each genre is, as it plays".to_owned(),
        x: clock(of.report.source.duration_s),
        y: Axis::shares("mean of the models, smoothed"),
        marks: lines
            .map(|(place, id)| Mark::Thread(Ink::Series(place), line(of, *id, POINTS)))
            .collect(),
        legend: shown
            .iter()
            .enumerate()
            .map(|(place, id)| (Ink::Series(place), of.genres.title(*id)))
            .collect(),
    }
}

/// Time of a file, named at up to seven round places.
fn clock(duration: f64) -> Axis {
    let duration = duration.max(0.1);
    let steps = [
        0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    ];
    let step = steps
        .into_iter()
        .find(|step| duration / step <= 6.0)
        .unwrap_or(duration / 5.0);
    let tick = |n: u32| {
        let at = f64::from(n) * step;
        let clock = Seconds(at).clock();
        let name = if step < 1.0 {
            clock
        } else {
            clock.trim_end_matches(".0").to_owned()
        };
        (at, name)
    };
    Axis {
        label: "time".to_owned(),
        scale: Scale::Linear,
        least: 0.0,
        most: duration,
        ticks: (0..=(duration / step) as u32).map(tick).collect(),
    }
}
