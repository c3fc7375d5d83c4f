//! Windowed targets: a teacher's features of short windows along a sound, so that each excerpt has a target of its own
//! rather than the clip's.
//!
//! A teacher that has seen thirty seconds reports what three of them cannot show. One whose input is as long as the
//! network's describes each excerpt itself.
//!
//! In: a safetensors file that another program made of the sounds (`models/tell_windows.py`): for each audio file a
//! tensor (windows, features), named by the first 32 hexadecimal digits of the file's SHA-256, and for each excerpt
//! that came as features `excerpt/CLIP` (1, features); `hop_seconds` and `window_seconds` in its metadata. Out:
//! [`WindowedTargets`], assigned to the clips. Thread: any.

use super::TrainError;
use super::dataset::{Clip, Dataset, tensor_values};
use super::renditions::digest;
use attune_engine::files;
use attune_model::load::hex;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The features of all windows of one sound.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowedTargets {
    width: usize,
    /// (windows, width), in order of time, evenly spaced.
    rows: Vec<f32>,
    /// How much of the sound one window covers.
    share: f32,
}

impl WindowedTargets {
    /// Rows (windows, width) of windows of `window_seconds`, each `hop_seconds` after the one before.
    pub fn new(rows: Vec<f32>, width: usize, hop_seconds: f32, window_seconds: f32) -> Self {
        let hops = (rows.len() / width.max(1)).saturating_sub(1) as f32;
        Self {
            width,
            rows,
            share: window_seconds / (hops * hop_seconds + window_seconds),
        }
    }

    /// Features of a part of the sound, given by shares of its length: the mean of as many windows as fit into it side
    /// by side, at least one. Between two windows they are interpolated.
    pub fn at(&self, part: &Range<f32>) -> Vec<f32> {
        let fitting = ((part.end - part.start) / self.share).round();
        // Windows shorter than their hop: there are only so many.
        let count = fitting.clamp(1.0, self.rows().len().max(1) as f32);
        // The first and the last window's places; a part shorter than a window is in the middle of its own.
        let first = part.start + ((part.end - part.start) - self.share).min(0.0) / 2.0;
        let last = (part.end - self.share).max(first);
        let mut mean = vec![0.0; self.width];
        for number in 0..count as usize {
            let start = first + (last - first) * number as f32 / (count - 1.0).max(1.0);
            self.add_between(start, 1.0 / count, &mut mean);
        }
        mean
    }

    /// Features of the whole sound.
    pub fn mean(&self) -> Vec<f32> {
        let mut mean = vec![0.0; self.width];
        let scale = 1.0 / self.rows().len().max(1) as f32;
        for row in self.rows() {
            add(&mut mean, row, scale);
        }
        mean
    }

    /// All windows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.rows.chunks_exact(self.width)
    }

    /// Adds the features of the window that begins at a share of the length, by linear interpolation.
    fn add_between(&self, start: f32, weight: f32, sum: &mut [f32]) {
        let last = self.rows().len() - 1;
        let free = 1.0 - self.share;
        let at = if free > 0.0 { start / free * last as f32 } else { 0.0 };
        let at = at.clamp(0.0, last as f32);
        let left = at as usize;
        let row = |number: usize| &self.rows[number * self.width..][..self.width];
        add(sum, row(left), weight * (1.0 - at.fract()));
        if left < last {
            add(sum, row(left + 1), weight * at.fract());
        }
    }
}

fn add(sum: &mut [f32], row: &[f32], weight: f32) {
    for (slot, x) in sum.iter_mut().zip(row) {
        *slot += weight * x;
    }
}

/// A file of windows.
#[derive(Debug)]
pub(crate) struct WindowedTargetsFile {
    path: PathBuf,
    sha256: String,
    width: usize,
    targets: HashMap<String, Arc<WindowedTargets>>,
}

