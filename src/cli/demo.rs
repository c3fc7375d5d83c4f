//! `attune demo`: what the models answer to the bundled demo, beside the genres of its recordings; and whose they are.
//!
//! In: models. Out: a table or JSON on stdout. Thread: main.

use super::args::DemoArgs;
use super::bars::percent;
use super::error::{AppError, Context};
use super::print_line;
use crate::demo::{self, Section};
use attune_audio::decode::decode_file;
use attune_audio::units::Seconds;
use attune_engine::offline::document;
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_engine::{HopResult, Pipeline, PipelineError};
use attune_model::ModelSet;
use attune_model::genre::GenreSet;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use std::process::ExitCode;

/// The answer that stood longest in a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Longest {
    /// `genre`, `unsure`, `silence`, `speech` or `not_music`.
    state: &'static str,
    /// Label of the genre, if one was answered.
    genre: Option<String>,
    /// Share of the section's time for which it stood, 0…1.
    share: f64,
    #[serde(skip)]
    title: String,
}

/// A section and what was answered.
#[derive(Debug, Serialize)]
struct Answered {
    #[serde(flatten)]
    section: &'static Section,
    /// To the section from fresh states.
    alone: Longest,
    /// To the section as it comes, after all before it.
    in_a_row: Longest,
}

/// All of it.
#[derive(Debug, Serialize)]
struct DemoReport {
    /// Version of Attune.
    attune: &'static str,
    sections: Vec<Answered>,
    /// Sections whose longest answer is their genre.
    right_alone: usize,
    right_in_a_row: usize,
}

/// Analyses the demo, or prints its credits.
pub(super) fn run(
    args: &DemoArgs,
    models: impl FnOnce() -> Result<ModelSet, AppError>,
    smoothing: &SmoothingConfig,
) -> Result<ExitCode, AppError> {
    if args.credits {
        print_line(demo::credits().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = answer(&models()?, smoothing)?;
    let text = if args.json { document(&report) } else { table(&report) };
    print_line(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn answer(models: &ModelSet, smoothing: &SmoothingConfig) -> Result<DemoReport, AppError> {
    let path = demo::file().context("the demo cannot be written to a file")?;
    let (info, samples) = decode_file(&path)?;
    let mut pipeline = Pipeline::new(models, info.rate, *smoothing).map_err(failed)?;
    let mut play = |fresh: bool| -> Result<Vec<Longest>, AppError> {
        let mut counts = vec![Counts::default(); demo::sections().len()];
        let mut count = |hop: &HopResult| {
            let sounding = demo::section_at(hop.column.at);
            if let Some(i) = demo::sections().iter().position(|section| Some(section) == sounding) {
                counts[i].push(hop.column.decision.state);
            }
        };
        pipeline.reset(Seconds(0.0));
        for section in demo::sections() {
            if fresh {
                pipeline.reset(Seconds(section.start_s));
            }
            let [from, to] = [section.start_s, section.end_s].map(|at| info.rate.index_at(Seconds(at)).0 as usize);
            let part = &samples[from.min(samples.len())..to.min(samples.len())];
            pipeline.push(part, &mut count).map_err(failed)?;
        }
        Ok(counts.iter().map(|counts| counts.longest(&models.genres)).collect())
    };
    let (alone, in_a_row) = (play(true)?, play(false)?);
    let right = |answers: &[Longest]| {
        let pairs = demo::sections().iter().zip(answers);
        pairs
            .filter(|(section, longest)| longest.genre.as_deref() == Some(section.genre))
            .count()
    };
    let (right_alone, right_in_a_row) = (right(&alone), right(&in_a_row));
    let answers = alone.into_iter().zip(in_a_row);
    Ok(DemoReport {
        attune: env!("CARGO_PKG_VERSION"),
        sections: demo::sections()
            .iter()
            .zip(answers)
            .map(|(section, (alone, in_a_row))| Answered {
                section,
                alone,
                in_a_row,
            })
            .collect(),
        right_alone,
        right_in_a_row,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err passes")]
fn failed(error: PipelineError) -> AppError {
    AppError::failed(format!("the demo cannot be analysed: {error}"))
}

/// For how many hops each answer stood.
#[derive(Debug, Clone, Default)]
struct Counts {
    states: Vec<(AnswerState, u32)>,
    hops: u32,
}

impl Counts {
    fn push(&mut self, state: AnswerState) {
        self.hops += 1;
        // Warming up is no answer, but its time counts.
        if state == AnswerState::WarmingUp {
            return;
        }
        match self.states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.states.push((state, 1)),
        }
    }

    /// Of two that stood as long the one that came first.
    fn longest(&self, genres: &GenreSet) -> Longest {
        let mut longest = (AnswerState::Unsure, 0);
        for &(state, count) in &self.states {
            if count > longest.1 {
                longest = (state, count);
            }
        }
        let (state, count) = longest;
        Longest {
            state: state.name(),
            genre: state.genre().map(|id| genres.label(id).to_owned()),
            share: f64::from(count) / f64::from(self.hops.max(1)),
            title: match state.genre() {
                Some(id) => genres.label(id).to_owned(),
                None => state.title(genres).to_lowercase(),
            },
        }
    }
}

fn table(report: &DemoReport) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["from", "genre", "alone", "in a row", "recording"]);
    for answered in &report.sections {
        let Answered {
            section,
            alone,
            in_a_row,
        } = answered;
        let said = |longest: &Longest| {
            let mark = if longest.genre.as_deref() == Some(section.genre) {
                "✓"
            } else {
                "✗"
            };
            format!("{mark} {:<9} {}", longest.title, percent(longest.share))
        };
        table.add_row([
            Seconds(section.start_s).clock(),
            section.genre.to_owned(),
            said(alone),
            said(in_a_row),
            format!("{}, {}", section.title, section.artist),
        ]);
    }
    let count = report.sections.len();
    format!(
        "{}\n\nRight: {} of {count} alone, {} of {count} in a row. The answer that stood longest in each section, and \
         for how much of it:\nalone, from a fresh start; in a row, after all that was played before. Whose recordings \
         these are: attune demo --credits",
        table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        report.right_alone,
        report.right_in_a_row
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::genre::GenreId;

    #[test]
    fn the_longest_answer_is_counted_in_all_of_the_time() {
        let mut counts = Counts::default();
        for state in [
            AnswerState::WarmingUp,
            AnswerState::Unsure,
            AnswerState::Genre(GenreId(1)),
            AnswerState::Genre(GenreId(1)),
        ] {
            counts.push(state);
        }
        let longest = counts.longest(&GenreSet::gtzan());
        assert_eq!((longest.state, longest.genre.as_deref()), ("genre", Some("classical")));
        assert!((longest.share - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_only_warms_up_has_no_share() {
        let mut counts = Counts::default();
        counts.push(AnswerState::WarmingUp);
        let longest = counts.longest(&GenreSet::gtzan());
        assert_eq!((longest.genre, longest.share.to_bits()), (None, f64::to_bits(0.0)));
    }
}
