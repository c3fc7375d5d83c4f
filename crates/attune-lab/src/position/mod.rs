//! What attention knows of order.
//!
//! # Question
//! Attention is a weighted sum, and a sum does not know what came first. What is lost without a positional encoding:
//! where the order is all there is, and in the genres of music?
//!
//! # Formula
//! softmax(q·K/√d)·V over frames x_j is the same for every order of the frames. With PE(p, 2i) = sin(p/10000^(2i/w))
//! and PE(p, 2i + 1) = cos(p/10000^(2i/w)) added to them (Vaswani et al. 2017, §3.5) it is not; nor with queries and
//! keys turned by their place (Su et al. 2021).
//!
//! # Method
//! *Order*: a sequence has twelve notes of sixteen, drawn; forward they rise, reversed they fall, shuffled they come in
//! a drawn order: the bag of frames has one distribution in all three, and chance is 1/3. A learnt token stands after
//! the last frame and is all that is read; it is the same in every sequence.
//!
//! *One layer* is blind to order without an encoding, exactly: the token's answer is a function of the bag of frames (a
//! test permutes them). *Three layers, causal*: each frame of the first layer has seen those before it and no others,
//! so the mask itself carries the order (Haviv et al. 2022, "Transformer Language Models without Positional Encodings
//! Still Learn Positional Information"). That is not a fault of the experiment but a second answer, and has rows of its
//! own.
//!
//! *Genre* (`--data`): the bundled TCN is frozen; one layer of the same network is trained on 3 s of its features and
//! judged on the validation clips, artists apart.
//!
//! # Result
//! One layer without an encoding is right of 33.1 % (chance: 33.3), with sines of 99.1 %; three causal layers need
//! none; genres hardly need it. The tables, with command and date: `docs/lab.md`.
//!
//! # What it does not show
//! Rising and falling are coarse: whether an encoding distinguishes neighbours in a long window is another question.
//! The frozen encoder's features have gathered 1.4 s around them, in order: what genre does without is the order of
//! seconds, not that of milliseconds. A network on a stream has no last frame; sines of an absolute place fit excerpts,
//! and the shipped attention engine turns its queries and keys instead.

mod shown;

use super::clip_features::ClipArgs;
use super::token_encoder::music::{Music, Outcome};
use super::token_encoder::{Plan, PositionalEncoding, TokenEncoder, TokenEncoderShape, judge, order_task, train};
use super::{Lab, LabError, Report, Run};
use serde::{Deserialize, Serialize};
use shown::{OfGenres, OfOrder};

/// Positional encoding on and off: on an order task, where it is everything, and on genres
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PositionLab {
    /// Music to train on too
    #[command(flatten)]
    pub clips: ClipArgs,
    /// Training steps on the order task
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
}

/// Sequences of a test.
const TESTED: usize = 1_000;
/// Without, and the two encodings.
const ENCODINGS: [PositionalEncoding; 3] = [
    PositionalEncoding::None,
    PositionalEncoding::Sinusoidal,
    PositionalEncoding::Rotary,
];
/// One layer, which is blind to order by itself, and a deep causal network, which is not.
const LAYERS: [usize; 2] = [1, 3];

/// The result of a network trained on the order task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Order {
    loss: f64,
    accuracy: f64,
}

/// A network for the order task.
pub fn order_shape(layers: usize, positions: PositionalEncoding) -> TokenEncoderShape {
    TokenEncoderShape {
        inputs: order_task::BANDS,
        width: 32,
        heads: 4,
        layers,
        residual: true,
        normalized: true,
        positions,
        answers: 1,
        classes: order_task::CLASSES,
        dropout: 0.0,
    }
}

impl Lab for PositionLab {
    fn name(&self) -> &'static str {
        "position"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        let seeds = config.seeds();
        let sets = LAYERS.len() * ENCODINGS.len() + if self.clips.data.is_some() { ENCODINGS.len() } else { 0 };
        run.expect(sets * seeds.len());
        let steps = self.steps.unwrap_or(if config.quick { 600 } else { 2_000 });
        let mut orders: Vec<OfOrder> = Vec::new();
        for layers in LAYERS {
            for positions in ENCODINGS {
                let mut outcomes = Vec::new();
                for &seed in &seeds {
                    let plan = Plan::for_generated(order_shape(layers, positions), steps, seed);
                    outcomes.push(run.cell(&("order", &plan), |run| order(&plan, run))?);
                }
                orders.push((layers, positions, outcomes));
                run.partial(self.report(&orders, None, &seeds)?);
            }
        }
        let so_far = |genres: &[OfGenres]| self.report(&orders, Some(genres), &seeds);
        let genres = self.genres(&seeds, run, so_far)?;
        self.report(&orders, genres.as_deref(), &seeds)
    }
}

fn order(plan: &Plan, run: &mut Run<'_>) -> Result<Order, LabError> {
    let TokenEncoderShape { layers, positions, .. } = plan.shape;
    let what = format!(
        "order, {layers} layers, {}, seed {}",
        shown::name(positions),
        plan.schedule.seed
    );
    let (tensors, loss) = train(plan, &what, run, |count, rng| Ok(order_task::draw(count, rng)?), None)?;
    let net = TokenEncoder::restored(tensors, plan.shape)?;
    let (accuracy, _) = judge(&net, (TESTED, plan.schedule.seed), |count, rng| {
        Ok(order_task::draw(count, rng)?)
    })?;
    Ok(Order { loss, accuracy })
}

impl PositionLab {
    fn report(&self, orders: &[OfOrder], genres: Option<&[OfGenres]>, seeds: &[u64]) -> Result<Report, LabError> {
        let mut notes = vec![
            "one layer without an encoding is a function of the bag of frames; a causal mask over several layers encodes the \
             order by itself"
                .to_owned(),
        ];
        if self.clips.data.is_none() {
            notes.push("name a folder of clips after --data to train it on music too".to_owned());
        }
        Ok(Report {
            lab: self.name(),
            tables: shown::tables(orders, genres, seeds, TESTED),
            notes,
            picture: Some(shown::picture(orders, genres)?),
        })
    }

    fn genres(
        &self,
        seeds: &[u64],
        run: &mut Run<'_>,
        so_far: impl Fn(&[OfGenres]) -> Result<Report, LabError>,
    ) -> Result<Option<Vec<OfGenres>>, LabError> {
        let Some(folder) = &self.clips.data else {
            return Ok(None);
        };
        let music = Music::open(folder, run)?;
        let quick = run.config().quick;
        let mut rows: Vec<OfGenres> = Vec::new();
        for positions in ENCODINGS {
            let mut outcomes: Vec<Outcome> = Vec::new();
            for &seed in seeds {
                let plan = music.plan(4, positions, quick, seed);
                outcomes.push(run.cell(&("genres", &plan, &music.source), |run| {
                    let what = format!("genres, {}, seed {seed}", shown::name(positions));
                    Ok(music.train(&plan, &what, run)?.1)
                })?);
            }
            rows.push((positions, outcomes));
            run.partial(so_far(&rows)?);
        }
        Ok(Some(rows))
    }
}
