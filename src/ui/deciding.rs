//! Which segments of a file decide what it is, asked beside the window of a network that reads whole files.
//!
//! In: a path, models. Out: weights of its segments. Thread: window, and one for each file that is asked about.

use crate::lab::hierarchy::Reader;
use crate::model::ModelSet;
use crate::offline::DecidedReport;
use crossbeam_channel::{Receiver, bounded};
use std::path::PathBuf;

/// What is known of it.
#[derive(Debug, Default)]
pub enum Deciding {
    /// Nobody asked.
    #[default]
    Unasked,
    /// It is being read.
    Reading(Receiver<Result<Option<DecidedReport>, String>>),
    /// Which decided.
    Told(DecidedReport),
    /// It cannot be told, and why.
    Failed(String),
}

impl Deciding {
    /// Begins to read, unless that was done. `done` is called when there is an answer.
    pub fn ask(&mut self, path: PathBuf, models: ModelSet, done: impl Fn() + Send + 'static) {
        if !matches!(self, Self::Unasked) {
            return;
        }
        let (tell, told) = bounded(1);
        let begun = std::thread::Builder::new()
            .name("attune-segments".to_owned())
            .spawn(move || {
                let read = Reader::bundled(&models).and_then(|reader| reader.file(&path));
                // Another file is open by now: nobody waits.
                let _ = tell.send(read.map_err(|error| error.to_string()));
                done();
            });
        *self = match begun {
            Ok(_) => Self::Reading(told),
            Err(error) => Self::Failed(error.to_string()),
        };
    }

    /// Says that it cannot be told.
    pub fn refuse(&mut self, why: &str) {
        *self = Self::Failed(why.to_owned());
    }

    /// Takes over the answer, once it is there.
    pub fn poll(&mut self) {
        if let Self::Reading(told) = self
            && let Ok(read) = told.try_recv()
        {
            *self = match read {
                Ok(Some(report)) => Self::Told(report),
                Ok(None) => Self::Failed("it is shorter than the shortest segment".to_owned()),
                Err(error) => Self::Failed(error),
            };
        }
    }
}
