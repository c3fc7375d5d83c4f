//! What the window remembers of the snapshots it saw, in bounded rings.
//!
//! In: snapshots. Out: mel columns and answers for the plots over time, points for the timeline. Thread: window.

use super::model_answers::{Agreement, ModelAnswers};
use super::section_runs::SectionRuns;
use attune_audio::units::Seconds;
use attune_engine::smoothing::AnswerState;
use attune_engine::{Column, RECENT_COLUMNS, Snapshot, StateReset, SurpriseMark};
use attune_model::genre::{GenreId, Probabilities};
use std::collections::VecDeque;

/// Columns of the spectrogram that are kept: 47.6 s at the default hop.
pub(super) const COLUMNS: usize = 2048;
/// Blank columns where one stream ends and the next begins.
const BREAK_COLUMNS: usize = 3;
/// Time between two points of the timeline.
const POINT_SPACING: f64 = 0.25;
/// Points of the timeline that are kept: 20 minutes.
const POINTS: usize = 4800;
/// Gap in the timeline where one stream ends and the next begins.
const BREAK_SECONDS: f64 = 0.75;

/// How two streams follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// By one clock: the times of their columns tell how much is missing.
    SameStream,
    /// In no relation.
    AnotherStream,
}

/// One point of the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimelinePoint {
    /// Time played since the window opened, breaks included: grows even when the stream is sought back.
    pub played_secs: f64,
    /// Stream time.
    pub at: Seconds,
    /// Grows where the line must be interrupted.
    pub segment: u64,
    /// The ensemble probabilities.
    pub ensemble: Probabilities,
    /// The answer.
    pub state: AnswerState,
    /// Smoothed probability of the best genre.
    pub confidence: f32,
}

/// What was answered at one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Time played since the window opened, as in [`TimelinePoint`].
    pub played_secs: f64,
    /// The answer.
    pub state: AnswerState,
    /// The genre that leads, and its smoothed probability.
    pub leader: (GenreId, f32),
    /// What the models that were on said of this frame alone, on average; `None` if none was.
    pub raw: Option<Probabilities>,
    /// The same, smoothed.
    pub ensemble: Probabilities,
    /// How much the models disagree, 0…1; `None` with fewer than two of them.
    pub disagreement: Option<f32>,
    /// How familiar the music is, smoothed, 0…1; `None` if no model knows.
    pub familiarity: Option<f32>,
    /// How surprising the sound is, if that is measured.
    pub surprise: Option<SurpriseMark>,
}

/// One column that has just been taken over.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The column.
    pub column: &'a Column,
    /// Time played since the window opened, as in [`TimelinePoint`].
    pub played_secs: f64,
    /// Grows where what is played is interrupted.
    pub segment: u64,
}

