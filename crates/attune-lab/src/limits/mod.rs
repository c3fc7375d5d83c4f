//! What recurrence costs.
//!
//! # Question
//! A recurrent network is said to have three limits: it cannot learn what lies far back, it cannot be taught in
//! parallel, and nobody can say how far it looks. How large are they?
//!
//! # Formula
//! h_t depends on h_{t−k} through a product of k Jacobians,
//!
//! ∂h_t/∂h_{t−k} = Π_{j=0}^{k−1} ∂h_{t−j}/∂h_{t−j−1}, for plain recurrence ∂h_t/∂h_{t−1} = diag(1 − h_t²)·Uᵀ
//!
//! (Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013, eq. 5), which falls or grows by a
//! power of k. In an LSTM the cell has a way of its own, ∂c_t/∂c_{t−1} = diag(f_t) + what goes through the gates
//! (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000): while the forget gates stay open it does not
//! fall. A TCN with kernels of k taps and L blocks of two convolutions sees 1 + 2·(k − 1)·(2^L − 1) frames (Bai, Kolter
//! & Koltun 2018) and exactly nothing of what lies before.
//!
//! # Method
//! *Reach*: the first minute of the bundled demo goes through the shipped engines. Of the RNN's and the LSTM's
//! recurrent layer the product of Jacobians is taken exactly, in double precision, from places that lie evenly in the
//! minute, back to k frames; shown is ‖J‖_F/√h, the root mean square of its singular values, its geometric mean over
//! the places, and the least and the greatest of them. *Drawn*: the same layer with fresh weights, over the same
//! features. *Dependence*: ‖∂y_t/∂x_{t−k}‖_F of the body's last features by the input frame, by backward through the
//! whole network with its taught weights, from the same places, as a share of its greatest: there the TCN can be seen
//! beside the recurrent ones.
//!
//! *Cost*: networks of one width behind 64 bands, two recurrent layers, four layers of attention that sees the whole
//! clip, and as many blocks of a TCN as see it; 4,096 frames of noise for a training step (forward, backward, clipping,
//! AdamW), cut into clips of the length; and the streaming step of one frame. One thread.
//!
//! # Result
//! Half of a plain recurrence's state is left after one frame, 3e-10 after 32; of the taught LSTM's cell 0.7 after
//! eight frames and no less over 256; of the TCN exactly nothing beyond its field. Attention costs more with every
//! frame that it sees, a TCN with their logarithm, recurrence nothing. The tables, with command and date:
//! `docs/lab.md`.
//!
//! # What it does not show
//! A gradient that is small is slow to learn from; that it cannot be learnt from is another matter (`attune lab memory`
//! teaches). A Jacobian is the dependence on small changes: what a gate would do if something large came is not in
//! it. Frames a second are those of this processor: on one that does more side by side, what can be taught in parallel
//! gains more.

mod cost;
mod reach;
mod shown;

pub use cost::{Cost, Plan, blocks};
pub use reach::{Layer, Moment, Reach, recurrent_layer};

use super::memory::Kind;
use super::{Lab, LabError, Report, Run};
use crate::bench::demo::Demo;
use attune_model::{LoadedModel, bundled_optional};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use shown::{Dependence, ReachOf};

/// What recurrence costs: training and streaming time against length and width, and how far gradients reach
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LimitsLab {
    /// Only this part
    #[arg(long, value_enum)]
    pub part: Option<Part>,
}

/// A part of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Training and streaming time
    Cost,
    /// Gradients through time
    Reach,
}

/// What fixes a measurement on the demo.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct ReachPlan<'a> {
    /// SHA-256 of the engine's weights.
    engine: &'a str,
    /// Weights of the recurrent layer are drawn from this.
    drawn: Option<u64>,
    /// Frames back at the most.
    most: usize,
    /// Frames from which is looked back.
    places: &'a [usize],
}

/// Norms by k at each place: of the hidden state, and of the cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Curves {
    hidden: Vec<Vec<f64>>,
    cell: Vec<Vec<f64>>,
}

impl Lab for LimitsLab {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let plans = if self.wants(Part::Cost) {
            plans(run.config().quick)
        } else {
            Vec::new()
        };
        let engines = if self.wants(Part::Reach) {
            opened(run)?
        } else {
            Vec::new()
        };
        let recurrent = engines
            .iter()
            .filter(|engine| engine.manifest().context_frames.is_none());
        run.expect(plans.len() + engines.len() + 2 * recurrent.count());
        let (reaches, dependences) = reaches(&engines, run)?;
        let report = |costs: &[(Plan, Cost)]| Report {
            lab: self.name(),
            tables: shown::tables(&reaches, &dependences, costs),
            notes: vec![
                "reach: root mean square of the Jacobian's singular values, geometric mean over the places. Times are \
                 this machine's, with whatever else it does."
                    .to_owned(),
            ],
            picture: shown::picture(&reaches, &dependences, costs),
        };
        if !reaches.is_empty() {
            run.partial(report(&[]));
        }
        let mut costs = Vec::new();
        for plan in plans {
            let cost = run.cell(&("cost", plan), |run| {
                run.say(&format!(
                    "{} of {}, clips of {} frames",
                    plan.kind.label(),
                    plan.width,
                    plan.length
                ))?;
                plan.measure()
            })?;
            costs.push((plan, cost));
            run.partial(report(&costs));
        }
        Ok(report(&costs))
    }
}

