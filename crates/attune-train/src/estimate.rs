//! How long a training run will take here, from a few steps of it.
//!
//! In: a recipe. Out: a [`Cost`]. Thread: the caller's, and the pool that it runs in.

use super::TrainError;
use super::dataset::{Clip, Dataset};
use super::recipe::Recipe;
use super::trainer::Trainer;
use super::validate::Part;
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, GenreSet};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Steps that are timed, after a first one that also warms up.
const STEPS: u64 = 3;
/// Frames of the sound that is validated for it.
const FRAMES: usize = 430;

/// What a run costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// One step.
    pub step: Seconds,
    /// Validating one second of sound, in seconds.
    pub validation: f64,
}

impl Cost {
    /// A run of `steps` steps that validates every `every` steps over so much sound; and once more over all of it at
    /// the end, for calibration, familiarity and the card.
    pub fn of_run(&self, steps: u64, every: u64, train: Seconds, valid: Seconds) -> Seconds {
        let validations = steps.div_ceil(every.max(1)) as f64;
        let validated = (validations + 4.0) * valid.0 + train.0;
        Seconds(steps as f64 * self.step.0 + self.validation * validated)
    }
}

/// Measures what a recipe costs, with noise as sound.
///
/// # Errors
/// If the network cannot be built or computed.
pub fn cost(recipe: &Recipe) -> Result<Cost, TrainError> {
    let classes = recipe.architecture.head.classes;
    let labels = (0..classes).map(|class| class.to_string()).collect();
    let genres = GenreSet::new(labels).map_err(|error| TrainError::Data {
        path: PathBuf::from("the classes"),
        message: error.to_string(),
    })?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut clip = |class: usize| {
        let levels = (0..FRAMES * recipe.front_end.bands).map(|_| -40.0 * rng.random::<f32>());
        Clip {
            name: class.to_string(),
            genre: GenreId(class as u8),
            whole: Some(Arc::new(levels.collect())),
            ..Clip::default()
        }
    };
    let data = Dataset::new(genres, (0..classes).map(&mut clip).collect(), vec![clip(0)]);
    let recipe = Recipe {
        steps: STEPS + 1,
        ..recipe.clone()
    };
    let mut trainer = Trainer::new(recipe, &data)?;
    trainer.step()?;
    let begun = Instant::now();
    for _ in 0..STEPS {
        trainer.step()?;
    }
    let step = begun.elapsed().as_secs_f64() / STEPS as f64;
    let begun = Instant::now();
    trainer.validate(Part::Whole)?;
    let sound = FRAMES as f64 * trainer.recipe().front_end.hop().0;
    Ok(Cost {
        step: Seconds(step),
        validation: begun.elapsed().as_secs_f64() / sound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::ModelKind;
    use crate::variant::Variant;

    #[test]
    fn a_run_costs_its_steps_and_all_that_is_validated() {
        let cost = Cost {
            step: Seconds(0.5),
            validation: 0.01,
        };
        // 100 steps, 10 validations and 4 more of 20 s, 80 s of training clips.
        let total = cost.of_run(100, 10, Seconds(80.0), Seconds(20.0));
        assert!((total.0 - (50.0 + 0.01 * (14.0 * 20.0 + 80.0))).abs() < 1e-9);
    }

    #[test]
    fn every_kind_can_be_measured() {
        for kind in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Tcn, ModelKind::Attention] {
            let measured = cost(&Variant::Gate.recipe(kind, 3, 1, 1000, None)).unwrap();
            assert!(
                measured.step.0 > 0.0 && measured.validation > 0.0,
                "{kind:?}: {measured:?}"
            );
        }
    }
}
