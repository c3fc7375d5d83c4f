//! What `ffmpeg` complains of while it decodes.
//!
//! In: its standard error, with levels. Out: [`Report`]. Thread: one that ends with the pipe.

use std::io::{BufRead, Read};
use std::sync::{Mutex, PoisonError};

/// Complaints that are kept: the last ones say why it stopped.
const MOST_LINES: usize = 20;

/// What it wrote to its standard error.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Report {
    /// Errors, the newest last.
    last: Vec<String>,
    /// Packets that it could not decode.
    pub(super) broken: u64,
}

/// The text of an error: `[error] text`, or with its origin before it, `[wavpack @ 0x55d0] [error] text`. Lines without
/// a level are continued from the one before, and may hold words of the file.
fn error(line: &str) -> Option<&str> {
    let is_level = |rest: &str| rest.starts_with("[error] ") || rest.starts_with("[fatal] ");
    let text = match line.split_once("] ") {
        Some((origin, rest)) if origin.starts_with('[') && origin.contains(" @ 0x") && is_level(rest) => rest,
        _ if is_level(line) => line,
        _ => return None,
    };
    text.split_once("] ").map(|(_, text)| text)
}

impl Report {
    /// Reads all of it.
    pub(super) fn read(report: &Mutex<Self>, mut from: impl BufRead) {
        let mut line = Vec::new();
        let mut is_continued = false;
        // Bounded by line and in number, whatever it writes.
        while from
            .by_ref()
            .take(1024)
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let begins = !std::mem::replace(&mut is_continued, !line.ends_with(b"\n"));
            line.clear();
            let Some(text) = error(&text).filter(|_| begins) else {
                continue;
            };
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            if text.starts_with("Error while decoding") || text.starts_with("Error submitting packet") {
                report.broken += 1;
            }
            // That nothing came of it says less than why.
            if text.contains("Conversion failed") || text.contains("Error marking filters") {
                continue;
            }
            if report.last.len() == MOST_LINES {
                report.last.remove(0);
            }
            report.last.push(text.to_owned());
        }
    }

    /// The last thing that it complained of.
    pub(super) fn reason(&self) -> String {
        let reason = self.last.last().map_or("it gives no reason", |line| {
            line.strip_prefix(super::INPUT)
                .unwrap_or(line)
                .trim_start_matches([':', ' '])
        });
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Report {
        let report = Mutex::default();
        Report::read(&report, text.as_bytes());
        report.into_inner().unwrap_or_default()
    }

    #[test]
    fn errors_are_counted_and_the_last_is_the_reason() {
        let report = read(
            "[wavpack @ 0x55d0] [warning] odd\n[error] Error while decoding stream #0:0: Invalid data\n\
             [aist#0:0/wavpack @ 0x55d0] [error] Error submitting packet to decoder: Invalid data\n\
             [error] file:/dev/stdin: Invalid data found\n[fatal] Conversion failed!\n",
        );
        assert_eq!(report.broken, 2);
        assert_eq!(report.reason(), "Invalid data found");
        assert_eq!(Report::default().reason(), "it gives no reason");
    }

    #[test]
    fn words_of_the_file_are_no_errors() {
        let said = "Error while decoding stream #0:0: no";
        let long = "x".repeat(1024);
        let report = read(&format!(
            "[warning] title {said}\n    : {said}\n[info] {said}\n[mine] [error] {said}\n\
             [warning] {long}[error] {said}\n"
        ));
        assert_eq!(report, Report::default());
    }
}
