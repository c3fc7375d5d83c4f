//! What changes the answer while it is live: the models run beside the live ones, again, at a low rate.
//!
//! In: what was played, models. Out: an [`Explanation`] of a column that moves on with the sound. Thread: window, and
//! one for each query.

use super::explain_context::context_of;
use super::history::History;
use super::job::{Job, JobError};
use super::query_error::QueryError;
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::Explanation;
use attune_model::LoadedModel;
use std::time::{Duration, Instant};

/// The least time from an answer to the next query.
const EVERY: Duration = Duration::from_secs(3);
/// After a query none starts for this many times its duration, so that queries take at most a tenth of one core.
const REST: u32 = 9;

/// How long it took, and its result.
type Timed = (Duration, Option<Explanation>);

/// The newest answer, and the open query.
#[derive(Debug, Default)]
pub struct LiveAttribution {
    /// How many columns had been played, and the explanation of the newest of them.
    newest: Option<(u64, Explanation)>,
    fault: Option<JobError<QueryError>>,
    /// How many columns had been played when it was started, and its job.
    open: Option<(u64, Job<Timed, QueryError>)>,
    /// When the next one may start; `None`: at once.
    next: Option<Instant>,
}

impl LiveAttribution {
    /// Explains the newest column, if it is time and there is news. `models` are the models that are on; `done` is
    /// called when they have answered.
    pub fn follow(
        &mut self,
        history: &History,
        (models, spec): (impl FnOnce() -> Vec<LoadedModel>, &FrontEndSpec),
        done: impl Fn() + Send + Sync + 'static,
    ) {
        let columns = history.total_columns();
        let is_news = self.newest.as_ref().is_none_or(|(explained, _)| *explained != columns);
        if self.open.is_some() || !is_news || self.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        let context = context_of(history, spec);
        if context.is_empty() {
            return;
        }
        let (models, spec) = (models(), spec.clone());
        let job = Job::start("attune-changes", done, move |_| {
            let begun = Instant::now();
            let explanation = Explanation::changes(&models, &context.input(&spec), spec.hop())?;
            Ok((begun.elapsed(), explanation))
        });
        self.open = Some((columns, job));
    }

    /// Takes over the answer, if it is there.
    pub fn poll(&mut self) {
        let Some((columns, job)) = &mut self.open else {
            return;
        };
        job.poll();
        let (columns, Some(ended)) = (*columns, job.take_ended()) else {
            return;
        };
        self.open = None;
        let (took, newest, fault) = match ended {
            Ok((took, Some(explanation))) => (took, Some((columns, explanation)), None),
            Ok((took, None)) => (took, None, Some(JobError::Work(QueryError::AllOff))),
            Err(error) => (Duration::ZERO, None, Some(error)),
        };
        (self.newest, self.fault) = (newest, fault);
        // By what the work took, not by when the answer was seen: a window that was hidden meanwhile need not make up
        // for it.
        self.next = Some(Instant::now() + (REST * took).max(EVERY));
    }

    /// The last one, and how many columns ago; `None` if nothing was, or what is played started over in another shape.
    pub fn newest(&self, history: &History) -> Option<(&Explanation, u64)> {
        let (columns, explanation) = self.newest.as_ref()?;
        Some((explanation, history.total_columns().checked_sub(*columns)?))
    }

    /// Why there is none.
    pub fn fault(&self) -> Option<&JobError<QueryError>> {
        self.fault.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn an_explanation_belongs_to_its_column_and_the_next_query_waits() {
        let models = attune_model::bundled().expect("bundled models");
        let spec = &models.front_end;
        let (mut history, mut live_attribution) = (History::new(), LiveAttribution::default());
        let loaded = || models.models.clone();
        live_attribution.follow(&history, (loaded, spec), || ());
        assert!(live_attribution.open.is_none(), "no sound yet");
        history.absorb(&snapshot(1, 60));
        let (answered, answer) = bounded(1);
        live_attribution.follow(&history, (loaded, spec), move || answered.send(()).unwrap_or_default());
        answer.recv_timeout(Duration::from_mins(1)).expect("an answer");
        history.absorb(&snapshot(1, 70));
        // Seen late, as by a window that was hidden: the next one waits for what the work took, not for how long
        // nobody polled.
        std::thread::sleep(Duration::from_secs(1));
        live_attribution.poll();
        assert!(
            live_attribution
                .next
                .is_some_and(|next| next < Instant::now() + Duration::from_secs(9))
        );
        let (explanation, ago) = live_attribution.newest(&history).expect("an explanation");
        assert_eq!((ago, explanation.frames), (10, 60));
        let context = context_of(&history, spec);
        assert!(!context.is_empty() && live_attribution.next.is_some_and(|next| next > Instant::now()));
        live_attribution.follow(&history, (loaded, spec), || ());
        assert!(live_attribution.open.is_none(), "it is not time yet");
        // All models off: it says so, and keeps no answer of before.
        live_attribution.next = None;
        let (answered, answer) = bounded(1);
        live_attribution.follow(&history, (Vec::new, spec), move || {
            answered.send(()).unwrap_or_default();
        });
        answer.recv_timeout(Duration::from_mins(1)).expect("an answer");
        live_attribution.poll();
        assert!(live_attribution.newest(&history).is_none());
        assert!(matches!(
            live_attribution.fault(),
            Some(JobError::Work(QueryError::AllOff))
        ));
    }
}