impl WindowedTargetsFile {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read, does not say how far its windows are apart, or its tensors are not of one width.
    pub(crate) fn open(path: &Path) -> Result<Self, TrainError> {
        let buffer = files::read(path)?;
        let refused = |message: String| TrainError::Data {
            path: path.to_owned(),
            message,
        };
        let damaged = |error: safetensors::SafeTensorError| {
            refused(format!(
                "not a whole safetensors file ({error}): make it with models/tell_windows.py"
            ))
        };
        let (_, metadata) = SafeTensors::read_metadata(&buffer).map_err(damaged)?;
        let seconds = |name: &str| -> Result<f32, TrainError> {
            let text = metadata.metadata().as_ref().and_then(|entries| entries.get(name));
            let value = text.and_then(|text| text.parse::<f32>().ok());
            value.filter(|value| value.is_finite() && *value > 0.0).ok_or_else(|| {
                refused(format!(
                    "its metadata has no {name} above 0: make the file with models/tell_windows.py"
                ))
            })
        };
        let (hop, window) = (seconds("hop_seconds")?, seconds("window_seconds")?);
        let file = SafeTensors::deserialize(&buffer).map_err(damaged)?;
        let mut width = 0;
        let mut targets = HashMap::new();
        for (name, view) in file.iter() {
            let &[1..=usize::MAX, features @ 1..=usize::MAX] = view.shape() else {
                return Err(refused(format!(
                    "{name} has shape {:?}, not (windows, features)",
                    view.shape()
                )));
            };
            if width != 0 && features != width {
                return Err(refused(format!(
                    "{name} has {features} features where others have {width}"
                )));
            }
            width = features;
            let rows = tensor_values(name, &view).map_err(refused)?;
            targets.insert(
                name.to_owned(),
                Arc::new(WindowedTargets::new(rows, features, hop, window)),
            );
        }
        if targets.is_empty() {
            return Err(refused("it has targets for no sound".to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            sha256: hex(&Sha256::digest(&buffer)),
            width,
            targets,
        })
    }

    /// SHA-256 of the file.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Assigns its targets to every training clip and to unlabelled music. Unlabelled music without targets or teacher
    /// output is left out: there is nothing to learn from it.
    ///
    /// # Errors
    /// If a clip's audio cannot be read, or the file has targets for no training clip.
    pub(crate) fn assign(&self, data: &mut Dataset) -> Result<Assigned, TrainError> {
        let mut assigned = Assigned::default();
        for clip in data.train.iter_mut().chain(&mut data.unlabelled) {
            if let Some(audio) = &clip.audio {
                clip.windowed_targets = self.targets.get(&digest(audio)?).cloned();
            }
            clip.excerpt_window = self.targets.get(&format!("excerpt/{}", clip.name)).cloned();
            let has = |levels: bool, targets: &Option<Arc<WindowedTargets>>| !levels || targets.is_some();
            let is_covered =
                has(clip.audio.is_some(), &clip.windowed_targets) && has(clip.excerpt.is_some(), &clip.excerpt_window);
            *(if is_covered {
                &mut assigned.with
            } else {
                &mut assigned.without
            }) += 1;
        }
        if data.train.iter().all(|clip| !has_targets(clip)) {
            return Err(TrainError::Data {
                path: self.path.clone(),
                message: "it has targets for none of the clips: make it from these files with models/tell_windows.py"
                    .to_owned(),
            });
        }
        data.window_width = self.width;
        data.unlabelled.retain(|clip| {
            let has_teacher_output = |clip: &Clip| {
                clip.renditions
                    .iter()
                    .any(|rendition| !rendition.recording.teacher.features.is_empty())
            };
            clip.windowed_targets.is_some() || has_teacher_output(clip)
        });
        Ok(assigned)
    }
}

fn has_targets(clip: &Clip) -> bool {
    clip.windowed_targets.is_some() || clip.excerpt_window.is_some()
}

/// How many clips have windowed targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// Clips with targets for everything that can be drawn from them.
    pub with: usize,
    /// Clips that lack some: those excerpts are trained on by their labels alone.
    pub without: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five windows of 2 s with a hop of 1 s: 6 s. The first feature is the second at which a window begins.
    fn windows() -> WindowedTargets {
        let rows = (0..5).flat_map(|n| [n as f32, -1.0]).collect();
        WindowedTargets::new(rows, 2, 1.0, 2.0)
    }

    fn begins(from: f32, to: f32) -> f32 {
        windows().at(&(from / 6.0..to / 6.0))[0]
    }

