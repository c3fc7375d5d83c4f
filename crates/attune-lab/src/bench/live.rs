//! What listening costs: `attune live` on the demo, started as a process of its own and watched from outside.

use super::demo::Demo;
use super::measure::{Row, quantile};
use super::{Bench, BenchError};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often its processor time is read.
const EVERY: Duration = Duration::from_millis(500);

impl Bench<'_> {
    /// Share of one core while three models run at 1×, without a window and muted. Where the system does not report
    /// what a process uses, there is no row.
    pub(super) fn live(&mut self, demo: &Demo) -> Result<(), BenchError> {
        let name = "live/load";
        if !self.config.wants(name) || !cfg!(target_os = "linux") {
            return Ok(());
        }
        (self.say)(name);
        let child = Command::new(&self.config.program)
            .args(["live", "--mute", "--ndjson", "--source"])
            .arg(&demo.files[0])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut child = Ended(child);
        self.rows.push(watch(&mut child.0, self.config.effort.live)?);
        Ok(())
    }
}

/// A child that is ended when it is no longer watched.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(child: &mut Child, length: Duration) -> Result<Row, BenchError> {
    let failed = |what: &str| BenchError::Live(what.to_owned());
    let stdout = child.stdout.take().ok_or_else(|| failed("it has no output"))?;
    let mut lines = BufReader::new(stdout);
    let mut first = String::new();
    // Starting (models are checked) is not listening: the clock runs from the first hop.
    if lines.read_line(&mut first)? == 0 {
        return Err(failed("it ended at once"));
    }
    // What it writes has to be read, or it would wait for us.
    let reader = std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    let id = child.id();
    let begin = Instant::now();
    let (mut at, mut used) = (begin, cpu_seconds(id)?);
    let (first_at, first_used) = (at, used);
    let mut shares = Vec::new();
    while begin.elapsed() < length {
        std::thread::sleep(EVERY);
        let (now, now_used) = (Instant::now(), cpu_seconds(id)?);
        shares.push(100.0 * (now_used - used) / (now - at).as_secs_f64());
        (at, used) = (now, now_used);
    }
    let share = 100.0 * (used - first_used) / (at - first_at).as_secs_f64();
    let memory = memory_mb(id, "VmHWM").ok_or_else(|| failed("the system does not report its memory"))?;
    child.kill()?;
    // The reader ends with the pipe; what it copied is of no use.
    let _ = reader.join();
    shares.sort_by(f64::total_cmp);
    Ok(Row::share(
        "live/load".to_owned(),
        share,
        quantile(&shares, 0.99),
        shares.len(),
        memory,
    ))
}

/// Processor time of all threads of a process, in seconds.
fn cpu_seconds(id: u32) -> Result<f64, BenchError> {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += text
            .split_whitespace()
            .next()
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0);
    }
    Ok(nanoseconds / 1e9)
}

/// What the system reports of a process's memory, in 10⁶ bytes: `VmRSS` is in use now, `VmHWM` was at the most. `None`
/// where it reports nothing.
pub fn memory_mb(id: u32, figure: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
