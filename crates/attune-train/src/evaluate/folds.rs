//! Cross-validations of several models, pooled as an ensemble: every clip is answered by networks that were trained
//! without its artist.
//!
//! In: the folders of `attune train --folds`. Out: an [`Evaluation`] of all clips out of fold. Thread: the caller's.

use super::clip_rows::ClipRow;
use super::groups::group_numbers;
use super::{ClipLogits, EvaluateError, Evaluation, ModelClips};
use crate::cross::out_of_fold_temperatures;
use crate::held_out::{self, Description, FILE, Read};
use crate::validate::Part;
use attune_audio::features::FrontEndSpec;
use attune_engine::smoothing::{SmoothingConfig, genre_of_whole};
use attune_model::genre::GenreSet;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An evaluation out of fold, and what it is of.
#[derive(Debug)]
pub struct FoldsEvaluation {
    /// All clips, each answered by the fold that held it out.
    pub evaluation: Evaluation,
    /// The classes.
    pub genres: GenreSet,
    /// In words: models and folds.
    pub of: String,
}

/// One model's cross-validation.
struct Folded {
    name: String,
    folds: usize,
    genres: GenreSet,
    spec: FrontEndSpec,
    /// By class and name: artist, logits, temperature from the other folds.
    clips: BTreeMap<(String, String), (String, ClipLogits, f32)>,
}

/// Evaluates the ensemble of models that were cross-validated on the same clips. Each clip's temperature is fitted on
/// the other folds. `part`: whole clips or excerpts; by default whole clips where all models have any.
///
/// # Errors
/// If a folder has no finished cross-validation, or the models have other clips or classes than each other.
pub fn evaluate_folds(folders: &[PathBuf], part: Option<Part>) -> Result<FoldsEvaluation, EvaluateError> {
    let read = folders
        .iter()
        .map(|folder| read_folds(folder))
        .collect::<Result<Vec<_>, _>>()?;
    let has_whole = |folds: &Vec<Read>| folds.iter().any(|fold| !fold.whole.is_empty());
    let usual = if read.iter().all(has_whole) {
        Part::Whole
    } else {
        Part::Excerpt
    };
    let part = part.unwrap_or(usual);
    let mut models = Vec::with_capacity(read.len());
    for (folder, folds) in folders.iter().zip(read) {
        models.push(pool(folder, folds, part)?);
    }
    name_apart(&mut models, folders);
    let Some(first) = models.first() else {
        return Err(wrong(Path::new("--folds"), "no folder is named"));
    };
    for (model, folder) in models.iter().zip(folders).skip(1) {
        let same_clips = model.clips.keys().eq(first.clips.keys());
        if !same_clips || (&model.genres, &model.spec) != (&first.genres, &first.spec) {
            let message = format!(
                "it has other clips, classes or another front end than {} ({} clips and {})",
                folders[0].display(),
                model.clips.len(),
                first.clips.len()
            );
            return Err(wrong(folder, &message));
        }
    }
    let of: Vec<String> = models
        .iter()
        .map(|model| format!("{} ({} folds)", model.name, model.folds))
        .collect();
    let (genres, spec) = (first.genres.clone(), first.spec.clone());
    let named: Vec<(String, String)> = (first.clips.iter())
        .map(|((_, name), (artist, ..))| (name.clone(), artist.clone()))
        .collect();
    let groups = group_numbers(named.iter().map(|(name, artist)| (name.as_str(), artist.as_str())));
    let clips: Vec<ModelClips> = models.into_iter().map(Folded::into_clips).collect();
    let mut evaluation = Evaluation::of(&clips, groups.as_deref(), &spec, genres.len());
    let rule = SmoothingConfig::default();
    let rows = named.into_iter().enumerate().map(|(clip, (name, group))| {
        let answers = evaluation.answers_to(clip);
        let displayed = answers.last().and_then(|ensemble| genre_of_whole(ensemble, &rule));
        let of = &clips[0].clips[clip];
        ClipRow {
            line: clip as u64,
            name,
            label: genres.label(of.truth).to_owned(),
            truth: Some(of.truth),
            group,
            seconds: of.frames() as f64 * spec.hop().0,
            state: if displayed.is_some() { "genre" } else { "unsure" },
            displayed,
            answers,
        }
    });
    let rows = rows.collect();
    evaluation.set_rows(rows);
    Ok(FoldsEvaluation {
        evaluation,
        genres,
        of: format!("{}, every clip out of fold", of.join(", ")),
    })
}

