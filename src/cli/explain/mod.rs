//! `attune explain`: what the answer at one moment of a file rests on, and whether such maps point at
//! planted passages.

#[cfg(feature = "train")]
mod planted;
mod tables;

use super::ExplainArgs;
use super::error::{AppError, Context, bail};
use attune_audio::units::Seconds;
use attune_audio::wav::wav_bytes;
use attune_engine::explain::document::{self, ExportContext};
use attune_engine::explain::mattered::sound_of_file;
use attune_engine::explain::{self, Explanation, Input, Mattered, wording};
use attune_engine::files::write_atomically;
use attune_model::ModelSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Explains a moment, or plants passages.
pub(super) fn run(args: &ExplainArgs, models: &ModelSet) -> Result<ExitCode, AppError> {
    let shown = match (&args.planted, &args.file) {
        #[cfg(feature = "train")]
        (Some(table), _) => planted::run(args, table, models)?,
        #[cfg(not(feature = "train"))]
        (Some(_), _) => super::not_built::refuse("explain --planted", "train")?,
        (None, Some(file)) => explain(args, file, models)?,
        (None, None) => bail!("name a file, or a table after --planted"),
    };
    super::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(args: &ExplainArgs, file: &Path, models: &ModelSet) -> Result<String, AppError> {
    let spec = &models.front_end;
    // A frame is known when its window has ended.
    let window = spec.rate.duration(spec.window_samples as u64).0;
    if let Some(at) = args.at.filter(|at| *at < window) {
        bail!("--at {at}: the first answer is there after {window:.2} s; name a later moment");
    }
    let Some((context, newest)) = explain::Context::of_file(file, models, args.at.map(Seconds))? else {
        bail!("{}: it is too short for a single frame", file.display());
    };
    if let Some(at) = args.at.filter(|at| *at > newest.0 + 2.0 * spec.hop().0) {
        bail!(
            "--at {at}: {} lasts {:.1} s; name a moment within it",
            file.display(),
            newest.0
        );
    }
    let input = context.input(spec);
    let Some(explanation) = Explanation::of(&models.models, &input, spec.hop())? else {
        bail!("no model answered");
    };
    let class = match &args.class {
        None => explanation.class(),
        Some(label) => models
            .genres
            .find(label)
            .with_context(|| format!("--class {label}: the models know {}", models.genres.labels().join(", ")))?,
    };
    let weights: Vec<String> = models
        .models
        .iter()
        .map(|model| model.manifest().weights_sha256.clone())
        .collect();
    let explained = ExportContext {
        source: &file.display().to_string(),
        at: newest,
        class,
        genres: &models.genres,
        weights: &weights,
        explanation: &explanation,
    };
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| match path {
        Some(path) => write_atomically(path, text().as_bytes()),
        None => Ok(()),
    };
    write(&args.csv, &|| document::csv(&explained))?;
    write(&args.svg, &|| document::sheet(&explained).svg())?;
    let listened = match &args.listen {
        None => None,
        Some(out) => Some(listen(file, out, models, &explained, &input)?),
    };
    Ok(if args.json {
        document::json(&explained).to_string()
    } else {
        let listened = listened.map_or(String::new(), |said| format!("\n\n  {said}"));
        format!("{}{listened}", tables::of(&explained))
    })
}

/// Writes the sound of what mattered; says what it is.
fn listen(
    file: &Path,
    out: &Path,
    models: &ModelSet,
    explained: &ExportContext<'_>,
    input: &Input,
) -> Result<String, AppError> {
    let (spec, class) = (&models.front_end, explained.class);
    let title = models.genres.title(class);
    let Some(mattered) = Mattered::of_models(&models.models, input, explained.explanation, class)? else {
        bail!("--listen: no moment in reach speaks for {title}");
    };
    let (samples, rate) = sound_of_file(file, &mattered.spans(explained.at, spec))?;
    write_atomically(out, &wav_bytes(&samples, rate))?;
    let said = wording::mattered(&mattered, spec.hop(), &title);
    Ok(format!("{}: {said}", out.display()))
}
