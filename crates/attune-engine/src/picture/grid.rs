//! Counts by row and column as shaded squares.

use super::{WIDTH, escaped, text_width};
use std::fmt::Write;

const NORTH: f64 = 44.0;
/// Names of the columns stand slanted above the squares.
const NAMES: f64 = 58.0;

/// A table of counts, each row shaded by its shares.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// What it shows.
    pub title: String,
    /// What rows and columns are.
    pub note: String,
    /// Names of the rows, and of the columns.
    pub names: Vec<String>,
    /// Row after row.
    pub counts: Vec<Vec<usize>>,
}

impl Grid {
    /// Side of one square.
    fn side(&self) -> f64 {
        ((WIDTH - self.west() - 44.0) / self.names.len().max(1) as f64).min(30.0)
    }

    fn west(&self) -> f64 {
        self.names.iter().map(|name| text_width(name)).fold(0.0, f64::max) + 20.0
    }

    /// Height of its panel.
    pub(super) fn height(&self) -> f64 {
        NORTH + NAMES + self.side() * self.names.len() as f64 + 24.0
    }

    /// Draws it with its upper left corner at these places.
    // Writing to a String cannot fail: its results are ignored.
    pub(super) fn draw(&self, out: &mut String, (left, top): (f64, f64)) {
        let side = self.side();
        let (west, north) = (left + self.west(), top + NORTH + NAMES);
        let _ = writeln!(
            out,
            "<text class=\"title\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left + 8.0,
            top + 17.0,
            escaped(&self.title),
            left + 8.0,
            top + 33.0,
            escaped(&self.note)
        );
        for (place, name) in self.names.iter().enumerate() {
            let middle = (place as f64 + 0.5) * side;
            let _ = writeln!(
                out,
                "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n<text class=\"soft\" \
                 transform=\"translate({:.1} {:.1}) rotate(-45)\">{}</text>",
                west - 6.0,
                north + middle + 4.0,
                escaped(name),
                west + middle + 2.0,
                north - 5.0,
                escaped(name)
            );
        }
        for (row, counts) in self.counts.iter().enumerate() {
            let all: usize = counts.iter().sum();
            for (column, &count) in counts.iter().enumerate() {
                let (x, y) = (west + column as f64 * side, north + row as f64 * side);
                let share = count as f64 / all.max(1) as f64;
                let _ = write!(
                    out,
                    "<rect class=\"cell{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side:.1}\" height=\"{side:.1}\"/>",
                    if row == column { " own" } else { "" },
                );
                if count > 0 {
                    // What is right and what is wrong have a colour each, as strong as the share of the row.
                    let ink = if row == column { "s0" } else { "s1" };
                    let text = if share > 0.55 { "on" } else { "count" };
                    let _ = write!(
                        out,
                        "<rect class=\"fill {ink}\" fill-opacity=\"{:.2}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side:.1}\" \
                         height=\"{side:.1}\"/><text class=\"{text}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
                        0.12 + 0.88 * share,
                        x + side / 2.0,
                        y + side / 2.0 + 4.0
                    );
                }
                out.push('\n');
            }
        }
    }
}
