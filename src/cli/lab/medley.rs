//! `attune lab medley`: medleys with known boundaries, and the scorer of what a model writes of them.

use super::LabArgs;
use crate::cli::error::AppError;
use crate::cli::eval::table;
use attune_lab::medley::score::{Figure, Scores, score};
use attune_lab::medley::tables::{Hypothesis, Links, Reference, TableError};
use attune_lab::medley::{ClipMedleys, MedleyPlan, SECTIONS, composed, write};
use attune_train::dataset::{Dataset, Side};
use clap::ValueEnum;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

/// `attune lab medley TASK`.
#[derive(Debug, Clone, clap::Subcommand)]
pub(super) enum Task {
    /// Write medleys as wav, with a table of their sections, to --out
    Generate(GenerateArgs),
    /// Compare tables of what was written with the true sections
    Score(ScoreArgs),
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct GenerateArgs {
    /// Of clips of a data set, or of pieces that are composed for it
    #[arg(long, value_enum)]
    kind: Kind,
    /// How many medleys
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// Sections of each: a number from 1 to 8, or a range of them
    #[arg(long, value_name = "K|K-K", default_value = "1-8", value_parser = sections)]
    sections: RangeInclusive<usize>,
    /// Clips of this split; composed ones have presets and seeds of their own in each
    #[arg(long, value_enum, default_value = "train")]
    split: Split,
    /// Folder with clips.csv (clip, genre, split, audio, artist) and audio in SPLIT/CLIP.ogg; for --kind real
    #[arg(long, value_name = "FOLDER", required_if_eq("kind", "real"))]
    data: Option<PathBuf>,
    /// Also write what each instrument plays, or each clip, by itself
    #[arg(long)]
    stems: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct ScoreArgs {
    /// Table of piece,start_s,end_s,token: the true sections
    #[arg(long, value_name = "FILE.csv")]
    reference: PathBuf,
    /// Table of piece,token and, if known, start_s, end_s, written_s: what was written
    #[arg(long, value_name = "FILE.csv")]
    hypothesis: PathBuf,
    /// Table of piece,unit,token,link: which units of the source were found, are sure, or are possible for which token
    #[arg(long, value_name = "FILE.csv")]
    alignment: Option<PathBuf>,
    /// Seconds of a unit, for an alignment without sure and possible links: they are then those of the reference
    #[arg(long, value_name = "SECONDS", default_value = "1", requires = "alignment", value_parser = unit)]
    unit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Real,
    Composed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    Train,
    Valid,
}

impl From<TableError> for AppError {
    fn from(error: TableError) -> Self {
        Self::usage(error.to_string(), error.remedy)
    }
}

/// Does the task. What only experiments have is refused.
pub(super) fn run(task: &Task, args: &LabArgs) -> Result<ExitCode, AppError> {
    let unused = [("--quick", args.quick), ("--page", args.page.is_some())];
    if let Some((flag, _)) = unused.into_iter().find(|(_, is_given)| *is_given) {
        return Err(AppError::usage(
            format!("attune lab medley has no {flag}"),
            "Leave it out.",
        ));
    }
    match task {
        Task::Generate(generate) => make(generate, args),
        Task::Score(tables) => judge(tables, args),
    }
}

fn make(generate: &GenerateArgs, args: &LabArgs) -> Result<ExitCode, AppError> {
    let Some(folder) = &args.out else {
        return Err(AppError::usage(
            "attune lab medley generate needs --out FOLDER",
            "Name a new folder for the medleys and their table.",
        ));
    };
    let plan = MedleyPlan {
        seed: args.seed,
        sections: generate.sections.clone(),
        split: match generate.split {
            Split::Train => Side::Train,
            Split::Valid => Side::Valid,
        },
    };
    let count = generate.count as usize;
    let said = |number: u64| crate::note!("attune lab medley: [{number}/{count}] medley-{number:04}");
    let written = match (generate.kind, &generate.data) {
        (Kind::Real, Some(data)) => {
            let data = Dataset::list(data)?;
            let clips = ClipMedleys::new(&data, plan.split)?;
            write(folder, count, generate.stems, |number| {
                said(number);
                clips.make(&plan, number, ClipMedleys::decoded)
            })?
        }
        (Kind::Real, None) => return Err(AppError::usage("--kind real needs --data FOLDER", "Name a data set.")),
        (Kind::Composed, Some(_)) => {
            return Err(AppError::usage(
                "--kind composed has no --data",
                "Leave it out, or choose --kind real.",
            ));
        }
        (Kind::Composed, None) => write(folder, count, generate.stems, |number| {
            said(number);
            Ok(composed(&plan, number))
        })?,
    };
    let shown = if args.json {
        serde_json::json!({
            "folder": folder, "medleys": written.medleys, "sections": written.sections, "seconds": written.seconds,
        })
        .to_string()
    } else {
        format!(
            "{} medleys, {} sections, {:.0} s in {}",
            written.medleys,
            written.sections,
            written.seconds,
            folder.display()
        )
    };
    crate::cli::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn judge(tables: &ScoreArgs, args: &LabArgs) -> Result<ExitCode, AppError> {
    if args.out.is_some() {
        return Err(AppError::usage(
            "attune lab medley score has no --out",
            "Redirect its output to a file.",
        ));
    }
    let reference = Reference::read(&tables.reference)?;
    if reference.pieces.is_empty() {
        return Err(AppError::usage(
            format!("{} has no sections", tables.reference.display()),
            "A reference has a line piece,start_s,end_s,token for each section.",
        ));
    }
    let hypothesis = Hypothesis::read(&tables.hypothesis, &reference)?;
    let links = match &tables.alignment {
        Some(path) => Some(Links::read(path, &reference, tables.unit)?),
        None => None,
    };
    let scores = score(&reference, &hypothesis, links.as_ref());
    let shown = if args.json {
        serde_json::to_string(&scores)?
    } else {
        text(&scores)
    };
    crate::cli::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// For people: a table of all figures, and below it what they count.
fn text(scores: &Scores) -> String {
    let mut rows = Vec::new();
    let mut row = |name: String, figure: Figure, shown: fn(f64) -> String| {
        let bounds = figure.interval95.map(|[low, high]| [shown(low), shown(high)]);
        let [low, high] = bounds.unwrap_or(["–".to_owned(), "–".to_owned()]);
        rows.push(vec![name, shown(figure.value), low, high]);
    };
    let percent: fn(f64) -> String = |share| format!("{:.1} %", 100.0 * share);
    let seconds: fn(f64) -> String = |time| format!("{time:.2} s");
    let tokens = scores.tokens;
    row("token error".to_owned(), tokens.rate, percent);
    if let Some(alignment) = scores.alignment {
        row("alignment error".to_owned(), alignment.rate, percent);
    }
    for hits in scores.boundaries.iter().filter(|hits| hits.is_trimmed) {
        let named = |what: &str| format!("boundary {what}, {} s", hits.window_s);
        row(named("precision"), hits.precision, percent);
        row(named("recall"), hits.recall, percent);
        row(named("F"), hits.f_measure, percent);
    }
    if let Some(lagging) = scores.lagging {
        row("average lagging".to_owned(), lagging.al_s, seconds);
        row("length-adaptive lagging".to_owned(), lagging.laal_s, seconds);
    }
    if let Some(delay) = scores.delay {
        row("to the right token, median".to_owned(), delay.median_s, seconds);
        row("to the right token, 90 %".to_owned(), delay.p90_s, seconds);
    }
    let mut lines = vec![table(&["", "figure", "95 % from", "to"], rows), String::new()];
    lines.push(format!(
        "pieces: {} (without any token: {}); sections: {}; substitutions: {}; insertions: {}; deletions: {}",
        scores.pieces, scores.unwritten, tokens.reference, tokens.substitutions, tokens.insertions, tokens.deletions
    ));
    if let Some(delay) = scores.delay {
        lines.push(format!("sections with their token: {} of {}", delay.sections, delay.of));
    }
    if scores.boundaries.is_empty() {
        lines.push("no boundary figures: the hypothesis has no column start_s".to_owned());
    }
    if scores.lagging.is_none() {
        lines.push("no lagging: the hypothesis has no column written_s, or no token".to_owned());
    }
    lines.join("\n")
}

fn sections(text: &str) -> Result<RangeInclusive<usize>, String> {
    let (fewest, most) = text.split_once('-').unwrap_or((text, text));
    let range = fewest
        .parse()
        .ok()
        .zip(most.parse().ok())
        .map(|(fewest, most)| fewest..=most);
    let is_right = |range: &RangeInclusive<usize>| {
        !range.is_empty() && SECTIONS.contains(range.start()) && SECTIONS.contains(range.end())
    };
    range
        .filter(is_right)
        .ok_or_else(|| format!("{text:?} is not a number from 1 to 8, or a range of them as 2-5"))
}

fn unit(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=60.0).contains(seconds));
    seconds.ok_or_else(|| format!("{text:?} is not a number of seconds from 0.01 to 60"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_a_number_or_a_range() {
        assert_eq!(sections("4"), Ok(4..=4));
        assert_eq!(sections("2-5"), Ok(2..=5));
        for wrong in ["0", "9", "5-2", "1-9", "a", "2-", ""] {
            assert!(sections(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_unit_is_not_so_short_that_links_have_no_end() {
        assert_eq!(unit("0.5"), Ok(0.5));
        assert!(["0", "0.001", "nan", "-1"].iter().all(|text| unit(text).is_err()));
    }
}
