//! The knobs: what others would have answered, and using them.
//!
//! In: the knobs on their page, what was played. Out: two [`ReplayResult`]s to draw; commands. Thread: window, half a
//! millisecond for each picture while the page is open.

use super::App;
use crate::ui::answers::{Replay, ReplayResult};
use crate::ui::choices::Page;
use crate::ui::prescan;
use crate::ui::track::Track;
use attune_engine::Command;
use attune_engine::smoothing::SmoothingConfig;

/// The most frames replayed per frame of the window: half a millisecond of work.
const AT_ONCE: usize = 1600;

/// What two settings of the knobs make of the same sound.
#[derive(Debug)]
pub(super) struct KnobReplay {
    /// The knobs on the page, or those at the start of the running replay.
    tried: Replay,
    /// The knobs on the page, when they are others: they take the place of `tried` once they have caught up.
    next: Option<Replay>,
    /// The knobs in use.
    live: Replay,
    /// Whether both were fed everything at least once.
    caught_up: bool,
}

impl KnobReplay {
    /// What came of the knobs that are tried and of those in use; `None` until both were fed the same.
    pub(super) fn shown(&self) -> Option<(&ReplayResult, &ReplayResult)> {
        self.caught_up.then(|| (self.tried.result(), self.live.result()))
    }
}

impl App {
    /// Replays the knobs over what was played, a part of it for each frame of the window.
    pub(super) fn retry(&mut self) {
        if self.view.page != Page::Knobs || self.played.answers.len() == 0 {
            self.jobs.knob_replay = None;
            return;
        }
        let (hop, answers, knobs) = (
            self.models.info.front_end.hop(),
            &self.played.answers,
            self.view.tuning.knobs,
        );
        // Knobs that cannot be used show nothing; the sliders do not let them be set.
        let begin = |knobs: SmoothingConfig| Replay::new(knobs, answers, hop).ok();
        let in_use = self.view.tuning.in_use;
        let follows = |trial: &KnobReplay| {
            *trial.live.config() == in_use
                && trial.live.follows(answers)
                && trial.tried.follows(answers)
                && trial.next.as_ref().is_none_or(|next| next.follows(answers))
        };
        if !self.jobs.knob_replay.as_ref().is_some_and(follows) {
            self.jobs.knob_replay = begin(knobs).zip(begin(in_use)).map(|(tried, live)| KnobReplay {
                tried,
                next: None,
                live,
                caught_up: false,
            });
        }
        let Some(trial) = &mut self.jobs.knob_replay else {
            return;
        };
        if trial.next.is_none() && *trial.tried.config() != knobs {
            trial.next = begin(knobs);
        }
        let mut left = trial.live.advance(answers, AT_ONCE / 2) + trial.tried.advance(answers, AT_ONCE / 2);
        trial.caught_up |= left == 0;
        if let Some(next) = &mut trial.next {
            let waiting = next.advance(answers, AT_ONCE);
            left += waiting;
            if waiting == 0
                && let Some(next) = trial.next.take()
            {
                trial.tried = next;
            }
        }
        if left > 0 {
            self.ctx.request_repaint_after(super::REPAINT_INTERVAL);
        }
    }

    /// Smooths and decides with the knobs on the page from now on.
    pub(super) fn use_knobs(&mut self) {
        self.view.tuning.in_use = self.view.tuning.knobs;
        self.settings.smoothing = self.view.tuning.knobs;
        self.jobs.knob_replay = None;
        self.send(Command::SetSmoothing(self.view.tuning.knobs));
        self.start_prescan();
    }

    /// Analyses the open file in advance, with the knobs in use, beside the live path.
    pub(super) fn start_prescan(&mut self) {
        let models = self.models.that_are_on().filter(|set| !set.models.is_empty());
        let (Some(track), Some(models), Some(open)) = (&mut self.played.track, models, &self.view.source.opened) else {
            return;
        };
        if !Track::is_short_enough(open.duration) {
            return;
        }
        let repaint = self.ctx.clone();
        let notify = move || repaint.request_repaint_after(super::REPAINT_INTERVAL);
        track.start_prescan(prescan::start(
            open.id.clone().into(),
            models,
            self.view.tuning.in_use,
            notify,
        ));
    }
}
