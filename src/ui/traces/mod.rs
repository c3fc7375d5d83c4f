//! What the units of a recurrent model hold at each column that is kept: gates, cells, hidden states.
//!
//! The model runs again beside the live one, over the levels that the spectrogram keeps, from the last break on; it
//! starts over where the live one did (after a silence, after speech).
//!
//! In: columns of a history, one model. Out: values to draw, units in the order of their selectivity. Thread: window,
//! and one while a model is inspected.

mod runner;

use super::history::{COLUMNS, History};
use super::job::{Job, JobError};
use super::widgets::Columns;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::architecture::BodyShape;
use attune_model::{LoadedModel, ModelError};
use crossbeam_channel::{Sender, bounded};
use runner::{Batch, Traced, run};

/// The most units that are kept: 16 MB with four values each.
const MOST_UNITS: usize = 512;
/// Columns that are requested at once, and how many such batches may wait.
const AT_ONCE: u64 = 256;
const WAITING: usize = 4;
/// Live, units change places this often, in columns: some 10 s.
const REORDERED: u64 = 430;

/// One of the values that a unit has at each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnitValue {
    /// Squashed cell state, −1…1.
    #[default]
    Cell,
    /// Time constant of the forget gate, as the common logarithm of its seconds.
    Forget,
    /// Input gate, 0…1.
    Input,
    /// Output gate, 0…1.
    Output,
    /// Hidden state, −1…1.
    Hidden,
}

impl UnitValue {
    /// What cells with gates have.
    pub const GATED: [Self; 4] = [Self::Cell, Self::Forget, Self::Input, Self::Output];
    /// What plain units have.
    pub const PLAIN: [Self; 1] = [Self::Hidden];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cell => "Cell",
            Self::Forget => "Forget",
            Self::Input => "Input",
            Self::Output => "Output",
            Self::Hidden => "Hidden",
        }
    }
}

/// The values of one model's units over the columns that are kept.
#[derive(Debug)]
pub struct Traces {
    /// Its place among the models.
    pub model: usize,
    kinds: &'static [UnitValue],
    units: usize,
    hop: Seconds,
    /// (column, value, unit), a ring over columns.
    values: Vec<f32>,
    order: Vec<(usize, f32)>,
    ordered_at: Option<u64>,
    version: u64,
    first: u64,
    total: u64,
    sent: u64,
    /// Columns to be run through the model.
    batches: Sender<Batch>,
    job: Job<(), ModelError, Traced>,
}

impl Traces {
    /// Begins at column `first`; `None` if the model is not recurrent. `notify` is called when there is something new.
    pub fn begin(
        (index, model): (usize, &LoadedModel),
        spec: &FrontEndSpec,
        first: u64,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let (kinds, hidden): (&[UnitValue], usize) = match &model.manifest().architecture.body {
            BodyShape::Lstm(shape) => (&UnitValue::GATED, shape.hidden),
            BodyShape::Rnn(shape) => (&UnitValue::PLAIN, shape.hidden),
            BodyShape::Tcn(_) | BodyShape::Attention(_) => return None,
        };
        let units = hidden.min(MOST_UNITS);
        let (batches, inbox) = bounded(WAITING);
        let (model, of_thread) = (model.clone(), spec.clone());
        let job = Job::start_bounded(WAITING, "attune-units", notify, move |worker| {
            run(&model, &of_thread, (kinds, units), &inbox, worker)
        });
        Some(Self {
            model: index,
            kinds,
            units,
            hop: spec.hop(),
            values: vec![f32::NAN; COLUMNS * kinds.len() * units],
            order: (0..units).map(|unit| (unit, 0.0)).collect(),
            ordered_at: None,
            version: 0,
            first,
            total: first,
            sent: first,
            batches,
            job,
        })
    }

    /// Where to begin in a history: after the last break that is kept.
    pub fn beginning(history: &History) -> u64 {
        let total = history.total_columns();
        let kept = total.saturating_sub(COLUMNS as u64);
        let is_break = |column: &u64| history.time_of(*column).is_none();
        (kept..total).rev().find(is_break).map_or(kept, |column| column + 1)
    }

