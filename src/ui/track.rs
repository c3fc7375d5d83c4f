//! A file as a whole: what was played of it, what `attune analyze` makes of it, and whether the two are the same.
//!
//! In: columns as they are played, frames of the prescan. Out: points for the track's timeline; the parity. Thread:
//! window.

use super::history::{News, TimelinePoint};
use super::job::{Job, JobError};
use super::prescan::{Frame, Prescan};
use super::query_error::QueryError;
use super::truth::{TrueSection, TruthError, of_file};
use attune_audio::units::Seconds;
use attune_engine::offline::{AnalyzeError, Report};
use attune_engine::smoothing::AnswerState;
use attune_model::genre::{GenreSet, Probabilities};
use attune_model::hierarchical::DecidedReport;
use attune_model::sections::SectionReading;
use std::path::PathBuf;

/// Two frames are the same one if their times differ by less: rounding is far below it, a hop far above.
const SAME_TIME: f64 = 1e-6;
/// Probabilities that differ by no more than this are called the same: a tenth of a point.
pub(super) const SAME: f32 = 0.001;
/// Longer files are not prescanned: 35 MB of frames are enough.
const LONGEST_PRESCAN: Seconds = Seconds(5400.0);

/// The live path beside `attune analyze`, frame by frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parity {
    /// Frames that were compared.
    pub frames: usize,
    /// The largest difference of any probability.
    pub largest: f32,
    /// Where it was.
    pub largest_at: Seconds,
    /// Frames with another answer.
    pub other_answers: usize,
    /// Whether the window saw frames that cannot be compared: a model was off, or the file was sought.
    pub spoiled: bool,
}

/// What is known of the file that is open.
#[derive(Debug, Default)]
pub struct Track {
    /// Its length; what is played beyond it makes it longer.
    pub duration: Seconds,
    /// The history's column with which it begins: those before are of another source.
    pub first_column: u64,
    /// Live, in the order of the file: one point for each quarter of a second or so.
    live: Vec<Option<TimelinePoint>>,
    /// Prescan, every frame.
    frames: Vec<Frame>,
    /// The answers of all of them: counted as they come, not again for each picture.
    counts: Counts,
    /// Live frames that wait for the same frames of the prescan.
    waiting: Vec<Frame>,
    /// How the two compare.
    pub parity: Parity,
    /// Which of its segments decide, for a network that reads it as a whole.
    pub segments: Job<DecidedReport, QueryError>,
    /// Which sections it has, for a network that writes them.
    pub sections: Job<SectionReading, QueryError>,
    /// What it is known to be.
    truth: Job<Vec<TrueSection>, TruthError>,
    /// Whether playback began with the file, with the knobs of the prescan.
    comparing: bool,
    prescan: Prescan,
    hop: Seconds,
    /// Time of one live point.
    spacing: f64,
}

impl Track {
    /// A file of this length, not yet analysed.
    pub fn new(duration: Seconds, hop: Seconds) -> Self {
        Self {
            duration,
            hop,
            spacing: (duration.0 / 4800.0).max(0.25),
            ..Self::default()
        }
    }

    /// Looks for what the file is known to be. `done` is called when that is known.
    pub fn start_truth(&mut self, path: PathBuf, genres: &GenreSet, done: impl Fn() + Send + Sync + 'static) {
        let genres = genres.clone();
        self.truth = Job::start("attune-truth", done, move |_| of_file(&path, &genres));
    }

    /// The true sections, in order; none if none are known.
    pub fn truth(&self) -> &[TrueSection] {
        self.truth.result().map_or(&[], Vec::as_slice)
    }

    /// Why those that somebody wrote are not used: once.
    pub(super) fn take_truth_error(&mut self) -> Option<JobError<TruthError>> {
        self.truth.error()?;
        self.truth.take_ended()?.err()
    }

    /// Whether a file of this length is prescanned at all.
    pub fn is_short_enough(duration: Option<Seconds>) -> bool {
        duration.is_none_or(|duration| duration.0 <= LONGEST_PRESCAN.0)
    }

    /// Takes over a prescan; what the one before found, with other knobs, is forgotten.
    pub fn start_prescan(&mut self, prescan: Prescan) {
        self.prescan = prescan;
        self.frames.clear();
        self.counts = Counts::default();
        self.waiting.clear();
        self.parity = Parity::default();
        self.comparing = false;
    }

    /// What `attune analyze` makes of it, once it has ended.
    pub fn report(&self) -> Option<&Report> {
        self.prescan.result()
    }

