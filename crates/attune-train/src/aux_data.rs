//! Auxiliary data: labelled music from another source, for some of the classes, possibly with a narrower band.
//!
//! Unprocessed, their band would reveal the class: dull sound means blues, because the blues is telephone-quality. So a
//! share of *all* labelled draws is limited to a band. It is that of a random source, whatever the class, and auxiliary
//! clips are drawn only there, from all sources whose own band is at least as wide: the band of a sound carries no
//! information. Nor should a codec: the data set's clips are drawn there half the time as codecs have made them
//! ([`super::dataset::Clip::coded`]). Auxiliary data get renditions like the data set: otherwise excerpts both limited
//! *and* re-recorded would more often be of a class that they lack. (Mixtures are not made.)
//!
//! In: folders with a sub-folder for each class, one folder a source. Out: clips, with their renditions. Thread:
//! training's, and for the renditions a pool of its own.

use super::TrainError;
use super::dataset::{Clip, Dataset, mel_of_file};
use super::folders::classes_below;
use super::renditions::{Making, RenditionsPlan, digest, music_below};
use attune_audio::features::FrontEndSpec;
use attune_model::genre::{GenreId, GenreSet};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A band of which the loudest level lies further below the loudest of all than this holds nothing, in dB.
const RANGE_DB: f32 = 70.0;
/// The flank of the filter that removed the rest: this many bands below the first empty one reveal the filter, too.
const FLANK_BANDS: usize = 10;

/// More clips, and the sub-folders that are no class.
#[derive(Debug, Default)]
pub struct AuxData {
    /// Each with its [`Clip::band_limit`].
    pub clips: Vec<Clip>,
    /// Names of sub-folders that were left out.
    pub no_class: Vec<String>,
}

/// Reads all audio below the sub-folders of each source that are named like a class. `progress` gets how many of how
/// many files are read.
///
/// # Errors
/// If no sub-folder is a class, one of them has no audio, or a file cannot be decoded.
pub fn open(
    folders: &[PathBuf],
    genres: &GenreSet,
    spec: &FrontEndSpec,
    mut progress: impl FnMut(usize, usize),
) -> Result<AuxData, TrainError> {
    let mut aux = AuxData::default();
    let mut files: Vec<(usize, GenreId, PathBuf)> = Vec::new();
    for (source, folder) in folders.iter().enumerate() {
        let before = files.len();
        for class in classes_below(folder, &[])? {
            match genres.find(&class.label) {
                Some(genre) => {
                    for folder in &class.folders {
                        files.extend(music_below(folder)?.into_iter().map(|file| (source, genre, file)));
                    }
                }
                None => aux.no_class.push(class.label),
            }
        }
        if files.len() == before {
            return Err(TrainError::Data {
                path: folder.clone(),
                message: format!(
                    "none of its sub-folders is named after a class: put a class's audio into a folder of its name ({})",
                    genres.labels().join(", ")
                ),
            });
        }
    }
    files.sort();
    for (done, (source, genre, file)) in files.iter().enumerate() {
        progress(done, files.len());
        let levels = mel_of_file(file, spec)?;
        if levels.len() < 2 * spec.bands {
            return Err(TrainError::Data {
                path: file.clone(),
                message: "shorter than two frames: remove it".to_owned(),
            });
        }
        aux.clips.push(Clip {
            name: file.to_string_lossy().into_owned(),
            genre: *genre,
            source: Some(*source),
            band_limit: Some(band_limit(&levels, spec.bands)),
            whole: Some(Arc::new(levels)),
            audio: Some(file.clone()),
            ..Clip::default()
        });
    }
    Ok(aux)
}

/// Refuses clips whose file is also a validation clip's, whatever it is called.
///
/// # Errors
/// If there is one, or a file cannot be read.
pub fn refuse_validation_files(clips: &[Clip], valid: &[Clip]) -> Result<(), TrainError> {
    // Clips of folders have their path for a name.
    let file = |clip: &Clip| clip.audio.clone().unwrap_or_else(|| PathBuf::from(&clip.name));
    let files = valid.iter().map(file).filter(|file| file.is_file());
    let validation = files.map(|file| digest(&file)).collect::<Result<HashSet<_>, _>>()?;
    for clip in clips {
        let file = file(clip);
        if validation.contains(&digest(&file)?) {
            return Err(TrainError::Data {
                path: file,
                message: "a validation clip is the same file: remove it here".to_owned(),
            });
        }
    }
    Ok(())
}

/// Adds the clips to the training clips, each with renditions by `plan`: without mixtures and without a teacher, whose
/// output for a narrow band is mostly wrong. `kept` is the file that they are cached in, if any: not that of the data
/// set's, which may have a teacher's output. `progress` gets the number of renditions made and their total.
///
/// # Errors
/// If a file can no longer be read or decoded.
pub fn join(
    data: &mut Dataset,
    clips: Vec<Clip>,
    plan: &RenditionsPlan,
    spec: &FrontEndSpec,
    kept: Option<&Path>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(), TrainError> {
    let plan = RenditionsPlan {
        mixtures: 0,
        teacher: None,
        ..plan.clone()
    };
    let making = Making {
        plan: &plan,
        spec,
        teacher: None,
        kept,
    };
    let mut also = Dataset::new(data.genres.clone(), clips, Vec::new());
    making.make(&mut also, &[], progress)?;
    // A rendition names its clip by the place among all.
    let first = data.train.len();
    let renditions = also.train.iter_mut().flat_map(|clip| &mut clip.renditions);
    for (place, _) in renditions.flat_map(|rendition| &mut rendition.clips) {
        *place += first;
    }
    data.train.append(&mut also.train);
    Ok(())
}

/// The first band of levels (frames, bands) that a filter removed, or `bands` without one.
pub(crate) fn band_limit<T: Copy + Into<f32>>(levels: &[T], bands: usize) -> usize {
    let mut loudest = vec![f32::NEG_INFINITY; bands];
    for frame in levels.chunks_exact(bands) {
        for (loudest, level) in loudest.iter_mut().zip(frame) {
            *loudest = loudest.max((*level).into());
        }
    }
    let least = loudest.iter().copied().fold(f32::NEG_INFINITY, f32::max) - RANGE_DB;
    match loudest.iter().rposition(|level| *level > least) {
        Some(last) if last + 1 < bands => (last + 1).saturating_sub(FLANK_BANDS).max(1),
        _ => bands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANDS: usize = 64;

    /// Levels that fall by half a dB a band, and by 8 more from `edge` on.
    fn levels(edge: usize) -> Vec<f32> {
        let level = |band: usize| -0.5 * band as f32 - 8.0 * band.saturating_sub(edge) as f32;
        (0..20 * BANDS)
            .map(|i| level(i % BANDS) - 5.0 * (i / BANDS) as f32)
            .collect()
    }

    #[test]
    fn the_limit_lies_below_the_flank_and_a_full_band_has_none() {
        assert_eq!(band_limit(&levels(BANDS), BANDS), BANDS);
        // From band 40 on 8.5 dB a band: −20 there, −62.5 at 45, −71 at 46.
        assert_eq!(band_limit(&levels(40), BANDS), 46 - FLANK_BANDS);
        // Digital silence keeps one band.
        assert_eq!(band_limit(&vec![-100.0; 4 * BANDS], BANDS), BANDS);
        let one = [vec![0.0], vec![-100.0; BANDS - 1]].concat();
        assert_eq!(band_limit(&one, BANDS), 1);
    }
}
