//! Where six score functions look from a held moment, asked beside the window.
//!
//! In: what was heard. Out: weights of each function. Thread: window, and one for each moment that is asked about.

use crate::explain::Question;
use crate::features::FrontEndSpec;
use crate::lab::LabError;
use crate::lab::scores::{ShippedScores, Weighted};
use crate::model::ModelSet;
use crossbeam_channel::{Receiver, bounded};

/// What is known of them.
#[derive(Debug, Default)]
pub enum Strips {
    /// Nobody asked.
    #[default]
    Unasked,
    /// They are being asked.
    Asking(Receiver<Result<Weighted, LabError>>),
    /// What each weights, oldest frame first.
    Told(Weighted),
    /// They could not be asked, and why.
    Failed(String),
}

impl Strips {
    /// Begins to ask of `levels` (frames, bands) in dB, unless that was done. `done` is called when there is an answer.
    pub fn ask(
        &mut self,
        levels: Vec<f32>,
        (models, spec): (&ModelSet, &FrontEndSpec),
        done: impl Fn() + Send + 'static,
    ) {
        if !matches!(self, Self::Unasked) {
            return;
        }
        let (models, spec) = (models.clone(), spec.clone());
        let (tell, told) = bounded(1);
        let begun = std::thread::Builder::new()
            .name("attune-scores".to_owned())
            .spawn(move || {
                let question = Question::of_levels(&levels, &spec);
                let weights = ShippedScores::of(&models).and_then(|scores| scores.weights(&question.frames));
                // The moment was let go: nobody waits.
                let _ = tell.send(weights);
                done();
            });
        *self = match begun {
            Ok(_) => Self::Asking(told),
            Err(error) => Self::Failed(error.to_string()),
        };
    }

    /// Takes over the answer, once it is there.
    pub fn poll(&mut self) {
        if let Self::Asking(told) = self
            && let Ok(weights) = told.try_recv()
        {
            *self = weights.map_or_else(|error| Self::Failed(error.to_string()), Self::Told);
        }
    }
}
