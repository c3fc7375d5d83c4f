//! A [`Report`] as a page of tables.

use super::{Report, Row};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Rows are put together by the first part of their names.
const PARTS: [(&str, &str); 7] = [
    (
        "step/",
        "Streaming step (one thread; the last part of a name is the number of frames)",
    ),
    (
        "train/",
        "Training step: 16 clips of 256 frames, forward, backward, AdamW",
    ),
    ("features/", "Log-mel"),
    ("resample/", "Resampling"),
    ("decode/", "Decoding"),
    ("analyze/", "A whole file, all engines"),
    (
        "explain/",
        "Explanation: 24 s again without each of 24 half seconds, by all models; held (all cores) also the attention report",
    ),
];

/// The page.
pub fn page(report: &Report) -> String {
    let machine = &report.machine;
    // Writing to a String cannot fail: its results are ignored.
    let mut page = format!(
        "# Measured speed\n\nMade by `{command} --markdown docs/benchmarks.md`; the numbers are of the machine that ran \
         it. Medians; p99 is where the slowest hundredth begins. *To ceiling*: our time as a multiple of what the processor \
         allows (`crates/attune-lab/src/bench/work.rs` has the formula). *To best peer*: our time as a share of the fastest \
         other library's, measured in turn in the same run after the results were found equal; below 1 we are faster.\n\n",
        command = if report.peers.is_some() {
            "tools/bench_peers.sh"
        } else {
            "attune bench"
        },
    );
    let processor = machine.processor.as_deref().unwrap_or("an unnamed processor");
    let _ = writeln!(
        page,
        "{processor}, {} cores, {} KiB of L2. One thread: mat-vec {:.1} GFLOP/s in L2 and {:.1} beyond, products of matrices \
         {:.1} GFLOP/s, reading {:.1} GB/s in L2 and {:.1} beyond, copying {:.1} GB/s in L2 and {:.1} in memory.",
        machine.cores,
        machine.l2_bytes >> 10,
        machine.matvec_gflops,
        machine.matvec_far_gflops,
        machine.gemm_gflops,
        machine.read_gbytes,
        machine.read_far_gbytes,
        machine.copy_gbytes,
        machine.copy_far_gbytes
    );
    if let Some(versions) = report.peers.as_ref().and_then(serde_json::Value::as_object) {
        let versions: Vec<String> = versions
            .iter()
            .filter_map(|(name, version)| Some(format!("{name} {}", version.as_str()?)))
            .collect();
        let _ = writeln!(page, "Peers: {}.", versions.join(", "));
    }
    for (start, title) in PARTS {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.name.starts_with(start)).collect();
        if !rows.is_empty() {
            table(&mut page, title, &rows);
        }
    }
    let live: Vec<&Row> = report.rows.iter().filter(|row| row.name.starts_with("live/")).collect();
    for row in live {
        let _ = writeln!(
            page,
            "\n## Live\n\nThree engines without a window: {:.1} {}, at most {:.1} in half a second; {:.0} MB at the most.",
            row.median,
            row.unit,
            row.p99,
            row.peak_memory_mb.unwrap_or(f64::NAN)
        );
    }
    page
}

fn table(page: &mut String, title: &str, rows: &[&Row]) {
    let peers: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.peers.keys().map(String::as_str))
        .collect();
    let mut header = vec!["row", "median", "p99", "unit"];
    let has_ceiling = rows.iter().any(|row| row.ratio_to_ceiling.is_some());
    if has_ceiling {
        header.push("to ceiling");
    }
    header.extend(&peers);
    if !peers.is_empty() {
        header.push("to best peer");
    }
    let _ = writeln!(page, "\n## {title}\n\n| {} |", header.join(" | "));
    let _ = writeln!(page, "|---|{}", "--:|".repeat(header.len() - 1));
    let shown = |value: Option<f64>| value.map_or(String::new(), number);
    for row in rows {
        let mut cells = vec![
            row.name.clone(),
            number(row.median),
            number(row.p99),
            row.unit.to_owned(),
        ];
        if has_ceiling {
            cells.push(shown(row.ratio_to_ceiling));
        }
        cells.extend(peers.iter().map(|peer| shown(row.peers.get(*peer).copied())));
        if !peers.is_empty() {
            cells.push(shown(row.ratio_to_best_peer));
        }
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

/// Three digits that count, and no more.
fn number(value: f64) -> String {
    match value.abs() {
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Times;
    use super::super::{Machine, Report, Row};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn peers_have_columns_and_rows_without_them_have_gaps() {
        let mut ours = Times::default();
        ours.add(vec![12e-6]);
        let mut theirs = Times::default();
        theirs.add(vec![48e-6]);
        let with = Row::microseconds("step/a/1".to_owned(), &ours)
            .with_peers(&ours, &BTreeMap::from([("onnxruntime".to_owned(), theirs)]));
        let report = Report {
            machine: Machine::of_speeds(1 << 20, 10.0, 5.0, 100.0),
            peers: None,
            rows: vec![with, Row::microseconds("step/a/4".to_owned(), &ours)],
        };
        let page = page(&report);
        assert!(
            page.contains("| row | median | p99 | unit | onnxruntime | to best peer |"),
            "{page}"
        );
        assert!(page.contains("| step/a/1 | 12.0 | 12.0 | us | 48.0 | 0.25 |"), "{page}");
        assert!(page.contains("| step/a/4 | 12.0 | 12.0 | us |  |  |"), "{page}");
    }
}
