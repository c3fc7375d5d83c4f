//! Logits of a run's validation clips in a file: what a cross-validation of several models is pooled from.
//!
//! In: clips and their logits. Out: `held-out.safetensors` in the run's folder, a tensor (frames, classes) for each
//! part of each clip; and the same read again. Thread: the caller's.

use crate::TrainError;
use crate::cross::HeldOut;
use crate::dataset::{Clip, tensor_values};
use crate::evaluate::ClipLogits;
use crate::split::Fold;
use crate::validate::Part;
use attune_audio::features::FrontEndSpec;
use attune_engine::files;
use attune_model::genre::{GenreId, GenreSet};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The file's name in a run's folder.
pub(crate) const FILE: &str = "held-out.safetensors";

/// Key of the description among the file's metadata.
const KEY: &str = "attune";

/// What the tensors are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// The model's name.
    pub(crate) model: String,
    /// The classes.
    pub(crate) genres: GenreSet,
    /// The front end.
    pub(crate) front_end: FrontEndSpec,
    /// The fold that the clips are of; none for another split.
    pub(crate) fold: Option<Fold>,
    /// The clips.
    pub(crate) clips: Vec<HeldOutClip>,
}

/// One clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldOutClip {
    /// Its name in the index.
    pub(crate) name: String,
    /// Its label.
    pub(crate) genre: String,
    /// Artist or other group; empty if unknown.
    pub(crate) artist: String,
}

/// Prefix of the tensors of a part; a clip's place follows.
const fn prefix(part: Part) -> &'static str {
    match part {
        Part::Whole => "whole/",
        Part::Excerpt => "excerpt/",
    }
}

/// Writes the logits of a run's validation clips to its folder.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(
    folder: &Path,
    (model, fold): (&str, Option<Fold>),
    genres: &GenreSet,
    front_end: &FrontEndSpec,
    clips: &[Clip],
    held_out: &HeldOut,
) -> Result<(), TrainError> {
    let path = folder.join(FILE);
    let data = |message: String| TrainError::Data {
        path: path.clone(),
        message,
    };
    let description = Description {
        model: model.to_owned(),
        genres: genres.clone(),
        front_end: front_end.clone(),
        fold,
        clips: clips
            .iter()
            .map(|clip| HeldOutClip {
                name: clip.name.clone(),
                genre: genres.label(clip.genre).to_owned(),
                artist: clip.artist.clone(),
            })
            .collect(),
    };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (part, logits) in [(Part::Whole, &held_out.whole), (Part::Excerpt, &held_out.excerpts)] {
        let with_part = clips.iter().enumerate().filter(|(_, clip)| part.is_of(clip));
        for ((place, _), logits) in with_part.zip(logits) {
            let bytes = logits.logits.iter().flat_map(|x| x.to_le_bytes()).collect();
            let shape = vec![logits.frames(), logits.classes];
            tensors.push((format!("{}{place}", prefix(part)), shape, bytes));
        }
    }
    let text = serde_json::to_string(&description).map_err(|error| data(error.to_string()))?;
    let views = tensors.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views: Vec<_> = views
        .collect::<Result<_, _>>()
        .map_err(|error| data(error.to_string()))?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| data(error.to_string()))?;
    Ok(files::write_atomically(&path, &bytes)?)
}

/// A file that was read: its description, and the logits of one part by the clips' places in it.
pub(crate) struct Read {
    pub(crate) description: Description,
    pub(crate) whole: Vec<(usize, ClipLogits)>,
    pub(crate) excerpts: Vec<(usize, ClipLogits)>,
}

/// Reads the file of a run's folder.
///
/// # Errors
/// If it cannot be read, or is not as [`write`] makes it; the message names the tensor.
pub(crate) fn read(path: &Path) -> Result<Read, TrainError> {
    let bytes = files::read(path)?;
    parse(&bytes).map_err(|message| TrainError::Data {
        path: path.to_owned(),
        message,
    })
}

fn parse(bytes: &[u8]) -> Result<Read, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let text = text.ok_or("these are no held-out logits of attune train")?;
    let description: Description = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let classes = description.genres.len();
    let part = |part: Part| -> Result<Vec<(usize, ClipLogits)>, String> {
        let mut all = Vec::new();
        for (place, clip) in description.clips.iter().enumerate() {
            let Ok(view) = file.tensor(&format!("{}{place}", prefix(part))) else {
                continue;
            };
            let truth: GenreId = (description.genres.find(&clip.genre))
                .ok_or_else(|| format!("{}: there is no class {:?}", clip.name, clip.genre))?;
            if view.shape().len() != 2 || view.shape()[1] != classes || view.shape()[0] == 0 {
                return Err(format!(
                    "{} has the shape {:?}, not (frames, {classes})",
                    clip.name,
                    view.shape()
                ));
            }
            let logits = tensor_values(&clip.name, &view)?;
            all.push((
                place,
                ClipLogits {
                    truth,
                    logits,
                    classes,
                    novelty: Vec::new(),
                },
            ));
        }
        Ok(all)
    };
    Ok(Read {
        whole: part(Part::Whole)?,
        excerpts: part(Part::Excerpt)?,
        description,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_written_is_read_again_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let genres = GenreSet::gtzan();
        let clip = |name: &str, genre: u8, has_whole: bool| Clip {
            name: name.to_owned(),
            genre: GenreId(genre),
            artist: "x".to_owned(),
            whole: has_whole.then(|| Arc::new(vec![0.0; 256])),
            excerpt: Some(Arc::new(vec![0.0; 256])),
            ..Clip::default()
        };
        let clips = [clip("a", 1, false), clip("b", 2, true)];
        let logits = |truth: u8, frames: usize| ClipLogits {
            truth: GenreId(truth),
            logits: (0..frames * 10).map(|i| i as f32 / 7.0).collect(),
            classes: 10,
            novelty: Vec::new(),
        };
        let held_out = HeldOut {
            excerpts: vec![logits(1, 3), logits(2, 4)],
            whole: vec![logits(2, 5)],
        };
        let fold = Some(Fold { number: 2, of: 5 });
        let spec = FrontEndSpec::default();
        write(folder.path(), ("lstm", fold), &genres, &spec, &clips, &held_out).unwrap();
        let path = folder.path().join(FILE);
        let back = read(&path).unwrap();
        assert_eq!((back.description.model.as_str(), back.description.fold), ("lstm", fold));
        assert_eq!(back.whole, [(1, logits(2, 5))]);
        assert_eq!(back.excerpts, [(0, logits(1, 3)), (1, logits(2, 4))]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(read(&path).err().unwrap().to_string().contains(FILE));
        std::fs::write(
            &path,
            safetensors::serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap(),
        )
        .unwrap();
        assert!(read(&path).err().unwrap().to_string().contains("no held-out logits"));
    }
}
