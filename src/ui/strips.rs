//! Where six score functions look from a held moment, asked beside the window.
//!
//! In: what was heard. Out: weights of each function. Thread: window, and one for each moment that is asked about.

use super::heard::Heard;
use crate::features::FrontEndSpec;
use crate::lab::scores::{ShippedScores, Weighted};
use crossbeam_channel::{Receiver, bounded};

/// What is known of them.
#[derive(Debug, Default)]
pub enum Strips {
    /// Nobody asked.
    #[default]
    Unasked,
    /// They are being asked.
    Asking(Receiver<Result<Weighted, String>>),
    /// What each weights, oldest frame first.
    Told(Weighted),
    /// They could not be asked, and why.
    Failed(String),
}

impl Strips {
    /// Begins to ask about what was heard, unless that was done. `done` is called when there is an answer.
    pub fn ask(&mut self, heard: Heard, spec: &FrontEndSpec, done: impl Fn() + Send + 'static) {
        if !matches!(self, Self::Unasked) {
            return;
        }
        let spec = spec.clone();
        let (tell, told) = bounded(1);
        let begun = std::thread::Builder::new()
            .name("attune-scores".to_owned())
            .spawn(move || {
                let question = heard.question(&spec);
                let weights = match ShippedScores::get() {
                    Ok(scores) => scores.weights(&question.frames).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
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
            *self = weights.map_or_else(Self::Failed, Self::Told);
        }
    }
}
