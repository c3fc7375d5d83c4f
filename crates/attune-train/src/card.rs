//! The card that goes with a model: where it comes from, how good it is, and what it is not good for.

use super::dataset::{Clip, Dataset};
use super::export::Provenance;
use super::split::SplitChoice;
use super::trainer::Trainer;
use super::validate::{ClipLogits, Metrics, answers};
use crate::evaluate::{Answers, metrics_at_marks};
use attune_audio::features::FrontEndSpec;
use attune_model::manifest::Manifest;
use std::fmt::Write;

/// The whole card, in Markdown. `heard`: what the model made of each set of clips, by the set's name.
pub(super) fn card(
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
    heard: [(&str, &Vec<ClipLogits>); 2],
) -> String {
    let spec = &trainer.recipe().front_end;
    let (classes, temperature) = (data.genres.len(), manifest.temperature);
    let figures: Vec<(&str, Metrics, Metrics)> = heard
        .into_iter()
        .filter(|(_, heard)| !heard.is_empty())
        .map(|(what, heard)| {
            let at = |temperature| Metrics::of(&answers(heard, temperature, spec), classes);
            (what, at(1.0), at(temperature))
        })
        .collect();
    let mut card = String::new();
    // Writing to a String cannot fail.
    let _ = write_origin(&mut card, trainer, data, manifest, provenance)
        .and_then(|()| write_figures(&mut card, trainer, data, &figures));
    for (what, heard) in heard {
        card.push_str(&moments_section(what, heard, temperature, spec));
    }
    card.push_str("\n## Limits\n\n");
    card.push_str(limits(data));
    card.push('\n');
    card
}

