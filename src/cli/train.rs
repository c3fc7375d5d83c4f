//! `attune train`: makes weights from a folder of music.

use super::error::AppError;
use super::print_line;
use super::train_folders::FolderArgs;
use super::train_progress::Screen;
use super::train_recipe::RecipeArgs;
use attune_audio::features::FrontEndSpec;
use attune_train::TrainError;
use attune_train::recipe::{ModelKind, Recipe};
use attune_train::session::{Credits, DataName, DataSource, Outcome, Session, SessionConfig, cross_validate};
use attune_train::split::Fold;
use std::path::PathBuf;
use std::sync::Arc;

/// Trains one model and writes its weights, manifest and card.
#[derive(Debug, Clone, clap::Args)]
pub struct TrainArgs {
    /// Which model to train
    #[arg(value_enum, value_name = "MODEL")]
    kind: ModelKind,
    /// Folder with a sub-folder of audio for each class; or with clips.csv (clip, genre, split, audio, artist), audio
    /// in SPLIT/CLIP.ogg, mel3s.safetensors
    #[arg(long, value_name = "FOLDER", required_unless_present = "class")]
    data: Option<PathBuf>,
    #[command(flatten)]
    folders: FolderArgs,
    /// Name of the data set in the card [default: the folders' names, or GTZAN's]
    #[arg(long)]
    data_name: Option<String>,
    /// Rights in the data, for the card
    #[arg(long)]
    data_rights: Option<String>,
    /// Folder for checkpoint, log, weights, manifest and card
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Optimiser steps; 0 exports the weights of --start-from as they are
    #[arg(long, default_value_t = 2_500)]
    steps: u64,
    /// Seed of the run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cross-validate: a run for each of N folds, in --out/fold-1, …; every clip is validated once, by a network that
    /// was trained without its artist
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["fold", "only_renditions"],
        value_parser = clap::value_parser!(u16).range(2..=100)
    )]
    pub(super) folds: Option<u16>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Only make the renditions and write them to --renditions-cache
    #[arg(long, alias = "only-takes", requires = "renditions_cache")]
    only_renditions: bool,
    /// Leave these genres out of a data set with clips.csv: music that the model is to find unfamiliar
    #[arg(long, value_delimiter = ',', value_name = "GENRE,…", conflicts_with = "class")]
    leave_out: Vec<String>,
    /// No training: give the trained model MODEL.json the statistics by which it says how familiar a sound is, from
    /// these data, and write it to --out
    #[arg(long, value_name = "MODEL.json", conflicts_with_all = ["folds", "only_renditions", "resume"])]
    fit_familiarity: Option<PathBuf>,
    /// Continue the run in --out from its checkpoint
    #[arg(long)]
    resume: bool,
    /// Steps between two checkpoints and validations
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

impl TrainArgs {
    /// The run of one fold.
    pub(super) fn of_fold(&self, fold: Fold) -> Self {
        Self {
            out: self.out.join(format!("fold-{}", fold.number)),
            folds: None,
            recipe: self.recipe.clone().of_fold(fold),
            ..self.clone()
        }
    }

    /// The command that makes the same weights from the same data.
    pub(super) fn command(&self) -> String {
        let leave_out = match self.leave_out.join(",") {
            none if none.is_empty() => none,
            genres => format!(" --leave-out {genres}"),
        };
        let folds = self.folds.map_or(String::new(), |folds| format!(" --folds {folds}"));
        format!(
            "attune train {}{}{leave_out}{} --out FOLDER --steps {} --seed {}{folds}{}",
            self.kind.name(),
            if self.data.is_some() { " --data FOLDER" } else { "" },
            self.folders.typed(),
            self.steps,
            self.seed,
            self.recipe.words()
        )
    }

    pub(super) fn model_name(&self) -> String {
        let kind = || self.kind.name().to_owned();
        self.folders.name.clone().unwrap_or_else(kind)
    }

