//! What more work costs: longer contexts, wider networks, more engines, more streams.
//!
//! In: models. Out: charts of step times, as a page and a picture. Thread: two for streams, else the caller's.

use super::BenchError;
use super::measure::{Effort, Times, time};
use super::subject::{self, Subject, attention, lstm, plain, tcn};
use attune_audio::features::FrameBlock;
use attune_engine::picture::{self, Axis, Ink, Mark, Panel, Sheet};
use attune_model::{GenreStream, ModelError, ModelSet, StreamOutput};
use attune_nn::kernels::packed_matrix::Precision;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

/// Frames before anything is timed: every context is full.
const FILL: usize = 1100;
/// Frames of one stream in one run of the chart of streams.
const FRAMES_EACH: usize = 8;

/// One chart: lines over the same places.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// What grows.
    pub x: &'static str,
    /// What it costs.
    pub y: &'static str,
    /// How much of what grows.
    pub places: Vec<usize>,
    /// Name, and cost at each place.
    pub lines: Vec<(String, Vec<f64>)>,
}

/// Measures all charts.
///
/// # Errors
/// If a network or a thread fails.
pub fn measure(effort: Effort, models: &ModelSet, say: &mut dyn FnMut(&str)) -> Result<Vec<Chart>, BenchError> {
    let mut charts = Vec::new();
    let step = "µs for a frame";
    say("context");
    let places = vec![64, 128, 256, 512, 1024];
    let mut subjects = Vec::new();
    for &keys in &places {
        subjects.push(Subject::drawn(
            "attention",
            plain(attention(128, keys)),
            Precision::F32,
        )?);
    }
    charts.push(Chart {
        title: "Attention by context (4 layers of 128, 4 heads)",
        x: "keys",
        y: step,
        places,
        lines: vec![("attention".to_owned(), alone(&subjects, effort)?)],
    });
    say("width");
    let places = vec![32, 64, 128, 256];
    let mut lines = Vec::new();
    for (name, body) in [
        ("lstm (2 layers)", lstm as fn(usize) -> _),
        ("tcn (20 convolutions)", tcn),
        ("attention (4 layers, 256 keys)", |width| attention(width, 256)),
    ] {
        let mut subjects = Vec::new();
        for &width in &places {
            subjects.push(Subject::drawn(name, plain(body(width)), Precision::F32)?);
        }
        lines.push((name.to_owned(), alone(&subjects, effort)?));
    }
    charts.push(Chart {
        title: "Every engine by width",
        x: "features",
        y: step,
        places,
        lines,
    });
    let shipped: Vec<Subject> = subject::all(models)?.into_iter().take(models.models.len()).collect();
    say("engines");
    charts.push(engines(&shipped, effort)?);
    say("streams");
    charts.push(streams(&shipped, effort)?);
    Ok(charts)
}

/// Frames like normalised ones, the same in every run: what they are makes no difference to the time.
fn frames(bands: usize, count: usize) -> Vec<f32> {
    (0..bands * count).map(|n| (n as f32 * 0.7).sin()).collect()
}

/// A stream whose contexts are full.
fn filled(subject: &Subject) -> Result<Box<dyn GenreStream>, ModelError> {
    fill(subject.stream()?, subject.shape.bands())
}

/// This stream after so many frames that its contexts are full.
///
/// # Errors
/// If it fails.
pub fn fill(mut stream: Box<dyn GenreStream>, bands: usize) -> Result<Box<dyn GenreStream>, ModelError> {
    // Frame by frame, as live: what a stream remembers is not larger for a block that was large.
    let mut output = StreamOutput::default();
    for frame in frames(bands, FILL).chunks_exact(bands) {
        stream.push(FrameBlock::new(frame, bands), &mut output)?;
    }
    Ok(stream)
}

