//! `attune doctor`: what works here, what does not, and what to do about it.
//!
//! In: the models, libraries, devices, folders and programs of this machine. Out: a line for each check, or one JSON
//! document, on stdout; exit code 1 if something fails that Attune cannot do without. Thread: main.

mod checks;
#[cfg(feature = "gui")]
mod libraries;
#[cfg(feature = "device")]
mod sound;
#[cfg(feature = "gui")]
mod window;

use super::error::AppError;
use super::print_line;
use attune_engine::text::Printable;
use attune_model::{ModelError, ModelSet};
use serde::Serialize;
use std::process::ExitCode;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// All of it works.
    Works,
    /// Attune works, but not all of it.
    Limited,
    /// Attune does not work, or not as it was started.
    Fails,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// What it is called, in one word.
    name: &'static str,
    state: State,
    /// What is there, or what is wrong.
    found: String,
    /// What to do about it.
    remedy: Option<String>,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Report {
    /// Version of Attune.
    attune: &'static str,
    /// Whether nothing fails.
    works: bool,
    checks: Vec<Check>,
}

impl Check {
    fn works(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Works,
            found: found.into(),
            remedy: None,
        }
    }

    fn limited(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Limited,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fails(name: &'static str, found: impl Into<String>, remedy: Option<String>) -> Self {
        Self {
            name,
            state: State::Fails,
            found: found.into(),
            remedy,
        }
    }
}

impl Report {
    fn of(checks: Vec<Check>) -> Self {
        Self {
            attune: env!("CARGO_PKG_VERSION"),
            works: checks.iter().all(|check| check.state != State::Fails),
            checks,
        }
    }

    /// A line for each check, its remedy below it, and a sentence about all.
    fn text(&self) -> String {
        let mut lines = Vec::new();
        for check in &self.checks {
            let mark = match check.state {
                State::Works => "✓",
                State::Limited => "–",
                State::Fails => "✗",
            };
            lines.push(format!("{mark} {:<10} {}", check.name, Printable(&check.found)));
            if let Some(remedy) = &check.remedy {
                lines.push(format!("{:13}{}", "", Printable(remedy)));
            }
        }
        let names = |state| {
            let of_state = self.checks.iter().filter(|check| check.state == state);
            of_state.map(|check| check.name).collect::<Vec<_>>().join(", ")
        };
        let (fails, limited) = (names(State::Fails), names(State::Limited));
        lines.push(match (self.works, limited.is_empty()) {
            (false, _) => format!("\nThis has to be mended first: {fails}."),
            (true, false) => format!("\nAttune works here, with limits: {limited}."),
            (true, true) => "\nEverything works here.".to_owned(),
        });
        lines.join("\n")
    }
}

/// Looks at everything. `models`: those in use, their golden tests made.
pub(super) fn run(as_json: bool, models: Result<ModelSet, ModelError>) -> Result<ExitCode, AppError> {
    let mut all = vec![checks::models(models)];
    #[cfg(feature = "gui")]
    all.extend(window::checks());
    #[cfg(feature = "device")]
    all.extend(sound::checks());
    all.extend(checks::folders());
    all.extend(checks::disk());
    all.push(checks::ffmpeg());
    let report = Report::of(all);
    let text = if as_json {
        serde_json::to_string(&report)?
    } else {
        report.text()
    };
    print_line(&text)?;
    Ok(if report.works {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_decides_and_what_is_limited_is_named() {
        let works = || Check::works("models", "lstm");
        let limited = || Check::limited("ffmpeg", "not \u{1b}[31mfound\n", "Install it.");
        let fails = || Check::fails("window", "no display", None);
        for (checks, works, said) in [
            (vec![works()], true, "Everything works here."),
            (vec![works(), limited()], true, "with limits: ffmpeg."),
            (
                vec![works(), limited(), fails()],
                false,
                "This has to be mended first: window.",
            ),
        ] {
            let report = Report::of(checks);
            assert_eq!(report.works, works);
            assert!(report.text().ends_with(said), "{}", report.text());
        }
        let text = Report::of(vec![limited()]).text();
        let wanted = "– ffmpeg     not \\u001b[31mfound\\n\n             Install it.\n\n";
        assert!(text.starts_with(wanted), "{text:?}");
    }
}