    /// Requests the columns that are new; false if they do not follow on those before, so that it has to start over.
    pub fn follow(&mut self, history: &History) -> bool {
        let total = history.total_columns();
        if self.sent > total || self.sent + (COLUMNS as u64) < total {
            return false;
        }
        while self.sent < total {
            let until = total.min(self.sent + AT_ONCE);
            let columns = (self.sent..until).filter_map(|column| history.column(column));
            let batch = Batch {
                levels: columns.flat_map(|column| column.iter().copied()).collect(),
                resets: (self.sent..until).map(|column| history.reset_at(column)).collect(),
            };
            // Full: the rest is requested in a later frame. Gone: its fault is reported.
            if self.batches.try_send(batch).is_err() {
                break;
            }
            self.sent = until;
        }
        true
    }

    /// Takes over what has come.
    pub fn poll(&mut self) {
        let mut job = std::mem::take(&mut self.job);
        job.poll_with(|traced| {
            let stride = self.kinds.len() * self.units;
            for column in traced.values.chunks_exact(stride.max(1)) {
                let slot = self.total as usize % COLUMNS;
                self.values[slot * stride..(slot + 1) * stride].copy_from_slice(column);
                self.total += 1;
            }
            if self.ordered_at.is_none_or(|at| self.total >= at + REORDERED) {
                self.ordered_at = Some(self.total);
                self.order = traced.order;
                self.version += 1;
            }
        });
        self.job = job;
    }

    /// Why its units cannot be traced any further.
    pub fn fault(&self) -> Option<&JobError<ModelError>> {
        self.job.error()
    }

    /// The values that its units have.
    pub fn kinds(&self) -> &'static [UnitValue] {
        self.kinds
    }

    /// How many units are kept.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Whether anything is known yet.
    pub fn has_begun(&self) -> bool {
        self.total > self.first
    }

    /// Columns up to the newest one that is known.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The unit at a place in the order, and its selectivity ([`runner::selectivity`]); most selective first.
    pub fn at_place(&self, place: usize) -> Option<(usize, f32)> {
        self.order.get(place).copied()
    }

    /// One value of a unit at a column; `None` if it is not known or not kept.
    pub fn value(&self, kind: UnitValue, column: u64, unit: usize) -> Option<f32> {
        let kept = column >= self.first && column < self.total && column + COLUMNS as u64 >= self.total;
        let place = self.kinds.iter().position(|known| *known == kind).filter(|_| kept)?;
        let row = column as usize % COLUMNS * self.kinds.len() + place;
        self.values
            .get(row * self.units + unit)
            .copied()
            .filter(|value| !value.is_nan())
    }

    /// Time constant of a unit's forget gate at a column.
    pub fn time_constant(&self, column: u64, unit: usize) -> Option<Seconds> {
        let log = self.value(UnitValue::Forget, column, unit)?;
        Some(Seconds(10f64.powf(f64::from(log))))
    }

    /// The median time constant of all units at a column.
    pub fn median_time_constant(&self, column: u64) -> Option<Seconds> {
        let units = (0..self.units).filter_map(|unit| self.time_constant(column, unit));
        let mut secs: Vec<f64> = units.map(|secs| secs.0).collect();
        secs.sort_by(f64::total_cmp);
        secs.get(secs.len() / 2).copied().map(Seconds)
    }

    /// Time of a column.
    pub fn hop(&self) -> Seconds {
        self.hop
    }

    /// One kind of value as rows to be drawn, most selective on top.
    pub fn shown(&self, kind: UnitValue) -> Shown<'_> {
        Shown { traces: self, kind }
    }
}

/// One kind of value of all units, as a picture's rows.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    traces: &'a Traces,
    kind: UnitValue,
}

