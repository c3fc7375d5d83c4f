//! The labs by name: one list for the command line and the window.
//!
//! In: words as typed after `attune lab`. Out: a [`Lab`]. Thread: any.

use super::Lab;
use super::arena::ArenaLab;
use super::caption::CaptionLab;
use super::depth::DepthLab;
use super::heads::HeadsLab;
use super::hierarchy::HierarchyLab;
use super::limits::LimitsLab;
use super::memory::MemoryLab;
use super::position::PositionLab;
use super::scores::ScoresLab;
use super::sections::SectionsLab;
use super::wavenet::WavenetLab;
use clap::{CommandFactory, Parser};
use std::sync::LazyLock;

/// A subcommand for each lab, whose flags are the lab's fields.
macro_rules! labs {
    ($($name:ident($lab:ty)),* $(,)?) => {
        /// One of the labs, with its settings.
        #[derive(Debug, Clone, clap::Subcommand)]
        pub enum Choice { $(#[allow(missing_docs, reason = "the lab's own docs are its help")] $name($lab)),* }

        impl Choice {
            /// The lab.
            pub fn lab(&self) -> &dyn Lab {
                match self { $(Self::$name(lab) => lab),* }
            }
        }
    };
}

labs! {
    Arena(ArenaLab),
    Caption(CaptionLab),
    Depth(DepthLab),
    Heads(HeadsLab),
    Hierarchy(HierarchyLab),
    Limits(LimitsLab),
    Memory(MemoryLab),
    Position(PositionLab),
    Scores(ScoresLab),
    Sections(SectionsLab),
    Wavenet(WavenetLab),
}

/// A lab and its flags on one line, as the window has them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    choice: Choice,
}

/// Why a line of flags does not choose a lab. Either way the line has to be corrected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The line cannot be split into words.
    #[error("{0}: a quotation mark is not closed")]
    Quotation(String),
    /// The words do not name a lab, or are not flags of it; the message says which and what would be.
    #[error("{0}")]
    Flags(String),
}

/// What can be known of a lab before it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name on the command line.
    pub name: String,
    /// Its question.
    pub question: String,
    /// Its flags, a line for each: how they are written, and what they do.
    pub flags: Vec<(String, String)>,
}

impl Choice {
    /// The lab of this name with the flags of one line, quoted as in a shell.
    ///
    /// ```
    /// use attune_lab::Choice;
    /// assert_eq!(Choice::read("memory", "--task recall --net lstm,tcn").unwrap().lab().name(), "memory");
    /// assert!(Choice::read("memory", "--task singing").unwrap_err().to_string().contains("singing"));
    /// ```
    ///
    /// # Errors
    /// If a quotation mark is not closed, or there is no such lab, flag or value.
    pub fn read(name: &str, flags: &str) -> Result<Self, ChoiceError> {
        let words = shlex::split(flags).ok_or_else(|| ChoiceError::Quotation(flags.to_owned()))?;
        let line = Line::try_parse_from(std::iter::once(name.to_owned()).chain(words)).map_err(|error| {
            let text = error.to_string();
            let what = text.split("\n\nUsage").next().unwrap_or(&text);
            ChoiceError::Flags(what.trim().trim_start_matches("error: ").to_owned())
        })?;
        Ok(line.choice)
    }

    /// All labs, read from their flags once.
    pub fn all() -> &'static [About] {
        static ALL: LazyLock<Vec<About>> = LazyLock::new(Choice::about);
        &ALL
    }

    fn about() -> Vec<About> {
        let line = Line::command();
        let labs = line.get_subcommands().map(|lab| About {
            name: lab.get_name().to_owned(),
            question: lab.get_about().map(ToString::to_string).unwrap_or_default(),
            flags: lab
                .get_arguments()
                .filter_map(|flag| {
                    let values = flag.get_value_names().unwrap_or_default();
                    let written = match values.first().filter(|_| flag.get_action().takes_values()) {
                        Some(value) => format!("--{} {value}", flag.get_long()?),
                        None => format!("--{}", flag.get_long()?),
                    };
                    Some((written, flag.get_help().map(ToString::to_string).unwrap_or_default()))
                })
                .collect(),
        });
        labs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lab_has_a_question_and_runs_under_its_name() {
        let all = Choice::all();
        assert!(all.len() >= 8, "{all:?}");
        for about in all {
            assert!(!about.question.is_empty(), "{about:?}");
            assert!(about.flags.iter().all(|(_, does)| !does.is_empty()), "{about:?}");
            assert_eq!(Choice::read(&about.name, "").unwrap().lab().name(), about.name);
        }
        let memory = all.iter().find(|about| about.name == "memory").unwrap();
        assert!(
            memory.flags.iter().any(|(flag, _)| flag.starts_with("--length ")),
            "{memory:?}"
        );
    }

    #[test]
    fn a_path_with_a_blank_is_quoted_and_an_open_quotation_mark_is_an_error() {
        assert!(Choice::read("scores", "--data '/music of mine'").is_ok());
        assert!(Choice::read("scores", "--data /music of mine").is_err());
        let error = Choice::read("scores", "--data '/music").unwrap_err();
        assert_eq!(error, ChoiceError::Quotation("--data '/music".to_owned()));
    }
}
