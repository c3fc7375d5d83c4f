//! Places, colours and lines as SVG has them.
//!
//! In: what egui paints with. Out: attributes. Thread: window.

use eframe::egui::epaint::{ColorMode, PathShape};
use eframe::egui::{Color32, Pos2, Rect, Stroke};
use std::fmt::Write;

pub(super) fn box_of(rect: Rect) -> String {
    format!(
        "x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\"",
        rect.left(),
        rect.top(),
        rect.width(),
        rect.height()
    )
}

pub(super) fn corners(points: &[Pos2]) -> String {
    let mut path = String::with_capacity(points.len() * 14);
    for (i, point) in points.iter().enumerate() {
        let _ = write!(path, "{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, point.x, point.y);
    }
    path
}

fn colour(of: Color32) -> (String, f32) {
    let [r, g, b, a] = of.to_srgba_unmultiplied();
    (format!("#{r:02x}{g:02x}{b:02x}"), f32::from(a) / 255.0)
}

pub(super) fn fill(of: Color32) -> String {
    let (colour, opacity) = colour(of);
    match of.a() {
        0 => " fill=\"none\"".to_owned(),
        255 => format!(" fill=\"{colour}\""),
        _ => format!(" fill=\"{colour}\" fill-opacity=\"{opacity:.3}\""),
    }
}

pub(super) fn stop(of: Color32) -> String {
    let (colour, opacity) = colour(of);
    format!(" stop-color=\"{colour}\" stop-opacity=\"{opacity:.3}\"")
}

pub(super) fn has_ink(line: Stroke) -> bool {
    line.width > 0.0 && line.color.a() > 0
}

pub(super) fn stroke(line: Stroke) -> String {
    if !has_ink(line) {
        return String::new();
    }
    let (colour, opacity) = colour(line.color);
    format!(
        " stroke=\"{colour}\" stroke-opacity=\"{opacity:.3}\" stroke-width=\"{:.2}\"",
        line.width
    )
}

/// The line of a path, if it has one colour all along.
pub(super) fn line_of(path: &PathShape) -> Stroke {
    match path.stroke.color {
        ColorMode::Solid(colour) => Stroke::new(path.stroke.width, colour),
        ColorMode::UV(_) => Stroke::NONE,
    }
}
