//! Models of the user beside those that the window began with.
//!
//! In: manifests, from a dialog, dropped, or kept from the last time. Out: models that run, or notices that say why
//! not. Thread: window; each model is loaded and proved on a thread of its own.

use super::{App, Models};
use crate::settings::MOST_OWN_MODELS;
use crate::ui::answers::Answers;
use crate::ui::choices::Internals;
use crate::ui::job::{Job, JobError};
use crate::ui::live_attribution::LiveAttribution;
use crate::ui::notices::{Problem, Severity};
use crate::ui::panels::{ComparedView, ModelInfo, OwnModelLabel, printable};
use attune_engine::{Command, MAX_MODELS};
use attune_model::load::load;
use attune_model::{LoadedModel, ModelError, ModelSet};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Characters of an error that are shown: a manifest can make it as long as it likes.
pub(super) const LONGEST_REASON: usize = 400;
/// Characters of a file's name that are shown.
const LONGEST_FILE: usize = 80;

/// The models of the user.
#[derive(Debug, Default)]
pub(super) struct OwnModels {
    /// The manifests of those that run, the last ones of all models, in their order.
    paths: Vec<PathBuf>,
    /// Manifests that wait to be loaded, and whether they are of the last time.
    waiting: VecDeque<(PathBuf, bool)>,
    /// The one that is being loaded.
    current: Option<(PathBuf, bool)>,
    /// Whether those of the last time are loaded, too; if not, they stay kept.
    takes_kept: bool,
    job: Job<LoadedModel, ModelError>,
}

/// Why a model does not run, and what to do.
struct Refusal {
    reason: String,
    remedy: &'static str,
}

impl Refusal {
    fn new(reason: impl Into<String>, remedy: &'static str) -> Self {
        let reason = reason.into();
        Self { reason, remedy }
    }
}

/// What to do about a model that is in order, but does not go with those that run.
const GO_TOGETHER: &str =
    "Load a model that was trained with the front end and the classes of those that run, under a name of its own.";

impl OwnModels {
    /// The manifests to be kept for the next start. What is no text cannot be kept.
    pub(super) fn kept(&self, before: &[String]) -> Vec<String> {
        let coming = self.current.iter().chain(&self.waiting).map(|(path, _)| path);
        let now = self.paths.iter().chain(coming).filter_map(|path| path.to_str());
        let stay = before.iter().map(String::as_str).filter(|_| !self.takes_kept);
        let mut kept: Vec<String> = Vec::new();
        for path in stay.chain(now) {
            if !kept.iter().any(|known| known == path) {
                kept.push(path.to_owned());
            }
        }
        kept.truncate(MOST_OWN_MODELS);
        kept
    }
}

impl App {
    /// Loads the models that ran when the window closed.
    #[must_use]
    pub fn with_kept_models(mut self) -> Self {
        let own = &mut self.jobs.own_models;
        own.takes_kept = true;
        let kept = self.settings.own_models.iter().take(MOST_OWN_MODELS);
        own.waiting.extend(kept.map(|path| (PathBuf::from(path), true)));
        self
    }

    /// Loads a model, after those that wait already.
    pub(super) fn load_model(&mut self, manifest: PathBuf) {
        // A relative path would name another file at the next start.
        let manifest = std::path::absolute(&manifest).unwrap_or(manifest);
        self.jobs.own_models.waiting.push_back((manifest, false));
    }

    /// Takes over a model that has been loaded, and loads the next.
    pub(super) fn poll_own_models(&mut self) {
        let own = &mut self.jobs.own_models;
        own.job.poll();
        if let Some(ended) = own.job.take_ended()
            && let Some((path, was_kept)) = own.current.take()
        {
            let result = match ended {
                Ok(model) => self.run_model(&path, &model),
                Err(JobError::Work(error)) => Err(Refusal::new(error.to_string(), error.remedy())),
                Err(error) => Err(Refusal::new(error.to_string(), "Load it again.")),
            };
            match result {
                Ok(name) => {
                    let text = format!("{name} runs beside the other models, all of which are reset.");
                    self.view.notices.remark(text);
                }
                Err(refusal) => self.refuse_model(&path, &refusal, was_kept),
            }
        }
        let own = &mut self.jobs.own_models;
        // What opens takes the notices away: what may have to be read waits for it.
        if own.current.is_none()
            && self.view.source.opening.is_none()
            && let Some((path, was_kept)) = own.waiting.pop_front()
        {
            match self.refused_at_once(&path) {
                Some(refusal) => self.refuse_model(&path, &refusal, was_kept),
                None => self.begin_loading(path, was_kept),
            }
        }
        let current = self.jobs.own_models.current.as_ref();
        self.view.models.loading = current.map(|(path, _)| file_name(path));
    }

    fn begin_loading(&mut self, path: PathBuf, was_kept: bool) {
        let (repaint, manifest) = (self.ctx.clone(), path.clone());
        self.jobs.own_models.current = Some((path, was_kept));
        // Every golden test is made: what a user takes from somewhere is proved each time.
        self.jobs.own_models.job = Job::start(
            "attune-model",
            move || repaint.request_repaint(),
            move |_| load(&manifest),
        );
    }

