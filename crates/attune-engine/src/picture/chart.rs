//! One chart: two axes, what is drawn between them, and what the colours mean.

use super::axis::{Axis, Scale};
use super::{WIDTH, escaped, text_width};
use std::fmt::Write;

const PLOT_HEIGHT: f64 = 184.0;
/// Room left, above and right of the plot.
const WEST: f64 = 56.0;
const NORTH: f64 = 44.0;
const EAST: f64 = 24.0;
/// From the plot down to names of ticks, to the axis's label and to the first line of the legend.
const TICKS: f64 = 16.0;
const LABEL: f64 = 32.0;
const LEGEND: f64 = 52.0;
const LEGEND_LINE: f64 = 17.0;

/// A colour by its meaning; the sheet's style gives it its value on light and on dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// One of several things side by side.
    Series(usize),
    /// What stands out: as dark as text.
    Strong,
    /// What stands back.
    Faint,
}

impl Ink {
    /// The name of its class in the style; so many series can be distinguished.
    pub(super) fn class(self) -> String {
        match self {
            Self::Series(number) => format!("s{}", number % super::sheet::SERIES),
            Self::Strong => "strong".to_owned(),
            Self::Faint => "faint".to_owned(),
        }
    }
}

/// Something drawn between the axes, in their values.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points, each with a dot.
    Line(Ink, Vec<(f64, f64)>),
    /// A thin line through points.
    Thread(Ink, Vec<(f64, f64)>),
    /// A dashed line from one point to another, for comparison.
    Rule((f64, f64), (f64, f64)),
    /// An area between a low and a high value: x, low, high.
    Band(Ink, Vec<(f64, f64, f64)>),
    /// Dots: x, y, and radius in pixels.
    Dots(Ink, Vec<(f64, f64, f64)>),
    /// Upright lines with short ends: x, low, high.
    Whiskers(Ink, Vec<(f64, f64, f64)>),
    /// Bars from the bottom: from x to x, and height.
    Bars(Ink, Vec<(f64, f64, f64)>),
    /// The cells of a map, one wide and one high: x and y of the middle, and how much ink, 0…1.
    Cells(Ink, Vec<(f64, f64, f64)>),
}

/// What a colour means.
pub type LegendEntry = (Ink, String);

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The upright axis; its label stands below the title.
    pub y: Axis,
    /// What is drawn, the hindmost first.
    pub marks: Vec<Mark>,
    /// What the colours mean; empty if there is but one.
    pub legend: Vec<LegendEntry>,
}

/// The plot of one chart on its sheet.
struct Plot<'a> {
    chart: &'a Chart,
    left: f64,
    top: f64,
}

impl Chart {
    /// Height of its panel.
    pub(super) fn height(&self) -> f64 {
        let legend = match self.legend_lines().len() {
            0 => 0.0,
            lines => LEGEND - LABEL + (lines - 1) as f64 * LEGEND_LINE,
        };
        NORTH + PLOT_HEIGHT + LABEL + legend + 22.0
    }

    /// Draws it with its upper left corner at these places.
    pub(super) fn draw(&self, out: &mut String, (left, top): (f64, f64)) {
        let plot = Plot { chart: self, left, top };
        plot.frame(out);
        for mark in &self.marks {
            plot.mark(out, mark);
        }
        plot.legend(out);
    }

    /// Entries and their offsets, line by line, as they fit.
    fn legend_lines(&self) -> Vec<Vec<(f64, &LegendEntry)>> {
        let mut lines: Vec<Vec<(f64, &LegendEntry)>> = Vec::new();
        let mut end = f64::INFINITY;
        for entry in &self.legend {
            let width = 18.0 + text_width(&entry.1) + 16.0;
            if end + width > WIDTH - WEST {
                lines.push(Vec::new());
                end = 0.0;
            }
            if let Some(line) = lines.last_mut() {
                line.push((end, entry));
            }
            end += width;
        }
        lines
    }
}