/// The past, as far as it is drawn.
#[derive(Debug, Clone)]
pub struct History {
    sequence: u64,
    epoch: Option<u64>,
    /// How what comes next follows the newest column; `None`: directly.
    gap: Option<Gap>,
    next_frame: u64,
    bands: usize,
    /// (column, band), a ring: column `i` lies at `i % COLUMNS`. A blank column is all NaN.
    levels: Vec<f32>,
    /// Stream time of each column, NaN if blank.
    times: Vec<f64>,
    /// What was answered at each column, `None` if blank.
    moments: Vec<Option<Moment>>,
    /// What started over with each column.
    resets: Vec<StateReset>,
    /// What each model answered at each column.
    models: ModelAnswers,
    total: u64,
    played_secs: f64,
    segment: u64,
    since_point: f64,
    points: VecDeque<TimelinePoint>,
    sections: SectionRuns,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            sequence: 0,
            epoch: None,
            gap: None,
            next_frame: 0,
            bands: 0,
            levels: Vec::new(),
            times: vec![f64::NAN; COLUMNS],
            moments: vec![None; COLUMNS],
            resets: vec![StateReset::Nothing; COLUMNS],
            models: ModelAnswers::default(),
            total: 0,
            played_secs: 0.0,
            segment: 0,
            since_point: f64::INFINITY,
            points: VecDeque::with_capacity(POINTS),
            sections: SectionRuns::default(),
        }
    }

    /// Takes over what is new in a snapshot; false if nothing is. Columns that were overwritten before they could be
    /// seen become blank ones, so that the time axis stays true.
    pub fn absorb(&mut self, snapshot: &Snapshot) -> bool {
        self.absorb_with(snapshot, |_| ())
    }

    /// The same; `observe` receives each new column.
    pub fn absorb_with(&mut self, snapshot: &Snapshot, mut observe: impl FnMut(News<'_>)) -> bool {
        if snapshot.sequence == self.sequence {
            return false;
        }
        self.sequence = snapshot.sequence;
        if snapshot.bands != self.bands {
            self.bands = snapshot.bands;
            self.levels = vec![f32::NAN; COLUMNS * self.bands];
            self.total = 0;
        }
        let oldest = snapshot.frames.saturating_sub(RECENT_COLUMNS as u64);
        if self.epoch != Some(snapshot.epoch) || snapshot.frames < self.next_frame {
            if self.epoch.is_some() && self.total > 0 {
                // Two without a column between them: one clock only if it went on over both.
                let goes_on = snapshot.continues && self.gap != Some(Gap::AnotherStream);
                self.gap = Some(if goes_on { Gap::SameStream } else { Gap::AnotherStream });
            }
            self.segment += 1;
            self.since_point = f64::INFINITY;
            self.epoch = Some(snapshot.epoch);
            self.next_frame = oldest;
        }
        let missed = oldest.saturating_sub(self.next_frame);
        if missed > 0 {
            // Before the first column of an epoch, its time tells.
            if self.gap.is_none() {
                self.push_blanks(missed.min(COLUMNS as u64) as usize);
                self.played_secs += missed as f64 * snapshot.hop.0;
            }
            self.next_frame = oldest;
        }
        while self.next_frame < snapshot.frames {
            if let Some(column) = snapshot.recent.get(self.next_frame as usize % RECENT_COLUMNS) {
                self.push_column(column, snapshot.hop, (snapshot.model_set, snapshot.model_count));
                observe(News {
                    column,
                    played_secs: self.played_secs,
                    segment: self.segment,
                });
            }
            self.next_frame += 1;
        }
        true
    }

    /// Leaves room for what was not heard before this column: as much as it was, if that is known.
    fn leave_gap(&mut self, column: &Column, hop: Seconds) {
        let newest = self.total.checked_sub(1).and_then(|newest| self.time_of(newest));
        let (columns, secs) = match (self.gap.take(), newest) {
            (None, _) => return,
            (Some(Gap::SameStream), Some(newest)) => {
                let secs = (column.at.0 - newest.0 - hop.0).max(0.0);
                ((secs / hop.0).round() as usize, secs)
            }
            _ => (BREAK_COLUMNS, BREAK_SECONDS),
        };
        self.push_blanks(columns.min(COLUMNS));
        self.played_secs += secs;
    }

    fn push_column(&mut self, column: &Column, hop: Seconds, models: (u64, usize)) {
        self.leave_gap(column, hop);
        let slot = self.total as usize % COLUMNS;
        self.levels[slot * self.bands..(slot + 1) * self.bands].copy_from_slice(&column.mel_db[..self.bands]);
        self.times[slot] = column.at.0;
        self.resets[slot] = column.reset;
        self.models.push(slot, column, models);
        self.played_secs += hop.0;
        self.moments[slot] = Some(Moment {
            played_secs: self.played_secs,
            state: column.decision.state,
            leader: column.ensemble.top(),
            raw: column.raw_mean(),
            ensemble: column.ensemble,
            disagreement: column.disagreement(),
            familiarity: column.familiarity,
            surprise: column.surprise,
        });
        self.sections.push(column, self.played_secs, self.segment);
        self.total += 1;
        self.since_point += hop.0;
        if self.since_point >= POINT_SPACING {
            self.since_point = 0.0;
            if self.points.len() == POINTS {
                self.points.pop_front();
            }
            self.points.push_back(TimelinePoint {
                played_secs: self.played_secs,
                at: column.at,
                segment: self.segment,
                ensemble: column.ensemble,
                state: column.decision.state,
                confidence: column.decision.confidence,
            });
        }
    }

    fn push_blanks(&mut self, count: usize) {
        for _ in 0..count {
            let slot = self.total as usize % COLUMNS;
            self.levels[slot * self.bands..(slot + 1) * self.bands].fill(f32::NAN);
            self.times[slot] = f64::NAN;
            self.moments[slot] = None;
            self.models.push_blank(slot);
            self.resets[slot] = StateReset::Nothing;
            self.total += 1;
        }
    }

    /// The list of sections is switched on or off.
    pub(crate) fn close_sections(&mut self) {
        self.sections.close();
    }

    /// The sections that were listed as it was played.
    pub(crate) fn sections(&self) -> &SectionRuns {
        &self.sections
    }

    /// Bands of a column; 0 before the first snapshot.
    pub fn bands(&self) -> usize {
        self.bands
    }

    /// Columns since the window opened, blank ones included. The last [`COLUMNS`] of them are kept.
    pub fn total_columns(&self) -> u64 {
        self.total
    }

    /// The levels of column `index` (dB re full scale, lowest band first); all NaN if blank, `None` if not kept.
    pub fn column(&self, index: u64) -> Option<&[f32]> {
        let kept = index < self.total && index + COLUMNS as u64 >= self.total;
        let slot = index as usize % COLUMNS;
        kept.then(|| &self.levels[slot * self.bands..(slot + 1) * self.bands])
    }

    /// Stream time of column `index`; `None` if blank or not kept.
    pub fn time_of(&self, index: u64) -> Option<Seconds> {
        let kept = index < self.total && index + COLUMNS as u64 >= self.total;
        let at = self.times[index as usize % COLUMNS];
        (kept && !at.is_nan()).then_some(Seconds(at))
    }

    /// What started over with column `index`; of a blank or forgotten one, nothing.
    pub fn reset_at(&self, index: u64) -> StateReset {
        let kept = index < self.total && index + COLUMNS as u64 >= self.total;
        if kept {
            self.resets[index as usize % COLUMNS]
        } else {
            StateReset::Nothing
        }
    }

    /// What was answered at column `index`; `None` if blank or not kept.
    pub fn moment(&self, index: u64) -> Option<&Moment> {
        let kept = index < self.total && index + COLUMNS as u64 >= self.total;
        self.moments[index as usize % COLUMNS].as_ref().filter(|_| kept)
    }

    /// What a model answered at column `index`, smoothed; `None` if it was off, or the column is blank or not kept.
    pub(crate) fn answer_of(&self, index: u64, model: usize) -> Option<Probabilities> {
        self.moment(index)?;
        self.models.at(index as usize % COLUMNS, model)
    }

    /// How often two models named the same genre since these models run.
    pub(crate) fn agreement(&self, a: usize, b: usize) -> Agreement {
        self.models.agreement(a, b)
    }

    /// The newest column that had been played at this time, of those that are kept.
    pub fn column_played_at(&self, secs: f64) -> Option<u64> {
        let first = self.total.saturating_sub(COLUMNS as u64);
        (first..self.total)
            .rev()
            .find(|index| self.moment(*index).is_some_and(|moment| moment.played_secs <= secs))
    }

    /// The newest column at this stream time, of those that are kept.
    pub fn column_at(&self, at: Seconds, within: Seconds) -> Option<u64> {
        let first = self.total.saturating_sub(COLUMNS as u64);
        (first..self.total).rev().find(|index| {
            self.time_of(*index)
                .is_some_and(|time| (time.0 - at.0).abs() <= within.0)
        })
    }

    /// Time played since the window opened, breaks included.
    pub fn played_secs(&self) -> f64 {
        self.played_secs
    }

    /// The points of the timeline, oldest first.
    pub fn points(&self) -> &VecDeque<TimelinePoint> {
        &self.points
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use attune_audio::features::FrontEndSpec;
    use attune_model::ModelSet;
    use attune_model::genre::GenreSet;

    /// A snapshot after `frames` frames; the lowest band of frame n has the level n.
    pub(in crate::ui) fn snapshot(epoch: u64, frames: u64) -> Snapshot {
        let mut snapshot = Snapshot::empty(&ModelSet {
            front_end: FrontEndSpec::default(),
            genres: GenreSet::gtzan(),
            models: Vec::new(),
            gate: None,
            sections: None,
            surprise: None,
        });
        snapshot.sequence = 100_000 * epoch + frames;
        snapshot.epoch = epoch;
        snapshot.frames = frames;
        for frame in frames.saturating_sub(RECENT_COLUMNS as u64)..frames {
            let column = &mut snapshot.recent[frame as usize % RECENT_COLUMNS];
            column.mel_db[0] = frame as f32;
            column.at = Seconds(frame as f64 * snapshot.hop.0);
        }
        snapshot
    }

    fn lowest(history: &History) -> Vec<f32> {
        (0..history.total_columns())
            .map(|i| history.column(i).expect("few enough to be kept")[0])
            .collect()
    }

    #[test]
    fn each_column_is_taken_once_whatever_the_snapshots() {
        let mut history = History::new();
        for frames in [3, 3, 4, 200, 400] {
            history.absorb(&snapshot(1, frames));
        }
        let wanted: Vec<f32> = (0..400_u16).map(f32::from).collect();
        assert_eq!(lowest(&history), wanted);
        assert!(!history.absorb(&snapshot(1, 400)), "nothing is new");
    }

    #[test]
    fn missed_columns_and_resets_leave_gaps_as_long_as_they_were() {
        let mut history = History::new();
        history.absorb(&snapshot(1, 10));
        // 10 … 43 were overwritten before they were seen.
        history.absorb(&snapshot(1, 44 + RECENT_COLUMNS as u64));
        let seen = lowest(&history);
        assert!(seen[10..44].iter().all(|level| level.is_nan()));
        assert_eq!((seen[9], seen[44]), (9.0, 44.0));
        assert_eq!((history.time_of(20), history.time_of(0)), (None, Some(Seconds(0.0))));
        let before = history.total_columns();
        history.absorb(&snapshot(2, 5));
        assert_eq!(history.total_columns(), before + BREAK_COLUMNS as u64 + 5);
        let segments: Vec<u64> = history.points().iter().map(|point| point.segment).collect();
        assert_eq!((segments.first(), segments.last()), (Some(&1), Some(&2)));
    }

    #[test]
    fn an_outage_is_a_gap_as_long_as_it_was() {
        let mut history = History::new();
        history.absorb(&snapshot(1, 100));
        let (before, played) = (history.total_columns(), history.played_secs());
        let mut back = snapshot(2, 0);
        back.continues = true;
        history.absorb(&back);
        assert_eq!(
            history.total_columns(),
            before,
            "how long it was is not known before the first column"
        );
        let mut back = snapshot(2, 3);
        back.continues = true;
        let hop = back.hop.0;
        for column in &mut back.recent[..3] {
            // The newest column was at 99 hops: 700 are missing.
            column.at.0 += 800.0 * hop;
        }
        history.absorb(&back);
        assert_eq!(history.total_columns(), before + 703);
        assert!((history.played_secs() - played - 703.0 * hop).abs() < 1e-9);
        // A week is not drawn column by column.
        let mut late = snapshot(3, 1);
        late.continues = true;
        late.recent[0].at.0 += 604_800.0;
        history.absorb(&late);
        assert_eq!(history.total_columns(), before + 703 + COLUMNS as u64 + 1);
        assert!(history.played_secs() > 604_000.0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut history = History::new();
        let mut frames = 0;
        while history.played_secs() < 1300.0 {
            frames += 250;
            history.absorb(&snapshot(1, frames));
        }
        assert_eq!(history.points().len(), POINTS);
        let total = history.total_columns();
        assert!(history.column(total - COLUMNS as u64).is_some());
        assert!(history.column(total - COLUMNS as u64 - 1).is_none());
        assert!(history.column(total).is_none());
    }
}
