//! Where everything stands in the window.
//!
//! In: the app's state. Out: paint. Thread: window.

use super::knobs::KnobReplay;
use super::saving::Saving;
use super::{App, REPAINT_HELD, REPAINT_INTERVAL};
use crate::ui::choices::{Internals, Plot, View};
use crate::ui::held_moment::HeldMoment;
use crate::ui::keyboard;
use crate::ui::panels::{self, Attribution, Pictures, Scene};
use crate::ui::sound_state::SoundState;
use crate::ui::theme::{GRID, Palette};
#[cfg(feature = "train")]
use crate::ui::training::TrainingCommand;
#[cfg(feature = "train")]
use crate::ui::view_state::Action;
use crate::ui::view_state::ViewState;
use attune_audio::source::SourceKind;
use eframe::egui::{
    self, Align2, CentralPanel, Color32, Frame, Id, LayerId, Margin, Order, Panel, Rect, ScrollArea, UiBuilder, Vec2,
};
use std::path::Path;

/// Below this width the answer stands above the plots, not beside them.
const NARROW: f32 = 720.0;
/// The least heights of the spectrogram, the heads and the timeline; below their sum the plots scroll.
const SPECTROGRAM: f32 = 164.0;
const HEADS: f32 = 84.0;
const TIMELINE: f32 = 96.0;
/// Height of the strip of answers and disagreement.
const ANSWERS: f32 = 72.0;

impl App {
    /// Paints the window.
    pub fn paint(&mut self, ui: &mut egui::Ui) {
        self.take_dropped_files(ui.ctx());
        self.view.plots.clear();
        let snapshot = self.link.snapshots.output_buffer();
        keyboard::shortcuts(ui.ctx(), snapshot, self.jobs.held.as_ref(), &mut self.view);
        let Self {
            link,
            models,
            played,
            jobs,
            view,
            pictures,
            settings,
            signals,
            ..
        } = self;
        let sound = SoundState::follow(&mut view.source, link.snapshots.output_buffer());
        let is_held = jobs.held.is_some();
        signals.repaint_every(if is_held { REPAINT_HELD } else { REPAINT_INTERVAL });
        let replays = jobs.knob_replay.as_ref().and_then(KnobReplay::shown);
        let history = &played.history;
        let scene = Scene {
            snapshot: link.snapshots.output_buffer(),
            history,
            model_info: &models.info,
            devices: &jobs.devices,
            held: None,
            attribution: view
                .measures_changes()
                .then(|| Attribution::live(&jobs.live_attribution, history)),
            is_listening: jobs.listening.is_running(),
            sound,
            transport: &link.snapshots.output_buffer().transport,
            track: played.track.as_ref(),
            log: &played.log,
            files: &jobs.files,
            songs: &played.songs,
            recent: &settings.recent,
            recorder: &played.recorder,
            traces: jobs.traces.as_ref(),
            knobs_replay: replays.map(|(tried, _)| tried),
            live_replay: replays.map(|(_, live)| live),
            #[cfg(feature = "lab")]
            lab: jobs.lab.state(),
            #[cfg(feature = "train")]
            training: &jobs.training,
        };
        // Source, transport and health are always of now; what was played is of the held moment, if one is held.
        let shown = match &jobs.held {
            Some(held) => Scene {
                snapshot: &held.snapshot,
                history: &held.history,
                held: Some(held),
                sound: SoundState::Playing,
                attribution: Some(Attribution::held(held)),
                ..scene
            },
            None => scene,
        };
        let is_open = view.source.opened.is_some();
        match view.view {
            // What is held is explained in the other views; the stage is of now.
            View::Stage if is_open => stage_view_ui(ui, &scene, view),
            View::Lecture if is_open => lecture_view_ui(ui, &shown, view, pictures),
            _ => bench_view_ui(ui, &scene, &shown, view, pictures),
        }
        over_all_ui(ui.ctx(), &scene, view, pictures);
        panels::presets_ui(ui.ctx(), &settings.presets, view);
        let wanted = jobs.saving.as_ref().and_then(Saving::tabulated);
        let figures = wanted.map(|plot| panels::figures_of(plot, &shown, view));
        view.time.turn();
        let is_asked = !view.actions.is_empty();
        self.svg_export();
        if let Some(figures) = figures {
            self.tabulate(figures);
        }
        if is_asked {
            // Carried out by the next `drain`, which should not wait for news.
            ui.ctx().request_repaint();
        }
    }

    fn take_dropped_files(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        let mut paths: Vec<_> = dropped.iter().map(|file| file.path().to_path_buf()).collect();
        for manifest in paths.extract_if(.., |path| is_manifest(path)) {
            self.load_model(manifest);
        }
        match paths.as_slice() {
            [] => {}
            #[cfg(feature = "train")]
            _ if self.view.training.open && paths.iter().all(|path| path.is_dir()) => {
                self.view.request(Action::Training(TrainingCommand::Survey(paths)));
            }
            // One file is to be heard.
            [path] if !path.is_dir() && !self.view.files.open => self.view.open_file(paths.remove(0)),
            _ => {
                self.view.files.open = true;
                self.jobs.files.add(paths);
            }
        }
    }
}

