//! Time of an explanation: of a held moment, and of what is repeated while sound goes on.

use super::demo::Demo;
use super::measure::rounds;
use super::{Bench, BenchError, Row};
use attune_engine::explain::{Explanation, Input, MAX_CONTEXT};
use attune_model::ModelSet;
use std::hint::black_box;

impl Bench<'_> {
    /// About the last of as many frames as a held moment goes back.
    pub(super) fn explain(&mut self, models: &ModelSet, demo: &Demo) -> Result<(), BenchError> {
        for (name, explain) in [
            ("explain/held", Explanation::of as fn(&_, &_, _) -> _),
            ("explain/live", Explanation::changes),
        ] {
            if !self.config.wants(name) {
                continue;
            }
            (self.say)(name);
            let spec = &models.front_end;
            let mut frames = demo.frames(spec)?;
            frames.truncate(spec.frames_in(MAX_CONTEXT) * spec.bands);
            let input = Input {
                frames,
                bands: spec.bands,
            };
            let times = rounds(self.config.effort, || {
                black_box(explain(&models.models, &input, spec.hop())?);
                Ok::<_, BenchError>(())
            })?;
            self.rows.push(Row::milliseconds(name.to_owned(), &times));
        }
        Ok(())
    }
}
