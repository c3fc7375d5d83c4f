//! `attune bench --soak`: a file through the live path and the window at 8× for minutes or hours, with memory and
//! losses reported as they come.
//!
//! In: models, a file or the demo. Out: a line for each reading; a verdict. Thread: main; the engine has its own.

use super::error::{AppError, Context, bail};
use super::print_line;
use crate::demo;
use crate::settings::Settings;
use crate::ui::{Headless, Page, WindowLaunch};
use attune_audio::playback::Pace;
use attune_engine::SourceRequest;
use attune_lab::bench::live::memory_mb;
use attune_model::{LoadedModel, ModelSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How fast the file plays.
const PACE: f32 = 8.0;
/// Readings in all, but no more than one every two seconds.
const READINGS: f64 = 60.0;
const SHORTEST: Duration = Duration::from_secs(2);
/// How long a page stays open…
const PAGE: Duration = Duration::from_secs(7);
/// …how long a moment is held, and how often.
const HELD: Duration = Duration::from_secs(4);
const HOLD_EVERY: Duration = Duration::from_secs(30);
/// Memory is flat if the median of the last quarter of the readings is at most this many times that of the second:
/// a held moment needs some 20 MB while it is queried, and frees them afterwards.
const FLAT: f64 = 1.03;

/// One reading.
struct Reading {
    at: Duration,
    played_secs: f64,
    memory_mb: f64,
    lost: u64,
    load: f32,
    frame_p95_ms: f64,
}

/// Plays for `minutes`; a failure if samples were lost or memory grew.
pub(super) fn run(
    minutes: f64,
    file: Option<&PathBuf>,
    models: ModelSet,
    optional: Vec<LoadedModel>,
) -> Result<ExitCode, AppError> {
    let path = match file {
        Some(path) => path.clone(),
        None => demo::file().context("the demo cannot be written to a file")?,
    };
    let mut window = Headless::begin(WindowLaunch {
        models,
        optional,
        own: false,
        settings: Settings {
            show_changes: true,
            ..Settings::default()
        },
        open: Some(SourceRequest::File {
            path,
            pace: Pace::Times(PACE),
        }),
    })?;
    let length = Duration::from_secs_f64(60.0 * minutes);
    let every = length.div_f64(READINGS).max(SHORTEST);
    let begun = Instant::now();
    let mut readings: Vec<Reading> = Vec::new();
    let mut played = PlayedTime::default();
    let mut times = Vec::new();
    print_line("minutes  sound, h  memory, MB  samples lost  load, %  frame p95, ms")?;
    while begun.elapsed() < length {
        times.push(window.frame().as_secs_f64() * 1e3);
        if let Some(problem) = window.problem() {
            bail!("{problem}");
        }
        let at = begun.elapsed();
        visit(&mut window, at);
        played.observe(window.snapshot());
        if at >= every * (readings.len() as u32 + 1) {
            let health = window.snapshot().health;
            times.sort_by(f64::total_cmp);
            let reading = Reading {
                at,
                played_secs: played.secs,
                memory_mb: memory_mb(std::process::id(), "VmRSS")
                    .context("the system does not report how much memory is in use")?,
                lost: health.samples_lost,
                load: health.load,
                frame_p95_ms: times.get(times.len() * 95 / 100).copied().unwrap_or(0.0),
            };
            times.clear();
            if !print_line(&line(&reading))? {
                return Ok(ExitCode::SUCCESS);
            }
            readings.push(reading);
        }
        Headless::wait();
    }
    verdict(&readings)
}

/// Acts as a user: opens one page after the other, holds a moment now and then.
fn visit(window: &mut Headless, at: Duration) {
    let turn = (at.as_secs() / PAGE.as_secs()) as usize;
    window.turn_to(Page::ALL[turn % Page::ALL.len()]);
    let since = at.as_secs() % HOLD_EVERY.as_secs();
    window.hold(at > HOLD_EVERY && since < HELD.as_secs());
}

/// Seconds played, over all repetitions of the file.
#[derive(Default)]
struct PlayedTime {
    secs: f64,
    epoch: u64,
    frames: u64,
}

impl PlayedTime {
    fn observe(&mut self, snapshot: &attune_engine::Snapshot) {
        let before = if self.epoch == snapshot.epoch { self.frames } else { 0 };
        self.secs += snapshot.frames.saturating_sub(before) as f64 * snapshot.hop.0;
        (self.epoch, self.frames) = (snapshot.epoch, snapshot.frames);
    }
}

fn line(reading: &Reading) -> String {
    format!(
        "{:7.1}  {:8.2}  {:10.1}  {:12}  {:7.0}  {:13.2}",
        reading.at.as_secs_f64() / 60.0,
        reading.played_secs / 3600.0,
        reading.memory_mb,
        reading.lost,
        100.0 * reading.load,
        reading.frame_p95_ms
    )
}

/// The median memory of the second quarter of the readings beside that of the last.
fn verdict(readings: &[Reading]) -> Result<ExitCode, AppError> {
    let quarter = readings.len() / 4;
    if quarter == 0 {
        bail!("too short for a verdict: give it at least {} s", 4 * SHORTEST.as_secs());
    }
    let median = |part: &[Reading]| {
        let mut memory: Vec<f64> = part.iter().map(|reading| reading.memory_mb).collect();
        memory.sort_by(f64::total_cmp);
        memory[memory.len() / 2]
    };
    let (early, late) = (
        median(&readings[quarter..2 * quarter]),
        median(&readings[readings.len() - quarter..]),
    );
    let (flat, lost) = (late <= FLAT * early, readings.last().map_or(0, |reading| reading.lost));
    let hours = readings.last().map_or(0.0, |reading| reading.played_secs) / 3600.0;
    print_line(&format!(
        "memory {}: {early:.1} MB in the second quarter, {late:.1} MB in the last ({:+.1} %); \
         {lost} samples lost in {hours:.2} h of sound",
        if flat { "is flat" } else { "grows" },
        100.0 * (late / early - 1.0)
    ))?;
    Ok(if flat && lost == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(memory_mb: impl Fn(usize) -> f64, lost: u64) -> Vec<Reading> {
        let one = |i: usize| Reading {
            at: Duration::from_secs(i as u64),
            played_secs: 8.0 * i as f64,
            memory_mb: memory_mb(i),
            lost,
            load: 0.3,
            frame_p95_ms: 1.0,
        };
        (0..60).map(one).collect()
    }

    #[test]
    fn memory_that_grows_and_samples_that_are_lost_fail() {
        let is_well = |readings: &[Reading]| verdict(readings).unwrap() == ExitCode::SUCCESS;
        // Allocations in the first quarter do not count as growth.
        assert!(is_well(&readings(|i| if i < 10 { 90.0 } else { 150.0 }, 0)));
        assert!(!is_well(&readings(|i| 150.0 + i as f64, 0)));
        assert!(!is_well(&readings(|_| 150.0, 3)));
        assert!(verdict(&readings(|_| 150.0, 0)[..3]).is_err());
    }
}
