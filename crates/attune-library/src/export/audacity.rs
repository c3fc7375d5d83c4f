//! A label track, as Audacity imports it (File, Import, Labels): a line `start<TAB>end<TAB>label` for each segment, in
//! seconds. <https://manual.audacityteam.org/man/importing_and_exporting_labels.html>

use crate::Analysis;
use std::fmt::Write;

pub(super) fn write(of: &Analysis) -> Vec<u8> {
    let mut text = String::new();
    for segment in &of.segments {
        // A tab or line break in a label would make another field or line of it: titles have none.
        let label = of.title_of(segment);
        let share = 100.0 * segment.confidence;
        let sure = if segment.genre.is_some() {
            format!(" {share:.0} %")
        } else {
            String::new()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:.6}\t{:.6}\t{label}{sure}", segment.start_s, segment.end_s);
    }
    text.into_bytes()
}