/// Microseconds of a step of one frame through all streams of a group, one after the other; the groups take turns.
///
/// # Errors
/// If a stream fails.
pub(crate) fn in_turn(
    groups: &mut [Vec<Box<dyn GenreStream>>],
    bands: usize,
    effort: Effort,
) -> Result<Vec<f64>, BenchError> {
    let frame = frames(bands, 1);
    let mut output = StreamOutput::default();
    let mut times = vec![Times::default(); groups.len()];
    for _ in 0..effort.rounds {
        for (group, times) in groups.iter_mut().zip(&mut times) {
            times.add(time(effort, || {
                for stream in &mut *group {
                    stream.push(FrameBlock::new(&frame, bands), black_box(&mut output))?;
                }
                Ok::<_, BenchError>(())
            })?);
        }
    }
    Ok(times.iter().filter_map(Times::median).map(|s| s * 1e6).collect())
}

/// Microseconds of a step of one frame of each, in turn.
pub(crate) fn alone(subjects: &[Subject], effort: Effort) -> Result<Vec<f64>, BenchError> {
    let bands = subjects.first().map_or(0, |subject| subject.shape.bands());
    let groups = subjects.iter().map(|subject| Ok(vec![filled(subject)?]));
    in_turn(&mut groups.collect::<Result<Vec<_>, ModelError>>()?, bands, effort)
}

/// Engines side by side on one thread: each turns the others out of the nearest cache.
fn engines(shipped: &[Subject], effort: Effort) -> Result<Chart, BenchError> {
    let places: Vec<usize> = (1..=shipped.len()).collect();
    let groups = places
        .iter()
        .map(|&count| shipped[..count].iter().map(filled).collect());
    let mut groups = groups.collect::<Result<Vec<_>, ModelError>>()?;
    let cost = in_turn(&mut groups, shipped[0].shape.bands(), effort)?;
    let names: Vec<&str> = shipped.iter().map(|subject| subject.name.as_str()).collect();
    Ok(Chart {
        title: "Engines side by side (shipped sizes)",
        x: "engines",
        y: "µs for a frame of all",
        places,
        lines: vec![(names.join(", then "), cost)],
    })
}

/// Streams of the same engine, divided over two threads; the cost of one frame of one stream.
fn streams(shipped: &[Subject], effort: Effort) -> Result<Chart, BenchError> {
    let places = vec![1, 4, 16, 64];
    let mut lines = Vec::new();
    for subject in shipped {
        let mut cost = Vec::new();
        for &count in &places {
            let mut streams = (0..count).map(|_| filled(subject)).collect::<Result<Vec<_>, _>>()?;
            let mut times = Times::default();
            for _ in 0..=effort.rounds {
                times.add(time(effort, || side_by_side(&mut streams, subject.shape.bands()))?);
            }
            cost.extend(
                times
                    .median()
                    .map(|seconds| seconds * 1e6 / (count * FRAMES_EACH) as f64),
            );
        }
        lines.push((subject.name.clone(), cost));
    }
    let all = (0..places.len()).map(|place| lines.iter().map(|(_, cost)| cost[place]).sum());
    let all = all.collect();
    lines.push(("all three".to_owned(), all));
    Ok(Chart {
        title: "Streams at once on two threads (shipped sizes, frame by frame)",
        x: "streams",
        y: "µs for a frame of a stream",
        places,
        lines,
    })
}

