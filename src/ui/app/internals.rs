//! What networks do inside, computed only while it is shown: the units of a recurrent model, score functions, what
//! changes the answer, the segments of a file.
//!
//! In: what is chosen, what was played. Out: [`Traces`], strips, changes, weights of segments. Thread: window.

use super::App;
use crate::ui::choices::{Internals, TrackShows};
use crate::ui::job::Job;
use crate::ui::live_attribution::LiveAttribution;
use crate::ui::query_error::QueryError;
use crate::ui::traces::Traces;
use crate::ui::track::Track;
use crate::ui::widgets::ColumnTexture;
use attune_audio::source::OpenedSource;
use attune_engine::offline::{sections_of_file, segments_of_file};
use attune_model::ModelSet;
use attune_model::hierarchical::SegmentReader;
use attune_model::sections::SectionReader;
use eframe::egui;
use std::path::{Path, PathBuf};

impl App {
    /// Runs the score functions on the held moment, if that was not done.
    fn start_scores(&mut self) {
        let repaint = self.ctx.clone();
        if let (Some(held), Some(models)) = (&mut self.jobs.held, &self.models.set) {
            held.start_scores(models, move || repaint.request_repaint());
        }
    }

    /// Keeps the live occlusion up to date while it is visible.
    pub(super) fn follow_attribution(&mut self) {
        if !self.view.measures_changes() || self.view.source.opened.is_none() {
            self.jobs.live_attribution = LiveAttribution::default();
            return;
        }
        self.jobs.live_attribution.poll();
        if self.jobs.held.is_some() {
            return;
        }
        let repaint = self.ctx.clone();
        let mut live_attribution = std::mem::take(&mut self.jobs.live_attribution);
        let models = || self.models.that_are_on().map_or(Vec::new(), |set| set.models);
        let models = (models, &self.models.info.front_end);
        live_attribution.follow(&self.played.history, models, move || repaint.request_repaint());
        self.jobs.live_attribution = live_attribution;
    }

    /// Says what sounds up to the held moment, if that was not done.
    fn start_words(&mut self) {
        let repaint = self.ctx.clone();
        if let Some(held) = self.jobs.held.as_mut().filter(|_| self.models.info.words) {
            held.start_words(move || repaint.request_repaint());
        }
    }

    /// Computes how far convolutions reach back from the held moment, if that was not done.
    fn start_field(&mut self) {
        let Some(label) = &self.models.info.convolutions else {
            return;
        };
        let repaint = self.ctx.clone();
        let model = self.models.set.as_ref().and_then(|set| set.models.get(label.model));
        if let Some(held) = &mut self.jobs.held {
            let model = (model, &self.models.info.front_end);
            held.start_field(label.frames(), model, move || repaint.request_repaint());
        }
    }

    /// Computes which segments of the file decide, or which sections it has, once, when they are first visible.
    pub(super) fn start_segments(&mut self) {
        let shows = self.view.timeline.shows;
        let (Some(track), Some(open), None) = (
            &mut self.played.track,
            &self.view.source.opened,
            self.view.timeline.span,
        ) else {
            return;
        };
        let of = (self.models.set.as_ref(), open, &self.ctx);
        match shows {
            TrackShows::Segments if track.segments.is_idle() => {
                track.segments = read_whole("attune-segments", of, |path, models| {
                    Ok(segments_of_file(path, &SegmentReader::bundled(models)?)?)
                });
            }
            TrackShows::Sections if track.sections.is_idle() => {
                track.sections = read_whole("attune-sections", of, |path, models| {
                    Ok(sections_of_file(path, &SectionReader::bundled(models)?)?)
                });
            }
            _ => {}
        }
    }

    /// Follows what is shown with the units of the model that is inspected.
    pub(super) fn follow_internals(&mut self) {
        let attends = self.models.info.has_attention() || self.link.snapshots.output_buffer().attention.frames > 0;
        let index = match self.view.internals.chosen {
            Internals::Units(index) => Some(index),
            Internals::Scores => {
                self.start_scores();
                None
            }
            Internals::Words => {
                self.start_words();
                None
            }
            Internals::Field => {
                self.start_field();
                None
            }
            Internals::Heads if attends => None,
            Internals::Heads => self.models.info.recurrent.first().map(|(index, _)| *index),
        };
        let Some(index) = index.filter(|_| self.view.source.opened.is_some()) else {
            self.jobs.traces = None;
            return;
        };
        let shown = self
            .jobs
            .held
            .as_ref()
            .map_or(&self.played.history, |held| &held.history);
        if let Some(traces) = self.jobs.traces.as_mut().filter(|traces| traces.model == index) {
            traces.poll();
            if traces.follow(shown) {
                return;
            }
        }
        self.pictures.units = ColumnTexture::default();
        let model = self.models.set.as_ref().and_then(|set| set.models.get(index));
        let repaint = self.ctx.clone();
        let notify = move || repaint.request_repaint_after(super::REPAINT_INTERVAL);
        let first = Traces::beginning(shown);
        self.jobs.traces =
            model.and_then(|model| Traces::begin((index, model), &self.models.info.front_end, first, notify));
        if let Some(traces) = &mut self.jobs.traces {
            traces.follow(shown);
        }
    }
}

/// Reads a file as a whole, on a thread of its own.
fn read_whole<T: Send + 'static>(
    name: &str,
    (models, open, ctx): (Option<&ModelSet>, &OpenedSource, &egui::Context),
    read: impl FnOnce(&Path, &ModelSet) -> Result<Option<T>, QueryError> + Send + 'static,
) -> Job<T, QueryError> {
    let Some(models) = models.cloned() else {
        return Job::refused(QueryError::NoModels);
    };
    if !Track::is_short_enough(open.duration) {
        return Job::refused(QueryError::TooLong);
    }
    let (path, repaint) = (PathBuf::from(open.id.clone()), ctx.clone());
    Job::start(
        name,
        move || repaint.request_repaint(),
        move |_| read(&path, &models)?.ok_or(QueryError::TooShort),
    )
}