    /// Why `attune analyze` failed, if it did.
    pub fn prescan_error(&self) -> Option<&JobError<AnalyzeError>> {
        self.prescan.error()
    }

    /// Whether it is being prescanned right now.
    pub fn is_scanning(&self) -> bool {
        self.prescan.is_running()
    }

    /// Takes over what was prescanned, and compares.
    pub fn poll(&mut self) {
        self.segments.poll();
        self.sections.poll();
        self.truth.poll();
        if self.prescan.is_idle() {
            return;
        }
        let (frames, counts) = (&mut self.frames, &mut self.counts);
        self.prescan.poll_with(|new| {
            for frame in &new {
                counts.add(frame.state);
            }
            frames.extend(new);
        });
        if let Some(last) = self.frames.last() {
            self.duration.0 = self.duration.0.max(last.at.0);
        }
        self.compare();
    }

    /// The place of a time among the live points.
    fn slot(&self, at: Seconds) -> usize {
        (at.0 / self.spacing).max(0.0) as usize
    }

    /// Takes one column as it is played. `whole`: all models were on.
    pub fn push(&mut self, news: &News<'_>, whole: bool) {
        let column = news.column;
        let slot = self.slot(column.at);
        if slot >= self.live.len() {
            self.live.resize(slot + 1, None);
        }
        self.live[slot] = Some(TimelinePoint {
            played_secs: column.at.0,
            at: column.at,
            segment: news.segment,
            ensemble: column.ensemble,
            state: column.decision.state,
            confidence: column.decision.confidence,
        });
        self.duration.0 = self.duration.0.max(column.at.0);
        if self.prescan.is_idle() {
            return;
        }
        if column.frame.0 == 0 {
            // All started over; whether at the file's own start, the times show.
            self.waiting.clear();
            self.parity = Parity::default();
            self.comparing = true;
        }
        if !whole || !self.comparing {
            self.parity.spoiled = true;
            return;
        }
        self.waiting.push(Frame {
            at: column.at,
            ensemble: column.ensemble,
            state: column.decision.state,
        });
    }

    fn compare(&mut self) {
        let done = !self.prescan.is_running();
        let (frames, hop, parity) = (&self.frames, self.hop, &mut self.parity);
        let Some(first) = frames.first().map(|frame| frame.at) else {
            return;
        };
        self.waiting.retain(|live| {
            let place = ((live.at.0 - first.0) / hop.0.max(1e-9)).round().max(0.0) as usize;
            let Some(prescan) = frames.get(place) else {
                // It may still come.
                return !done;
            };
            if (prescan.at.0 - live.at.0).abs() > SAME_TIME {
                // After a seek the frames lie elsewhere.
                parity.spoiled = true;
                return false;
            }
            let difference = most_apart(&prescan.ensemble, &live.ensemble);
            parity.frames += 1;
            parity.other_answers += usize::from(prescan.state != live.state);
            if difference > parity.largest {
                (parity.largest, parity.largest_at) = (difference, live.at);
            }
            false
        });
    }

    /// What was played live, thinned to at most `most` points; `played_secs` is the time in the file. A part that was
    /// not played starts a new segment.
    pub fn live(&self, most: usize) -> Vec<TimelinePoint> {
        let stride = self.live.len().div_ceil(most.max(1)).max(1);
        let mut segment = 0;
        let mut points = Vec::new();
        for (i, point) in self.live.iter().enumerate() {
            match point {
                Some(point) if i % stride == 0 => points.push(TimelinePoint { segment, ..*point }),
                Some(_) => {}
                None => segment += 1,
            }
        }
        points
    }

    /// What was prescanned, thinned in the same way.
    pub fn prescanned(&self, most: usize) -> Vec<TimelinePoint> {
        let stride = self.frames.len().div_ceil(most.max(1)).max(1);
        self.frames.iter().step_by(stride).map(point_of).collect()
    }

    /// What is known of a time of the file, live before prescanned, and whether it was played live.
    pub fn known_at(&self, at: Seconds) -> Option<(TimelinePoint, bool)> {
        if let Some(Some(point)) = self.live.get(self.slot(at)) {
            return Some((*point, true));
        }
        let first = self.frames.first()?.at;
        let place = ((at.0 - first.0) / self.hop.0.max(1e-9)).max(0.0) as usize;
        let frame = self.frames.get(place)?;
        Some((point_of(frame), false))
    }

