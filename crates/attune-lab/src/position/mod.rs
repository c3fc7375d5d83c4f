//! What attention knows of order.
//!
//! # Question
//! Attention is a weighted sum, and a sum does not know what came first. What is lost without a positional encoding: where
//! the order is all there is, and in the genres of music?
//!
//! # Formula
//! softmax(q·K/√d)·V over frames x_j is the same for every order of the frames. With PE(p, 2i) = sin(p/10000^(2i/w)) and
//! PE(p, 2i + 1) = cos(p/10000^(2i/w)) added to them (Vaswani et al. 2017, §3.5) it is not; nor with queries and keys turned by
//! their place (Su et al. 2021).
//!
//! # Method
//! *Order*: a piece has twelve notes of sixteen, drawn; forward they rise, reversed they fall, shuffled they come in a drawn
//! order: the bag of frames has one distribution in all three, and chance is 1/3. A learnt token stands after the last frame
//! and is all that is read; it is the same in every piece.
//!
//! *One layer* is blind to order without an encoding, exactly: the token's answer is a function of the bag of frames (a
//! test permutes them). *Three layers, causal*: each frame of the first layer has seen those before it and no others, so the
//! mask itself tells the order (Haviv et al. 2022, "Transformer Language Models without Positional Encodings Still Learn
//! Positional Information"). That is not a fault of the experiment but a second answer, and has rows of its own.
//!
//! *Genre* (`--data`): the bundled TCN is frozen; one layer of the same network is taught on 3 s of its features and judged on the
//! validation clips, artists apart.
//!
//! # Result
//! One layer without an encoding is right of 33.1 % (chance: 33.3), with sines of 99.1 %; three causal layers need none; genres
//! hardly need it. The tables, with command and date: `docs/lab.md`.
//!
//! # What it does not show
//! Rising and falling are coarse: whether an encoding tells neighbours apart in a long window is another question.
//! The frozen encoder's features have gathered 1.4 s around them, in order: what genre does without is the order of seconds, not
//! that of milliseconds. A network that hears a stream has no last frame; sines of an absolute place fit excerpts, and
//! the shipped attention engine turns its queries and keys instead.

mod shown;

use super::asked::music::{Music, Outcome};
use super::asked::{AskedNet, AskedShape, Places, Plan, judge, learn, notes};
use super::pieces::ClipArgs;
use super::{Lab, LabError, Report, Run};
use serde::{Deserialize, Serialize};
use shown::{OfGenres, OfOrder};

/// Positional encoding on and off: on an order task, where it is everything, and on genres
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PositionLab {
    /// Music to be taught on too
    #[command(flatten)]
    pub clips: ClipArgs,
    /// Steps of teaching on the order task
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
}

/// Pieces of a test.
const TESTED: usize = 1_000;
/// With and without, and the other way to tell places.
const PLACES: [Places; 3] = [Places::Unknown, Places::Sinusoidal, Places::Rotary];
/// One layer, which is blind to order by itself, and a deep causal network, which is not.
const LAYERS: [usize; 2] = [1, 3];

/// What came of a network taught the order task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Order {
    loss: f64,
    accuracy: f64,
}

/// A network for the order task.
pub fn order_shape(layers: usize, places: Places) -> AskedShape {
    AskedShape {
        inputs: notes::BANDS,
        width: 32,
        heads: 4,
        layers,
        residual: true,
        normalized: true,
        places,
        answers: 1,
        classes: notes::CLASSES,
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
        let sets = LAYERS.len() * PLACES.len() + if self.clips.data.is_some() { PLACES.len() } else { 0 };
        run.expect(sets * seeds.len());
        let steps = self.steps.unwrap_or(if config.quick { 600 } else { 2_000 });
        let mut orders: Vec<OfOrder> = Vec::new();
        for layers in LAYERS {
            for places in PLACES {
                let mut outcomes = Vec::new();
                for &seed in &seeds {
                    let plan = Plan::of_drawn(order_shape(layers, places), steps, seed);
                    outcomes.push(run.cell(&("order", &plan), |run| order(&plan, run))?);
                }
                orders.push((layers, places, outcomes));
                run.found(self.report(&orders, None, &seeds)?);
            }
        }
        let so_far = |genres: &[OfGenres]| self.report(&orders, Some(genres), &seeds);
        let genres = self.genres(&seeds, run, so_far)?;
        self.report(&orders, genres.as_deref(), &seeds)
    }
}

fn order(plan: &Plan, run: &mut Run<'_>) -> Result<Order, LabError> {
    let AskedShape { layers, places, .. } = plan.shape;
    let what = format!(
        "order, {layers} layers, {}, seed {}",
        shown::name(places),
        plan.course.seed
    );
    let (tensors, loss) = learn(
        plan,
        &what,
        run,
        |count, rng| Ok(notes::draw(count, rng)?),
        |_, _, _| Ok(()),
    )?;
    let net = AskedNet::restored(tensors, plan.shape)?;
    let (accuracy, _) = judge(&net, (TESTED, plan.course.seed), |count, rng| {
        Ok(notes::draw(count, rng)?)
    })?;
    Ok(Order { loss, accuracy })
}

impl PositionLab {
    fn report(&self, orders: &[OfOrder], genres: Option<&[OfGenres]>, seeds: &[u64]) -> Result<Report, LabError> {
        let mut notes = vec![
            "one layer without an encoding is a function of the bag of frames; a causal mask over several layers tells the \
             order by itself"
                .to_owned(),
        ];
        if self.clips.data.is_none() {
            notes.push("name a folder of clips after --data to teach it on music too".to_owned());
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
        let music = Music::hear(folder, run)?;
        let quick = run.config().quick;
        let mut rows: Vec<OfGenres> = Vec::new();
        for places in PLACES {
            let mut outcomes: Vec<Outcome> = Vec::new();
            for &seed in seeds {
                let plan = music.plan(4, places, quick, seed);
                outcomes.push(run.cell(&("genres", &plan, &music.source), |run| {
                    let what = format!("genres, {}, seed {seed}", shown::name(places));
                    Ok(music.learn(&plan, &what, run)?.1)
                })?);
            }
            rows.push((places, outcomes));
            run.found(so_far(&rows)?);
        }
        Ok(Some(rows))
    }
}
