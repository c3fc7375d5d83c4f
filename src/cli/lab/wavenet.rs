//! `attune lab wavenet generate` and `score`: continuations of a sound, and how surprising sounds are.

use super::LabArgs;
use crate::cli::error::AppError;
use crate::cli::eval::table;
use attune_audio::wav::wav_bytes;
use attune_engine::files::write_atomically;
use attune_lab::wavenet::{GenerateArgs, ScoreArgs, Scored, Task};
use attune_model::wavenet::RATE;
use std::process::ExitCode;

/// Does the task. What only experiments have is refused.
pub(super) fn run(task: &Task, args: &LabArgs) -> Result<ExitCode, AppError> {
    let scores = matches!(task, Task::Score(_));
    let unused = [
        ("--quick", args.quick),
        ("--page", args.page.is_some()),
        ("--out; redirect its output", scores && args.out.is_some()),
    ];
    if let Some((flag, _)) = unused.into_iter().find(|(_, is_given)| *is_given) {
        let name = if scores { "score" } else { "generate" };
        return Err(AppError::usage(
            format!("attune lab wavenet {name} has no {flag}"),
            "Leave it out.",
        ));
    }
    match task {
        Task::Generate(generate) => make(generate, args),
        Task::Score(files) => judge(files, args),
    }
}

fn make(generate: &GenerateArgs, args: &LabArgs) -> Result<ExitCode, AppError> {
    let Some(path) = &args.out else {
        return Err(AppError::usage(
            "attune lab wavenet generate needs --out FILE.wav",
            "Name a file for the sound.",
        ));
    };
    if path.is_dir() {
        return Err(AppError::usage(
            format!("--out {}: this is a folder", path.display()),
            "Name a file for the sound, such as continuation.wav.",
        ));
    }
    let samples = generate.samples(args.seed)?;
    write_atomically(path, &wav_bytes(&samples, RATE))?;
    let shown = if args.json {
        serde_json::json!({"file": path, "seconds": generate.seconds, "seed": args.seed, "rate_hz": RATE.0}).to_string()
    } else {
        format!(
            "{:.1} s at {} Hz, seed {}, in {}",
            generate.seconds,
            RATE.0,
            args.seed,
            path.display()
        )
    };
    crate::cli::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn judge(files: &ScoreArgs, args: &LabArgs) -> Result<ExitCode, AppError> {
    let scored = files.scored()?;
    let shown = if args.json {
        serde_json::to_string(&scored)?
    } else {
        scored.iter().map(text).collect::<Vec<_>>().join("\n\n")
    };
    crate::cli::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// For people: each second, and below it each class.
fn text(scored: &Scored) -> String {
    let last = scored.classes.len();
    let row = |name: String, bits: &[f64]| {
        let least = scored.least(bits);
        vec![
            name,
            format!("{:.3}", bits[last]),
            scored.classes[least].clone(),
            format!("{:.3}", bits[least]),
        ]
    };
    let seconds = scored.seconds.iter().enumerate();
    let mut rows: Vec<_> = seconds.map(|(second, bits)| row(second.to_string(), bits)).collect();
    rows.push(row("all".to_owned(), &scored.bits));
    let columns = ["second", "bits per sample", "class with the fewest", "its bits"];
    let classes = scored.classes.iter().zip(&scored.bits);
    let classes: Vec<String> = classes.map(|(class, bits)| format!("{class} {bits:.3}")).collect();
    format!(
        "{}\n\n{}\n{}",
        scored.file.display(),
        table(&columns, rows),
        classes.join(", ")
    )
}
