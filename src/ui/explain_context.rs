//! What the models have been fed up to the newest column that the window keeps.
//!
//! In: a history. Out: [`Context`]. Thread: any.

use super::history::History;
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::Context;

/// Up to the newest column, back to the last break at most.
pub(super) fn context_of(history: &History, spec: &FrontEndSpec) -> Context {
    let columns = (0..history.total_columns()).rev();
    let unbroken = columns.take_while(|column| history.time_of(*column).is_some());
    Context::back_from(
        unbroken.map_while(|column| Some((history.column(column)?, history.reset_at(column)))),
        spec,
    )
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::snapshot;
    use super::*;

    #[test]
    fn a_break_ends_the_context() {
        let spec = FrontEndSpec::default();
        let count = |history: &History| context_of(history, &spec).input(&spec).count();
        let mut history = History::new();
        assert!(context_of(&history, &spec).is_empty());
        history.absorb(&snapshot(1, 100));
        assert_eq!(count(&history), 100);
        history.absorb(&snapshot(2, 30));
        assert_eq!(count(&history), 30);
    }
}