// Writing to a String cannot fail: its results are ignored.
impl Plot<'_> {
    fn x(&self, value: f64) -> f64 {
        self.left + WEST + self.chart.x.share(value) * (WIDTH - WEST - EAST)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom() - self.chart.y.share(value) * PLOT_HEIGHT
    }

    fn bottom(&self) -> f64 {
        self.top + NORTH + PLOT_HEIGHT
    }

    fn frame(&self, out: &mut String) {
        let (from, to) = (self.left + WEST, self.left + WIDTH - EAST);
        let _ = writeln!(
            out,
            "<text class=\"title\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            self.left + 8.0,
            self.top + 17.0,
            escaped(&self.chart.title),
            self.left + 8.0,
            self.top + 33.0,
            escaped(&self.chart.y.label)
        );
        for (value, name) in &self.chart.y.ticks {
            let at = self.y(*value);
            let _ = writeln!(
                out,
                "<path class=\"rule\" d=\"M{from:.1} {at:.1}H{to:.1}\"/><text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                from - 6.0,
                at + 4.0,
                escaped(name)
            );
        }
        let mut end = f64::NEG_INFINITY;
        for (value, name) in &self.chart.x.ticks {
            let (at, half) = (self.x(*value), text_width(name) / 2.0);
            // Of values that lie close together the first is named; names of places are few and all needed.
            if self.chart.x.scale == Scale::Logarithmic && at - half < end + 2.0 {
                continue;
            }
            end = at + half;
            let _ = writeln!(
                out,
                "<text class=\"soft\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                self.bottom() + TICKS,
                escaped(name)
            );
        }
        let _ = writeln!(
            out,
            "<text class=\"soft\" x=\"{to:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            self.bottom() + LABEL,
            escaped(&self.chart.x.label)
        );
    }

    fn legend(&self, out: &mut String) {
        for (number, line) in self.chart.legend_lines().into_iter().enumerate() {
            let at = self.bottom() + LEGEND + number as f64 * LEGEND_LINE;
            for (offset, (ink, name)) in line {
                let from = self.left + WEST + offset;
                let _ = writeln!(
                    out,
                    "<rect class=\"fill {}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"12\" height=\"9\" rx=\"2\"/><text \
                     x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
                    ink.class(),
                    at - 8.5,
                    from + 17.0,
                    escaped(name)
                );
            }
        }
    }

    fn polyline(&self, out: &mut String, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> = points
            .iter()
            .map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y)))
            .collect();
        let _ = writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }

    fn dot(&self, out: &mut String, class: &str, (x, y, radius): (f64, f64, f64)) {
        let _ = writeln!(
            out,
            "<circle class=\"fill {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\"/>",
            self.x(x),
            self.y(y)
        );
    }

    fn mark(&self, out: &mut String, mark: &Mark) {
        match mark {
            Mark::Line(ink, points) => {
                self.polyline(out, &format!("line {}", ink.class()), points);
                for &(x, y) in points {
                    self.dot(out, &ink.class(), (x, y, 3.0));
                }
            }
            Mark::Thread(ink, points) => self.polyline(out, &format!("thread {}", ink.class()), points),
            Mark::Rule(from, to) => self.polyline(out, "dashed", &[*from, *to]),
            Mark::Band(ink, points) => {
                let there = points.iter().map(|&(x, low, _)| (x, low));
                let back = points.iter().rev().map(|&(x, _, high)| (x, high));
                let corners: Vec<String> = there
                    .chain(back)
                    .map(|(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y)))
                    .collect();
                let _ = writeln!(
                    out,
                    "<polygon class=\"band {}\" points=\"{}\"/>",
                    ink.class(),
                    corners.join(" ")
                );
            }
            Mark::Dots(ink, points) => {
                for &point in points {
                    self.dot(out, &ink.class(), point);
                }
            }
            Mark::Whiskers(ink, points) => {
                for &(x, low, high) in points {
                    let (x, low, high) = (self.x(x), self.y(low), self.y(high));
                    let (from, to) = (x - 2.5, x + 2.5);
                    let _ = writeln!(
                        out,
                        "<path class=\"whisker {}\" d=\"M{x:.1} {low:.1}V{high:.1}M{from:.1} {low:.1}H{to:.1}M{from:.1} \
                         {high:.1}H{to:.1}\"/>",
                        ink.class()
                    );
                }
            }
            Mark::Cells(ink, cells) => {
                for &(x, y, share) in cells {
                    let (from, to) = (self.x(x - 0.5), self.x(x + 0.5));
                    let (top, bottom) = (self.y(y + 0.5), self.y(y - 0.5));
                    let _ = writeln!(
                        out,
                        "<rect class=\"fill {}\" fill-opacity=\"{share:.2}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                         height=\"{:.1}\"/>",
                        ink.class(),
                        to - from,
                        bottom - top
                    );
                }
            }
            Mark::Bars(ink, bars) => {
                for &(from, to, height) in bars {
                    let (from, to, top) = (self.x(from), self.x(to), self.y(height));
                    let _ = writeln!(
                        out,
                        "<rect class=\"fill {}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                        ink.class(),
                        to - from,
                        self.bottom() - top
                    );
                }
            }
        }
    }
}
