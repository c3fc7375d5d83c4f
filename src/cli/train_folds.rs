//! `attune train`: one run, or with `--folds N` one for each fold and the figures of all of them together.

use super::error::AppError;
use super::print_line;
use super::train::{self, TrainArgs};
use attune_engine::files::write_atomically;
use attune_train::cross::{page, pooled};
use attune_train::split::Fold;

/// Runs what was asked for. Of a cross-validation every fold has a folder of its own; what came out is printed, and kept beside them.
pub(super) fn run(args: &TrainArgs) -> Result<(), AppError> {
    let Some(folds) = args.folds else {
        train::run(args)?;
        return Ok(());
    };
    let of = usize::from(folds);
    let mut held = Vec::with_capacity(of);
    let mut judged_as = None;
    for number in 1..=of {
        let fold = Fold { number, of };
        eprintln!("fold {fold}");
        if let Some(ended) = train::run(&args.of_fold(fold))? {
            held.push(ended.held);
            judged_as = Some((ended.front_end, ended.classes));
        }
    }
    if let Some((front_end, classes)) = judged_as {
        let page = page(&args.command(), &pooled(&held, &front_end, classes));
        write_atomically(&args.out.join("cross-validation.md"), page.as_bytes())?;
        print_line(page.trim_end())?;
    }
    Ok(())
}
