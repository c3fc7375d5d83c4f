//! `attune lab say`: what sounds in files, in words, and where the network looked for each.

use super::LabArgs;
use crate::cli::error::{AppError, Context};
use attune_engine::files::write_atomically;
use attune_engine::offline::levels_of_file;
use attune_lab::caption::drawn;
use attune_model::caption::{CaptionReader, SaidPiece};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Said of every file: nothing tells a composed piece from a recording, and all that are asked about are taken for one.
const OUTSIDE: &str = "The network learnt from pieces that Attune composed. Any other sound is outside of what it \
         knows: its words are then guesses, however sure.";

#[derive(Debug, Clone, clap::Args)]
pub(super) struct SayArgs {
    /// Music
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Captions that are kept at once at every word; 1 takes the likeliest word each time
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    beam: u8,
    /// A network that `attune lab caption --export` wrote, by its manifest, instead of the bundled one
    #[arg(long, value_name = "NAME.json")]
    network: Option<PathBuf>,
}

/// Writes captions of all files; a file that fails does not stop the others, but the exit code says so.
pub(super) fn run(say: &SayArgs, args: &LabArgs) -> Result<ExitCode, AppError> {
    let unused = [("--quick", args.quick), ("--page", args.page.is_some())];
    if let Some((flag, _)) = unused.into_iter().find(|(_, is_given)| *is_given) {
        return Err(AppError::usage(
            format!("attune lab say has no {flag}"),
            "Leave it out.",
        ));
    }
    let reader = match &say.network {
        Some(manifest) => {
            CaptionReader::load(manifest).with_context(|| format!("{} cannot be used", manifest.display()))?
        }
        None => CaptionReader::bundled().context("the bundled network for captions cannot be used")?,
    };
    let mut code = ExitCode::SUCCESS;
    if !args.json {
        crate::note!("attune lab say: {OUTSIDE}");
    }
    for path in &say.files {
        let levels = match levels_of_file(path, reader.front_end()) {
            Ok(levels) => levels,
            Err(error) => {
                code = ExitCode::FAILURE;
                crate::note!("attune: {error}\n  {}", error.remedy());
                continue;
            }
        };
        let pieces = reader.captions(&levels, usize::from(say.beam))?;
        if pieces.is_empty() {
            code = ExitCode::FAILURE;
            crate::note!("attune: {} is too short: a caption needs 3 s", path.display());
        }
        if let Some(folder) = &args.out {
            draw(folder, path, &pieces, (&levels, &reader))?;
        }
        let shown = if args.json {
            serde_json::json!({ "file": path, "learnt_from": "composed pieces only", "pieces": pieces }).to_string()
        } else {
            text(path, &pieces)
        };
        if !crate::cli::print_line(&shown)? {
            return Ok(code);
        }
    }
    Ok(code)
}

/// A picture for each piece, `FILE-NN.svg`.
fn draw(folder: &Path, path: &Path, pieces: &[SaidPiece], of: (&[f32], &CaptionReader)) -> Result<(), AppError> {
    let (levels, reader) = of;
    let (bands, hop_s) = (reader.front_end().bands, reader.front_end().hop().0);
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    for (number, piece) in pieces.iter().enumerate() {
        let place = |secs: f64| ((secs / hop_s).round() as usize * bands).min(levels.len());
        let levels = &levels[place(piece.start_s)..place(piece.end_s)];
        let title = format!("{name}, {:.1} to {:.1} s", piece.start_s, piece.end_s);
        let to = folder.join(format!("{name}-{number:02}.svg"));
        write_atomically(&to, drawn::svg(piece, levels, bands, &title).as_bytes())?;
        crate::note!("attune lab say: wrote {}", to.display());
    }
    Ok(())
}

fn text(path: &Path, pieces: &[SaidPiece]) -> String {
    let mut lines = vec![path.display().to_string()];
    for piece in pieces {
        lines.push(format!("\n  {:.1} to {:.1} s", piece.start_s, piece.end_s));
        for word in &piece.words {
            let ([from, to], [low, high]) = (word.time_s, word.range_hz);
            lines.push(format!(
                "    {:<17} {:>3.0} %   looked at {from:.1} to {to:.1} s, {low:.0} to {high:.0} Hz",
                word.word,
                word.probability * 100.0
            ));
        }
    }
    lines.join("\n")
}
