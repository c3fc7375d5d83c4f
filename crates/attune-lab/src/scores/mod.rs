//! Six score functions over the same frames, each taught by itself.
//!
//! # Question
//! Attention weights the past by how well each frame fits a query. Does it matter how the fit is computed?
//!
//! # Formula
//! c = Σ_j α_j·x_j with α = softmax(e) over the last n frames, s = W_s·x + b_s of the newest frame, h_j = W_h·x_j +
//! b_h, both of width d, and e_j one of (Weng, "Attention? Attention!", 2018, has the same list):
//!
//! | score | formula | from |
//! |---|---|---|
//! | general | s·W·h | Luong, Pham & Manning 2015 |
//! | content-based | cos(s, h), and β·cos(s, h) with a learnt β | Graves, Wayne & Danihelka 2014 |
//! | additive | vᵀ·tanh(W\[s; h\]) | Bahdanau, Cho & Bengio 2015 |
//! | location-based | W·s, a score for each lag | Luong, Pham & Manning 2015 |
//! | dot | s·h | Luong, Pham & Manning 2015 |
//! | scaled dot | s·h/√d | Vaswani et al. 2017 |
//!
//! The control is e = 0: the mean of the window. A plain cosine lies in −1…1, so it cannot put more than
//! e/(e + (n − 1)/e) on one of n frames ([`cosine_bound`]): 2.8 % of 256.
//!
//! # Method
//! *Genres*: the bundled TCN is frozen; its last block's 96 features of each frame are what is pooled (n = 256 frames,
//! 5.9 s; d = 16), and one dense layer answers from c. Each formula is taught from each seed on its own, on the
//! training clips, and judged on the validation clips (artists apart) as `attune eval` judges: the mean of the frames'
//! answers after the first two seconds. Entropy and look-back are means over the frames of whole clips.
//!
//! *Planted passages*: as `attune explain --planted`, 2 s of one genre in 12 s of another, or of noise; how often the
//! highest half second at the end lies within the 2 s, which lie in the last 8 (the weights reach back 5.9). Of two maps:
//! the weights α_j, and the *contribution* to the passage's class k. Since Σ α_j = 1, the logits are
//! Σ α_j·(W·x_j + b), and frame j contributes α_j·(e_j\[k\] − mean of e_j) with e_j = W·x_j + b, exactly.
//! `--planted-share` of the examples of 6 s (every second batch) are such pieces of training clips, half of them in
//! music and a quarter each in noise and in silence. The loss is that of `attune train --planted-share`
//! ([`attune_train::planted`]): among sound of no class the weights have to lie in the passage; among music, where the
//! weights serve two classes at once, the positive contributions to the passage's class have to; and the frames of
//! each side have to answer for their own class. 0 teaches on plain clips.
//!
//! *The marked frame*: the same network on sequences in which the frame that names the class is known and marked, and
//! all others name a class at random. *Width*: entropy of s·h and s·h/√d for independent normal s and h.
//!
//! # Result
//! Where the frame that counts is marked, the scores that look at frames find it, but for the plain cosine, which
//! reaches its bound (0.136 of 48 frames) and no more. On genres none differs measurably from the mean of the window,
//! and taught on plain clips the weights of none are evidence. The tables, with command and date, and what planted
//! passages change: `docs/lab.md`.
//!
//! # What it does not show
//! The encoder learnt from the same training clips, so its features are surer there than on what is judged: what is
//! compared is the pooling, not the height of the figures. Its reach of 1.4 s has already gathered what a frame's
//! neighbours say. The asking state is the newest frame's; a decoder's state, for which these scores were invented, is
//! another thing.

mod card;
mod file;
mod genre;
pub(crate) mod needle;
mod pieces;
mod shown;
mod width;

pub use attune_nn::score::cosine_bound;
pub use file::add;
pub use width::entropy;

use super::clip_features::{ClipArgs, encoded};
use super::planted::PlantedArgs;
use super::train_loop::Schedule;
use super::{Lab, LabError, Report, Run};
use attune_nn::score::{ScoreKind, ScorePoolingShape};
use pieces::Passages;
use shown::Row;
use std::path::PathBuf;

/// Frames that a query sees in music: as many as the attention engine's.
const CONTEXT: usize = 256;
/// Width of s and h.
const WIDTH: usize = 16;
/// Frames in which one is marked.
const MARKED_AMONG: usize = 48;
/// Steps of training on music, and those of the quick version.
const STEPS: u64 = 1_500;
const QUICK_STEPS: u64 = 200;
/// Frames behind the table of widths.
const FRAMES: usize = 256;

/// Six score functions as attention pooling, each taught by itself: accuracy, entropy, look-back, what they find
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ScoresLab {
    #[command(flatten)]
    clips: ClipArgs,
    #[command(flatten)]
    planted: PlantedArgs,
    /// Only these, with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    score: Vec<ScoreKind>,
    /// Also keep the first seed's poolings there, with a name for each formula's weights, and their card beside them
    #[arg(long, value_name = "FILE.safetensors", requires = "data")]
    export: Option<PathBuf>,
}

