//! How long it takes to be told why: the question that a held moment asks, and the one that is asked again and again while it is live.

use super::demo::Demo;
use super::measure::rounds;
use super::{Bench, BenchError, Row};
use attune_engine::explain::{Explanation, HEARD, Question};
use attune_model::ModelSet;
use std::hint::black_box;

impl Bench<'_> {
    /// About the last of as many frames as a held moment goes back.
    pub(super) fn explain(&mut self, models: &ModelSet, demo: &Demo) -> Result<(), BenchError> {
        for (name, ask) in [
            ("explain/held", Explanation::of as fn(&_, &_, _) -> _),
            ("explain/live", Explanation::changes),
        ] {
            if !self.config.wants(name) {
                continue;
            }
            (self.say)(name);
            let spec = &models.front_end;
            let mut frames = demo.frames(spec)?;
            frames.truncate(spec.frames_in(HEARD) * spec.bands);
            let question = Question {
                frames,
                bands: spec.bands,
            };
            let times = rounds(self.config.effort, || {
                black_box(ask(&models.models, &question, spec.hop())?);
                Ok::<_, BenchError>(())
            })?;
            self.rows.push(Row::milliseconds(name.to_owned(), &times));
        }
        Ok(())
    }
}
