//! Charts as SVG: panels side by side on one sheet, legible on light and on dark; pixels as PNG; where a picture comes
//! from.
//!
//! In: numbers with their axes. Out: text of an SVG file. Thread: any.
//!
//! Colours can be distinguished with any kind of colour vision (Okabe & Ito 2008); a reader whose system is dark gets
//! lighter ones on dark paper, by a media query in the file itself.

mod axis;
mod chart;
mod grid;
mod provenance;
#[cfg(feature = "raster")]
mod raster;
mod sheet;

pub use axis::{Axis, Scale};
pub use chart::{Chart, Ink, LegendEntry, Mark};
pub use grid::Grid;
pub use provenance::Provenance;
#[cfg(feature = "raster")]
pub use raster::{Raster, base64};
pub use sheet::{Panel, Paper, Sheet};

/// Room that one panel takes.
const WIDTH: f64 = 420.0;

/// Text as it may stand in XML or HTML, in an element or in a quoted attribute. Characters that XML 1.0 has no form for
/// (control characters, U+FFFE, U+FFFF) become U+FFFD.
///
/// ```
/// use attune_engine::picture::escaped;
/// assert_eq!(escaped("<a href=\"x\">\u{1b}&"), "&lt;a href=&quot;x&quot;&gt;\u{fffd}&amp;");
/// ```
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// About how wide a text of the usual size is: fonts differ, so layouts leave room.
fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.2
}
