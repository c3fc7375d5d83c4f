//! A moment held fast: what was on the screen when it was clicked, and what the models say of it when they run again.
//!
//! In: history and snapshot. Out: an [`Explanation`], made on a thread of its own. Thread: window, and one for each
//! moment.

use super::explain_context::context_of;
use super::head_studies::HeadStudies;
use super::history::{COLUMNS, History};
use super::job::Job;
use super::query_error::QueryError;
use super::traces::Traces;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_engine::Snapshot;
use attune_engine::explain::{Explanation, Head, similar};
use attune_model::caption::{CaptionReader, Grid, SaidPiece};
use attune_model::scores::{ScoreWeights, Scores};
use attune_model::{LoadedModel, ModelSet};

/// How many similar moments are offered at most…
const MOST_SIMILAR: usize = 3;
/// …with at least this score: below it, in log-mel levels of music, little is alike.
const LEAST_SIMILAR: f32 = 0.4;
/// Captions that are kept at once, as by `attune lab say`.
const WORD_BEAM: usize = 3;

/// What sounds in the seconds up to a moment, in words.
#[derive(Debug)]
pub struct MomentCaption {
    /// The words; times count from the first frame that was read.
    pub said: SaidPiece,
    /// The tiles of their weights.
    pub grid: Grid,
    /// Frames that were read, up to the newest.
    pub frames: usize,
}

impl MomentCaption {
    /// Edges of the tiles at this place in time, as columns counted back from the newest.
    pub(super) fn columns_back(&self, tile: usize) -> (usize, usize) {
        let back = |tile: usize| self.frames.saturating_sub(tile * self.grid.tile_frames);
        (back(tile), back(tile + 1))
    }
}

/// A moment held fast.
#[derive(Debug)]
pub struct HeldMoment {
    /// What was played up to it.
    pub history: History,
    /// The engine at it.
    pub snapshot: Snapshot,
    /// The column that was clicked, counted back from the newest.
    pub cursor: usize,
    /// What the answer rests on.
    pub explaining: Job<Box<Explanation>, QueryError>,
    /// Columns that sound like the one that was clicked, counted back from the newest, and how much; best first.
    pub similar: Vec<(usize, f32)>,
    /// The heads that were studied.
    pub heads: HeadStudies,
    /// What six score functions attend to from it.
    pub scores: Job<ScoreWeights, QueryError>,
    /// How much the convolutions depend on each frame before it, newest first.
    pub field: Job<Vec<f64>, QueryError>,
    /// What sounds in the seconds before it, in words.
    pub words: Job<MomentCaption, QueryError>,
}

impl HeldMoment {
    /// Holds the moment, and has it explained. `done` is called when that is done.
    pub fn new(
        history: &History,
        snapshot: &Snapshot,
        cursor: usize,
        (models, spec): (&[LoadedModel], &FrontEndSpec),
        done: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let mut held = Self {
            history: history.clone(),
            snapshot: snapshot.clone(),
            cursor,
            explaining: Job::Idle,
            similar: Vec::new(),
            heads: HeadStudies::default(),
            scores: Job::Idle,
            field: Job::Idle,
            words: Job::Idle,
        };
        held.move_cursor(cursor);
        let context = context_of(history, spec);
        held.explaining = match (context.is_empty(), models.is_empty()) {
            (_, true) => Job::refused(QueryError::NoModels),
            (true, _) => Job::refused(QueryError::NoFrames),
            _ => {
                let (models, spec) = (models.to_vec(), spec.clone());
                Job::start("attune-explain", done, move |_| {
                    let explanation = Explanation::of(&models, &context.input(&spec), spec.hop())?;
                    explanation.map(Box::new).ok_or(QueryError::AllOff)
                })
            }
        };
        held
    }

    /// Puts the cursor on another column, and finds what sounds like it.
    pub fn move_cursor(&mut self, cursor: usize) {
        self.cursor = cursor;
        let (total, bands, hop) = (self.history.total_columns(), self.history.bands(), self.snapshot.hop);
        let kept = total.min(COLUMNS as u64) as usize;
        let Some(query) = kept.checked_sub(cursor + 1) else {
            return;
        };
        let columns = (total - kept as u64..total).filter_map(|column| self.history.column(column));
        let levels: Vec<f32> = columns.flat_map(|column| column.iter().copied()).collect();
        let patch = (similar::PATCH.0 / hop.0.max(1e-6)).round() as usize;
        let found = similar::similar(&levels, bands, query, patch, MOST_SIMILAR);
        self.similar = found
            .iter()
            .filter(|it| it.score >= LEAST_SIMILAR)
            .map(|it| (kept - 1 - it.frame, it.score))
            .collect();
    }

