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

/// Text as it may stand in XML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// About how wide a text of the usual size is: fonts differ, so layouts leave room.
fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.2
}
