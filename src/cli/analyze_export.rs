//! `attune analyze --out`: an analysis as files in the formats of other tools.
//!
//! In: analyses. Out: files. Thread: main.

use super::args::AnalyzeArgs;
use super::error::{AppError, Context};
use attune_audio::units::Seconds;
use attune_engine::files::{create_folder, write_atomically};
use attune_engine::smoothing::SmoothingConfig;
use attune_library::names::{self, Names};
use attune_library::{Analysis, Format, Job};
use attune_model::ModelSet;
use std::path::{Path, PathBuf};

/// Where the files of a run go.
pub(super) struct Exports<'a> {
    pub(super) job: Job<'a>,
    formats: &'a [Format],
    names: Names,
    inputs: Vec<PathBuf>,
}

impl<'a> Exports<'a> {
    /// `None` if nothing is to be written. `inputs`: everything that will be analysed.
    pub(super) fn new(
        args: &'a AnalyzeArgs,
        inputs: Vec<PathBuf>,
        models: &'a ModelSet,
        smoothing: &'a SmoothingConfig,
    ) -> Result<Option<Self>, AppError> {
        let Some(folder) = &args.out else { return Ok(None) };
        create_folder(folder)?;
        Ok(Some(Self {
            job: Job::new(models, smoothing, &args.format).min_segment(Seconds(args.min_segment)),
            formats: &args.format,
            names: Names::new(folder),
            inputs,
        }))
    }

    /// The path of the outputs of the next input, without suffix.
    ///
    /// # Errors
    /// If one of them would overwrite an input.
    pub(super) fn base(&mut self, input: &Path) -> Result<PathBuf, AppError> {
        let base = self.names.give(input);
        names::check(&base, self.formats, &self.inputs)?;
        Ok(base)
    }

    /// Writes all formats of one file.
    pub(super) fn write(&self, analysis: &Analysis, base: &Path) -> Result<(), AppError> {
        for format in self.formats {
            let files = analysis.export(*format);
            for file in files.with_context(|| format!("{} as {format}", analysis.path.display()))? {
                write_atomically(&names::with_suffix(base, file.suffix), &file.bytes)?;
            }
        }
        Ok(())
    }
}
