//! `attune lab NAME`: experiments on memory, speed and attention; the medleys that sequence models are measured on; and
//! captions of files.

mod medley;
mod say;
mod wavenet;

use super::error::AppError;
use attune_lab::wavenet::WavenetLab;
use attune_lab::{Cells, Choice, Report, Run, RunConfig, RunEvent, check_page};
use attune_model::{ModelError, ModelSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// `attune lab`.
#[derive(Debug, Clone, clap::Args)]
pub struct LabArgs {
    #[command(subcommand)]
    chosen: Chosen,
    /// A taste of it, in minutes
    #[arg(long, global = true)]
    quick: bool,
    /// Seed of all random choices
    #[arg(long, global = true, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write tables (CSV) and the picture (SVG) there, and keep what is finished: the same command goes on from it
    #[arg(long, global = true, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Also put the tables into this page, between the lines `<!-- attune lab NAME -->` and `<!-- end -->`
    #[arg(long, global = true, value_name = "FILE.md")]
    page: Option<PathBuf>,
    /// One JSON document instead of tables
    #[arg(long, global = true)]
    json: bool,
}

/// What may stand after `attune lab`.
#[derive(Debug, Clone, clap::Subcommand)]
enum Chosen {
    #[command(flatten)]
    Experiment(Choice),
    /// Make medleys of known sections, and score what a model writes of them
    Medley {
        #[command(subcommand)]
        task: medley::Task,
    },
    /// Say in words what sounds in files, and where the captioning network looked for each word
    Say(say::SayArgs),
}

/// Runs the lab; reports progress on stderr.
pub(super) fn run(args: &LabArgs, models: &dyn Fn() -> Result<ModelSet, ModelError>) -> Result<ExitCode, AppError> {
    let lab = match &args.chosen {
        Chosen::Experiment(Choice::Wavenet(WavenetLab { task: Some(task), .. })) => return wavenet::run(task, args),
        Chosen::Experiment(choice) => choice.lab(),
        Chosen::Medley { task } => return medley::run(task, args),
        Chosen::Say(say) => return say::run(say, args),
    };
    if let Some(page) = &args.page {
        check_page(lab.name(), page)?;
    }
    let cells = match &args.out {
        Some(folder) => Cells::open(&folder.join(format!("{}.cells.jsonl", lab.name())))?,
        None => Cells::default(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let stop_requested = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // The second time the program ends at once: what it is at may be far from its next step.
        if stop_requested.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        crate::note!("attune lab: stopping at the next step; once more to stop at once");
    })?;
    let config = RunConfig {
        quick: args.quick,
        seed: args.seed,
    };
    let mut so_far = None;
    let mut say = |said: RunEvent<'_>| match said {
        RunEvent::Progress(at) => crate::note!("attune lab {}: [{}/{}] {}", lab.name(), at.finished, at.of, at.line),
        RunEvent::Partial(report) => so_far = Some(report),
    };
    let ran = lab.run(&mut Run::new(config, cells, models, &mut say, &stop));
    // Whoever stops a long run, or sees it fail, wants to see what it was good for.
    if let (Err(_), Some(report), false) = (&ran, &so_far, args.json) {
        super::print_line(&format!("So far:\n\n{}", tables(report)))?;
    }
    let report = ran?;
    if let Some(folder) = &args.out {
        for path in report.write(folder)? {
            crate::note!("attune lab {}: wrote {}", lab.name(), path.display());
        }
    }
    if let Some(page) = &args.page {
        report.write_into(page)?;
    }
    let shown = if args.json {
        report.document().to_string()
    } else {
        tables(&report)
    };
    super::print_line(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// The report for people: tables with headings, then what must be known of them.
fn tables(report: &Report) -> String {
    let shown = report.tables.iter().filter(|table| !table.long).map(|table| {
        let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
        let rows = table
            .rows
            .iter()
            .map(|row| row.iter().map(ToString::to_string).collect());
        format!("{}\n\n{}", table.title, super::eval::table(&columns, rows))
    });
    let notes = (!report.notes.is_empty()).then(|| report.notes.join("\n"));
    shown.chain(notes).collect::<Vec<_>>().join("\n\n")
}
