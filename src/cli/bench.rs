//! `attune bench`: how fast each part is on this machine.

use super::BenchArgs;
use super::error::{AppError, Context};
use attune_engine::files::write_atomically;
use attune_lab::bench::{self, BenchConfig, Effort, Report, growth, markdown};
use attune_model::ModelSet;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::process::ExitCode;

/// Measures and prints.
pub(super) fn run(args: &BenchArgs, models: &ModelSet) -> Result<ExitCode, AppError> {
    if args.peers || args.python.is_some() {
        return Err(AppError::usage(
            "other libraries are measured by a developer's tool, no longer by `attune bench`",
            "in a checkout of Attune's source, run tools/bench_peers.sh (same flags, without --peers)",
        ));
    }
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let mut say = |line: &str| crate::note!("attune bench: {line}");
    if let Some(folder) = &args.growth {
        let grown = growth::measure(effort, models, &mut say)?;
        growth::write(&grown, folder).with_context(|| format!("{} cannot be written to", folder.display()))?;
        super::print_line(&growth::table(&grown))?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = BenchConfig {
        effort,
        files: args.files.clone(),
        only: args.only.clone(),
        program: std::env::current_exe().context("this program cannot be found")?,
    };
    let report = bench::run(&config, models, None, &mut say)?;
    if let Some(path) = &args.markdown {
        write_atomically(path, markdown::page(&report).as_bytes())?;
    }
    if args.json {
        super::print_line(&serde_json::to_string(&report)?)?;
    } else {
        super::print_line(&shown(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["what", "median", "p99", "", "to ceiling"]);
    let times = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
    for row in &report.rows {
        table.add_row([
            row.name.clone(),
            format!("{:.1}", row.median),
            format!("{:.1}", row.p99),
            row.unit.to_owned(),
            times(row.ratio_to_ceiling),
        ]);
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        if place != 0 && place != 3 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let machine = &report.machine;
    format!(
        "one thread: mat-vec {:.1} GFLOP/s in L2, {:.1} beyond; products of matrices {:.1} GFLOP/s; reading {:.1} \
         and {:.1} GB/s, copying {:.1} and {:.1} GB/s\n\n{table}",
        machine.matvec_gflops,
        machine.matvec_far_gflops,
        machine.gemm_gflops,
        machine.read_gbytes,
        machine.read_far_gbytes,
        machine.copy_gbytes,
        machine.copy_far_gbytes
    )
}