impl Lab for ScoresLab {
    fn name(&self) -> &'static str {
        "scores"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        let seeds = config.seeds();
        let wanted = |kind: &ScoreKind| self.score.is_empty() || self.score.contains(kind);
        let kinds: Vec<ScoreKind> = ScoreKind::ALL.into_iter().filter(wanted).collect();
        let sets = if self.clips.data.is_some() { 2 } else { 1 };
        run.expect(sets * kinds.len() * seeds.len());
        let widths = [4, 8, 16, 32, 64, 128, 256, 512].map(|width| {
            let of = |kind| entropy(kind, width, FRAMES, config.seed);
            Ok((width, of(ScoreKind::Dot)?, of(ScoreKind::ScaledDot)?))
        });
        let widths = widths.into_iter().collect::<Result<Vec<_>, LabError>>()?;
        let report = |needles: &[Row<needle::Outcome>], genres: Option<&[Row<genre::Outcome>]>| {
            let mut tables = Vec::new();
            if let Some(rows) = genres {
                tables.extend(shown::genres(rows, &seeds));
            }
            tables.push(shown::needles(needles, MARKED_AMONG));
            tables.push(shown::widths(&widths, FRAMES));
            let mut notes = vec![format!(
                "a plain cosine can put e/(e + (n − 1)/e) on one of n frames at the most: {:.3} of {MARKED_AMONG}, {:.4} of {CONTEXT}",
                cosine_bound(MARKED_AMONG),
                cosine_bound(CONTEXT)
            )];
            if self.clips.data.is_none() {
                notes.push("name a folder of clips after --data to teach them on music too".to_owned());
            }
            Report {
                lab: self.name(),
                tables,
                notes,
                picture: Some(shown::picture(needles, &widths)),
            }
        };
        let needles = needles(&kinds, &seeds, run, |rows| report(rows, None))?;
        let genres = self.genres(&kinds, &seeds, run, |rows| report(&needles, Some(rows)))?;
        Ok(report(&needles, genres.as_deref()))
    }
}

fn needles(
    kinds: &[ScoreKind],
    seeds: &[u64],
    run: &mut Run<'_>,
    so_far: impl Fn(&[Row<needle::Outcome>]) -> Report,
) -> Result<Vec<Row<needle::Outcome>>, LabError> {
    let mut rows = Vec::new();
    for &kind in kinds {
        let mut outcomes = Vec::new();
        for &seed in seeds {
            let plan = needle::Plan {
                shape: ScorePoolingShape {
                    kind,
                    inputs: needle::INPUTS,
                    width: 8,
                    context: MARKED_AMONG,
                },
                schedule: Schedule::for_generated(if run.config().quick { 2_000 } else { 4_000 }, 1e-2, seed),
            };
            outcomes.push(run.cell(&("marked", &plan), |run| needle::learn(&plan, run))?);
        }
        rows.push((kind, outcomes));
        run.partial(so_far(&rows));
    }
    Ok(rows)
}

impl ScoresLab {
    fn genres(
        &self,
        kinds: &[ScoreKind],
        seeds: &[u64],
        run: &mut Run<'_>,
        so_far: impl Fn(&[Row<genre::Outcome>]) -> Report,
    ) -> Result<Option<Vec<Row<genre::Outcome>>>, LabError> {
        let Some(folder) = &self.clips.data else {
            return Ok(None);
        };
        let (encoder, data, pieces) = encoded(folder, run)?;
        let quick = run.config().quick;
        let of_each = if quick { 50 } else { 300 };
        run.say("planting passages")?;
        let planted = Passages::to_test(&data, &encoder, of_each, run.config().seed)?;
        let passages = if self.planted.planted_share > 0.0 {
            Passages::to_learn(&data, &encoder, of_each, run.config().seed)?
        } else {
            Passages::default()
        };
        let data = (folder, pieces.train.len(), pieces.valid.len(), run.config().seed);
        let mut rows = Vec::new();
        for &kind in kinds {
            let mut outcomes = Vec::new();
            for &seed in seeds {
                let plan = genre::Plan {
                    shape: ScorePoolingShape {
                        kind,
                        inputs: encoder.feature_width(),
                        width: WIDTH,
                        context: CONTEXT,
                    },
                    schedule: Schedule::for_clips(if quick { QUICK_STEPS } else { STEPS }, seed),
                    planted: of_each,
                    passages: self.planted.plan(),
                };
                let classes = pieces.genres.len();
                let exports = self.export.as_ref();
                let exports = exports.filter(|_| seed == seeds[0] && kind != ScoreKind::Even);
                let train = |run: &mut Run<'_>| {
                    let (tensors, loss) = genre::learn(&plan, &pieces, &passages, run)?;
                    if let Some(path) = exports {
                        add(
                            path,
                            plan.shape,
                            (classes, &encoder.manifest().weights_sha256),
                            &tensors,
                        )?;
                    }
                    let weights = tensors.values().map(candle_core::Tensor::elem_count).sum();
                    let net = genre::restored(tensors, plan.shape, classes)?;
                    Ok(genre::Outcome {
                        weights,
                        loss,
                        ..genre::judge(&plan, &net, &pieces, &planted)?
                    })
                };
                let cell = ("genres", &plan, &encoder.manifest().weights_sha256, &data);
                outcomes.push(match exports {
                    Some(_) => run.uncached(&cell, train)?,
                    None => run.cell(&cell, train)?,
                });
            }
            rows.push((kind, outcomes));
            run.partial(so_far(&rows));
        }
        if let Some(path) = &self.export {
            let made = card::Made {
                data: folder,
                seed: run.config().seed,
                steps: if quick { QUICK_STEPS } else { STEPS },
                passages: &self.planted.plan(),
                encoder: &encoder.manifest().weights_sha256,
            };
            card::write(path, &made, &rows)?;
        }
        Ok(Some(rows))
    }
}