    #[test]
    fn a_part_has_the_window_that_covers_it_or_a_mix_of_both_neighbours() {
        assert!((begins(3.0, 5.0) - 3.0).abs() < 1e-5);
        assert!((begins(1.25, 3.25) - 1.25).abs() < 1e-5);
        assert!((windows().at(&(0.3..0.5))[1] + 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_longer_part_has_the_mean_and_a_shorter_one_the_window_around_it() {
        // 0, 2 and 4.
        assert!((begins(0.0, 6.0) - 2.0).abs() < 1e-5);
        // 1 and 3.
        assert!((begins(1.0, 5.0) - 2.0).abs() < 1e-5);
        assert!((begins(3.5, 4.5) - 3.0).abs() < 1e-5);
        // No window begins before the sound does, or ends after it.
        assert!(begins(0.0, 0.5).abs() < 1e-5);
        assert!((begins(5.5, 6.0) - 4.0).abs() < 1e-5);
        assert_eq!(windows().mean(), [2.0, -1.0]);
    }

    /// A file of these tensors, with this metadata.
    fn file(tensors: &[(&str, Vec<usize>, Vec<f32>)], hop: Option<&str>) -> tempfile::NamedTempFile {
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
            ((*name).to_owned(), view.unwrap())
        });
        let metadata = hop.map(|hop| {
            let entries = [("hop_seconds", hop), ("window_seconds", "3")];
            entries.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), safetensors::serialize(views, metadata).unwrap()).unwrap();
        file
    }

    fn clip(name: &str, audio: Option<&Path>, has_excerpt: bool) -> Clip {
        Clip {
            name: name.to_owned(),
            audio: audio.map(Path::to_owned),
            excerpt: has_excerpt.then(|| Arc::new(vec![0.0; 4])),
            ..Clip::default()
        }
    }

    #[test]
    fn each_clip_gets_the_targets_of_its_audio_and_of_its_excerpt() {
        let audio = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(audio.path(), "some sound").unwrap();
        let name = digest(audio.path()).unwrap();
        let targets = file(
            &[
                (&name, vec![2, 1], vec![1.0, 2.0]),
                ("excerpt/b", vec![1, 1], vec![3.0]),
                ("excerpt/c", vec![1, 1], vec![4.0]),
            ],
            Some("1"),
        );
        let train = vec![
            clip("a", Some(audio.path()), false),
            clip("b", None, true),
            clip("d", None, true),
        ];
        let genres = attune_model::genre::GenreSet::new(vec!["x".to_owned(), "y".to_owned()]).unwrap();
        let mut data = Dataset::new(genres, train, vec![clip("c", None, true)]);
        let assigned = WindowedTargetsFile::open(targets.path())
            .unwrap()
            .assign(&mut data)
            .unwrap();
        assert_eq!(assigned, Assigned { with: 2, without: 1 });
        assert_eq!(data.train[0].windowed_targets.as_ref().unwrap().rows().len(), 2);
        assert_eq!(data.train[1].excerpt_window.as_ref().unwrap().mean(), [3.0]);
        assert!(data.train[2].excerpt_window.is_none() && data.valid[0].excerpt_window.is_none());
        assert_eq!(data.window_width, 1);
        data.train.drain(..2);
        let message = WindowedTargetsFile::open(targets.path())
            .unwrap()
            .assign(&mut data)
            .unwrap_err()
            .to_string();
        assert!(message.contains("none of the clips"), "{message}");
    }

    #[test]
    fn an_incomplete_file_is_refused() {
        let of = |tensors: &[(&str, Vec<usize>, Vec<f32>)], hop| {
            let file = file(tensors, hop);
            let error = WindowedTargetsFile::open(file.path()).unwrap_err().to_string();
            assert!(error.contains(&file.path().display().to_string()), "{error}");
            error
        };
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "no tensors at all").unwrap();
        let error = WindowedTargetsFile::open(text.path()).unwrap_err().to_string();
        assert!(
            error.contains("not a whole safetensors file") && error.contains("tell_windows"),
            "{error}"
        );
        let good = ("a", vec![1, 2], vec![1.0, 2.0]);
        assert!(of(std::slice::from_ref(&good), None).contains("hop_seconds"));
        assert!(of(std::slice::from_ref(&good), Some("-1")).contains("tell_windows"));
        assert!(of(&[("a", vec![2], vec![1.0, 2.0])], Some("1")).contains("(windows, features)"));
        assert!(of(&[good.clone(), ("b", vec![1, 1], vec![1.0])], Some("1")).contains("features where others"));
        assert!(of(&[("a", vec![1, 1], vec![f32::NAN])], Some("1")).contains("NaN"));
        assert!(of(&[], Some("1")).contains("no sound"));
    }

    #[test]
    fn one_window_is_all_there_is() {
        let single = WindowedTargets::new(vec![7.0], 1, 1.0, 3.0);
        assert_eq!(single.at(&(0.2..0.4)), [7.0]);
        assert_eq!(single.at(&(0.0..1.0)), [7.0]);
    }
}
