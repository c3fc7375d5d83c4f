//! The card that goes with a model: its origin, its accuracy, its limits.

use super::attention_span::AttentionSpan;
use super::dataset::{Clip, Dataset};
use super::export::Provenance;
use super::form_probe::FormProbe;
use super::recipe::Recipe;
use super::split::SplitChoice;
use super::trainer::Trainer;
use super::validate::{ClipLogits, Metrics, Part, answers};
use crate::evaluate::{Answers, ByGroup, MetricsAt, Recalls, group_numbers, metrics_at_marks};
use attune_audio::features::FrontEndSpec;
use attune_model::familiarity::{FamiliarityScale, SHARE};
use attune_model::manifest::Manifest;
use std::fmt::Write;

/// What was measured of a network besides its answers.
pub(super) struct Measured {
    pub(super) form_probe: Option<FormProbe>,
    pub(super) attention_span: Option<AttentionSpan>,
}

/// The model's output for one part of the validation clips.
pub(super) struct ValidationSet<'a> {
    /// In words.
    what: String,
    logits: &'a [ClipLogits],
    /// A number for each clip's artist; none if no artist is known.
    artists: Option<Vec<usize>>,
}

impl<'a> ValidationSet<'a> {
    pub(super) fn new(what: String, part: Part, logits: &'a [ClipLogits], data: &Dataset) -> Self {
        let with_part = data.valid.iter().filter(|clip| part.is_of(clip));
        Self {
            what,
            logits,
            artists: group_numbers(with_part.map(|clip| (clip.name.as_str(), clip.artist.as_str()))),
        }
    }
}

/// What is said of one set of clips.
struct Figures<'a> {
    what: &'a str,
    before: Metrics,
    after: Metrics,
    by_artist: Option<ByGroup>,
    recalls: Recalls,
    at_marks: Vec<MetricsAt>,
}

impl<'a> Figures<'a> {
    fn of(set: &'a ValidationSet<'_>, classes: usize, temperature: f32, spec: &FrontEndSpec) -> Self {
        let at = |temperature| answers(set.logits, temperature, spec);
        let (before, after) = (at(1.0), at(temperature));
        let right: Vec<bool> = after.iter().map(|(truth, p)| p.top().0 == *truth).collect();
        let truths: Vec<_> = after.iter().map(|(truth, _)| *truth).collect();
        let artists = set.artists.as_deref();
        let over_time = |temperature| Answers::of(set.logits, temperature, spec);
        Self {
            what: &set.what,
            before: Metrics::of(&before, classes),
            after: Metrics::of(&after, classes),
            by_artist: artists.and_then(|artists| ByGroup::of(&right, artists)),
            recalls: Recalls::of(&truths, &right, artists, classes),
            at_marks: metrics_at_marks(&over_time(temperature), &over_time(1.0), artists, classes),
        }
    }
}

/// The whole card, in Markdown.
pub(super) fn card(
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
    measured: &Measured,
    sets: &[ValidationSet<'_>],
) -> String {
    let spec = &trainer.recipe().front_end;
    let figures: Vec<Figures<'_>> = sets
        .iter()
        .filter(|set| !set.logits.is_empty())
        .map(|set| Figures::of(set, data.genres.len(), manifest.temperature, spec))
        .collect();
    let mut card = String::new();
    // Writing to a String cannot fail.
    let _ = write_origin(&mut card, trainer, data, manifest, provenance, measured)
        .and_then(|()| write_figures(&mut card, trainer, data, &figures));
    for figures in &figures {
        let _ = write_over_time(&mut card, figures).and_then(|()| write_recalls(&mut card, figures, data));
    }
    if let Some(scale) = &manifest.familiarity {
        card.push_str(&familiarity_section(scale));
    }
    card.push_str(LIMITS);
    card.push_str(limits(data));
    card.push('\n');
    card
}

const FAMILIARITY: &str = "\n## Familiarity\n\n";
const LIMITS: &str = "\n## Limits\n\n";

fn familiarity_section(scale: &FamiliarityScale) -> String {
    format!(
        "{FAMILIARITY}Each frame has a novelty: a Mahalanobis distance from the training clips of the nearest class, in the \
         classifier's hidden layer. {} held-out sounds of the classes (whole clips and excerpts) give it a scale: {:.0} % of \
         them lie beyond the threshold from which music is called unfamiliar.\n",
        scale.sounds,
        SHARE * 100.0
    )
}

/// A card with this familiarity in place of the one that it had, before its limits.
pub(super) fn with_familiarity(card: &str, scale: &FamiliarityScale) -> String {
    let limits = card.find(LIMITS).unwrap_or(card.len());
    let begin = card.find(FAMILIARITY).unwrap_or(limits).min(limits);
    format!("{}{}{}", &card[..begin], familiarity_section(scale), &card[limits..])
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn interval(of: Option<[f64; 2]>) -> String {
    of.map_or("–".to_owned(), |[low, high]| {
        format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)
    })
}

/// Accuracy and calibration over time.
fn write_over_time(card: &mut String, figures: &Figures<'_>) -> std::fmt::Result {
    writeln!(
        card,
        "\n## Accuracy over time ({})\n\nEach answer is the mean of the calibrated probabilities from 2 s up to then (at 1 \
         and 2 s: the newest frame alone), over the clips that are long enough. *Confident wrong*: a wrong class at 50 % or \
         more.\n\n\
         | seconds | clips | accuracy | 95 % interval | over artists | macro mean | confident wrong | calibration error \
         before → after | if perfectly calibrated |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        figures.what
    )?;
    for at in &figures.at_marks {
        writeln!(
            card,
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} → {:.1} % | {} |",
            at.seconds,
            at.metrics.clips,
            percent(at.metrics.accuracy),
            interval(Some(at.metrics.interval95)),
            interval(at.by_group.map(|by| by.interval95)),
            percent(at.recalls.mean.share),
            percent(at.metrics.confident_wrong),
            at.before.ece * 100.0,
            at.metrics.ece * 100.0,
            percent(at.chance_ece)
        )?;
    }
    Ok(())
}