    /// Share of the track in which each answer stands, best first: of all that was prescanned, or else live.
    pub fn shares(&self) -> Vec<(AnswerState, f32)> {
        if !self.frames.is_empty() {
            return self.counts.shares();
        }
        let mut live = Counts::default();
        for point in self.live.iter().flatten() {
            live.add(point.state);
        }
        live.shares()
    }
}

/// How often each answer stands.
#[derive(Debug, Clone, Default)]
struct Counts(Vec<(AnswerState, usize)>);

impl Counts {
    fn add(&mut self, state: AnswerState) {
        match self.0.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state, 1)),
        }
    }

    fn shares(&self) -> Vec<(AnswerState, f32)> {
        let all = self.0.iter().map(|(_, count)| count).sum::<usize>().max(1) as f32;
        let mut shares: Vec<_> = self
            .0
            .iter()
            .map(|(state, count)| (*state, *count as f32 / all))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

/// A frame prescanned, as it is drawn.
fn point_of(frame: &Frame) -> TimelinePoint {
    TimelinePoint {
        played_secs: frame.at.0,
        at: frame.at,
        segment: 0,
        ensemble: frame.ensemble,
        state: frame.state,
        confidence: frame.ensemble.top().1,
    }
}

/// The largest difference of any class.
fn most_apart(a: &Probabilities, b: &Probabilities) -> f32 {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::FrameIndex;
    use attune_engine::Column;

    const HOP: Seconds = Seconds(0.02);

    fn frame(index: u64, base: f64, share: f32) -> Frame {
        Frame {
            at: Seconds(base + 0.1 + index as f64 * HOP.0),
            ensemble: Probabilities::from_slice(&[share, 1.0 - share]),
            state: AnswerState::Unsure,
        }
    }

    fn push(track: &mut Track, index: u64, frame: Frame) {
        let mut column = Column::empty(2);
        column.frame = FrameIndex(index);
        column.at = frame.at;
        column.ensemble = frame.ensemble;
        column.decision.state = frame.state;
        let news = News {
            column: &column,
            played_secs: frame.at.0,
            segment: 1,
        };
        track.push(&news, true);
    }

    /// A track whose prescan is complete.
    fn track(count: u64) -> Track {
        let mut track = Track::new(Seconds(10.0), HOP);
        track.start_prescan(nothing());
        track.frames = (0..count).map(|i| frame(i, 0.0, 0.5)).collect();
        track
    }

    /// A prescan that finds nothing.
    fn nothing() -> Prescan {
        let models = attune_model::ModelSet {
            front_end: attune_audio::features::FrontEndSpec::default(),
            genres: GenreSet::gtzan(),
            models: Vec::new(),
            gate: None,
            sections: None,
            surprise: None,
        };
        let nowhere = PathBuf::from("/nowhere/at all.wav");
        super::super::prescan::start(
            nowhere,
            models,
            attune_engine::smoothing::SmoothingConfig::default(),
            || (),
        )
    }

    #[test]
    fn the_largest_difference_is_found_and_where_it_was() {
        let mut track = track(400);
        for i in 0..300 {
            let share = if i == 120 { 0.53 } else { 0.5 };
            push(&mut track, i, frame(i, 0.0, share));
        }
        track.poll();
        assert_eq!((track.parity.frames, track.parity.other_answers), (300, 0));
        assert!((track.parity.largest - 0.03).abs() < 1e-6);
        assert_eq!(track.parity.largest_at, frame(120, 0.0, 0.5).at);
        assert!(!track.parity.spoiled);
        // From the start again: what was found before is of another time.
        push(&mut track, 0, frame(0, 0.0, 0.5));
        track.poll();
        assert_eq!((track.parity.frames, track.parity.largest), (1, 0.0));
    }

    #[test]
    fn frames_after_a_seek_and_with_a_model_off_are_not_compared() {
        let mut track = track(400);
        for i in 0..50 {
            push(&mut track, i, frame(i, 1.007, 0.9));
        }
        track.poll();
        assert_eq!((track.parity.frames, track.parity.spoiled), (0, true));
        let live = track.live(100);
        assert!(live.len() >= 4 && live.iter().all(|point| point.at.0 > 1.0));
        let (known, was_live) = track.known_at(Seconds(1.5)).expect("played");
        assert!(was_live && (known.ensemble.as_slice()[0] - 0.9).abs() < 1e-6);
        let (known, was_live) = track.known_at(Seconds(5.0)).expect("prescanned");
        assert!(!was_live && (known.ensemble.as_slice()[0] - 0.5).abs() < 1e-6);
    }
}
