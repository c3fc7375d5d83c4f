//! What changes the answer while it is live: the engines are asked beside the live ones, again and again, but seldom.
//!
//! In: what was heard, engines. Out: an [`Explanation`] of a column that moves on with the sound. Thread: window, and one for each
//! question.

use super::heard::heard;
use super::history::History;
use crate::explain::Explanation;
use crate::features::FrontEndSpec;
use crate::model::LoadedModel;
use crossbeam_channel::{Receiver, bounded};
use std::time::{Duration, Instant};

/// The least time from one question to the next.
const EVERY: Duration = Duration::from_secs(3);
/// After an answer nothing is asked for so many times what it took, so that asking takes a tenth of one core at most.
const REST: u32 = 9;

type Answer = Result<Option<Explanation>, String>;

/// The newest answer, and the question that is open.
#[derive(Debug, Default)]
pub struct Changing {
    /// How many columns had been heard, and what was told of the newest of them.
    told: Option<(u64, Explanation)>,
    fault: Option<String>,
    open: Option<Open>,
    /// When the next question may be asked; `None`: at once.
    next: Option<Instant>,
}

/// A question that is open.
#[derive(Debug)]
struct Open {
    columns: u64,
    since: Instant,
    answer: Receiver<Answer>,
}

impl Changing {
    /// Asks about the newest column, if it is time and there is news. `models` are the engines that are on; `done` is called when
    /// they have answered.
    pub fn follow(
        &mut self,
        history: &History,
        (models, spec): (impl FnOnce() -> Vec<LoadedModel>, &FrontEndSpec),
        done: impl Fn() + Send + 'static,
    ) {
        let (now, columns) = (Instant::now(), history.total_columns());
        let is_news = self.told.as_ref().is_none_or(|(asked, _)| *asked != columns);
        if self.open.is_some() || !is_news || self.next.is_some_and(|next| now < next) {
            return;
        }
        let heard = heard(history, spec);
        if heard.is_empty() {
            return;
        }
        let (tell, answer) = bounded(1);
        let (models, spec) = (models(), spec.clone());
        let asking = std::thread::Builder::new()
            .name("attune-changes".to_owned())
            .spawn(move || {
                let told = Explanation::changes(&models, &heard.question(&spec), spec.hop());
                // Nobody waits any more if the strip was closed.
                let _ = tell.send(told.map_err(|error| error.to_string()));
                done();
            });
        match asking {
            Ok(_) => {
                self.open = Some(Open {
                    columns,
                    since: now,
                    answer,
                });
            }
            Err(error) => self.rest(now, Some(error.to_string())),
        }
    }

    /// Takes over the answer, if it is there.
    pub fn poll(&mut self) {
        let Some(open) = &self.open else { return };
        let Ok(told) = open.answer.try_recv() else { return };
        let (columns, since) = (open.columns, open.since);
        self.open = None;
        self.told = None;
        match told {
            Ok(Some(told)) => {
                self.told = Some((columns, told));
                self.rest(since, None);
            }
            Ok(None) => self.rest(since, Some("all are off".to_owned())),
            Err(error) => self.rest(since, Some(error)),
        }
    }

    fn rest(&mut self, since: Instant, fault: Option<String>) {
        self.fault = fault;
        self.next = Some(Instant::now() + (REST * since.elapsed()).max(EVERY.saturating_sub(since.elapsed())));
    }

    /// What was told last, and how many columns ago; `None` if nothing was, or what is heard began anew in another shape.
    pub fn told(&self, history: &History) -> Option<(&Explanation, u64)> {
        let (columns, told) = self.told.as_ref()?;
        Some((told, history.total_columns().checked_sub(*columns)?))
    }

    /// Why nothing is told.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::*;

    #[test]
    fn an_answer_is_of_the_column_that_was_asked_about_and_the_next_question_waits() {
        let models = crate::model::bundled().expect("bundled models");
        let spec = &models.front_end;
        let (mut history, mut changing) = (History::new(), Changing::default());
        let engines = || models.models.clone();
        changing.follow(&history, (engines, spec), || ());
        assert!(changing.open.is_none(), "nothing was heard");
        history.absorb(&snapshot(1, 60));
        let (tell, told) = bounded(1);
        changing.follow(&history, (engines, spec), move || tell.send(()).unwrap_or_default());
        told.recv_timeout(Duration::from_mins(1)).expect("an answer");
        history.absorb(&snapshot(1, 70));
        changing.poll();
        let (explanation, ago) = changing.told(&history).expect("told");
        assert_eq!((ago, explanation.frames), (10, 60));
        let heard = heard(&history, spec);
        assert!(!heard.is_empty() && changing.next.is_some_and(|next| next > Instant::now()));
        changing.follow(&history, (engines, spec), || ());
        assert!(changing.open.is_none(), "it is not time yet");
        // All engines off: it says so, and keeps no answer of before.
        changing.next = None;
        let (tell, told) = bounded(1);
        changing.follow(&history, (Vec::new, spec), move || tell.send(()).unwrap_or_default());
        told.recv_timeout(Duration::from_mins(1)).expect("an answer");
        changing.poll();
        assert!(changing.told(&history).is_none());
        assert_eq!(changing.fault(), Some("all are off"));
    }
}
