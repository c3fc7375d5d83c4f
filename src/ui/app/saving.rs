//! Saving a plot as it is seen: SVG from the shapes that are painted, PNG from the pixels of the window, CSV from the
//! figures.
//!
//! In: a plot's name. Out: a file. Thread: window; an export's own writes.

use super::App;
use crate::ui::choices::Picture;
use crate::ui::held_moment::HeldMoment;
use crate::ui::panels::Table;
use crate::ui::svg_export::SvgExport;
use crate::ui::theme::Palette;
use attune_engine::picture::{Provenance, Raster};
use attune_engine::table;
use crossbeam_channel::{Receiver, bounded};
use eframe::egui::epaint::ClippedShape;
use eframe::egui::{self, ColorImage, Rect};
use std::fmt::Write;
use std::sync::Arc;

/// Frames until the menu that a plot was saved by is gone from the window.
const MENU_GOES: u8 = 3;

/// A plot on its way to a file.
#[derive(Debug)]
pub(super) struct Saving {
    plot: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its shapes are taken when the next frame is painted.
    Sketching,
    /// Its figures are taken when the next frame is painted.
    Tabulating,
    /// How many frames pass before its pixels are requested.
    Waiting(u8),
    /// Its pixels come, of this part of the window.
    Taking(Receiver<Arc<ColorImage>>, Rect),
}

impl Saving {
    /// The plot whose figures are wanted.
    pub(super) fn tabulated(&self) -> Option<&str> {
        matches!(self.state, State::Tabulating).then_some(self.plot.as_str())
    }
}

impl App {
    /// Begins to save a plot.
    pub(super) fn save_plot(&mut self, plot: String, picture: Picture) {
        let state = match picture {
            Picture::Svg => State::Sketching,
            Picture::Png => State::Waiting(MENU_GOES),
            Picture::Csv => State::Tabulating,
        };
        self.jobs.saving = Some(Saving { plot, state });
        self.ctx.request_repaint();
    }

    /// Goes on with a plot whose pixels are wanted.
    pub(super) fn poll_saving(&mut self) {
        let Some(Saving { plot, state }) = self.jobs.saving.take() else {
            return;
        };
        let state = match state {
            State::Sketching => State::Sketching,
            State::Tabulating => State::Tabulating,
            State::Waiting(0) => match self.place_of(&plot) {
                Some(rect) => {
                    let (give, taken) = bounded(1);
                    let repaint = self.ctx.clone();
                    self.ctx.request_screenshot(move |image| {
                        // Another plot is wanted by now.
                        let _ = give.send(image);
                        repaint.request_repaint();
                    });
                    State::Taking(taken, rect)
                }
                None => return self.view.notices.remark(format!("{plot} is not in sight.")),
            },
            State::Waiting(frames) => {
                self.ctx.request_repaint();
                State::Waiting(frames - 1)
            }
            State::Taking(taken, rect) => match taken.try_recv() {
                Ok(image) => return self.keep_pixels(&plot, &image, rect),
                Err(_) => State::Taking(taken, rect),
            },
        };
        self.jobs.saving = Some(Saving { plot, state });
    }

    fn place_of(&self, plot: &str) -> Option<Rect> {
        let places = self.view.plots.iter();
        let place = places.rev().find(|place| place.name == plot)?;
        Some(place.rect.intersect(self.ctx.content_rect()))
    }

    /// The window's pixels have come: the plot's are written.
    fn keep_pixels(&mut self, plot: &str, image: &ColorImage, rect: Rect) {
        let scale = self.ctx.pixels_per_point();
        let [width, height] = image.size;
        let edge = |at: f32, most: usize| ((at * scale).round().max(0.0) as usize).min(most);
        let (left, right) = (edge(rect.left(), width), edge(rect.right(), width));
        let (top, bottom) = (edge(rect.top(), height), edge(rect.bottom(), height));
        let rows = (top..bottom).flat_map(|row| &image.pixels[row * width + left..row * width + right]);
        let raster = Raster {
            width: right - left,
            height: bottom - top,
            pixels: rows.map(egui::Color32::to_array).collect(),
        };
        match raster.png(&self.provenance(plot).entries()) {
            Ok(file) => self.write_plot(plot, "png", file),
            Err(error) => self.view.notices.remark(format!("{plot} cannot be saved: {error}.")),
        }
    }

    /// Takes the shapes of a plot that is wanted as SVG, at the end of a frame.
    pub(super) fn svg_export(&mut self) {
        let is_wanted = |saving: &mut Saving| matches!(saving.state, State::Sketching);
        let Some(Saving { plot, .. }) = self.jobs.saving.take_if(is_wanted) else {
            return;
        };
        let Some(place) = self.view.plots.iter().rev().find(|place| place.name == plot) else {
            return self.view.notices.remark(format!("{plot} is not in sight."));
        };
        let shapes: Vec<ClippedShape> = self.ctx.graphics(|layers| {
            let list = layers.get(place.layer);
            list.map_or(Vec::new(), |list| list.all_entries().cloned().collect())
        });
        let paper = Palette::of_theme(self.ctx.theme()).background;
        let texels = |id| self.pictures.texels(id);
        let svg = SvgExport::new(place.rect, paper, &texels).svg(shapes.iter(), &self.provenance(&plot));
        self.write_plot(&plot, "svg", svg.into_bytes());
    }

    /// Writes the figures of a plot, under lines that say where they come from.
    pub(super) fn tabulate(&mut self, table: Option<Table>) {
        let Some(Saving { plot, .. }) = self.jobs.saving.take() else {
            return;
        };
        let Some(table) = table else {
            return self.view.notices.remark(format!("There are no figures of {plot} yet."));
        };
        let mut text = String::new();
        for (name, value) in self.provenance(&plot).entries() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {name}: {}", value.replace(char::is_control, " "));
        }
        text.push_str(&table::csv(table));
        self.write_plot(&plot, "csv", text.into_bytes());
    }

    fn write_plot(&mut self, plot: &str, ending: &'static str, file: Vec<u8>) {
        let name = format!("{}-{plot}-{}", self.source_name(), self.moment());
        self.write(&name, vec![(ending, file)]);
    }

    /// The time of the source that is shown.
    fn moment(&self) -> String {
        let now = self.link.snapshots.output_buffer().transport.position;
        self.jobs.held.as_ref().map_or(now, HeldMoment::at).clock()
    }

    fn provenance(&self, plot: &str) -> Provenance {
        let models = self.models.that_are_on().map_or(Vec::new(), |set| set.models);
        let named = models.iter().map(|model| {
            let manifest = model.manifest();
            format!("{} {}", manifest.name, manifest.weights_sha256)
        });
        Provenance {
            title: plot.to_owned(),
            source: self.source_name().to_owned(),
            at: self.moment(),
            models: named.collect(),
            drawn: jiff::Timestamp::now().to_string(),
        }
    }
}
