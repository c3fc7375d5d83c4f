//! What is said of each engine on the clips, in the shape that finished cells are kept in.

use attune_train::evaluate::{Metrics, Times};
use serde::{Deserialize, Serialize};

/// Right answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Right {
    /// Of how many clips.
    pub clips: usize,
    /// Share of right answers.
    pub accuracy: f64,
    /// 95 % interval of that.
    pub interval95: [f64; 2],
}

/// One engine, or the ensemble, on the clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Numbers that were learnt.
    pub weights: usize,
    /// On excerpts of 3 s; none if there are no such.
    pub excerpts: Option<Right>,
    /// On whole clips.
    pub whole: Right,
    /// Expected calibration error on whole clips.
    pub ece: f64,
    /// That of honest answers, by chance.
    pub chance_ece: f64,
    /// Seconds until any genre is shown.
    pub first_s: Times,
    /// Seconds until the right genre is shown that stays.
    pub stable_right_s: Times,
    /// Its answer to each whole clip.
    pub answers: Vec<u8>,
}

/// All of them on the clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Names of the whole clips.
    pub clips: Vec<String>,
    /// Their true genres.
    pub truths: Vec<u8>,
    /// Each engine, and the ensemble last.
    pub engines: Vec<Judged>,
    /// Share of the whole clips of which two give the same answer.
    pub agreement: Vec<Vec<f64>>,
}

impl Right {
    /// Of these figures.
    pub fn of(figures: &Metrics) -> Self {
        Self {
            clips: figures.clips,
            accuracy: figures.accuracy,
            interval95: figures.interval95,
        }
    }
}
