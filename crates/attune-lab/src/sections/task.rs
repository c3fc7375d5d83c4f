//! What every network of the lab is trained on and judged by.
//!
//! In: medleys, a plan. Out: weights and what was measured of them. Thread: the caller's.

use super::AHEAD;
use super::judge::{self, LiveOutcome, Outcome};
use super::learn::Plan;
use super::pieces::{self, LIVE_STEP, Made, Pieces, PoolPlan, STEP};
use crate::{LabError, Run};
use attune_model::sections::{Reading, SectionKind, SectionNet, SectionShape};
use attune_model::{LoadedModel, ModelSet};
use attune_nn::weights::WeightStore;
use attune_train::dataset::Dataset;
use candle_core::Tensor;
use std::collections::HashMap;
use std::sync::Arc;

/// What every network is trained on and judged by.
pub(super) struct Task<'a> {
    pub(super) models: ModelSet,
    pub(super) encoder: LoadedModel,
    pub(super) data: Option<&'a Dataset>,
    pub(super) train: Pieces,
    pub(super) valid: Pieces,
    pub(super) plans: [PoolPlan; 2],
    pub(super) step_s: f64,
}

pub(super) type Tensors = HashMap<String, Tensor>;

impl Task<'_> {
    fn kinds(&self) -> &'static [Made] {
        pieces::kinds(self.data.is_some())
    }

    pub(super) fn shape(&self, kind: SectionKind, attends: bool, reading: Reading) -> SectionShape {
        // A live grid has a row for each source step: its cells are many, and narrower.
        let (width, layers) = match (kind, reading) {
            (SectionKind::Pervasive, Reading::Live { .. }) => (48, 3),
            (SectionKind::Pervasive, Reading::Whole) => (64, 4),
            (SectionKind::Bahdanau, _) => (64, 1),
            (SectionKind::Transformer, _) => (64, 2),
        };
        SectionShape {
            kind,
            reading,
            inputs: self.train.inputs,
            step_frames: if reading == Reading::Whole { STEP } else { LIVE_STEP },
            width,
            heads: 4,
            layers,
            genres: self.models.genres.len(),
            attends,
            dropout: 0.3,
        }
    }

    /// What a cell is fixed by, besides its plan.
    pub(super) fn key(&self) -> (&str, [PoolPlan; 2], bool) {
        let encoder = &self.encoder.manifest().weights_sha256;
        (encoder, self.plans, self.data.is_some())
    }

    pub(super) fn whole(
        &self,
        plan: &Plan,
        what: &str,
        run: &mut Run<'_>,
    ) -> Result<(Tensors, Vec<Outcome>), LabError> {
        let (tensors, loss) = plan.learn(&self.train, self.step_s, what, run)?;
        let net = restored(&tensors, plan.shape)?;
        run.say(&format!("{what}: judging"))?;
        let weights = tensors.values().map(Tensor::elem_count).sum();
        let context = (self.step_s, &self.models.genres);
        let outcomes = self.kinds().iter();
        let outcomes = outcomes.map(|made| judge::judge(&net, (&self.valid, *made), context, (weights, loss)));
        Ok((tensors, outcomes.collect::<Result<_, _>>()?))
    }

    pub(super) fn live(
        &self,
        plan: &Plan,
        what: &str,
        run: &mut Run<'_>,
    ) -> Result<(Tensors, Vec<Vec<LiveOutcome>>), LabError> {
        let (tensors, _) = plan.learn(&self.train, self.step_s, what, run)?;
        let net = Arc::new(restored(&tensors, plan.shape)?);
        let weights = tensors.values().map(Tensor::elem_count).sum();
        let context = (self.step_s, &self.models.genres);
        let mut outcomes = Vec::new();
        for &made in self.kinds() {
            let mut by_k = Vec::new();
            for k in plan.k.map_or(AHEAD.to_vec(), |k| vec![k]) {
                run.say(&format!("{what}: judging with k = {k}, {}", made.name()))?;
                by_k.push(judge::judge_live(&net, k, (&self.valid, made), context, weights)?);
            }
            outcomes.push(by_k);
        }
        Ok((tensors, outcomes))
    }
}

pub(super) fn restored(tensors: &Tensors, shape: SectionShape) -> Result<SectionNet, LabError> {
    Ok(SectionNet::new(
        WeightStore::from_tensors(tensors.clone()).root(),
        shape,
    )?)
}
