//! What training a WaveNet writes: weights, manifest, and a card that states how they were made.

use super::judge::Outcome;
use super::learn::Plan;
use super::music::Music;
use crate::LabError;
use crate::export::{self, date};
use attune_model::trained::{Origin, TrainedFiles, TrainedNet};
use attune_model::wavenet::{RATE, Wavenet};
use candle_core::Tensor;
use std::collections::HashMap;
use std::path::Path;

/// Writes `wavenet.safetensors`, `.md` and `.json` to the folder, the manifest last.
///
/// # Errors
/// If the network fails, or a file cannot be written.
pub(crate) fn export(
    to: &Path,
    plan: &Plan,
    tensors: &HashMap<String, Tensor>,
    (outcome, music): (&Outcome, &Music),
) -> Result<(), LabError> {
    let command = format!(
        "attune lab wavenet --data {} --seed {} --steps {} --export FOLDER",
        music.name, plan.schedule.seed, plan.schedule.steps
    );
    let origin = Origin {
        name: Wavenet::KIND.to_owned(),
        encoder_sha256: None,
        labels: music.labels.clone(),
        temperature: 1.0,
        provenance: format!("{command} on {}, {}", music.name, date()),
    };
    let files = TrainedFiles::new::<Wavenet>(&plan.shape, tensors, origin)?;
    let text = card(&files.manifest.licence, plan, (outcome, music), &command);
    export::write(to, &files, &text)
}

fn card(licence: &str, plan: &Plan, (outcome, music): (&Outcome, &Music), command: &str) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let shape = plan.shape;
    let bits = &outcome.music;
    let seconds = |samples: usize| RATE.duration(samples as u64).0;
    let learnt = seconds(plan.batch * (plan.excerpt - plan.warm_up)) * plan.schedule.steps as f64 / 3_600.0;
    let own = &outcome.own_first;
    let [gain, low, high] = outcome.gain;
    let [over, over_low, over_high] = outcome.over_prediction;
    let rows = [
        ("command", format!("`{command}`")),
        ("made", date()),
        ("weights", outcome.weights.to_string()),
        (
            "network",
            format!(
                "{} stacks of {} gated convolutions, {} features and {} of skips; the last {} layers know the class",
                shape.stacks, shape.layers, shape.residual, shape.skip, shape.conditioned
            ),
        ),
        (
            "reads",
            format!(
                "{} Hz mono, µ-law of 256 codes: {} samples, {:.3} s, and a linear prediction of order 64 fitted to the \
                 sound before",
                RATE.0,
                shape.field(),
                seconds(shape.field())
            ),
        ),
        (
            "learnt from",
            format!(
                "{} clips, every class as often, {} steps: {learnt:.1} h of sound predicted",
                music.train.len(),
                plan.schedule.steps
            ),
        ),
        (
            "judged by",
            format!(
                "{} clips of other artists, {:.1} s of each",
                own.clips,
                seconds(outcome.judged)
            ),
        ),
        (
            "bits per sample, not told the class; told",
            format!("{:.3}; {:.3}", bits.unsaid, bits.said),
        ),
        (
            "unigram; bigram; linear prediction of order 16",
            format!("{:.3}; {:.3}; {:.3}", bits.unigram, bits.bigram, bits.linear),
        ),
        (
            "bits less than the best of these, mean over clips",
            format!("{gain:.3} ({low:.3} to {high:.3})"),
        ),
        (
            "the linear prediction of order 64 that the network is told; bits less than that",
            format!("{:.3}; {over:.3} ({over_low:.3} to {over_high:.3})", bits.backward),
        ),
        (
            "the same clips, samples in random order",
            format!("{:.3} bits", outcome.shuffled.unsaid),
        ),
        (
            "own class takes the fewest bits",
            format!(
                "{} ({} to {}); by chance {}",
                percent(own.accuracy),
                percent(own.interval95[0]),
                percent(own.interval95[1]),
                percent(outcome.chance)
            ),
        ),
        ("licence", licence.to_owned()),
    ];
    let rows: Vec<String> = rows
        .iter()
        .map(|(what, value)| format!("| {what} | {value} |"))
        .collect();
    format!(
        "# Model card: {}\n\nThe next sample of raw sound (van den Oord et al. 2016). Written by `attune lab \
         wavenet`; not edited by hand.\n\n| | |\n|---|---|\n{}\n\n## Limits\n\nIt hears a quarter of a second: \
         texture, no rhythm and no form. What it generates is texture too. Bits depend on the volume: quiet sound \
         uses few codes. A class that takes few bits is not the genre: it is the one whose texture is nearest. \
         Classes with little audio to learn from were learnt from the same few clips again and again.\n",
        Wavenet::KIND,
        rows.join("\n")
    )
}
