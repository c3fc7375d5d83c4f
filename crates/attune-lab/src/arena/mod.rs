//! Every engine on the same audio, side by side.
//!
//! # Question
//! Four kinds of network were trained the same task. Which is right most often, most honest, fastest, smallest, first,
//! and quickest to follow a change, and are they right about the same clips?
//!
//! # Formula
//! Accuracy with its 95 % score interval (Wilson 1927); expected calibration error Σ |B|/n·|acc(B) − conf(B)| over 15
//! bins (Guo et al. 2017), beside what honest answers would show by chance on so few clips; agreement, the share of
//! clips of which two give the same answer.
//!
//! # Method
//! All from [`attune_train::evaluate`], as `attune eval` has it: the validation clips (artists apart) are processed
//! whole, as a file is, and the excerpts of 3 s as features. *Right from then on*: median of the time until the right
//! genre is shown that stays to the end, each engine's answers smoothed as if it listened alone. *After a change*:
//! pairs of clips of two genres, 15 s of each, one right after the other; median of the time until the new genre is
//! shown. Both count never as later than any time. *One step*: median over one frame of 23.2 ms with all contexts full,
//! the engines in turn in one run, on one thread. *Memory*: what the allocator has in use for the weights and one such
//! stream. The ensemble is the mean of the program's own engines; those of `--also` listen by themselves, behind the
//! same gate.
//!
//! # Result
//! Between the marks in `docs/accuracy.md`. This command rewrites it, `docs/arena/arena.svg` and the tables behind it:
//! `attune lab arena --data gtzan --also models/rnn.json --out docs/arena --page docs/accuracy.md`.
//!
//! # What it does not show
//! One seed of each, and temperatures that were fitted on these very clips: differences of a few points are not
//! significant by 106 clips. The step is timed with warm caches; live, weights come from beyond (`attune bench`, rows
//! `1-cold`).

mod audience;
mod judged;
mod measure;
mod shown;

pub use audience::Audience;
pub use judged::{Judged, Judgement, Right};
pub use measure::Cost;

use super::clip_features::{ClipArgs, read};
use super::{Lab, LabError, Report, Run};
use crate::bench::Effort;
use attune_model::genre::GenreId;
use attune_train::dataset::Clip;
use std::path::{Path, PathBuf};

/// Every engine on the same audio: accuracy, calibration, step time, memory, delay, agreement
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ArenaLab {
    #[command(flatten)]
    clips: ClipArgs,
    /// Also this model, by itself: it is no part of the ensemble; may be repeated
    #[arg(long, value_name = "NAME.json")]
    also: Vec<PathBuf>,
}

/// Clips of each genre, and changes, in a taste of it.
const QUICK: (usize, usize) = (2, 4);
/// Changes that are listened to.
const CHANGES: usize = 40;

impl ArenaLab {
    /// On the validation clips of a folder; `also` listen by themselves.
    pub fn new(data: &Path, also: Vec<PathBuf>) -> Self {
        let data = Some(data.to_owned());
        Self {
            clips: ClipArgs { data },
            also,
        }
    }
}

impl Lab for ArenaLab {
    fn name(&self) -> &'static str {
        "arena"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let Some(folder) = &self.clips.data else {
            return Err(LabError::Refused(
                "the arena needs clips: name their folder after --data".to_owned(),
            ));
        };
        let config = run.config();
        let audience = Audience::new(run.models()?, &self.also)?;
        run.expect(3);
        let data = read(folder, audience.spec(), run)?;
        if data.genres != *audience.genres() {
            return Err(LabError::Refused(format!(
                "{}: its classes are {}, those of the models {}",
                folder.display(),
                data.genres.labels().join(" "),
                audience.genres().labels().join(" ")
            )));
        }
        let changes = if config.quick { QUICK.1 } else { CHANGES };
        let clips = heard_clips(&data.valid, if config.quick { QUICK.0 } else { usize::MAX });
        let excerpts = if config.quick { &clips } else { &data.valid };
        let plan = (audience.digests(), folder, clips.len(), config.seed, config.quick);
        let judged = run.cell(&("clips", &plan), |run| audience.judge(&clips, excerpts, run))?;
        let changes = run.cell(&("changes", &plan, changes), |run| {
            audience.follow(&clips, &judged, changes, config.seed, run)
        })?;
        let effort = if config.quick { Effort::QUICK } else { Effort::FULL };
        let costs = run.cell(&("cost", &plan), |run| {
            run.say("steps, in turn")?;
            audience.costs(effort)
        })?;
        Ok(Report {
            lab: self.name(),
            tables: shown::tables(&judged, &changes, &costs, audience.genres()),
            notes: shown::notes(&judged, &changes, config.seed),
            picture: Some(shown::picture(&judged, &changes, &costs)),
        })
    }
}

/// Those with audio, at most so many of each genre.
fn heard_clips(clips: &[Clip], most: usize) -> Vec<Clip> {
    let mut taken: Vec<(GenreId, usize)> = Vec::new();
    let mut is_wanted = |genre: GenreId| {
        let place = taken.iter().position(|(of, _)| *of == genre).unwrap_or_else(|| {
            taken.push((genre, 0));
            taken.len() - 1
        });
        taken[place].1 += 1;
        taken[place].1 <= most
    };
    let audible = clips
        .iter()
        .filter(|clip| clip.audio.is_some() && is_wanted(clip.genre));
    audible.cloned().collect()
}