/// A row for each class: how often it is recognised after some seconds.
fn write_recalls(card: &mut String, figures: &Figures<'_>, data: &Dataset) -> std::fmt::Result {
    write!(
        card,
        "\n## Recall of each class over time ({})\n\n| class | clips | artists |",
        figures.what
    )?;
    for at in &figures.at_marks {
        write!(card, " {} s |", at.seconds)?;
    }
    write!(card, " whole | 95 % interval | over artists |\n|---|--:|--:|")?;
    writeln!(card, "{}", "--:|".repeat(figures.at_marks.len() + 3))?;
    let share = |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0));
    for id in data.genres.ids() {
        let class = usize::from(id.0);
        let Some(whole) = figures.recalls.per_class[class] else {
            continue;
        };
        let artists = whole.groups.map_or("–".to_owned(), |groups| groups.to_string());
        write!(card, "| {} | {} | {artists} |", data.genres.label(id), whole.clips)?;
        for at in &figures.at_marks {
            write!(card, " {} |", share(at.recalls.per_class[class].map(|one| one.share)))?;
        }
        writeln!(
            card,
            " {} | {} | {} |",
            share(Some(whole.share)),
            interval(Some(whole.interval95)),
            interval(whole.by_group.map(|by| by.interval95))
        )?;
    }
    Ok(())
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

/// What the attention has learnt besides, and over how much it spreads.
fn write_attention(card: &mut String, recipe: &Recipe, span: Option<&AttentionSpan>) -> std::fmt::Result {
    let plan = &recipe.planted;
    if plan.share > 0.0 {
        let weights = if span.is_some() {
            format!(
                "; attention in the passage has the weight {}, evidence on either side {}",
                plan.attention_weight, plan.local_weight
            )
        } else {
            String::new()
        };
        writeln!(
            card,
            "| planted passages | {:.0} % of labelled examples: 1 to 4 s among music of another class, {} recordings, \
             noise or silence{weights} |",
            plan.share * 100.0,
            plan.recordings
        )?;
    }
    if let Some(span) = span {
        writeln!(
            card,
            "| attention | spread as over {:.1} of {:.1} units alike (e to the entropy of the weights, mean over {} \
             validation sounds at their ends) |",
            span.effective, span.units, span.clips
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
    measured: &Measured,
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
    if let Some(start) = &provenance.start {
        writeln!(card, "| initial weights | {start} |")?;
    }
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
    write_forms(card, trainer, data, measured.form_probe.as_ref())?;
    write_attention(card, recipe, measured.attention_span.as_ref())?;
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

/// Figures before and after calibration, by set.
fn write_figures(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    figures: &[Figures<'_>],
) -> std::fmt::Result {
    writeln!(card, "## Figures\n")?;
    writeln!(
        card,
        "| set | clips | accuracy | 95 % interval | over artists | macro mean | 95 % interval | confident wrong | \
         calibration error before → after | −ln p |\n|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for of in figures {
        let (after, mean) = (&of.after, &of.recalls.mean);
        writeln!(
            card,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.1} → {:.1} % | {:.3} |",
            of.what,
            after.clips,
            percent(after.accuracy),
            interval(Some(after.interval95)),
            interval(of.by_artist.map(|by| by.interval95)),
            percent(mean.share),
            interval(mean.interval95_by_group.or(Some(mean.interval95))),
            percent(after.confident_wrong),
            of.before.ece * 100.0,
            after.ece * 100.0,
            after.nll
        )?;
    }
    let chosen = step_in_words(trainer);
    writeln!(
        card,
        "\nThe answer for a clip is the mean of the calibrated probabilities over its frames after the first two \
         seconds. *Macro mean*: of the recall of every class, which counts each alike; its interval is over artists \
         where they are known. The weights are the running mean {chosen}. {}The temperature was fitted on them, so the \
         figures are somewhat optimistic.",
        if data.is_gtzan() {
            "Front end, pooling and recipes were chosen on them. "
        } else {
            ""
        }
    )
}

/// What the model is not good for.
pub(super) fn limits(data: &Dataset) -> &'static str {
    if data.is_gtzan() {
        "Trained on a small collection of Western popular and classical music of the 20th century. Other music gets \
         the closest of these labels. The model has no class for speech or noise. Genre is a convention, not a \
         property of sound: read the probabilities as similarity."
    } else {
        "The model knows only the classes it was trained on: any other sound gets the closest of these labels. The \
         figures hold for sounds recorded like the training data."
    }
}