    /// What needs no look into the file.
    fn refused_at_once(&self, path: &Path) -> Option<Refusal> {
        let refusal = if self.models.set.is_none() {
            Refusal::new("this window has no models to run it beside", "Start Attune again.")
        } else if self.jobs.own_models.paths.iter().any(|known| known == path) {
            Refusal::new("it runs already", "Remove it first, if its file has changed.")
        } else if self.jobs.own_models.paths.len() == MOST_OWN_MODELS || self.models.info.models.len() == MAX_MODELS {
            Refusal::new(
                format!(
                    "{} models are there, {} of them loaded by you, and there is no room for more",
                    self.models.info.models.len(),
                    self.jobs.own_models.paths.len()
                ),
                "Remove one that you loaded.",
            )
        } else {
            return None;
        };
        Some(refusal)
    }

    /// Has a model run beside the others; its name for people.
    fn run_model(&mut self, path: &Path, model: &LoadedModel) -> Result<String, Refusal> {
        let manifest = model.manifest();
        if manifest.genres.is_gate() {
            return Err(Refusal::new(
                format!(
                    "{:?} separates music from other sounds and answers no genre",
                    manifest.name
                ),
                "Name it with --model, after models with genres.",
            ));
        }
        let Some(set) = self.models.set.clone() else {
            return Err(Refusal::new(
                "this window has no models to run it beside",
                "Start Attune again.",
            ));
        };
        let set = set
            .and(vec![model.clone()])
            .map_err(|error| Refusal::new(error.to_string(), GO_TOGETHER))?;
        let info = self.info_of(&set, None);
        let (name, others) = info
            .models
            .split_last()
            .map(|(last, others)| (last.name.clone(), others))
            .unwrap_or_default();
        if others.iter().any(|other| other.name == name) {
            return Err(Refusal::new(
                format!("a model with the name {name:?} is there already"),
                GO_TOGETHER,
            ));
        }
        let mut paths = self.jobs.own_models.paths.clone();
        paths.push(path.to_owned());
        if self.use_models((set, info), paths, None) {
            return Ok(name);
        }
        Err(Refusal::new("the engine did not take it", "Load it again."))
    }

    /// Removes a model that the user loaded.
    pub(super) fn remove_model(&mut self, place: usize) {
        let mut paths = self.jobs.own_models.paths.clone();
        let first = self.models.info.models.len() - paths.len();
        let Some((mut set, own)) = self.models.set.clone().zip(place.checked_sub(first)) else {
            return;
        };
        if own >= paths.len() {
            return;
        }
        set.models.remove(place);
        paths.remove(own);
        let info = self.info_of(&set, Some(place));
        let name = self.models.info.models[place].name.clone();
        if self.use_models((set, info), paths, Some(place)) {
            self.settings.models.remove(&name);
            let text = format!("{name} is removed; the other models are reset. Its files stay where they are.");
            self.view.notices.remark(text);
        }
    }

    /// What is said of these models. Those that were there are as they were, less one.
    fn info_of(&self, set: &ModelSet, removed: Option<usize>) -> ModelInfo {
        let mut info = ModelInfo::of(set, set.models.len());
        let known = self.models.info.models.iter().enumerate();
        let known = known
            .filter(|(place, _)| Some(*place) != removed)
            .map(|(_, label)| label);
        for (label, known) in info.models.iter_mut().zip(known) {
            label.clone_from(known);
        }
        info
    }

    /// Has these run in place of those that ran; whether the engine took the command. What was held or begun with the
    /// others goes.
    fn use_models(&mut self, (set, info): (ModelSet, ModelInfo), paths: Vec<PathBuf>, removed: Option<usize>) -> bool {
        let was_on = |name: &str| {
            let mut known = self.models.info.models.iter().zip(&self.models.on);
            known.find(|(label, _)| label.name == name).map(|(_, on)| *on)
        };
        let is_on = |name: &str| {
            was_on(name)
                .or_else(|| self.settings.models.get(name).copied())
                .unwrap_or(true)
        };
        let on: Vec<bool> = info.models.iter().map(|label| is_on(&label.name)).collect();
        let command = Command::UseModels {
            models: Box::new(set.clone()),
            off: (0..on.len()).filter(|model| !on[*model]).collect(),
        };
        if !self.is_sent(command) {
            return false;
        }
        self.view.models.own = paths
            .iter()
            .map(|path| OwnModelLabel { file: file_name(path) })
            .collect();
        // Places from that of a removed model on are those of others now.
        let is_other = |model: usize| removed.is_some_and(|removed| model >= removed);
        if matches!(self.view.internals.chosen, Internals::Units(model) if is_other(model)) {
            self.view.internals.chosen = Internals::Heads;
        }
        if self.view.compared.pair.iter().any(|model| is_other(*model)) {
            self.view.compared.pair = ComparedView::default().pair;
        }
        self.models = Models {
            info,
            set: Some(set),
            on,
            replaced: self.models.replaced + 1,
        };
        self.jobs.own_models.paths = paths;
        self.jobs.traces = None;
        self.jobs.knob_replay = None;
        self.jobs.live_attribution = LiveAttribution::default();
        self.played.answers = Answers::default();
        self.let_go();
        if let (Some(publisher), Some(set)) = (&mut self.publisher, &self.models.set) {
            publisher.use_models(set);
        }
        self.start_prescan();
        true
    }

    fn refuse_model(&mut self, path: &Path, refusal: &Refusal, was_kept: bool) {
        let forgotten = if was_kept {
            " It ran when the window closed, and is not tried again at the next start."
        } else {
            ""
        };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message: format!(
                "The model {} is not loaded: {}.",
                printable(&path.display(), LONGEST_REASON),
                printable(refusal.reason.as_str(), LONGEST_REASON)
            ),
            remedy: format!("{}{forgotten}", refusal.remedy),
        });
    }
}

/// The last part of a path, to be shown.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    printable(&name.to_string_lossy(), LONGEST_FILE)
}
