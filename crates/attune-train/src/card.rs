//! The card that goes with a model: its origin, its accuracy, its limits.

use super::dataset::{Clip, Dataset};
use super::export::Provenance;
use super::form_probe::FormProbe;
use super::split::SplitChoice;
use super::trainer::Trainer;
use super::validate::{ClipLogits, Metrics, answers};
use crate::evaluate::{Answers, metrics_at_marks};
use attune_audio::features::FrontEndSpec;
use attune_model::manifest::Manifest;
use std::fmt::Write;

/// The whole card, in Markdown. `logits`: the model's output for each set of clips, by the set's name.
pub(super) fn card(
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
    form_probe: Option<&FormProbe>,
    logits: [(&str, &Vec<ClipLogits>); 2],
) -> String {
    let spec = &trainer.recipe().front_end;
    let (classes, temperature) = (data.genres.len(), manifest.temperature);
    let figures: Vec<(&str, Metrics, Metrics)> = logits
        .into_iter()
        .filter(|(_, clips)| !clips.is_empty())
        .map(|(what, clips)| {
            let at = |temperature| Metrics::of(&answers(clips, temperature, spec), classes);
            (what, at(1.0), at(temperature))
        })
        .collect();
    let mut card = String::new();
    // Writing to a String cannot fail.
    let _ = write_origin(&mut card, trainer, data, manifest, provenance, form_probe)
        .and_then(|()| write_figures(&mut card, trainer, data, &figures));
    for (what, clips) in logits {
        card.push_str(&over_time(what, clips, temperature, spec));
    }
    card.push_str("\n## Limits\n\n");
    card.push_str(limits(data));
    card.push('\n');
    card
}

/// Accuracy and calibration over time; nothing without clips.
fn over_time(what: &str, clips: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> String {
    let Some(classes) = clips.first().map(|clip| clip.classes) else {
        return String::new();
    };
    let at = |temperature| Answers::of(clips, temperature, spec);
    let mut section = format!(
        "\n## Accuracy over time ({what})\n\nEach answer is the mean of the calibrated probabilities from 2 s \
         up to then (at 1 and 2 s: the newest frame alone), over the clips that are long enough.\n\n\
         | seconds | clips | accuracy | 95 % interval | calibration error before → after | if perfectly calibrated |\n\
         |--:|--:|--:|--:|--:|--:|\n"
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
            format!("at step {}, selected by the −ln p on these clips", best.step)
        }
        _ => "at the last step; no step was selected on these clips".to_owned(),
    }
}

/// Which clips are training clips.
fn split_in_words(split: &SplitChoice) -> String {
    let fold = match split.fold {
        Some(fold) => format!("fold {fold} of a cross-validation by artist"),
        None => "the data set's own split".to_owned(),
    };
    match split.share {
        share if share < 1.0 => format!("{fold}, {:.0} % of the artists of each genre", share * 100.0),
        _ => fold,
    }
}

/// What is known of the clips that exist as filled log-mels and as coded audio.
fn write_forms(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    form_probe: Option<&FormProbe>,
) -> std::fmt::Result {
    let recipe = trainer.recipe();
    if recipe.whole_mels.is_some() {
        let filled = |clips: &[Clip]| clips.iter().filter(|clip| clip.filled.is_some()).count();
        writeln!(
            card,
            "| whole log-mels | {} training and {} validation clips, put together from published pictures, missing \
             frames filled in; {:.0} % of clean excerpts of up to 3 s come from them and all longer ones, whatever the \
             class |",
            filled(&data.train),
            filled(&data.valid),
            recipe.filled_share * 100.0
        )?;
    }
    if let Some(probe) = form_probe {
        let (right, of) = probe.total();
        let classes = probe.classes.iter().map(|(genre, right, of)| {
            format!(
                "{} {:.0} %",
                data.genres.label(*genre),
                100.0 * *right as f64 / *of as f64
            )
        });
        writeln!(
            card,
            "| form | a linear probe of the pooled features tells a filled excerpt from a real one in {:.1} % of {of} \
             (chance 50 %): {} |",
            100.0 * right as f64 / of as f64,
            classes.collect::<Vec<_>>().join(", ")
        )?;
    }
    if recipe.coded_files > 0 {
        writeln!(
            card,
            "| codecs | {} coded versions of the training clips |",
            recipe.coded_files
        )?;
    }
    Ok(())
}

