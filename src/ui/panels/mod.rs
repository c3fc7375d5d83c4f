//! The parts of the window. Each takes what is to be shown and the view state, and requests actions through it, so
//! that each can be tested from a hand-made snapshot.
//!
//! In: [`Scene`]. Out: paint, and [`super::view_state::Action`]s. Thread: window.

mod answer;
mod attention;
mod attribution;
mod banner;
mod compared;
mod contribution;
mod credits;
mod decisions;
mod disagreement;
mod field;
mod figures;
mod files;
mod head_lines;
mod heads;
mod health;
mod held;
mod internals;
#[cfg(feature = "lab")]
mod lab;
mod lecture;
mod lecture_figures;
mod matrix;
mod mattered;
mod models;
mod own_models;
mod pages;
mod presets;
mod raw_curve;
mod scores;
mod sessions;
mod shortcuts;
mod source_bar;
mod spectrogram;
mod stage;
mod surprise;
mod timeline;
#[cfg(feature = "train")]
mod training;
mod transport;
mod truth;
mod tuning;
mod units;
mod views;
mod weights;
mod welcome;
mod words;

pub(super) use answer::answer_ui;
pub(super) use attribution::{Attribution, AttributionView, attribution_height, attribution_ui};
pub(super) use banner::{banner_ui, remark_ui};
pub(super) use compared::{ComparedView, compared_height};
pub(super) use contribution::contribution_height;
pub(super) use credits::credits_ui;
pub(super) use decisions::{DecisionsView, decisions_ui};
pub(super) use disagreement::disagreement_ui;
pub(super) use figures::{Table, figures_of};
pub(super) use files::{FilesCommand, FilesView, files_ui};
pub(super) use head_lines::HeadLines;
pub(super) use heads::HeadsView;
pub(super) use health::health_ui;
pub(super) use held::held_ui;
pub(super) use internals::{InternalsView, internals_ui};
#[cfg(feature = "lab")]
pub(super) use lab::{LabView, lab_ui};
pub(super) use lecture::{LECTURE_ZOOM, LectureView, Step, lecture_ui};
pub(super) use models::models_ui;
pub(super) use own_models::{ModelsView, OwnModelLabel};
pub(super) use pages::page_ui;
pub(super) use presets::{PresetCommand, PresetsView, presets_ui};
pub(super) use sessions::{SessionsView, sessions_ui};
pub(super) use shortcuts::shortcuts_ui;
pub(crate) use source_bar::next_theme;
pub(super) use source_bar::{SourceCondition, SourceView, opened_ui, source_bar_ui};
pub(super) use spectrogram::{SpectrogramView, spectrogram_ui, surprise_height};
pub(super) use stage::{StageView, stage_ui};
pub(super) use timeline::{TimelineView, timeline_ui};
#[cfg(feature = "train")]
pub(super) use training::{TrainingView, training_ui};
pub(super) use transport::{TransportView, transport_ui};
pub(super) use tuning::{TuningView, tuning_ui};
pub(super) use views::{BenchView, plot_choices_ui, views_ui};
pub(super) use welcome::welcome_ui;

use super::answers::ReplayResult;
use super::choices::Internals;
use super::decisions::DecisionLog;
use super::devices::DeviceList;
use super::file_list::FileList;
use super::held_moment::HeldMoment;
use super::history::{COLUMNS, History};
#[cfg(feature = "lab")]
use super::lab_runner::LabState;
use super::session_recorder::SessionRecorder;
use super::song_list::SongList;
use super::sound_state::SoundState;
use super::traces::Traces;
use super::track::Track;
#[cfg(feature = "train")]
use super::training::Training;
use super::view_state::ViewState;
#[cfg(feature = "lab")]
use super::widgets::SheetImage;
use super::widgets::{ColumnTexture, MatrixImage, WeightImage};
use crate::settings::RecentSources;
use attune_audio::features::FrontEndSpec;
use attune_engine::text::Printable;
use attune_engine::{AttentionSnapshot, MAX_ATTENTION_FRAMES, MAX_HEADS, MAX_LAYERS, Snapshot, Transport};
use attune_model::ModelSet;
use attune_model::architecture::{BodyShape, Dilated};
use attune_model::genre::GenreSet;
use attune_model::scores::Scores;
use eframe::egui::{self, ColorImage, TextureId};
use std::fmt::Display;

/// Characters of a model's name that are shown.
const LONGEST_NAME: usize = 24;
/// Opacity of what is drawn of a past that does not go on.
const OLD: f32 = 0.45;