/// A few frames of every stream, half of the streams on each of two threads; one stream keeps to one.
fn side_by_side(streams: &mut [Box<dyn GenreStream>], bands: usize) -> Result<(), BenchError> {
    let frame = frames(bands, 1);
    let run = |streams: &mut [Box<dyn GenreStream>]| -> Result<(), ModelError> {
        let mut output = StreamOutput::default();
        for _ in 0..FRAMES_EACH {
            for stream in &mut *streams {
                stream.push(FrameBlock::new(&frame, bands), black_box(&mut output))?;
            }
        }
        Ok(())
    };
    let (here, there) = streams.split_at_mut(streams.len().div_ceil(2));
    if there.is_empty() {
        return Ok(run(here)?);
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(there));
        run(here)?;
        match other.join() {
            Ok(result) => Ok(result?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Frames in a second of the default front end: 22,050 / 512.
const FRAMES_A_SECOND: f64 = 22_050.0 / 512.0;

/// The charts as tables.
pub fn table(charts: &[Chart]) -> String {
    let mut page = String::new();
    for chart in charts {
        let names: Vec<&str> = chart.lines.iter().map(|(name, _)| name.as_str()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "## {}\n\n| {} | {} |", chart.title, chart.x, names.join(" | "));
        let _ = writeln!(page, "|{}", "--:|".repeat(names.len() + 1));
        for (row, place) in chart.places.iter().enumerate() {
            let costs: Vec<String> = chart
                .lines
                .iter()
                .map(|(_, cost)| format!("{:.1}", cost[row]))
                .collect();
            let _ = writeln!(page, "| {place} | {} |", costs.join(" | "));
        }
        let _ = writeln!(page, "\n({})\n", chart.y);
        if chart.x == "streams" {
            let last = chart.places.len() - 1;
            for (name, cost) in &chart.lines {
                let fit = 1e6 / (cost[last] * FRAMES_A_SECOND);
                let _ = writeln!(
                    page,
                    "- {name}: {fit:.0} live streams fit on two cores at 43 frames a second."
                );
            }
        }
    }
    page
}

/// The charts as a picture: both axes logarithmic, one panel each.
fn svg(charts: &[Chart]) -> String {
    let panel = |chart: &Chart| {
        let places: Vec<f64> = chart.places.iter().map(|&place| place as f64).collect();
        let costs = chart.lines.iter().flat_map(|(_, cost)| cost.iter().copied());
        let line = |(number, (_, cost)): (usize, &(String, Vec<f64>))| {
            let points = places.iter().copied().zip(cost.iter().copied()).collect();
            Mark::Line(Ink::Series(number), points)
        };
        let entry = |(number, (name, _)): (usize, &(String, Vec<f64>))| (Ink::Series(number), name.clone());
        Panel::Chart(picture::Chart {
            title: chart.title.to_owned(),
            x: Axis::ratios(chart.x, &places),
            y: Axis::decades(chart.y, costs),
            marks: chart.lines.iter().enumerate().map(line).collect(),
            legend: chart.lines.iter().enumerate().map(entry).collect(),
        })
    };
    Sheet {
        title: "What more work costs".to_owned(),
        panels: charts.iter().map(panel).collect(),
    }
    .svg()
}

/// Writes `growing-work.md` and `growing-work.svg`.
///
/// # Errors
/// If the folder cannot be written to.
pub fn write(charts: &[Chart], folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("growing-work.svg"), svg(charts))?;
    let page = format!(
        "# What more work costs\n\nMedians of a streaming step. Made by `attune bench --growth docs`; the numbers are of the \
         machine that ran it.\n\n![Step times against context, width, engines and streams](growing-work.svg)\n\n{}",
        table(charts)
    );
    std::fs::write(folder.join("growing-work.md"), page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_becomes_a_table_and_a_picture() {
        let chart = Chart {
            title: "Streams",
            x: "streams",
            y: "µs",
            places: vec![1, 4],
            lines: vec![("lstm".to_owned(), vec![50.0, 23.22])],
        };
        let page = table(std::slice::from_ref(&chart));
        assert!(
            page.contains("| streams | lstm |\n|--:|--:|\n| 1 | 50.0 |\n| 4 | 23.2 |"),
            "{page}"
        );
        // 1 s / (23.22 µs · 43.07) = 1,000.
        assert!(page.contains("lstm: 1000 live streams"), "{page}");
        let svg = svg(&[chart]);
        assert_eq!(
            (svg.matches("<polyline").count(), svg.matches("<circle").count()),
            (1, 2),
            "{svg}"
        );
    }
}