fn wrong(path: &Path, message: &str) -> EvaluateError {
    EvaluateError::Folds {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

/// The files of `fold-1`, `fold-2`, … in a folder.
fn read_folds(folder: &Path) -> Result<Vec<Read>, EvaluateError> {
    let mut folds = Vec::new();
    loop {
        let path = folder.join(format!("fold-{}", folds.len() + 1)).join(FILE);
        if !path.exists() {
            break;
        }
        folds.push(held_out::read(&path)?);
    }
    let of = folds
        .iter()
        .filter_map(|fold| fold.description.fold)
        .map(|fold| fold.of)
        .max();
    match of.unwrap_or(2).max(2) {
        of if folds.len() >= of => Ok(folds),
        of => {
            let missing = format!("fold-{}/{FILE}", folds.len() + 1);
            Err(wrong(
                folder,
                &format!("there is no {missing}: {} of {of} folds are finished", folds.len()),
            ))
        }
    }
}

/// All folds of one model together.
fn pool(folder: &Path, folds: Vec<Read>, part: Part) -> Result<Folded, EvaluateError> {
    let logits: Vec<Vec<ClipLogits>> = (folds.iter())
        .map(|fold| {
            fold.excerpts
                .iter()
                .chain(&fold.whole)
                .map(|(_, logits)| logits.clone())
                .collect()
        })
        .collect();
    let Some(Description {
        model,
        genres,
        front_end,
        ..
    }) = folds.first().map(|fold| fold.description.clone())
    else {
        return Err(wrong(folder, "there are no folds"));
    };
    let temperatures = out_of_fold_temperatures(&logits, &front_end);
    let mut pooled = Folded {
        name: model,
        folds: folds.len(),
        genres,
        spec: front_end,
        clips: BTreeMap::new(),
    };
    for (fold, temperature) in folds.into_iter().zip(temperatures) {
        if (&fold.description.genres, &fold.description.front_end) != (&pooled.genres, &pooled.spec) {
            return Err(wrong(
                folder,
                "its folds have other classes or another front end than each other",
            ));
        }
        let of_part = match part {
            Part::Whole => fold.whole,
            Part::Excerpt => fold.excerpts,
        };
        for (place, logits) in of_part {
            let clip = &fold.description.clips[place];
            let value = (clip.artist.clone(), logits, temperature);
            let key = (clip.genre.clone(), clip.name.clone());
            if pooled.clips.insert(key, value).is_some() {
                return Err(wrong(folder, &format!("the clip {} is in two folds", clip.name)));
            }
        }
    }
    if pooled.clips.is_empty() {
        return Err(wrong(folder, "it has none of these clips: choose the other --part"));
    }
    Ok(pooled)
}

/// Models of one name are named by their folders.
fn name_apart(models: &mut [Folded], folders: &[PathBuf]) {
    let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
    for (model, folder) in models.iter_mut().zip(folders) {
        if names.iter().filter(|name| **name == model.name).count() > 1 {
            model.name = folder
                .file_name()
                .unwrap_or(folder.as_os_str())
                .to_string_lossy()
                .into_owned();
        }
    }
}

impl Folded {
    fn into_clips(self) -> ModelClips {
        let temperatures: Vec<f32> = self.clips.values().map(|(.., temperature)| *temperature).collect();
        ModelClips {
            name: self.name,
            temperature: temperatures.iter().sum::<f32>() / temperatures.len().max(1) as f32,
            clips: self.clips.into_values().map(|(_, logits, _)| logits).collect(),
            out_of_fold: Some(temperatures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross::{HeldOut, pooled};
    use crate::dataset::Clip;
    use crate::split::Fold;
    use attune_model::genre::GenreId;
    use std::sync::Arc;

    /// Clips of two classes by three artists a class: `right` of six in each fold are answered right.
    fn fold(folder: &Path, model: &str, number: usize, right: usize) -> HeldOut {
        let clip = |n: usize| Clip {
            name: format!("clip-{number}-{n}"),
            genre: GenreId((n % 2) as u8),
            artist: format!("artist-{number}-{}", n % 3),
            whole: Some(Arc::new(vec![0.0; 256])),
            ..Clip::default()
        };
        let clips: Vec<Clip> = (0..6).map(clip).collect();
        let logits = |n: usize| {
            let mut row = [0.0; 10];
            row[if n < right { n % 2 } else { 1 - n % 2 }] = 3.0 + n as f32 / 4.0;
            ClipLogits {
                truth: GenreId((n % 2) as u8),
                logits: row.repeat(100),
                classes: 10,
                novelty: Vec::new(),
            }
        };
        let held_out = HeldOut {
            excerpts: Vec::new(),
            whole: (0..6).map(logits).collect(),
        };
        let (genres, spec) = (GenreSet::gtzan(), FrontEndSpec::default());
        let folder = folder.join(format!("fold-{number}"));
        let fold = Some(Fold { number, of: 2 });
        held_out::write(&folder, (model, fold), &genres, &spec, &clips, &held_out).unwrap();
        held_out
    }

    #[test]
    fn folds_of_two_models_are_an_ensemble_and_one_alone_is_its_page() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| root.path().join(name));
        let first = [fold(&folders[0], "lstm", 1, 4), fold(&folders[0], "lstm", 2, 6)];
        fold(&folders[1], "lstm", 1, 6);
        let unfinished = evaluate_folds(&folders, None).unwrap_err().to_string();
        assert!(
            unfinished.contains("fold-2") && unfinished.contains("1 of 2"),
            "{unfinished}"
        );
        fold(&folders[1], "lstm", 2, 5);
        let found = evaluate_folds(&folders, None).unwrap();
        let models = &found.evaluation.models;
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "ensemble"]);
        assert_eq!((found.evaluation.clips, found.evaluation.rows.len()), (12, 12));
        assert!((models[0].whole.accuracy - 10.0 / 12.0).abs() < 1e-9);
        assert_eq!(models[0].by_group.unwrap().groups, 6);
        // The same figures as the page of the cross-validation has.
        let page = &pooled(&first, &FrontEndSpec::default(), 10)[0];
        assert!((models[0].whole.nll - page.after.nll).abs() < 1e-9);
        assert!((models[0].before.ece - page.before.ece).abs() < 1e-9);
        // Other clips cannot be put together; a part that is not there is said.
        let other = root.path().join("c");
        fold(&other, "tcn", 1, 6);
        let third = fold(&other, "tcn", 2, 6);
        assert_eq!(third.whole.len(), 6);
        std::fs::rename(other.join("fold-2"), other.join("fold-3")).unwrap();
        assert!(evaluate_folds(&[folders[0].clone(), other], None).is_err());
        let none = evaluate_folds(&folders, Some(Part::Excerpt)).unwrap_err().to_string();
        assert!(none.contains("--part"), "{none}");
    }
}
