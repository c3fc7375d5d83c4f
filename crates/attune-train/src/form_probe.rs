//! Whether a network can distinguish filled log-mels from real sound: a linear probe of its pooled features (Alain &
//! Bengio 2017).
//!
//! Six of GTZAN's genres exist mostly as filled log-mels. A network that recognises the form recognises the genre for
//! the wrong reason. So within each class a logistic regression on the features before the output, out of fold by clip,
//! has to distinguish the excerpt of each clip, which is real, from as many frames after it, which are filled. A
//! network that is blind to the form leaves it at chance, one half.
//!
//! In: a network and clips that have both forms. Out: [`FormProbe`]. Thread: training's.

use super::TrainError;
use super::dataset::Clip;
use super::teacher::genres::{Row, out_of_fold};
use attune_audio::features::{FrontEndSpec, LoudnessNormalizer};
use attune_model::architecture::Net;
use attune_model::genre::{GenreId, GenreSet};
use attune_nn::Pass;
use candle_core::{Device, Tensor};

/// Fewer clips of a class than these say nothing.
const LEAST_CLIPS: usize = 8;

/// How often the form was predicted right, within each class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FormProbe {
    /// Class, right answers, number of them.
    pub classes: Vec<(GenreId, usize, usize)>,
}

impl FormProbe {
    /// Over all clips that have both forms; `None` without enough of them.
    ///
    /// # Errors
    /// If the network cannot be run.
    pub fn measure<'a>(
        net: &dyn Net,
        clips: impl Iterator<Item = &'a Clip>,
        genres: &GenreSet,
        spec: &FrontEndSpec,
    ) -> Result<Option<Self>, TrainError> {
        let mut by_class: Vec<Vec<[Vec<f32>; 2]>> = vec![Vec::new(); genres.len()];
        for clip in clips {
            let (Some(excerpt), Some(filled)) = (&clip.excerpt, &clip.filled) else {
                continue;
            };
            // The first frames of a filled log-mel are those of the excerpt.
            let Some(after) = filled.get(excerpt.len()..2 * excerpt.len()) else {
                continue;
            };
            let after: Vec<f32> = after.iter().map(|level| level.to_f32()).collect();
            by_class[usize::from(clip.genre.0)].push([features(net, excerpt, spec)?, features(net, &after, spec)?]);
        }
        let mut probe = Self::default();
        for (genre, clips) in genres.ids().zip(&by_class) {
            if clips.len() < LEAST_CLIPS {
                continue;
            }
            let rows: Vec<Row<'_>> = clips
                .iter()
                .enumerate()
                .flat_map(|(group, forms)| {
                    forms.iter().zip(0..).map(move |(features, form)| Row {
                        features,
                        genre: GenreId(form),
                        group,
                    })
                })
                .collect();
            let predicted = out_of_fold(&rows, 2);
            let is_right = |(row, p): &(&Row<'_>, &Vec<f32>)| p[usize::from(row.genre.0)] > 0.5;
            let right = rows.iter().zip(&predicted).filter(is_right).count();
            probe.classes.push((genre, right, rows.len()));
        }
        Ok((!probe.classes.is_empty()).then_some(probe))
    }

    /// Right answers over all classes, and their number.
    pub fn total(&self) -> (usize, usize) {
        let counts = self.classes.iter();
        counts.fold((0, 0), |(right, of), (_, more_right, more)| {
            (right + more_right, of + more)
        })
    }
}

/// The features before the output, at the last of the frames.
fn features(net: &dyn Net, levels: &[f32], spec: &FrontEndSpec) -> Result<Vec<f32>, TrainError> {
    let mut normalized = Vec::with_capacity(levels.len());
    LoudnessNormalizer::new(spec).push(levels, &mut normalized);
    let frames = normalized.len() / spec.bands;
    let x = Tensor::from_vec(normalized, (1, frames, spec.bands), &Device::Cpu)?;
    let output = net.classify(&x, &[frames - 1], &mut Pass::Infer)?;
    Ok(output.hidden.flatten_all()?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::normal;
    use crate::recipe::{ModelKind, Recipe};
    use attune_nn::weights::WeightStore;
    use half::f16;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use std::sync::Arc;

    /// Share of forms predicted right, where the filled half is as rough as the real one, or smooth.
    fn accuracy(smooth: bool) -> f64 {
        let recipe = Recipe::new(ModelKind::Tcn, 2, 1, 1);
        let net = recipe.architecture.build(&mut WeightStore::random(1)).unwrap();
        let spec = &recipe.front_end;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let clips: Vec<Clip> = (0..60)
            .map(|_| {
                let mut levels: Vec<f32> = (0..80 * spec.bands).map(|_| -40.0 + 8.0 * normal(&mut rng)).collect();
                for i in (40 * spec.bands..levels.len()).filter(|_| smooth) {
                    levels[i] = 0.2 * levels[i] + 0.8 * levels[i - spec.bands];
                }
                Clip {
                    excerpt: Some(Arc::new(levels[..40 * spec.bands].to_vec())),
                    filled: Some(Arc::new(levels.into_iter().map(f16::from_f32).collect())),
                    ..Clip::default()
                }
            })
            .collect();
        let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
        let probe = FormProbe::measure(net.as_ref(), clips.iter(), &genres, spec)
            .unwrap()
            .unwrap();
        assert_eq!(probe.classes.len(), 1, "no clip is of the second class");
        let (right, of) = probe.total();
        assert_eq!(of, 120);
        right as f64 / of as f64
    }

    #[test]
    fn a_smoother_form_is_distinguished_and_an_equal_one_is_not() {
        assert!(accuracy(true) > 0.9, "{}", accuracy(true));
        // Five deviations of 120 fair draws.
        assert!(
            (accuracy(false) - 0.5).abs() < 5.0 * (0.25f64 / 120.0).sqrt(),
            "{}",
            accuracy(false)
        );
    }
}