/// Whether a file that was dropped is a model's manifest: no sound is in such a file.
fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"))
}

/// The answer alone, large.
fn stage_view_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let frame = if view.stage.is_transparent {
        Frame::new()
    } else {
        bar(ui, Margin::ZERO)
    };
    notices_ui(ui, None, view);
    CentralPanel::no_frame()
        .frame(frame)
        .show(ui, |ui| panels::stage_ui(ui, scene, view));
}

/// What is wrong, and what is held, above everything.
fn notices_ui(ui: &mut egui::Ui, held: Option<&HeldMoment>, view: &mut ViewState) {
    if view.notices.problem().is_none() && held.is_none() {
        return;
    }
    Panel::top("notices")
        .frame(bar(ui, Margin::symmetric(12, 4)))
        .show_separator_line(false)
        .show(ui, |ui| {
            panels::banner_ui(ui, view);
            if let Some(held) = held {
                panels::held_ui(ui, held, view);
            }
        });
}

/// One plot and one sentence.
fn lecture_view_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let frame = bar(ui, Margin::symmetric(12, 6));
    notices_ui(ui, scene.held, view);
    CentralPanel::no_frame()
        .frame(frame)
        .show(ui, |ui| panels::lecture_ui(ui, scene, view, pictures));
}

/// Everything.
fn bench_view_ui(
    ui: &mut egui::Ui,
    scene: &Scene<'_>,
    shown: &Scene<'_>,
    view: &mut ViewState,
    pictures: &mut Pictures,
) {
    let edge = Margin::symmetric(12, 4);
    top_ui(ui, scene, shown.held, view);
    if view.source.opened.is_none() {
        CentralPanel::no_frame().frame(bar(ui, edge)).show(ui, |ui| {
            ScrollArea::vertical().show(ui, |ui| panels::welcome_ui(ui, scene, view));
        });
        return;
    }
    Panel::bottom("health")
        .frame(bar(ui, edge))
        .show_separator_line(false)
        .show(ui, |ui| panels::health_ui(ui, scene, view));
    listening_ui(ui, shown, view, pictures);
}

/// The answer and its pages, beside or above the plots.
fn listening_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let narrow = ui.available_width() < NARROW;
    if !narrow {
        let width = (0.31 * ui.available_width()).clamp(312.0, 460.0);
        Panel::left("answer")
            .exact_size(width)
            .resizable(false)
            .frame(bar(
                ui,
                Margin {
                    left: 12,
                    right: 4,
                    top: 4,
                    bottom: 0,
                },
            ))
            .show_separator_line(false)
            .show(ui, |ui| {
                ScrollArea::vertical().show(ui, |ui| {
                    panels::answer_ui(ui, scene, view);
                    ui.add_space(GRID);
                    scene.fade(ui);
                    panels::page_ui(ui, scene, view, pictures);
                });
            });
    }
    CentralPanel::no_frame()
        .frame(bar(
            ui,
            Margin {
                left: if narrow { 12 } else { 4 },
                right: 12,
                top: 4,
                bottom: 0,
            },
        ))
        .show(ui, |ui| plots_ui(ui, scene, view, pictures, narrow));
}

/// What lies over everything else.
fn over_all_ui(ctx: &egui::Context, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    #[cfg(feature = "lab")]
    panels::lab_ui(ctx, scene, view, pictures);
    #[cfg(not(feature = "lab"))]
    let _ = pictures;
    #[cfg(feature = "train")]
    panels::training_ui(ctx, scene, view);
    panels::files_ui(ctx, scene, view);
    panels::shortcuts_ui(ctx, view);
    panels::credits_ui(ctx, view);
    panels::remark_ui(ctx, view);
    drop_hint_ui(ctx, view);
}

/// Source, transport, what is wrong, what is held.
fn top_ui(ui: &mut egui::Ui, scene: &Scene<'_>, held: Option<&HeldMoment>, view: &mut ViewState) {
    Panel::top("source bar")
        .frame(bar(
            ui,
            Margin {
                left: 12,
                right: 12,
                top: 8,
                bottom: 4,
            },
        ))
        .show_separator_line(false)
        .show(ui, |ui| {
            panels::source_bar_ui(ui, scene, view);
            panels::opened_ui(ui, scene, view);
            if view
                .source
                .opened
                .as_ref()
                .is_some_and(|open| open.kind == SourceKind::File)
            {
                panels::transport_ui(ui, scene, view);
            }
            panels::banner_ui(ui, view);
            if let Some(held) = held {
                panels::held_ui(ui, held, view);
            }
        });
}

fn bar(ui: &egui::Ui, margin: Margin) -> Frame {
    Frame::new().fill(Palette::of(ui).background).inner_margin(margin)
}

