//! `attune eval`: how often the engines are right, on labelled sound or log-mel clips.

use super::EvalArgs;
use crate::genre::{GenreId, GenreSet, Probabilities};
use crate::model::ModelSet;
use crate::offline;
use crate::smoothing::SmoothingConfig;
use crate::train::dataset::{Clip, load_excerpts};
use crate::train::evaluate::{Figures, Part, answers, listen};
use anyhow::{Context, bail};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One labelled clip of the table.
struct Row {
    clip: String,
    truth: GenreId,
}

/// Answers of each engine, in the order of the models, to each clip.
type Answers = Vec<Vec<(GenreId, Probabilities)>>;

/// Reads the table, listens to every clip, prints the figures. A clip that fails is told and left out; the exit code
/// is then 1.
pub(super) fn run(args: &EvalArgs, models: &ModelSet) -> anyhow::Result<ExitCode> {
    let rows = read_rows(&args.manifest, &models.genres)?;
    let bar = ProgressBar::new(rows.len() as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let (answers, failures) = match &args.mels {
        Some(mels) => (listen_to_mels(mels, &rows, models)?, 0),
        None => listen_to_files(&args.manifest, &rows, models, &bar),
    };
    bar.finish_and_clear();
    let Some(clips) = answers.first().map(Vec::len).filter(|&clips| clips > 0) else {
        bail!("{}: no clip could be evaluated", args.manifest.display());
    };
    let mut named: Vec<(String, Figures)> = models
        .models
        .iter()
        .zip(&answers)
        .map(|(model, answers)| (model.manifest().name.clone(), Figures::of(answers, models.genres.len())))
        .collect();
    named.push((
        "ensemble".to_owned(),
        Figures::of(&agreed(&answers), models.genres.len()),
    ));
    if args.json {
        let engines: Map<String, Value> = named
            .iter()
            .map(|(name, figures)| (name.clone(), document(figures, &models.genres)))
            .collect();
        super::print_line(&json!({ "clips": clips, "failed": failures, "engines": engines }).to_string())?;
    } else {
        print_tables(clips, &named, &models.genres)?;
    }
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `path,label[,group]`, with or without a heading.
fn read_rows(path: &Path, genres: &GenreSet) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{}", path.display()))?;
        let place = format!("{} line {}", path.display(), number + 1);
        let (Some(clip), Some(label)) = (record.get(0), record.get(1)) else {
            bail!("{place}: expected path,label[,group]");
        };
        match genres.find(label) {
            Some(truth) => rows.push(Row {
                clip: clip.to_owned(),
                truth,
            }),
            None if number == 0 && ["label", "genre"].contains(&label.to_lowercase().as_str()) => {} // a heading
            None => bail!(
                "{place}: the label {label:?} is none of the models' classes ({})",
                genres.labels().join(" ")
            ),
        }
    }
    if rows.is_empty() {
        bail!(
            "{}: no rows of path,label[,group] with a label of the models ({})",
            path.display(),
            genres.labels().join(" ")
        );
    }
    Ok(rows)
}

fn listen_to_mels(path: &Path, rows: &[Row], models: &ModelSet) -> anyhow::Result<Answers> {
    let spec = &models.front_end;
    let excerpts = load_excerpts(path, spec.bands)?;
    if excerpts.is_empty() {
        bail!("{}: there is no such file, or it has no clips", path.display());
    }
    let mut clips = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(levels) = excerpts.get(&row.clip) else {
            bail!("{} has no clip {:?}", path.display(), row.clip);
        };
        clips.push(Clip {
            name: row.clip.clone(),
            genre: row.truth,
            excerpt: Some(levels.clone()),
            ..Clip::default()
        });
    }
    let each = models.models.iter().map(|model| {
        let heard = listen(model.stream()?.as_mut(), &clips, Part::Excerpt, spec)?;
        Ok(answers(&heard, model.manifest().temperature, spec))
    });
    each.collect()
}

