//! What the engines have heard up to a moment, so that they can be asked about it again as they were.
//!
//! In: a history. Out: a [`Question`]. Thread: any.

use super::history::History;
use crate::engine::Begins;
use crate::explain::{HEARD, Question};
use crate::features::FrontEndSpec;

/// Levels that the engines' states rest on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// (columns, bands) in dB: from where everything began anew, or the last break, but at most [`HEARD`].
    levels: Vec<f32>,
    /// Columns at their beginning that only loudness remembers: the engines began anew after them.
    forgotten: usize,
}

impl Heard {
    /// Up to the newest column.
    pub fn of(history: &History, spec: &FrontEndSpec) -> Self {
        let total = history.total_columns();
        let most = spec.frames_in(HEARD) as u64;
        let mut heard = Self::default();
        let mut first = total;
        while first > 0 && total - first < most && history.time_of(first - 1).is_some() {
            first -= 1;
            let begins = history.begins(first);
            if begins > Begins::Nothing && heard.forgotten == 0 {
                heard.forgotten = first as usize;
            }
            if begins == Begins::Everything {
                break;
            }
        }
        heard.forgotten = heard.forgotten.saturating_sub(first as usize);
        let columns = (first..total).filter_map(|column| history.column(column));
        heard.levels = columns.flat_map(|column| column.iter().copied()).collect();
        heard
    }

    /// Whether there is nothing to ask about.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// What the engines are asked.
    pub fn question(&self, spec: &FrontEndSpec) -> Question {
        let mut question = Question::of_levels(&self.levels, spec);
        question.frames.drain(..self.forgotten * spec.bands);
        question
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::*;
    use crate::engine::RECENT_COLUMNS;

    fn count(history: &History) -> usize {
        let spec = FrontEndSpec::default();
        Heard::of(history, &spec).question(&spec).count()
    }

    #[test]
    fn a_question_goes_back_to_where_the_engines_began_anew() {
        let spec = FrontEndSpec::default();
        let mut history = History::new();
        history.absorb(&snapshot(1, 100));
        assert_eq!(count(&history), 100);
        // After a break.
        history.absorb(&snapshot(2, 30));
        assert_eq!(count(&history), 30);
        // After a silence everything, later after speech the engines alone.
        let mut moment = snapshot(2, 90);
        moment.recent[50 % RECENT_COLUMNS].begins = Begins::Everything;
        moment.recent[70 % RECENT_COLUMNS].begins = Begins::Engines;
        history.absorb(&moment);
        assert_eq!(count(&history), 20);
        let heard = Heard::of(&history, &spec);
        assert_eq!((heard.levels.len() / spec.bands, heard.forgotten), (40, 20));
        // Loudness is that of all forty.
        let whole = Question::of_levels(&heard.levels, &spec);
        assert_eq!(heard.question(&spec).frames, whole.frames[20 * spec.bands..]);
    }
}
