//! What residual connections and layer normalisation are good for.
//!
//! # Question
//! Every encoder layer is wrapped: its halves are added to what they took, and normalise it first. What becomes of deep
//! networks without the one, the other, or both?
//!
//! # Formula
//! y = x + A(N(x)), z = y + F(N(y)), with A attention, F two dense layers, N layer normalisation (Ba, Kiros & Hinton
//! 2016), placed first (Xiong et al. 2020); x + … is the residual connection (He et al. 2016). Then
//! ∂z/∂x = (1 + ∂F)(1 + ∂A): one of the ways through L layers is 1. Without it the gradient is a product of 2L Jacobians, as in a
//! recurrence, and attention alone, layer after layer, makes all frames alike (Dong, Cordonnier & Loukas 2021).
//!
//! # Method
//! The order task of `attune lab position` (forward, reversed or shuffled; chance 1/3, loss ln 3 = 1.099), with sines
//! added, by the same network with 2 to 6 layers, each trained in four forms: with both, without normalisation, without
//! residual connections, with neither. Weights begin alike. The norm of the loss's gradient by all weights of each
//! layer is taken at the first step and at the last one.
//!
//! # Result
//! Six layers with normalisation alone are right of 84 %, all other forms and depths of 98 % and more; with neither,
//! the first gradient of the lowest of six layers is one three hundredth of that with both, which AdamW may make up for
//! (not tested). The tables, with command and date: `docs/lab.md`.
//!
//! # What it does not show
//! One rate and one number of steps for all forms: a form that fails here might learn slower, from other weights, or
//! with a warm-up of its own. Six layers are few: networks without normalisation are known to need care at depths that
//! are not reached here. The task needs no depth: what is compared is whether depth does harm.

mod shown;

use super::position::order_shape;
use super::token_encoder::{Plan, PositionalEncoding, TokenEncoder, TokenEncoderShape, judge, order_task, train};
use super::{Lab, LabError, Report, Run};
use attune_nn::weights::WeightStore;
use candle_core::backprop::GradStore;
use serde::{Deserialize, Serialize};

/// Depth with and without residual connections and layer normalisation: losses, and gradients of each layer
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DepthLab {
    /// Only these numbers of layers, with commas between them
    #[arg(long, value_delimiter = ',', value_name = "N,N,…")]
    pub layers: Vec<usize>,
    /// Training steps
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
}

/// Sequences of a test.
const TESTED: usize = 1_000;
/// Depths that are compared.
const LAYERS: [usize; 5] = [2, 3, 4, 5, 6];

/// Which of both a form has: residual connections, normalisation.
type Form = (bool, bool);
const FORMS: [Form; 4] = [(true, true), (true, false), (false, true), (false, false)];

/// The result of one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outcome {
    loss: f64,
    accuracy: f64,
    /// Norm of the gradient by each layer's weights, from the lowest on: at the first step, and at the last.
    first: Vec<f64>,
    last: Vec<f64>,
}

/// A form, its layers, the result of each seed.
type Row = (Form, usize, Vec<Outcome>);

impl Lab for DepthLab {
    fn name(&self) -> &'static str {
        "depth"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        let seeds = config.seeds();
        if let Some(other) = self.layers.iter().find(|layers| !LAYERS.contains(layers)) {
            return Err(LabError::Refused(format!("--layers {other}: there are 2 to 6")));
        }
        let wanted = |layers: &usize| match self.layers.as_slice() {
            [] => !config.quick || layers.is_multiple_of(2),
            chosen => chosen.contains(layers),
        };
        let depths: Vec<usize> = LAYERS.into_iter().filter(wanted).collect();
        run.expect(FORMS.len() * depths.len() * seeds.len());
        let steps = self.steps.unwrap_or(if config.quick { 500 } else { 2_000 });
        let report = |rows: &[Row]| Report {
            lab: self.name(),
            tables: shown::tables(rows, &seeds, TESTED),
            notes: vec!["loss by chance: ln 3 = 1.099; gradients are those before clipping".to_owned()],
            picture: Some(shown::picture(rows)),
        };
        let mut rows: Vec<Row> = Vec::new();
        for form in FORMS {
            for &layers in &depths {
                let mut outcomes = Vec::new();
                for &seed in &seeds {
                    let (residual, normalized) = form;
                    let plan = Plan::for_generated(
                        TokenEncoderShape {
                            residual,
                            normalized,
                            ..order_shape(layers, PositionalEncoding::Sinusoidal)
                        },
                        steps,
                        seed,
                    );
                    outcomes.push(run.cell(&plan, |run| train_one(&plan, run))?);
                }
                rows.push((form, layers, outcomes));
                run.partial(report(&rows));
            }
        }
        Ok(report(&rows))
    }
}

fn train_one(plan: &Plan, run: &mut Run<'_>) -> Result<Outcome, LabError> {
    let TokenEncoderShape { layers, .. } = plan.shape;
    let form = (plan.shape.residual, plan.shape.normalized);
    let what = format!("{layers} layers, {}, seed {}", shown::name(form), plan.schedule.seed);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut watch = |step: u64, store: &WeightStore, grads: &GradStore| {
        if step == 0 {
            first = gradients(store, grads, layers)?;
        }
        if step + 1 == plan.schedule.steps {
            last = gradients(store, grads, layers)?;
        }
        Ok(())
    };
    let draw = |count: usize, rng: &mut _| Ok(order_task::draw(count, rng)?);
    let (tensors, loss) = train(plan, &what, run, draw, Some(&mut watch))?;
    let net = TokenEncoder::restored(tensors, plan.shape)?;
    let (accuracy, _) = judge(&net, (TESTED, plan.schedule.seed), draw)?;
    Ok(Outcome {
        loss,
        accuracy,
        first,
        last,
    })
}

/// The norm of the gradient by all weights of each layer of an [`TokenEncoder`], from the lowest on.
///
/// # Errors
/// If a weight has none.
pub fn gradients(store: &WeightStore, grads: &GradStore, layers: usize) -> Result<Vec<f64>, LabError> {
    let of_layer = |layer: usize| {
        let prefix = format!("layers.{layer}.");
        let vars = store.params().filter(|(name, _)| name.starts_with(&prefix));
        Ok(f64::from(attune_train::optimizer::gathered(vars, grads)?.1))
    };
    (0..layers).map(of_layer).collect()
}
