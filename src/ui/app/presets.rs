//! Arrangements of the window under names: saved, chosen again, deleted.
//!
//! In: commands. Out: settings; the window arranged. Thread: window.

use super::App;
use crate::settings::Preset;
use crate::ui::history::COLUMNS;
use crate::ui::panels::PresetCommand;
use attune_engine::Command;

impl App {
    /// Does something with the presets.
    pub(super) fn preset(&mut self, command: PresetCommand) {
        match command {
            PresetCommand::Save(name) => {
                let preset = self.arrangement(name);
                match self.settings.presets.save(preset) {
                    Ok(()) => self.view.presets.name.clear(),
                    Err(error) => self.view.notices.remark(format!("Not saved: {error}.")),
                }
            }
            PresetCommand::Delete(name) => self.settings.presets.delete(&name),
            PresetCommand::Use(name) => {
                let preset = self.settings.presets.all().iter().find(|known| known.name == name);
                if let Some(preset) = preset.cloned() {
                    self.arrange(&preset);
                }
            }
        }
    }

    /// The window as it is arranged now.
    fn arrangement(&self, name: String) -> Preset {
        let view = &self.view;
        let switches = self.models.info.models.iter().zip(&self.models.on);
        Preset {
            name,
            view: view.view,
            page: view.page,
            hidden: view.bench.hidden.clone(),
            enlarged: view.bench.enlarged,
            compares: view.compared.is_on,
            models: switches.map(|(label, on)| (label.name.clone(), *on)).collect(),
            smoothing: view.tuning.in_use,
            colour_map: view.spectrogram.colour_map,
            range_db: view.spectrogram.range_db.into(),
            show_attention: view.spectrogram.attention,
            show_changes: view.attribution.live,
            time_span: view.time.span,
            words: view.lecture.words,
        }
    }

    /// Arranges the window so. A model that is not there any more is passed over, and one that was not there then stays
    /// as it is.
    fn arrange(&mut self, preset: &Preset) {
        let (kept, hop) = (self.held_secs(), self.models.info.front_end.hop());
        let view = &mut self.view;
        view.view = preset.view;
        view.page = preset.page;
        view.bench.hidden.clone_from(&preset.hidden);
        view.bench.enlarged = preset.enlarged;
        view.compared.is_on = preset.compares;
        view.spectrogram.colour_map = preset.colour_map;
        view.spectrogram.range_db = preset.range_db.into();
        view.spectrogram.attention = preset.show_attention;
        view.attribution.live = preset.show_changes;
        view.time.set_span(preset.time_span, kept, hop);
        view.lecture.words = preset.words;
        let models = self.models.info.models.iter().zip(&self.models.on);
        let wanted: Vec<bool> = models
            .map(|(label, on)| preset.models.get(&label.name).copied().unwrap_or(*on))
            .collect();
        // The only models that it had on may be gone: then all stay as they are.
        if wanted.contains(&true) {
            for (model, on) in wanted.into_iter().enumerate() {
                if on != self.models.on[model] {
                    self.send(Command::EnableModel { model, on });
                }
            }
        }
        self.view.tuning.knobs = preset.smoothing;
        if self.view.tuning.in_use != preset.smoothing {
            self.use_knobs();
        }
    }

    /// Seconds that are kept of a held moment; 0 live.
    fn held_secs(&self) -> f64 {
        let columns = |history: &crate::ui::history::History| history.total_columns().min(COLUMNS as u64) as f64;
        let held = self.jobs.held.as_ref();
        held.map_or(0.0, |held| columns(&held.history) * held.snapshot.hop.0)
    }
}
