//! The knobs: what others would have answered, and using them.
//!
//! In: the knobs on their page, what was heard. Out: two [`Retrial`]s to draw; orders. Thread: window, some milliseconds once a
//! second while the page is open.

use super::App;
use crate::engine::Command;
use crate::smoothing::SmoothingConfig;
use crate::ui::ahead::Ahead;
use crate::ui::answers::Retrial;
use crate::ui::track::Track;
use crate::ui::view_state::Page;

/// New sound makes the trial begin anew so often, in seconds heard.
const AFRESH: f64 = 1.0;

/// What two settings of the knobs make of the same sound.
#[derive(Debug)]
pub(super) struct Trial {
    /// The knobs on the page.
    knobs: SmoothingConfig,
    pub(super) tried: Retrial,
    /// The knobs in use.
    pub(super) live: Retrial,
    heard: f64,
}

impl App {
    /// Tries the knobs on what was heard, if they or it are new.
    pub(super) fn retry(&mut self) {
        if self.view.page != Page::Knobs || self.answers.len() == 0 {
            self.trial = None;
            return;
        }
        let (knobs, heard) = (self.view.knobs, self.history.heard());
        let known = |trial: &Trial| trial.knobs == knobs && heard - trial.heard < AFRESH;
        if self.trial.as_ref().is_some_and(known) {
            return;
        }
        let hop = self.cast.front_end.hop();
        let live = match self.trial.take() {
            // While a hand moves a knob, the other side is not worked out again and again.
            Some(trial) if heard - trial.heard < AFRESH => Ok(trial.live),
            _ => self.answers.retry(&self.view.knobs_in_use, hop),
        };
        // Knobs that cannot be used show nothing; the sliders do not let them be set.
        if let (Ok(tried), Ok(live)) = (self.answers.retry(&knobs, hop), live) {
            self.trial = Some(Trial {
                knobs,
                tried,
                live,
                heard,
            });
        }
    }

    /// Smooths and decides with the knobs on the page from now on.
    pub(super) fn use_knobs(&mut self) {
        self.view.knobs_in_use = self.view.knobs;
        self.settings.smoothing = self.view.knobs;
        self.trial = None;
        self.send(Command::SetSmoothing(self.view.knobs));
        self.hear_ahead();
    }

    /// Hears the file that is open ahead with the knobs in use, beside the live path.
    pub(super) fn hear_ahead(&mut self) {
        let models = self.models_on().filter(|set| !set.models.is_empty());
        let (Some(track), Some(models), Some(open)) = (&mut self.track, models, &self.view.opened) else {
            return;
        };
        if !Track::is_short_enough(open.duration) {
            return;
        }
        let repaint = self.ctx.clone();
        let tell = move || repaint.request_repaint_after(super::REPAINT_INTERVAL);
        track.hear_ahead(Ahead::begin(
            open.id.clone().into(),
            models,
            self.view.knobs_in_use,
            tell,
        ));
    }
}
