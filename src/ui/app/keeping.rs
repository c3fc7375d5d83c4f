//! What survives a restart of the window: settings, sources opened before, the session.
//!
//! In: the window's state. Out: settings, which are saved when it closes. Thread: window.

use super::App;
use crate::settings::{Input, RecentSource, Settings};
use crate::ui::panels::{ModelInfo, ModelLabel};
use crate::ui::theme;
use attune_audio::source::{OpenedSource, SourceKind};

/// Which models are on when the window opens: those switched by hand as they were, the others as usual.
pub(in crate::ui) fn on_at_first(info: &ModelInfo, settings: &Settings) -> Vec<bool> {
    let is_on = |model: &ModelLabel| settings.models.get(&model.name).copied().unwrap_or(!model.optional);
    info.models.iter().map(is_on).collect()
}

impl App {
    /// A model was switched by hand.
    pub(super) fn keep_switch(&mut self, model: usize, on: bool) {
        if let Some(label) = self.models.info.models.get(model) {
            self.settings.models.insert(label.name.clone(), on);
        }
    }

    /// A source was opened: it is offered again.
    pub(super) fn keep_source(&mut self, source: &OpenedSource) {
        if !self.view.source.is_demo {
            self.settings.recent.add(RecentSource {
                is_device: source.kind != SourceKind::File,
                id: source.id.clone(),
                name: source.name.clone(),
            });
        }
    }

    /// Writes what survives.
    pub(super) fn keep(&mut self) {
        self.played.recorder.write(&self.models.info.genres);
        if let Err(error) = self.settings_now().save() {
            tracing::warn!("{error}");
        }
    }

    /// What is to be kept for the next start.
    pub fn settings_now(&self) -> Settings {
        let ctx = &self.ctx;
        let mut settings = self.settings.clone();
        settings.theme = theme::kept(ctx.options(|options| options.theme_preference));
        settings.colour_map = self.view.spectrogram.colour_map;
        settings.range_db = self.view.spectrogram.range_db.into();
        settings.show_attention = self.view.spectrogram.attention;
        settings.show_changes = self.view.attribution.live;
        settings.time_span = self.view.time.span;
        settings.timeline_span = self.view.timeline.span;
        settings.page = self.view.page;
        settings.zoom = self.own_zoom();
        settings.view = self.view.view;
        settings.full_screen.clone_from(&self.view.full_screen);
        settings.stage = self.view.stage.window;
        settings.words = self.view.lecture.words;
        // Points of the view that is not enlarged; a full screen is no size of its own.
        if !self.view.full_screen.contains(&self.view.view) {
            settings.window_size = (ctx.content_rect().size() * (ctx.zoom_factor() / settings.zoom)).into();
        }
        settings.own_models = self.jobs.own_models.kept(&self.settings.own_models);
        let device = self
            .view
            .source
            .opened
            .as_ref()
            .filter(|open| open.kind != SourceKind::File);
        settings.input = match device {
            Some(open) => Some(Input {
                device: open.id.clone(),
                channel: self.view.source.channel,
                was_open: true,
            }),
            None => settings.input.map(|input| Input {
                was_open: false,
                ..input
            }),
        };
        settings
    }
}