/// What the window says of one model beside its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLabel {
    /// Its name for people.
    pub name: String,
    /// How many trained numbers it has.
    pub weight_count: usize,
    /// Whether it is off until someone switches it on.
    pub optional: bool,
    /// How many frames its heads attend to; `None` if it has none.
    pub attention_context: Option<usize>,
}

/// What the window says of a model whose body is convolutions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvolutionsLabel {
    /// Its place among the models.
    pub model: usize,
    /// Its name for people.
    pub name: String,
    /// Its convolutions over time, from the input on.
    pub layers: Vec<Dilated>,
}

impl ConvolutionsLabel {
    /// The nominal receptive field: how many frames one of their features can depend on, 1 + Σ (taps − 1) · dilation.
    pub fn frames(&self) -> usize {
        1 + self.layers.iter().map(Dilated::reach).sum::<usize>()
    }
}

/// What does not change while the window is open.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// The classes.
    pub genres: GenreSet,
    /// The models, in the order of the snapshot.
    pub models: Vec<ModelLabel>,
    /// The front end.
    pub front_end: FrontEndSpec,
    /// The recurrent models: their places, and whether their units have gates.
    pub recurrent: Vec<(usize, bool)>,
    /// Whether score functions trained on one of the models can run.
    pub scores: bool,
    /// Whether what sounds can be said in words.
    pub words: bool,
    /// A convolutional model.
    pub convolutions: Option<ConvolutionsLabel>,
}

impl ModelInfo {
    /// What a set of models says of itself; those after the first `usual` are off until someone switches them on.
    pub fn of(models: &ModelSet, usual: usize) -> Self {
        let labels = models
            .models
            .iter()
            .enumerate()
            .map(|(index, model)| ModelLabel {
                name: model_title(&model.manifest().name),
                weight_count: model.manifest().weight_count,
                optional: index >= usual,
                attention_context: model.manifest().architecture.attention_context(),
            })
            .collect();
        Self {
            genres: models.genres.clone(),
            models: labels,
            front_end: models.front_end.clone(),
            convolutions: models.models.iter().enumerate().find_map(|(index, model)| {
                let manifest = model.manifest();
                Some(ConvolutionsLabel {
                    model: index,
                    name: model_title(&manifest.name),
                    layers: manifest.architecture.convolutions()?,
                })
            }),
            recurrent: models
                .models
                .iter()
                .enumerate()
                .filter_map(|(index, model)| match model.manifest().architecture.body {
                    BodyShape::Lstm(_) => Some((index, true)),
                    BodyShape::Rnn(_) => Some((index, false)),
                    BodyShape::Tcn(_) | BodyShape::Attention(_) => None,
                })
                .collect(),
            scores: Scores::bundled(models).is_ok(),
            // The captioning network reads the frames of the bundled models.
            words: models.front_end == FrontEndSpec::default(),
        }
    }

    /// Whether any model attends, so that there is attention to be drawn.
    pub fn has_attention(&self) -> bool {
        self.models.iter().any(|model| model.attention_context.is_some())
    }
}