/// The card's table: where the model comes from.
fn write_origin(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
    form_probe: Option<&FormProbe>,
) -> std::fmt::Result {
    let recipe = trainer.recipe();
    writeln!(card, "# Model card: {}\n", manifest.name)?;
    writeln!(
        card,
        "{} from audio, frame by frame, causal. Written by `attune train`; not edited by hand.\n",
        if data.is_gtzan() { "Genre" } else { "Class" }
    )?;
    writeln!(card, "| | |\n|---|---|")?;
    writeln!(card, "| command | `{}` |", provenance.command)?;
    writeln!(card, "| date | {} |", provenance.date)?;
    writeln!(card, "| data | {} |", provenance.data)?;
    let with_audio = |clips: &[Clip]| clips.iter().filter(|clip| clip.whole.is_some()).count();
    writeln!(
        card,
        "| split | {} training clips ({} with whole audio), {} validation clips ({}); {}; no clip or known \
         artist in both, checked at every start |",
        data.train.len(),
        with_audio(&data.train),
        data.valid.len(),
        data.valid.iter().filter(|clip| clip.audio.is_some()).count(),
        split_in_words(&recipe.split)
    )?;
    let renditions: usize = data.train.iter().map(|clip| clip.renditions.len()).sum();
    if renditions > 0 {
        writeln!(
            card,
            "| renditions | {renditions} augmented versions of the training clips: re-recorded, played differently, \
             mixed |"
        )?;
    }
    write_forms(card, trainer, data, form_probe)?;
    if recipe.aux_clips > 0 {
        writeln!(
            card,
            "| auxiliary data | {} of the training clips, for training only, artists unknown; {:.0} % of all labelled \
             excerpts are limited to its band |",
            recipe.aux_clips,
            recipe.aux_share * 100.0
        )?;
    }
    if !data.unlabelled.is_empty() {
        writeln!(
            card,
            "| unlabelled music | {} pieces, learned from through the teachers only |",
            data.unlabelled.len()
        )?;
    }
    if data.teacher_width > 0 {
        writeln!(
            card,
            "| teacher | {} features of another network for each clip, as an additional training target (weight {}) |",
            data.teacher_width, recipe.teacher_weight
        )?;
    }
    if data.window_width > 0 {
        writeln!(
            card,
            "| teacher of three-second windows | {} features of another network for each excerpt, as an additional \
             training target (weight {}) |",
            data.window_width, recipe.window_weight
        )?;
    }
    writeln!(card, "| rights in the data | {} |", provenance.rights)?;
    writeln!(card, "| seed | {} |", recipe.seed)?;
    writeln!(card, "| steps | {} |", trainer.step_count())?;
    writeln!(card, "| weights | {} |", manifest.weight_count)?;
    let receptive_field = match manifest.context_frames {
        Some(frames) => format!("{frames} frames ({:.1} s)", frames as f64 * recipe.front_end.hop().0),
        None => "unbounded (recurrent)".to_owned(),
    };
    writeln!(card, "| receptive field of the body | {receptive_field} |")?;
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
        "\nThe answer for a clip is the mean of the calibrated probabilities over its frames after the first two \
         seconds. The weights are the running mean {chosen}. {}The temperature was fitted on them, so the figures \
         are somewhat optimistic.\n",
        if data.is_gtzan() {
            "Front end, pooling and recipes were chosen on them. "
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
        "Trained on a small collection of Western popular and classical music of the 20th century. Other music gets \
         the closest of these labels. The model has no class for speech or noise. Genre is a convention, not a \
         property of sound: read the probabilities as similarity."
    } else {
        "The model knows only the classes it was trained on: any other sound gets the closest of these labels. The \
         figures hold for sounds recorded like the training data."
    }
}