/// Each file as `attune analyze` hears it. Returns how many failed, too.
fn listen_to_files(table: &Path, rows: &[Row], models: &ModelSet, bar: &ProgressBar) -> (Answers, usize) {
    let mut answers: Answers = vec![Vec::new(); models.models.len()];
    let mut failures = 0;
    for row in rows {
        bar.inc(1);
        let path = beside(table, &row.clip);
        let report = match offline::analyze(&path, models, &SmoothingConfig::default(), |_| {}, |_| {}) {
            Ok(report)
                if report.engines.iter().filter(|engine| engine.genre.is_some()).count() == models.models.len() =>
            {
                report
            }
            Ok(report) => {
                failures += 1;
                let why = match report.warnings.as_slice() {
                    [] => report.answer.reason.clone(),
                    warnings => warnings.join("; "),
                };
                bar.suspend(|| eprintln!("{}: left out: {why}", path.display()));
                continue;
            }
            Err(error) => {
                failures += 1;
                bar.suspend(|| eprintln!("{error}\n  {}", error.remedy()));
                continue;
            }
        };
        for (engine, answers) in report.engines.iter().zip(&mut answers) {
            let of = |label: &String| engine.probabilities.get(label).and_then(Value::as_f64).unwrap_or(0.0) as f32;
            let probabilities: Vec<f32> = models.genres.labels().iter().map(of).collect();
            answers.push((row.truth, Probabilities::from_slice(&probabilities)));
        }
    }
    (answers, failures)
}

/// A path of the table: beside the table if it is there, else as it stands.
fn beside(table: &Path, clip: &str) -> PathBuf {
    let beside = table.parent().unwrap_or(Path::new("")).join(clip);
    if beside.exists() { beside } else { PathBuf::from(clip) }
}

/// The mean over the engines, clip by clip.
fn agreed(answers: &Answers) -> Vec<(GenreId, Probabilities)> {
    let engines = answers.len() as f32;
    (0..answers[0].len())
        .map(|clip| {
            let (truth, mut mean) = answers[0][clip];
            for (place, p) in mean.as_mut_slice().iter_mut().enumerate() {
                *p = answers
                    .iter()
                    .map(|engine| engine[clip].1.as_slice()[place])
                    .sum::<f32>()
                    / engines;
            }
            (truth, mean)
        })
        .collect()
}

fn document(figures: &Figures, genres: &GenreSet) -> Value {
    let per_class: Map<String, Value> = genres
        .ids()
        .zip(figures.per_class())
        .map(|(id, share)| (genres.label(id).to_owned(), json!(share)))
        .collect();
    json!({
        "accuracy": figures.accuracy,
        "interval95": figures.interval95,
        "ece": figures.ece,
        "nll": figures.nll,
        "per_class": per_class,
        "confusion": figures.confusion,
    })
}

fn print_tables(clips: usize, named: &[(String, Figures)], genres: &GenreSet) -> anyhow::Result<()> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["engine", "accuracy", "95 % interval", "calibration error"]);
    for (name, figures) in named {
        let [low, high] = figures.interval95.map(|share| share * 100.0);
        table.add_row([
            name.clone(),
            format!("{:.1} %", figures.accuracy * 100.0),
            format!("{low:.1}–{high:.1} %"),
            format!("{:.1} %", figures.ece * 100.0),
        ]);
    }
    super::print_line(&format!("{clips} clips\n\n{table}\n"))?;
    let Some((name, figures)) = named.last() else {
        return Ok(());
    };
    let mut table = Table::new();
    let mut heading = vec!["truth \\ answer".to_owned()];
    heading.extend(genres.labels().iter().cloned());
    heading.push("right".to_owned());
    table.load_style(NOTHING).set_header(heading);
    for (id, share) in genres.ids().zip(figures.per_class()) {
        let mut cells = vec![genres.label(id).to_owned()];
        cells.extend(figures.confusion[usize::from(id.0)].iter().map(|&count| match count {
            0 => "·".to_owned(),
            count => count.to_string(),
        }));
        cells.push(share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0)));
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    super::print_line(&format!("Confusion of the {name}\n\n{table}"))?;
    Ok(())
}