/// Accuracy and calibration against seconds heard; nothing without clips.
fn moments_section(what: &str, heard: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> String {
    let Some(classes) = heard.first().map(|clip| clip.classes) else {
        return String::new();
    };
    let at = |temperature| Answers::of(heard, temperature, spec);
    let mut section = format!(
        "\n## Against seconds heard ({what})\n\nThe mean of the calibrated probabilities after the first two seconds, up \
         to there (at 1 and 2 s: the newest frame), of the clips that are long enough.\n\n| seconds | clips | accuracy | 95 % interval | \
         calibration error before → after | of honest answers, by chance |\n|--:|--:|--:|--:|--:|--:|\n"
    );
    for moment in metrics_at_marks(&at(temperature), &at(1.0), classes) {
        let figures = &moment.metrics;
        // Writing to a String cannot fail.
        let _ = writeln!(
            section,
            "| {} | {} | {:.1} % | {:.1}–{:.1} % | {:.1} → {:.1} % | {:.1} % |",
            moment.seconds,
            figures.clips,
            figures.accuracy * 100.0,
            figures.interval95[0] * 100.0,
            figures.interval95[1] * 100.0,
            moment.before.ece * 100.0,
            figures.ece * 100.0,
            moment.chance_ece * 100.0
        );
    }
    section
}

/// Which step's weights these are.
fn step_in_words(trainer: &Trainer<'_>) -> String {
    match trainer.best_so_far() {
        Some(best) if trainer.recipe().patience > 0 => {
            format!("at step {}, which was chosen by the −ln p of these clips", best.step)
        }
        _ => "at the last step; no step was chosen by these clips".to_owned(),
    }
}

/// Which clips were learnt from.
fn split_in_words(split: &SplitChoice) -> String {
    let fold = match split.fold {
        Some(fold) => format!("fold {fold} of a cross-validation by artist"),
        None => "as the data set's index says".to_owned(),
    };
    match split.share {
        share if share < 1.0 => format!("{fold}, {:.0} % of the artists of each genre", share * 100.0),
        _ => fold,
    }
}

/// The card's table: where the model comes from.
fn write_origin(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
) -> std::fmt::Result {
    let recipe = trainer.recipe();
    writeln!(card, "# Model card: {}\n", manifest.name)?;
    writeln!(
        card,
        "{} from sound, frame by frame, causal. Written by `attune train`; not edited by hand.\n",
        if data.is_gtzan() { "Genre" } else { "Class" }
    )?;
    writeln!(card, "| | |\n|---|---|")?;
    writeln!(card, "| command | `{}` |", provenance.command)?;
    writeln!(card, "| date | {} |", provenance.date)?;
    writeln!(card, "| data | {} |", provenance.data)?;
    let with_audio = |clips: &[Clip]| clips.iter().filter(|clip| clip.whole.is_some()).count();
    writeln!(
        card,
        "| split | {} train clips ({} with whole audio), {} validation clips ({}); {}; no clip and no known artist on both sides, checked at every start |",
        data.train.len(),
        with_audio(&data.train),
        data.valid.len(),
        with_audio(&data.valid),
        split_in_words(&recipe.split)
    )?;
    let renditions: usize = data.train.iter().map(|clip| clip.renditions.len()).sum();
    if renditions > 0 {
        writeln!(
            card,
            "| renditions | {renditions} altered versions of the train clips: re-recorded, played otherwise, mixed |"
        )?;
    }
    if recipe.aux_clips > 0 {
        writeln!(
            card,
            "| of another source | {} of the train clips, never judged by, artists not told; {:.0} % of all labelled excerpts are limited to their band |",
            recipe.aux_clips,
            recipe.aux_share * 100.0
        )?;
    }
    if !data.unlabelled.is_empty() {
        writeln!(
            card,
            "| music without labels | {} pieces, learnt from by the teachers alone |",
            data.unlabelled.len()
        )?;
    }
    if data.teacher_width > 0 {
        writeln!(
            card,
            "| teacher | {} features of another network for each clip, as a second target in training (weight {}) |",
            data.teacher_width, recipe.teacher_weight
        )?;
    }
    if data.window_width > 0 {
        writeln!(
            card,
            "| teacher of windows | {} features of another network for each excerpt, as another target in training (weight {}) |",
            data.window_width, recipe.window_weight
        )?;
    }
    writeln!(card, "| rights in the data | {} |", provenance.rights)?;
    writeln!(card, "| seed | {} |", recipe.seed)?;
    writeln!(card, "| steps | {} |", trainer.step_count())?;
    writeln!(card, "| weights | {} |", manifest.weight_count)?;
    let reach = match manifest.context_frames {
        Some(frames) => format!("{frames} frames ({:.1} s)", frames as f64 * recipe.front_end.hop().0),
        None => "no bound (recurrence)".to_owned(),
    };
    writeln!(card, "| reach of the body | {reach} |")?;
    writeln!(
        card,
        "| temperature | {:.3}, fitted on the validation clips |",
        manifest.temperature
    )?;
    writeln!(card, "| licence | {} |\n", manifest.licence)
}

/// Figures before and after calibration, by set and by class.
fn write_figures(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    figures: &[(&str, Metrics, Metrics)],
) -> std::fmt::Result {
    writeln!(card, "## Figures\n")?;
    writeln!(
        card,
        "| set | clips | accuracy | 95 % interval | calibration error before → after | −ln p |"
    )?;
    writeln!(card, "|---|---|---|---|---|---|")?;
    for (what, before, after) in figures {
        writeln!(
            card,
            "| {what} | {} | {:.1} % | {:.1}–{:.1} % | {:.1} → {:.1} % | {:.3} |",
            after.clips,
            after.accuracy * 100.0,
            after.interval95[0] * 100.0,
            after.interval95[1] * 100.0,
            before.ece * 100.0,
            after.ece * 100.0,
            after.nll
        )?;
    }
    let chosen = step_in_words(trainer);
    writeln!(
        card,
        "\nThe answer for a clip is the mean of the calibrated probabilities over its frames after the first two seconds. The \
         weights are the running mean {chosen}. {}The temperature was fitted on them: read the figures as somewhat \
         optimistic.\n",
        if data.is_gtzan() {
            "The shape of the front and of the pooling follows prototypes that were compared on them, and recipes were \
             chosen by them. "
        } else {
            ""
        }
    )?;
    if let Some((what, _, after)) = figures.last() {
        writeln!(card, "Per class ({what}):\n\n| class | clips | right |\n|---|---|---|")?;
        for (id, row) in data.genres.ids().zip(&after.confusion) {
            let (clips, right): (usize, usize) = (row.iter().sum(), row[usize::from(id.0)]);
            writeln!(card, "| {} | {clips} | {right} |", data.genres.label(id))?;
        }
    }
    Ok(())
}

/// What the model is not good for.
fn limits(data: &Dataset) -> &'static str {
    if data.is_gtzan() {
        "Trained on a small collection of Western popular and classical music of the 20th century; other music gets the \
         nearest of these labels. It does not know speech or noise as such. Genre is a convention, not a property of sound: \
         read the probabilities as resemblance."
    } else {
        "It knows only what it was trained on: any other sound gets the nearest of these labels. The figures hold for sounds \
         recorded as these were."
    }
}
