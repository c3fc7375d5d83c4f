//! The heads of a held moment that were studied, one after the other, beside the window.
//!
//! In: what was played, heads. Out: a [`HeadStudy`] of each. Thread: window, and one for each request.

use super::job::Job;
use super::query_error::QueryError;
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::{Context, Head, HeadStudy};
use attune_model::LoadedModel;

/// What is known of a head.
pub(super) type HeadJob = Job<Box<HeadStudy>, QueryError>;

/// All heads that were studied.
#[derive(Debug, Default)]
pub struct HeadStudies {
    known: Vec<(Head, HeadJob)>,
}

impl HeadStudies {
    /// Studies those of the heads that were not studied yet, of a model that is fed this. `done` is called after each.
    pub fn start(
        &mut self,
        heads: &[Head],
        (model, spec): (&LoadedModel, &FrontEndSpec),
        context: Context,
        done: impl Fn() + Send + Sync + 'static,
    ) {
        let new: Vec<Head> = heads.iter().copied().filter(|head| self.of(*head).is_none()).collect();
        if new.is_empty() {
            return;
        }
        let (model, spec) = (model.clone(), spec.clone());
        let jobs = Job::start_each("attune-heads", new.clone(), done, move |head| {
            let study = HeadStudy::of(&model, &context.input(&spec), head)?;
            study.map(Box::new).ok_or(QueryError::NoHead)
        });
        self.known.extend(new.into_iter().zip(jobs));
    }

    /// Says why heads cannot be studied.
    pub fn refuse(&mut self, heads: &[Head], why: impl Fn() -> QueryError) {
        for head in heads
            .iter()
            .filter(|head| self.of(**head).is_none())
            .collect::<Vec<_>>()
        {
            self.known.push((*head, Job::refused(why())));
        }
    }

    /// Takes over what has come.
    pub fn poll(&mut self) {
        for (_, job) in &mut self.known {
            job.poll();
        }
    }

    /// What is known of a head; `None`: it was not studied.
    pub fn of(&self, head: Head) -> Option<&HeadJob> {
        self.known
            .iter()
            .find(|(known, _)| *known == head)
            .map(|(_, study)| study)
    }

    /// The study of a head, once there is one.
    pub fn result(&self, head: Head) -> Option<&HeadStudy> {
        self.of(head)?.result().map(Box::as_ref)
    }
}
