//! The files of networks that write sections.

use super::judge::{LiveOutcome, Outcome};
use super::{Made, Plan, Tensors};
use crate::LabError;
use crate::export::{self, date};
use attune_model::LoadedModel;
use attune_model::sections::{Reading, SectionNet};
use attune_model::trained::{Origin, TrainedFiles};
use std::path::Path;

fn files(
    encoder: &LoadedModel,
    plan: &Plan,
    tensors: &Tensors,
) -> Result<TrainedFiles<attune_model::sections::SectionShape>, LabError> {
    let kind = plan.shape.kind.name().to_lowercase();
    let name = match plan.shape.reading {
        Reading::Whole => format!("sections-{kind}"),
        Reading::Live { .. } => format!("sections-live-{kind}"),
    };
    let seed = plan.schedule.seed;
    let origin = Origin {
        name,
        encoder_sha256: Some(encoder.manifest().weights_sha256.clone()),
        labels: encoder.manifest().genres.labels().to_vec(),
        temperature: 1.0,
        provenance: format!(
            "attune lab sections --data gtzan --seed {seed} --export FOLDER, {}",
            date()
        ),
    };
    Ok(TrainedFiles::new::<SectionNet>(&plan.shape, tensors, origin)?)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn error(pieces: impl Iterator<Item = (usize, usize)>) -> String {
    let (edits, sections) = pieces.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    percent(edits as f64 / sections.max(1) as f64)
}

/// Writes a network for whole pieces.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn whole(
    to: &Path,
    encoder: &LoadedModel,
    (plan, tensors): (&Plan, &Tensors),
    outcomes: &[Outcome],
) -> Result<(), LabError> {
    let files = files(encoder, plan, tensors)?;
    let rows = kinds(outcomes).map(|(made, of)| {
        let share = |value: Option<f64>| value.map_or("–".to_owned(), percent);
        format!(
            "| {} | {} | {} | {} | {} |\n",
            made.name(),
            of.pieces.len(),
            error(of.pieces.iter().map(|piece| (piece.edits, piece.sections))),
            share(of.aer.map(|aer| aer.0)),
            share(of.mass)
        )
    });
    let table = format!(
        "| medleys | judged | token error | alignment error | mass in the section |\n|---|--:|--:|--:|--:|\n{}",
        rows.collect::<String>()
    );
    export::write(to, &files, &card(&files, plan, &table))
}

/// Writes a live network.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn live(
    to: &Path,
    encoder: &LoadedModel,
    (plan, tensors): (&Plan, &Tensors),
    outcomes: &[Vec<LiveOutcome>],
) -> Result<(), LabError> {
    let files = files(encoder, plan, tensors)?;
    let rows = kinds(outcomes).flat_map(|(made, by_k)| {
        by_k.iter().map(move |of| {
            format!(
                "| {} | {} | {} | {} |\n",
                made.name(),
                of.k.unwrap_or(0),
                error(of.pieces.iter().copied()),
                of.delay.map_or("–".to_owned(), |it| format!("{:.1} s", it[0]))
            )
        })
    });
    let table = format!(
        "| medleys | k | token error | right after a change (median) |\n|---|--:|--:|--:|\n{}",
        rows.collect::<String>()
    );
    export::write(to, &files, &card(&files, plan, &table))
}

/// Each outcome and what its medleys are made of: without clips there are composed ones only.
fn kinds<T>(outcomes: &[T]) -> impl Iterator<Item = (Made, &T)> {
    let kinds = super::pieces::kinds(outcomes.len() > 1);
    kinds.iter().copied().zip(outcomes)
}

fn card(files: &TrainedFiles<attune_model::sections::SectionShape>, plan: &Plan, figures: &str) -> String {
    let manifest = &files.manifest;
    let of = match plan.shape.reading {
        Reading::Whole => "whole pieces".to_owned(),
        Reading::Live { context } => format!("a live stream, {context} source steps and tokens back in each layer"),
    };
    format!(
        "# Model card: {}\n\nWrites which sections a piece has: a {} network for {of}.\n\
         Written by `attune lab sections`; not edited by hand.\n\n| | |\n|---|---|\n| made | {} |\n| weights | {} |\n| encoder | the TCN whose weights \
         have SHA-256 {} |\n| source step | {} frames |\n| steps | {} of 16 medleys |\n| licence | {} |\n\nValidation \
         medleys, other artists, seeds and instruments than those of training; one seed.\n\n{figures}\n## Limits\n\n\
         Trained on medleys of 1 to 8 sections of 4 to 12 s, each of another genre than the one before.\nIt knows the \
         genres {}.\nIt inherits the errors of the encoder, whose training clips the medleys were cut from.\n",
        manifest.name,
        plan.shape.kind.name(),
        manifest.provenance,
        manifest.weight_count,
        manifest.encoder_sha256.as_deref().unwrap_or("–"),
        plan.shape.step_frames,
        plan.schedule.steps,
        manifest.licence,
        manifest.labels.join(", ")
    )
}
