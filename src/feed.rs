//! The lines of JSON that live sound makes (NDJSON): printed, served, the same everywhere.
//!
//! In: columns. Out: lines. Thread: any.

use attune_audio::units::Seconds;
use attune_engine::Column;
use attune_engine::offline::{ChangeLine, HopLine, ModelHop, SectionLine, StateLine, SurpriseLines, document};
use attune_engine::smoothing::AnswerState;
use attune_model::ModelSet;
use attune_model::genre::GenreSet;

/// Makes lines of one column after the other.
#[derive(Debug)]
pub(crate) struct Feed {
    names: Vec<String>,
    genres: GenreSet,
    hop: Seconds,
    epoch: u64,
    state: Option<AnswerState>,
    surprise: SurpriseLines,
}

impl Feed {
    /// Of these models.
    pub(crate) fn new(models: &ModelSet) -> Self {
        Self {
            names: models
                .models
                .iter()
                .map(|model| model.manifest().name.clone())
                .collect(),
            genres: models.genres.clone(),
            hop: models.front_end.hop(),
            epoch: 0,
            state: None,
            surprise: SurpriseLines::default(),
        }
    }

    /// The classes.
    pub(crate) fn genres(&self) -> &GenreSet {
        &self.genres
    }

    /// The next column, of this epoch: what changed, each model, a section, surprise, another answer.
    pub(crate) fn push(&mut self, epoch: u64, column: &Column) -> Vec<String> {
        if self.epoch != epoch {
            (self.epoch, self.state) = (epoch, None);
            self.surprise = SurpriseLines::default();
        }
        let mut lines = Vec::new();
        lines.extend(ChangeLine::new(column, self.hop).map(|line| document(&line)));
        for (model, name) in self.names.iter().enumerate() {
            let line = HopLine::new(column, ModelHop { name, model }, &self.genres);
            lines.extend(line.map(|line| document(&line)));
        }
        lines.extend(SectionLine::new(column, &self.genres).map(|line| document(&line)));
        let surprise = self.surprise.push(column, self.hop, &self.genres);
        lines.extend(surprise.map(|line| document(&line)));
        if self.state != Some(column.decision.state) {
            self.state = Some(column.decision.state);
            lines.push(document(&StateLine::new(column, &self.genres)));
        }
        lines
    }
}