    /// The steps of the run.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// What the session works on.
    fn config(&self) -> Result<SessionConfig, TrainError> {
        let folder = self.data.as_deref();
        let indexed = folder.filter(|folder| folder.join("clips.csv").is_file() && !self.folders.is_used());
        let data = match indexed {
            Some(folder) => DataSource::Indexed(folder.to_owned()),
            None if !self.leave_out.is_empty() => {
                return Err(TrainError::Data {
                    path: folder.unwrap_or(&self.out).to_owned(),
                    message: "--leave-out needs a data set with clips.csv; choose among sub-folders with --classes"
                        .to_owned(),
                });
            }
            None => DataSource::Folders(self.folders.data(folder, self.recipe.fold(), self.seed)?),
        };
        if self.steps == 0 && self.recipe.start_from.is_empty() {
            return Err(TrainError::Data {
                path: self.out.clone(),
                message: "--steps 0 exports weights as they are: name them with --start-from".to_owned(),
            });
        }
        let usual = || DataName::Usual(self.folders.data_name(folder));
        Ok(SessionConfig {
            data,
            leave_out: self.leave_out.clone(),
            front_end: FrontEndSpec::default(),
            start_from: self.recipe.start_from.clone(),
            teacher: self.recipe.teacher.clone(),
            windowed_targets: self.recipe.windowed_targets.clone(),
            unlabelled: self.recipe.unlabelled.clone(),
            more: self.recipe.more_forms(),
            aux_data: self.recipe.aux_data.clone(),
            distractors: self.recipe.distractors.clone(),
            renditions_cache: self.recipe.renditions_cache.clone(),
            out: self.out.clone(),
            resume: self.resume,
            every: self.every,
            credits: Credits {
                name: self.model_name(),
                command: self.command(),
                data: self.data_name.clone().map_or_else(usual, DataName::Given),
                rights: self.data_rights.clone(),
                today: || jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            },
            stop: Arc::default(),
        })
    }

    /// The recipe for this many classes.
    fn recipe_for(&self, config: &SessionConfig, classes: usize) -> Recipe {
        let indexed = matches!(config.data, DataSource::Indexed(_));
        let mut recipe = (self.folders).recipe(self.kind, indexed, classes, self.seed, self.steps);
        self.recipe.apply(&mut recipe);
        recipe
    }
}

/// Runs one training or a cross-validation, in which each fold has a folder of its own; its page is printed, and
/// written beside them.
pub(super) fn run(args: &TrainArgs) -> Result<(), AppError> {
    if args.only_renditions {
        let (config, screen) = (args.config()?, Screen::new(args));
        let observer = |event: attune_train::session::Event<'_>| screen.show(&event);
        let session = Session::read(&config, &observer)?;
        let recipe = args.recipe_for(&config, session.genres().len());
        return Ok(session.make_renditions(recipe)?);
    }
    if let Some(model) = &args.fit_familiarity {
        let (config, screen) = (args.config()?, Screen::new(args));
        let observer = |event: attune_train::session::Event<'_>| screen.show(&event);
        let session = Session::read(&config, &observer)?;
        let recipe = args.recipe_for(&config, session.genres().len());
        let manifest = session.fit_familiarity(&recipe, model)?;
        let scale = manifest.familiarity.map_or(0, |scale| scale.sounds);
        crate::note!(
            "{}: familiarity fitted, threshold from {scale} held-out sounds",
            manifest.name
        );
        return Ok(());
    }
    let Some(folds) = args.folds else {
        train(args)?;
        return Ok(());
    };
    let page = cross_validate(usize::from(folds), &args.out, &args.command(), |fold| {
        crate::note!("fold {fold}");
        train(&args.of_fold(fold))
    })?;
    print_line(page.trim_end())?;
    Ok(())
}

fn train(args: &TrainArgs) -> Result<Outcome, TrainError> {
    let (config, screen) = (args.config()?, Screen::new(args));
    let observer = |event: attune_train::session::Event<'_>| screen.show(&event);
    let session = Session::open(&config, &observer)?;
    let recipe = args.recipe_for(&config, session.genres().len());
    let outcome = session.run(recipe)?;
    Screen::show_outcome(&outcome, &args.out);
    Ok(outcome)
}