impl Columns for Shown<'_> {
    fn rows(&self) -> usize {
        self.traces.units
    }

    fn total(&self) -> u64 {
        self.traces.total
    }

    fn level(&self, column: u64, row: usize) -> f32 {
        let place = self.traces.units - 1 - row;
        self.traces
            .at_place(place)
            .and_then(|(unit, _)| self.traces.value(self.kind, column, unit))
            .unwrap_or(f32::NAN)
    }

    fn version(&self) -> u64 {
        8 * self.traces.version + self.kind as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::runner::LEAST_DECAY;
    use super::*;
    use attune_audio::features::{FrameBlock, LoudnessNormalizer};
    use attune_engine::StateReset;
    use attune_model::{StreamOutput, UnitActivations};

    #[test]
    fn the_traces_are_what_the_model_holds_from_the_last_break_on() {
        let models = attune_model::bundled().expect("bundled models");
        let lstm = models.models.first().expect("the LSTM");
        let mut history = History::new();
        history.absorb(&snapshot(1, 50));
        history.absorb(&snapshot(2, 40));
        let first = Traces::beginning(&history);
        assert_eq!(first, 53);
        let mut traces = Traces::begin((0, lstm), &models.front_end, first, || ()).expect("it is recurrent");
        assert!(traces.follow(&history));
        while traces.total() < history.total_columns() {
            std::thread::yield_now();
            traces.poll();
            assert!(traces.fault().is_none());
        }
        let levels: Vec<f32> = (first..history.total_columns())
            .flat_map(|column| history.column(column).expect("kept").to_vec())
            .collect();
        let mut normalized = Vec::new();
        LoudnessNormalizer::new(&models.front_end).push(&levels, &mut normalized);
        let mut stream = lstm.stream().expect("a stream");
        let (mut output, mut units) = (StreamOutput::default(), UnitActivations::default());
        stream
            .push(FrameBlock::new(&normalized, models.front_end.bands), &mut output)
            .expect("frames");
        assert!(stream.units(&mut units));
        let newest = history.total_columns() - 1;
        for unit in 0..traces.units() {
            // In one block or frame by frame: the same to the last bit.
            assert_eq!(traces.value(UnitValue::Input, newest, unit), Some(units.input[unit]));
            let tau = traces.time_constant(newest, unit).expect("a gate").0;
            let wanted = models.front_end.hop().0 / f64::from(units.decay[unit].max(LEAST_DECAY));
            assert!((tau / wanted - 1.0).abs() < 1e-5, "{tau} s, not {wanted} s");
        }
        assert_eq!(traces.value(UnitValue::Cell, first - 1, 0), None);
        // After a silence the live model starts over, and so does this one: its first frame is that of a fresh stream.
        let mut after = snapshot(2, 60);
        after.recent[40].reset = StateReset::Everything;
        history.absorb(&after);
        assert!(traces.follow(&history));
        while traces.total() < history.total_columns() {
            std::thread::yield_now();
            traces.poll();
        }
        let levels = history.column(first + 40).expect("kept");
        normalized.clear();
        LoudnessNormalizer::new(&models.front_end).push(levels, &mut normalized);
        let mut fresh = lstm.stream().expect("a stream");
        fresh
            .push(FrameBlock::new(&normalized, models.front_end.bands), &mut output)
            .expect("a frame");
        assert!(fresh.units(&mut units));
        for unit in 0..traces.units() {
            assert_eq!(
                traces.value(UnitValue::Input, first + 40, unit),
                Some(units.input[unit])
            );
        }
        // After a change of music it goes on from the columns that the live one had gone through by then.
        let mut changed = snapshot(2, 70);
        changed.recent[65].reset = StateReset::Change { frames: 12 };
        history.absorb(&changed);
        assert!(traces.follow(&history));
        while traces.total() < history.total_columns() {
            std::thread::yield_now();
            traces.poll();
        }
        let levels: Vec<f32> = (first + 65 - 12..=first + 65)
            .flat_map(|column| history.column(column).expect("kept").to_vec())
            .collect();
        normalized.clear();
        LoudnessNormalizer::new(&models.front_end).push(&levels, &mut normalized);
        let mut fresh = lstm.stream().expect("a stream");
        fresh
            .push(FrameBlock::new(&normalized, models.front_end.bands), &mut output)
            .expect("frames");
        assert!(fresh.units(&mut units));
        for unit in 0..traces.units() {
            assert_eq!(
                traces.value(UnitValue::Input, first + 65, unit),
                Some(units.input[unit])
            );
        }
        // Another history has other columns: it has to start over.
        assert!(!traces.follow(&History::new()));
    }
}
