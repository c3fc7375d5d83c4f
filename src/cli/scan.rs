//! `attune scan`: keeps a library of answers up to date.
//!
//! In: folders. Out: a database; progress on stderr, a summary on stdout. Thread: main; a worker for each core.

use super::args::ScanArgs;
use super::error::{AppError, Context};
use super::print_line;
use attune_audio::units::Seconds;
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::text::Printable;
use attune_library::scan::{Done, Event, Library, Scan, Summary, Watch};
use attune_model::ModelSet;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where stderr is no terminal, a line as often as this.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Scans, and scans again when something changes if that is asked for.
pub(super) fn run(args: &ScanArgs, models: &ModelSet, smoothing: &SmoothingConfig) -> Result<ExitCode, AppError> {
    for folder in &args.folders {
        if !folder.exists() {
            return Err(AppError::usage(
                format!("{} does not exist", folder.display()),
                "Check the spelling.",
            ));
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    ctrlc::set_handler({
        let stop = Arc::clone(&stop);
        // What is in flight is left; a second signal need not wait for the first.
        move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    })?;
    let mut library = Library::open(&args.db)?;
    let threads = args
        .threads
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    let scan = Scan {
        models,
        smoothing,
        threads: threads.unwrap_or(1),
        stop: &stop,
    };
    // Before the first scan: what changes while it runs is noticed.
    let watch = args
        .watch
        .then(|| Watch::new(&args.folders, &args.db, Duration::from_secs_f64(args.poll)));
    if let Some(why) = watch.as_ref().and_then(Watch::polls_because) {
        note!("attune: changes are looked for every {} s: {why}", args.poll);
    }
    let mut has_failed = false;
    loop {
        let mut screen = Screen::new(args.quiet);
        let summary = scan.run(&args.folders, &mut library, &mut |event| screen.show(&event))?;
        has_failed |= screen.finish(&summary);
        if !print_line(&said(&summary, args.json)?)? {
            break;
        }
        match &watch {
            Some(watch) if !summary.stopped => {
                if !watch.wait(&stop) {
                    break;
                }
            }
            _ => {
                has_failed |= summary.stopped;
                break;
            }
        }
    }
    Ok(if has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A summary, for people or as a document.
fn said(it: &Summary, as_json: bool) -> Result<String, AppError> {
    if as_json {
        return serde_json::to_string(it).context("the summary cannot be written");
    }
    let mut text = format!(
        "{} files: {} analysed ({} of sound), {} unchanged, {} known by content ({} moved), {} broken, {} missing",
        it.found,
        it.analyzed,
        Seconds(it.seconds).clock(),
        it.unchanged,
        it.known,
        it.moved,
        it.broken,
        it.missing
    );
    if it.stopped {
        text += "; stopped before the end: run it again to go on";
    }
    Ok(text)
}

/// Progress, rate and time left.
struct Screen {
    bar: ProgressBar,
    is_quiet: bool,
    is_terminal: bool,
    begun: Instant,
    said: Instant,
    /// Files and bytes to read, and those that are done.
    files: u64,
    bytes: u64,
    done: u64,
    read: u64,
    seconds: f64,
    unread: u64,
}

impl Screen {
    fn new(is_quiet: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            is_quiet,
            is_terminal: std::io::stderr().is_terminal(),
            begun: Instant::now(),
            said: Instant::now(),
            files: 0,
            bytes: 0,
            done: 0,
            read: 0,
            seconds: 0.0,
            unread: 0,
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Listed {
                found,
                unchanged,
                bytes,
            } => {
                (self.files, self.bytes) = (found - unchanged, *bytes);
                self.begun = Instant::now();
                if self.is_terminal && !self.is_quiet && self.files > 0 {
                    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
                    let style = style
                        .unwrap_or_else(|_| ProgressStyle::default_bar())
                        .progress_chars("█▌ ");
                    self.bar = ProgressBar::new(self.bytes.max(1)).with_style(style);
                }
            }
            Event::Unread(folder, error) => {
                self.unread += 1;
                self.say(&format!("attune: {}: {error}", Printable::path(folder)));
            }
            Event::Done { file, what } => {
                self.done += 1;
                self.read += file.size;
                let path = || Printable::path(&file.path).to_string();
                match what {
                    Done::Analyzed(seconds) => self.seconds += seconds,
                    Done::Moved(from) if !self.is_quiet => {
                        self.say(&format!("{} was {}", path(), Printable::path(from)));
                    }
                    Done::Known | Done::Moved(_) => {}
                    Done::Broken(reason) => self.say(&format!("attune: {}: {}", path(), Printable(reason))),
                }
                self.progress();
            }
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| note!("{line}"));
    }

    fn progress(&mut self) {
        self.bar.set_position(self.read);
        let due = self.said.elapsed() >= SAID_EVERY;
        if self.is_quiet || !(self.is_terminal || due) {
            return;
        }
        let elapsed = self.begun.elapsed().as_secs_f64().max(1e-3);
        // By bytes: a long file takes longer than a short one.
        let left = elapsed * (self.bytes.saturating_sub(self.read)) as f64 / self.read.max(1) as f64;
        let text = format!(
            "{} of {} files, {:.1} files/s, {:.0} × real time, {} left",
            self.done,
            self.files,
            self.done as f64 / elapsed,
            self.seconds / elapsed,
            Seconds(left).clock().split('.').next().unwrap_or_default()
        );
        if self.is_terminal {
            self.bar.set_message(text);
        } else {
            self.said = Instant::now();
            note!("{text}");
        }
    }

    /// Whether something failed.
    fn finish(&self, summary: &Summary) -> bool {
        self.bar.finish_and_clear();
        summary.broken > 0 || self.unread > 0
    }
}