impl LimitsLab {
    fn wants(&self, part: Part) -> bool {
        self.part.is_none_or(|only| only == part)
    }
}

/// Lengths at one width, then widths at one length; no plan twice.
fn plans(quick: bool) -> Vec<Plan> {
    let (lengths, width, widths, length): (&[usize], _, &[usize], _) = if quick {
        (&[64, 256, 1_024], 32, &[32, 64], 256)
    } else {
        (&[64, 256, 1_024, 4_096], 64, &[32, 64, 128, 256], 256)
    };
    let mut plans = Vec::new();
    for kind in Kind::ALL {
        let by_length = lengths.iter().map(|&length| (length, width));
        for (length, width) in by_length.chain(widths.iter().map(|&width| (length, width))) {
            let plan = Plan {
                kind,
                length,
                width,
                quick,
            };
            if !plans.contains(&plan) {
                plans.push(plan);
            }
        }
    }
    plans
}

/// The optional bundled models and those that the run was given.
fn opened(run: &Run<'_>) -> Result<Vec<LoadedModel>, LabError> {
    let mut models = bundled_optional()?;
    models.extend(run.models()?.models);
    models.dedup_by(|a, b| a.manifest().weights_sha256 == b.manifest().weights_sha256);
    Ok(models)
}

/// Frames back at the most, and frames from which is looked back, evenly in so many frames.
fn places(frames: usize, quick: bool) -> (usize, Vec<usize>) {
    let (most, count) = if quick { (128, 6) } else { (256, 24) };
    let step = frames.saturating_sub(most + 1) / count;
    (most, (1..=count).map(|n| most + n * step).collect())
}

fn reaches(engines: &[LoadedModel], run: &mut Run<'_>) -> Result<(Vec<ReachOf>, Vec<Dependence>), LabError> {
    let (mut reaches, mut dependences) = (Vec::new(), Vec::new());
    if engines.is_empty() {
        return Ok((reaches, dependences));
    }
    let demo = Demo::unpack()?;
    let config = run.config();
    for engine in engines {
        let manifest = engine.manifest();
        let frames = demo.frames(&manifest.front_end)?;
        let bands = manifest.front_end.bands;
        let (most, places) = places(frames.len() / bands, config.quick);
        let plan = |drawn| ReachPlan {
            engine: &manifest.weights_sha256,
            drawn,
            most,
            places: &places,
        };
        for drawn in [Some(config.seed), None] {
            let Some(layer) = recurrent_layer(engine, drawn)? else {
                continue;
            };
            let curves: Curves = run.cell(&("reach", plan(drawn)), |run| {
                run.say(&format!("reach of the {}", manifest.name))?;
                let moments = layer.moments(&body_inputs(engine, &frames)?);
                let mut curves = Curves {
                    hidden: Vec::new(),
                    cell: Vec::new(),
                };
                for &place in &places {
                    run.say(&format!("reach of the {} from frame {place}", manifest.name))?;
                    let reach = layer.reach(&moments, place, most)?;
                    curves.hidden.push(reach.hidden);
                    curves.cell.push(reach.cell);
                }
                Ok(curves)
            })?;
            reaches.extend(ReachOf::all(
                &manifest.name,
                drawn.is_none(),
                &curves.hidden,
                &curves.cell,
            ));
        }
        let curves = run.cell(&("dependence", plan(None)), |run| {
            let of_place = |&place: &usize| {
                run.say(&format!("what the {} depends on at frame {place}", manifest.name))?;
                Ok(engine.effective_receptive_field(&frames[(place - most) * bands..(place + 1) * bands])?)
            };
            places.iter().map(of_place).collect::<Result<Vec<_>, LabError>>()
        })?;
        dependences.push(Dependence {
            engine: manifest.name.clone(),
            field: engine.receptive_field(),
            curves,
        });
    }
    Ok((reaches, dependences))
}

/// What the body of a model reads of normalised frames (frames, bands): (frames, inputs).
fn body_inputs(model: &LoadedModel, frames: &[f32]) -> Result<Vec<f32>, LabError> {
    let bands = model.manifest().front_end.bands;
    let x = Tensor::from_slice(frames, (1, frames.len() / bands, bands), &Device::Cpu)?;
    Ok(model.trainable()?.body_inputs(&x)?.flatten_all()?.to_vec1()?)
}