/// Text from outside on one line, cut after so many characters.
pub(super) fn printable(text: &(impl Display + ?Sized), most: usize) -> String {
    let text = Printable(text).to_string();
    match text.char_indices().nth(most) {
        None => text,
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

/// A model's short name as people read it: an acronym in capitals, a word with one. Manifests are from anywhere: what is
/// long is cut.
fn model_title(name: &str) -> String {
    let name = printable(name, LONGEST_NAME);
    let is_acronym = name.len() <= 4 && name.chars().all(|c| c.is_ascii_alphanumeric());
    if is_acronym {
        return name.to_uppercase();
    }
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// What the window shows in one frame.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The engine's newest snapshot.
    pub snapshot: &'a Snapshot,
    /// The columns before it.
    pub history: &'a History,
    /// What does not change.
    pub model_info: &'a ModelInfo,
    /// The devices that can be opened.
    pub devices: &'a DeviceList,
    /// The moment that is held, if one is: then `snapshot` and `history` are its own.
    pub held: Option<&'a HeldMoment>,
    /// What changed the answer, if that is shown.
    pub attribution: Option<Attribution<'a>>,
    /// Whether what mattered is being played.
    pub is_listening: bool,
    /// Whether there is sound; of a held moment there is.
    pub sound: SoundState,
    /// Where the file is now, held or not.
    pub transport: &'a Transport,
    /// The file as a whole, if one is open.
    pub track: Option<&'a Track>,
    /// The files that are analysed beside what plays.
    pub files: &'a FileList,
    /// The songs since the window opened.
    pub songs: &'a SongList,
    /// Sources opened before.
    pub recent: &'a RecentSources,
    /// Earlier sessions.
    pub recorder: &'a SessionRecorder,
    /// What was answered and what was held back.
    pub log: &'a DecisionLog,
    /// The unit values of the inspected model.
    pub traces: Option<&'a Traces>,
    /// The replay with the knobs on their page.
    pub knobs_replay: Option<&'a ReplayResult>,
    /// The replay with the knobs in use.
    pub live_replay: Option<&'a ReplayResult>,
    /// Where the lab is.
    #[cfg(feature = "lab")]
    pub lab: &'a LabState,
    /// The training on folders of one's own.
    #[cfg(feature = "train")]
    pub training: &'a Training,
}

impl Scene<'_> {
    /// Seconds one can go back: those kept of a held moment, 0 live.
    pub fn kept(&self) -> f64 {
        let columns = self.history.total_columns().min(COLUMNS as u64);
        if self.held.is_some() {
            columns as f64 * self.snapshot.hop.0
        } else {
            0.0
        }
    }

    /// Whether there is, or will be, attention to be drawn.
    pub fn attends(&self) -> bool {
        self.model_info.has_attention() || self.snapshot.attention.frames > 0
    }

    /// What is inspected below the spectrogram: what was chosen, if there is such a thing.
    pub fn internals(&self, view: &ViewState) -> Option<Internals> {
        let first = self
            .model_info
            .recurrent
            .first()
            .map(|(model, _)| Internals::Units(*model));
        match view.internals.chosen {
            Internals::Scores if self.model_info.scores => Some(view.internals.chosen),
            Internals::Words if self.model_info.words => Some(view.internals.chosen),
            Internals::Field if self.model_info.convolutions.is_some() => Some(view.internals.chosen),
            Internals::Units(model) if self.model_info.recurrent.iter().any(|(known, _)| *known == model) => {
                Some(view.internals.chosen)
            }
            _ if self.attends() => Some(Internals::Heads),
            _ => first,
        }
    }

    /// What comes next is of a past that does not go on: it is drawn weaker.
    pub fn fade(&self, ui: &mut egui::Ui) {
        if self.sound.is_missing() {
            ui.set_opacity(OLD);
        }
    }

    /// Whether what the snapshot says is of now.
    pub fn is_current(&self) -> bool {
        self.has_frames() && !self.sound.is_missing()
    }

    /// Whether anything was played since the last reset.
    pub fn has_frames(&self) -> bool {
        self.snapshot.sequence > 0 && self.snapshot.frames > 0
    }
}

/// Pictures on the graphics card, made again only when what they show changed.
#[derive(Default)]
pub(super) struct Pictures {
    /// The spectrogram.
    pub columns: ColumnTexture,
    /// Layers × heads.
    pub heads: WeightImage,
    /// Score functions.
    pub scores: WeightImage,
    /// Units over time.
    pub units: ColumnTexture,
    /// Which frame attended to which.
    pub matrix: MatrixImage,
    /// What the lab found.
    #[cfg(feature = "lab")]
    pub lab: SheetImage,
}

impl Pictures {
    /// The pixels of a texture of the plots.
    pub(super) fn texels(&self, texture: TextureId) -> Option<&ColorImage> {
        let over_time = self.columns.texels(texture).or_else(|| self.units.texels(texture));
        over_time
            .or_else(|| self.heads.texels(texture))
            .or_else(|| self.scores.texels(texture))
            .or_else(|| self.matrix.texels(texture))
    }
}

/// The pooling weights that count, oldest first.
fn pooling_of(attention: &AttentionSnapshot) -> &[f32] {
    &attention.pooling[..attention.frames.min(MAX_ATTENTION_FRAMES)]
}

/// The weights of one head that count, oldest first.
fn head_of(attention: &AttentionSnapshot, layer: usize, head: usize) -> &[f32] {
    &attention.maps[layer * MAX_HEADS + head][..attention.frames.min(MAX_ATTENTION_FRAMES)]
}

/// Layers and heads that count.
fn map_shape(attention: &AttentionSnapshot) -> (usize, usize) {
    (attention.layers.min(MAX_LAYERS), attention.heads.min(MAX_HEADS))
}

/// How many columns the newest weight lies before the newest column.
fn attention_lag(snapshot: &Snapshot) -> u64 {
    snapshot.frames.saturating_sub(snapshot.attention.newest.0 + 1)
}
