//! A moment held fast: what was on the screen when it was clicked, and what the engines say of it when asked again.
//!
//! In: history and snapshot. Out: an [`Explanation`], made on a thread of its own. Thread: window, and one for each moment.

use super::asked::Asked;
use super::explain_context::context_of;
use super::history::{COLUMNS, History};
use super::studies::Studies;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_engine::Snapshot;
use attune_engine::explain::{Explanation, Head, similar};
use attune_lab::limits::Taught;
use attune_lab::scores::{ShippedScores, Weighted};
use attune_model::LoadedModel;
use crossbeam_channel::{Receiver, bounded};

/// So many similar moments are offered at most…
const MOST_SIMILAR: usize = 3;
/// …with at least this score: below it, in log-mel levels of music, little is alike.
const LEAST_SIMILAR: f32 = 0.4;

/// What became of the question.
#[derive(Debug, Clone, PartialEq)]
pub enum Inquiry {
    /// The engines are being asked.
    Asking,
    /// They answered.
    Told(Box<Explanation>),
    /// They could not be asked, and why.
    Failed(String),
}

/// A moment held fast.
#[derive(Debug)]
pub struct HeldMoment {
    /// What was heard up to it.
    pub history: History,
    /// The engine at it.
    pub snapshot: Snapshot,
    /// The column that was clicked, counted back from the newest.
    pub cursor: usize,
    /// What the engines say.
    pub inquiry: Inquiry,
    /// Columns that sound like the one that was clicked, counted back from the newest, and how much; best first.
    pub similar: Vec<(usize, f32)>,
    /// The heads that were asked about.
    pub studies: Studies,
    /// Where six score functions look from it.
    pub strips: Asked<Weighted>,
    /// How much the convolutions depend on each frame before it, newest first.
    pub field: Asked<Vec<f64>>,
    answer: Option<Receiver<Inquiry>>,
}

impl HeldMoment {
    /// Holds the moment, and asks the engines about it. `done` is called when they have answered.
    pub fn new(
        history: &History,
        snapshot: &Snapshot,
        cursor: usize,
        (models, spec): (&[LoadedModel], &FrontEndSpec),
        done: impl Fn() + Send + 'static,
    ) -> Self {
        let mut held = Self {
            history: history.clone(),
            snapshot: snapshot.clone(),
            cursor,
            inquiry: Inquiry::Asking,
            similar: Vec::new(),
            studies: Studies::default(),
            strips: Asked::Unasked,
            field: Asked::Unasked,
            answer: None,
        };
        held.move_cursor(cursor);
        let heard = context_of(history, spec);
        let missing = match (heard.is_empty(), models.is_empty()) {
            (_, true) => Some("there are none"),
            (true, _) => Some("nothing was heard yet"),
            _ => None,
        };
        if let Some(missing) = missing {
            held.inquiry = Inquiry::Failed(missing.to_owned());
            return held;
        }
        let (tell, answer) = bounded(1);
        let (models, spec) = (models.to_vec(), spec.clone());
        let asking = std::thread::Builder::new()
            .name("attune-explain".to_owned())
            .spawn(move || {
                let question = heard.question(&spec);
                let told = match Explanation::of(&models, &question, spec.hop()) {
                    Ok(Some(explanation)) => Inquiry::Told(Box::new(explanation)),
                    Ok(None) => Inquiry::Failed("no engine answered".to_owned()),
                    Err(error) => Inquiry::Failed(error.to_string()),
                };
                // Nobody waits any more if the moment was let go.
                let _ = tell.send(told);
                done();
            });
        match asking {
            Ok(_) => held.answer = Some(answer),
            Err(error) => held.inquiry = Inquiry::Failed(error.to_string()),
        }
        held
    }

    /// Puts the cursor on another column, and looks for what sounds like it.
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

    /// Asks what these heads of the attention engine do in what was heard. `done` is called after each.
    pub fn study(
        &mut self,
        heads: &[Head],
        (models, spec): (&[LoadedModel], &FrontEndSpec),
        done: impl Fn() + Send + 'static,
    ) {
        let heard = context_of(&self.history, spec);
        match models.get(self.snapshot.attention.engine) {
            Some(model) if !heard.is_empty() => self.studies.ask(heads, (model, spec), heard, done),
            Some(_) => self.studies.refuse(heads, "nothing was heard yet"),
            None => self.studies.refuse(heads, "the engine is not here to be asked"),
        }
    }

    /// Asks where each score function looks from here, once. `done` is called when there is an answer.
    pub fn ask_scores(&mut self, spec: &FrontEndSpec, done: impl Fn() + Send + 'static) {
        if !self.strips.is_unasked() {
            return;
        }
        let (heard, spec) = (context_of(&self.history, spec), spec.clone());
        if heard.is_empty() {
            return self.strips.refuse("Nothing was heard yet");
        }
        let work = move || {
            let scores = ShippedScores::get().map_err(ToString::to_string)?;
            let weights = scores.weights(&heard.question(&spec).frames);
            weights.map_err(|error| error.to_string())
        };
        self.strips.ask("attune-scores", work, done);
    }

    /// Asks how far the convolutions of this engine reach back from here, once. `done` is called when there is an answer.
    pub fn ask_field(
        &mut self,
        frames: usize,
        (model, spec): (Option<&LoadedModel>, &FrontEndSpec),
        done: impl Fn() + Send + 'static,
    ) {
        if !self.field.is_unasked() {
            return;
        }
        let Some(taught) = model.and_then(|model| Taught::of(model.manifest())) else {
            self.field
                .refuse("only networks that are part of the program can be asked");
            return;
        };
        let (heard, spec) = (context_of(&self.history, spec), spec.clone());
        if heard.is_empty() {
            return self.field.refuse("nothing was heard yet");
        }
        let work = move || {
            let question = heard.question(&spec);
            let first = question.count().saturating_sub(frames);
            let dependence = taught.dependence(&question.frames[first * spec.bands..]);
            dependence.map_err(|error| error.to_string())
        };
        self.field.ask("attune-field", work, done);
    }

    /// Takes over the answers that are there.
    pub fn poll(&mut self) {
        self.studies.poll();
        self.strips.poll();
        self.field.poll();
        if let Some(told) = self.answer.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.inquiry = told;
            self.answer = None;
        }
    }

    /// The explanation, once there is one.
    pub fn explanation(&self) -> Option<&Explanation> {
        match &self.inquiry {
            Inquiry::Told(explanation) => Some(explanation),
            _ => None,
        }
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
        assert!(matches!(held.inquiry, Inquiry::Failed(_)), "there is no engine to ask");
    }
}
