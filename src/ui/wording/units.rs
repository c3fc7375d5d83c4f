//! The values of units, in sentences.
//!
//! In: traces. Out: text. Thread: window.

use super::percent;
use crate::ui::traces::{Traces, UnitValue};
use attune_audio::units::Seconds;

/// A time constant from milliseconds to minutes; beyond, the gate is open for all practical purposes.
pub(crate) fn time_constant(tau: Seconds) -> String {
    match tau.0 {
        secs if secs < 1.0 => format!("{:.0} ms", 1000.0 * secs),
        secs if secs < 60.0 => format!("{secs:.1} s"),
        _ => "over a minute".to_owned(),
    }
}

/// How long the units remember, for everybody.
pub(crate) fn memory_plainly(median: Seconds) -> String {
    format!(
        "Each row is one memory cell: it fills when it hears what it has learnt, and fades. Half of them would forget \
         within {}.",
        time_constant(median)
    )
}

/// One unit, by its place in the order, at one column.
pub(crate) fn unit(traces: &Traces, place: usize, column: u64) -> Option<String> {
    let (unit, selectivity) = traces.at_place(place)?;
    let value = |kind| traces.value(kind, column, unit);
    let who = format!(
        "Unit {}, {} of {} by selectivity ({})",
        unit + 1,
        place + 1,
        traces.units(),
        percent(selectivity)
    );
    if let Some(hidden) = value(UnitValue::Hidden) {
        return Some(format!("{who}, holds {hidden:+.2}."));
    }
    let (cell, tau) = (value(UnitValue::Cell)?, traces.time_constant(column, unit)?);
    let (input, output) = (value(UnitValue::Input)?, value(UnitValue::Output)?);
    let forget = (-traces.hop().0 / tau.0).exp();
    Some(format!(
        "{who}, holds {cell:+.2}. Its forget gate stands at {forget:.3}: alone it would let the cell fade with a time \
         constant of {}. Input gate {}, output gate {} open.",
        time_constant(tau),
        percent(input),
        percent(output)
    ))
}

/// All units at one column, for screen readers.
pub(crate) fn units(name: &str, traces: &Traces, column: u64) -> String {
    let count = traces.units();
    let fading = match traces.median_time_constant(column) {
        Some(tau) => format!(
            " The median time constant of their forget gates is {}.",
            time_constant(tau)
        ),
        None => String::new(),
    };
    let first = unit(traces, 0, column).map_or_else(String::new, |said| format!(" {said}"));
    format!("Units of {name}: {count} of the last layer, the most selective on top.{fading}{first}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_constants_have_units_that_fit() {
        let said = [0.034, 1.26, 75.0].map(|secs| time_constant(Seconds(secs)));
        assert_eq!(said, ["34 ms", "1.3 s", "over a minute"]);
    }
}