    /// Studies what these heads of the attention model do up to this moment. `done` is called after each.
    pub fn study(
        &mut self,
        heads: &[Head],
        (models, spec): (&[LoadedModel], &FrontEndSpec),
        done: impl Fn() + Send + Sync + 'static,
    ) {
        let context = context_of(&self.history, spec);
        match models.get(self.snapshot.attention.model) {
            Some(model) if !context.is_empty() => self.heads.start(heads, (model, spec), context, done),
            Some(_) => self.heads.refuse(heads, || QueryError::NoFrames),
            None => self.heads.refuse(heads, || QueryError::NoModels),
        }
    }

    /// Finds out, once, what each score function attends to from here. `done` is called when that is known.
    pub fn start_scores(&mut self, models: &ModelSet, done: impl Fn() + Send + Sync + 'static) {
        if !self.scores.is_idle() {
            return;
        }
        let (context, models) = (context_of(&self.history, &models.front_end), models.clone());
        self.scores = if context.is_empty() {
            Job::refused(QueryError::NoFrames)
        } else {
            Job::start("attune-scores", done, move |_| {
                let input = context.input(&models.front_end);
                Ok(Scores::bundled(&models)?.weights(&input.frames)?)
            })
        };
    }

    /// Finds out, once, how far the convolutions of this model reach back from here. `done` is called when that is
    /// known.
    pub fn start_field(
        &mut self,
        frames: usize,
        (model, spec): (Option<&LoadedModel>, &FrontEndSpec),
        done: impl Fn() + Send + Sync + 'static,
    ) {
        if !self.field.is_idle() {
            return;
        }
        let Some(model) = model.cloned() else {
            self.field = Job::refused(QueryError::NoModels);
            return;
        };
        let (context, spec) = (context_of(&self.history, spec), spec.clone());
        self.field = if context.is_empty() {
            Job::refused(QueryError::NoFrames)
        } else {
            Job::start("attune-field", done, move |_| {
                let input = context.input(&spec);
                let first = input.count().saturating_sub(frames);
                Ok(model.effective_receptive_field(&input.frames[first * spec.bands..])?)
            })
        };
    }

    /// Says, once, what sounds up to here. `done` is called when that is known.
    pub fn start_words(&mut self, done: impl Fn() + Send + Sync + 'static) {
        if !self.words.is_idle() {
            return;
        }
        let (total, bands) = (self.history.total_columns(), self.history.bands());
        let first = Traces::beginning(&self.history);
        let columns = (first..total).filter_map(|column| self.history.column(column));
        let levels: Vec<f32> = columns.flat_map(|column| column.iter().copied()).collect();
        self.words = Job::start("attune-words", done, move |_| {
            let reader = CaptionReader::bundled()?;
            let shape = reader.model().net.shape();
            if bands != shape.bands {
                return Err(QueryError::NoFrames);
            }
            let frames = (levels.len() / bands).min(shape.frames);
            let newest = &levels[levels.len() - frames * bands..];
            let pieces = reader.captions(newest, WORD_BEAM)?;
            let said = pieces.into_iter().next().ok_or(QueryError::NoPiece)?;
            let grid = shape.grid(frames);
            Ok(MomentCaption { said, grid, frames })
        });
    }

    /// Takes over what has come.
    pub fn poll(&mut self) {
        self.explaining.poll();
        self.heads.poll();
        self.scores.poll();
        self.field.poll();
        self.words.poll();
    }

    /// The explanation, once there is one.
    pub fn explanation(&self) -> Option<&Explanation> {
        self.explaining.result().map(Box::as_ref)
    }

    /// Stream time of the moment.
    pub fn at(&self) -> Seconds {
        let newest = self.history.total_columns().checked_sub(1);
        newest
            .and_then(|newest| self.history.time_of(newest))
            .unwrap_or_default()
    }

    /// Stream time of the column that was clicked, if it is not a break.
    pub fn cursor_at(&self) -> Option<Seconds> {
        let column = self.history.total_columns().checked_sub(self.cursor as u64 + 1)?;
        self.history.time_of(column)
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::*;

    #[test]
    fn a_moment_has_its_time_and_its_cursor_another() {
        let spec = FrontEndSpec::default();
        let mut history = History::new();
        history.absorb(&snapshot(1, 100));
        history.absorb(&snapshot(2, 30));
        let moment = snapshot(2, 30);
        let held = HeldMoment::new(&history, &moment, 4, (&[], &spec), || ());
        assert_eq!(held.at(), Seconds(29.0 * moment.hop.0));
        assert_eq!(held.cursor_at(), Some(Seconds(25.0 * moment.hop.0)));
        assert!(held.explaining.error().is_some(), "there is no model to explain it");
    }
}