/// Spectrogram, heads and timeline, sharing the height; scrolled where there is too little of it.
fn plots_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures, narrow: bool) {
    let room = ui.available_height();
    let least = least(scene, view);
    view.time.wheel_scrolls = narrow || room < least;
    if !view.time.wheel_scrolls {
        stacked_ui(ui, scene, view, pictures, room);
        return;
    }
    ScrollArea::vertical().show(ui, |ui| {
        if narrow {
            panels::answer_ui(ui, scene, view);
            ui.add_space(GRID);
            scene.fade(ui);
            panels::page_ui(ui, scene, view, pictures);
            ui.add_space(GRID);
        }
        stacked_ui(ui, scene, view, pictures, least.max(room));
    });
}

/// The plots that are shown, from top to bottom, with the least height of each.
fn plots(scene: &Scene<'_>, view: &ViewState) -> Vec<(Plot, f32)> {
    let surprise = panels::surprise_height(view);
    let has_internals = scene.internals(view).is_some();
    let heights = [
        (
            Plot::Spectrogram,
            SPECTROGRAM + surprise + panels::contribution_height(scene),
        ),
        (Plot::Changed, panels::attribution_height(scene)),
        (Plot::Internals, if has_internals { HEADS } else { 0.0 }),
        (Plot::Answers, ANSWERS + panels::compared_height(scene, view)),
        (Plot::Timeline, TIMELINE),
    ];
    let is_shown = |(plot, height): &(Plot, f32)| *height > 0.0 && view.bench.shows(*plot);
    heights.into_iter().filter(is_shown).collect()
}

/// The height below which the plots scroll.
fn least(scene: &Scene<'_>, view: &ViewState) -> f32 {
    plots(scene, view).iter().map(|(_, height)| height).sum()
}

/// Shares the height among the plots: some of what is spare goes to heads and timeline, the rest to the spectrogram,
/// or, without it, to the first.
fn heights(scene: &Scene<'_>, view: &ViewState, height: f32) -> Vec<(Plot, f32)> {
    // Few heads need no tall rows; before the first attention it is not known how many there are.
    let attention = &scene.snapshot.attention;
    let heads = attention.layers * attention.heads;
    let rows = match scene.internals(view) {
        Some(Internals::Heads) if heads > 0 => heads,
        _ => 16,
    };
    let tallest = (26.0 + 24.0 * rows as f32).clamp(HEADS, 320.0);
    let mut plots = plots(scene, view);
    let spare = (height - plots.iter().map(|(_, height)| height).sum::<f32>()).max(0.0);
    let mut left = spare;
    for (plot, height) in &mut plots {
        let most = match plot {
            Plot::Internals => tallest,
            Plot::Timeline => 260.0,
            _ => continue,
        };
        let more = (0.3 * spare).min(most - *height).max(0.0);
        *height += more;
        left -= more;
    }
    let widest = plots
        .iter()
        .position(|(plot, _)| *plot == Plot::Spectrogram)
        .unwrap_or(0);
    if let Some((_, height)) = plots.get_mut(widest) {
        *height += left;
    }
    plots
}

fn stacked_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures, height: f32) {
    scene.fade(ui);
    let (whole, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), egui::Sense::hover());
    let mut top = whole.top();
    let plots = heights(scene, view, height);
    if plots.is_empty() {
        let text = "All plots are hidden: the menu View shows them again.";
        let font = egui::TextStyle::Body.resolve(ui.style());
        ui.painter()
            .text(whole.center(), Align2::CENTER_CENTER, text, font, Palette::of(ui).muted);
    }
    for (plot, height) in plots {
        let rect = Rect::from_x_y_ranges(whole.x_range(), top..=top + height);
        top += height;
        let mut child = ui.new_child(UiBuilder::new().id_salt(plot.title()).max_rect(rect));
        match plot {
            Plot::Spectrogram => panels::spectrogram_ui(&mut child, scene, view, pictures),
            Plot::Changed => {
                if let Some(it) = scene.attribution {
                    panels::attribution_ui(&mut child, scene, it, view);
                }
            }
            Plot::Internals => panels::internals_ui(&mut child, scene, view, pictures),
            Plot::Answers => panels::disagreement_ui(&mut child, scene, view),
            Plot::Timeline => panels::timeline_ui(&mut child, scene, view),
        }
    }
}

/// Says what a drop would do while a file hangs over the window.
fn drop_hint_ui(ctx: &egui::Context, view: &ViewState) {
    if ctx.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let all = ctx.content_rect();
    let palette = Palette::of_theme(ctx.theme());
    painter.rect_filled(all, 0.0, Color32::from_black_alpha(150));
    let tile = Rect::from_center_size(all.center(), Vec2::new(420.0, 96.0));
    painter.rect_filled(tile, 12.0, palette.card);
    painter.rect_stroke(tile, 12.0, (2.0, palette.accent), egui::StrokeKind::Inside);
    let font = egui::FontId::proportional(20.0);
    painter.text(
        tile.center(),
        Align2::CENTER_CENTER,
        if view.files.open {
            "Drop files to analyse them"
        } else {
            "Drop one file to listen, more to analyse, or a model"
        },
        font,
        palette.text,
    );
}
