//! A genre network in the form that streams: what files and live sound run through.
//!
//! In: normalised frames in blocks of any size. Out: logits and attention weights, or features. Thread: worker.

use super::ModelError;
use super::body::PackedBody;
use super::evidence::EvidenceMap;
use super::familiarity::Familiarity;
use super::front::{FrontState, PackedFront};
use super::streaming::{AttentionWeights, CausalModel, StreamOutput};
use attune_audio::features::FrameBlock;
use attune_audio::units::FrameIndex;
use attune_nn::kernels::packed_matrix::Finish;
use attune_nn::moving_average::{MovingAverage, MovingAverageState};
use attune_nn::recurrent::UnitActivations;
use attune_nn::streaming::affine::PackedAffine;
use attune_nn::streaming::attentive::{AttentiveState, PackedAttentive};
use attune_nn::streaming::evidence::{EvidenceState, PackedEvidence};
use attune_nn::streaming::frame_buf::{FrameBuf, even_block};
use attune_nn::streaming::moments::MomentState;
use std::slice::from_ref;

/// A [`GenreNet`](super::genre_net::GenreNet) with packed weights and the body `P`.
#[derive(Debug)]
pub(crate) struct PackedNet<P> {
    /// Mel bands of a frame.
    pub(crate) bands: usize,
    pub(crate) smoothing: MovingAverage,
    pub(crate) front: PackedFront,
    pub(crate) body: P,
    /// Features of the front and of each tap of the body.
    pub(crate) widths: Vec<usize>,
    pub(crate) pooling: PackedPooling,
    /// The normalisation of the statistics inside.
    pub(crate) hidden: PackedAffine,
    pub(crate) output: PackedAffine,
    /// What gives each frame a novelty, if it is known.
    pub(crate) familiarity: Option<Familiarity>,
}

/// How the past is weighted.
#[derive(Debug)]
pub(crate) enum PackedPooling {
    /// Nothing but its memory: there is nothing to learn in it.
    Moments(MomentState),
    /// By a learnt score.
    Attentive(PackedAttentive),
    /// By a learnt score of units that are classified one by one.
    Evidence(PackedEvidence),
}

#[derive(Debug, Clone)]
enum PoolingState {
    Moments(MomentState),
    Attentive(AttentiveState),
    Evidence(EvidenceState),
}

/// All that one stream remembers, and room for a block: nothing is allocated while it runs.
#[derive(Debug, Clone)]
pub(crate) struct NetState<M> {
    smoothing: MovingAverageState,
    front: FrontState,
    body: M,
    pooling: PoolingState,
    /// Mel bands, then the features of the front, then those of the body: what is pooled.
    features: Vec<FrameBuf>,
    statistics: FrameBuf,
    hidden: FrameBuf,
    logits: FrameBuf,
    /// Room for the familiarity.
    compared: FrameBuf,
    frames: u64,
}

impl<P: PackedBody> CausalModel for PackedNet<P> {
    type State = NetState<P::State>;

    fn initial_state(&self) -> Result<Self::State, ModelError> {
        let widths = [self.bands].into_iter().chain(self.widths.iter().copied());
        let pooled = self.bands + self.widths.iter().sum::<usize>();
        Ok(NetState {
            smoothing: self.smoothing.initial_state(self.bands),
            front: self.front.initial_state(),
            body: self.body.initial_state(),
            pooling: match &self.pooling {
                PackedPooling::Moments(fresh) => PoolingState::Moments(fresh.clone()),
                PackedPooling::Attentive(pooling) => PoolingState::Attentive(pooling.initial_state(pooled)),
                PackedPooling::Evidence(pooling) => {
                    PoolingState::Evidence(pooling.initial_state(pooled, self.output.outputs()))
                }
            },
            features: widths.map(FrameBuf::new).collect(),
            statistics: FrameBuf::new(2 * pooled),
            hidden: FrameBuf::new(self.hidden.outputs()),
            logits: FrameBuf::new(self.output.outputs()),
            compared: self
                .familiarity
                .as_ref()
                .map_or_else(|| FrameBuf::new(1), Familiarity::room),
            frames: 0,
        })
    }

    fn step(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        output: &mut StreamOutput,
    ) -> Result<(), ModelError> {
        output.classes = self.output.outputs();
        output.logits.clear();
        output.novelty.clear();
        self.check(frames)?;
        for block in frames.data().chunks(even_block(frames.frames()) * self.bands) {
            self.block(block, state);
            for frame in 0..state.logits.frames() {
                output.logits.extend_from_slice(state.logits.row(frame));
            }
            if let Some(familiarity) = &self.familiarity {
                familiarity.push(&state.hidden, &mut state.compared, &mut output.novelty);
            }
        }
        if frames.frames() > 0 {
            self.attention(state, &mut output.attention);
        }
        finite(&output.logits)?;
        finite(&output.novelty)
    }

    fn encode(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        features: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        self.check(frames)?;
        let begin = features.len();
        for block in frames.data().chunks(even_block(frames.frames()) * self.bands) {
            self.body_block(block, state);
            if let Some(last) = state.features.last() {
                for frame in 0..last.frames() {
                    features.extend_from_slice(last.row(frame));
                }
            }
        }
        finite(&features[begin..])
    }

    fn feature_width(&self) -> usize {
        self.widths.last().copied().unwrap_or(self.bands)
    }

    fn override_attention(&self, state: &Self::State, weights: &[f32]) -> Option<Vec<f32>> {
        let memory = match &state.pooling {
            PoolingState::Attentive(memory) => memory,
            PoolingState::Evidence(memory) => return memory.logits_with(weights),
            PoolingState::Moments(_) => return None,
        };
        let [mut statistics, mut hidden, mut logits] =
            [&state.statistics, &state.hidden, &state.logits].map(FrameBuf::clone);
        statistics.reset(1);
        memory.pool_with(weights, statistics.row_mut(0)).then_some(())?;
        self.hidden.step(from_ref(&statistics), Finish::Relu, &mut hidden);
        self.output.step(from_ref(&hidden), Finish::Plain, &mut logits);
        Some(logits.row(0).to_vec())
    }

    fn ablate_head(&self, state: &mut Self::State, layer: usize, head: usize) -> bool {
        P::ablate_head(&mut state.body, layer, head)
    }

    fn units(&self, state: &Self::State, into: &mut UnitActivations) -> bool {
        P::newest_units(&state.body, into)
    }

    fn evidence(&self, state: &Self::State, into: &mut EvidenceMap) -> bool {
        match &state.pooling {
            PoolingState::Evidence(memory) if state.frames > 0 => {
                into.fill(FrameIndex(state.frames - 1), self.output.outputs(), memory);
                true
            }
            _ => false,
        }
    }
}

impl<P: PackedBody> PackedNet<P> {
    fn check(&self, frames: FrameBlock<'_>) -> Result<(), ModelError> {
        if frames.bands() == self.bands {
            return Ok(());
        }
        Err(ModelError::Shape(format!(
            "a frame has {} bands where the network takes {}",
            frames.bands(),
            self.bands
        )))
    }

    /// At most [`MAX_BLOCK`](attune_nn::streaming::frame_buf::MAX_BLOCK) frames, row-major, through front and body to
    /// `state.features`.
    fn body_block(&self, frames: &[f32], state: &mut NetState<P::State>) {
        let (mel, rest) = state.features.split_at_mut(1);
        mel[0].load(frames);
        self.smoothing.step(&mut mel[0], &mut state.smoothing);
        self.front.step(&mel[0], &mut state.front, &mut rest[0]);
        self.body.step(rest, &mut state.body);
    }

    /// The same through the whole network to `state.logits`.
    fn block(&self, frames: &[f32], state: &mut NetState<P::State>) {
        self.body_block(frames, state);
        state.frames += (frames.len() / self.bands) as u64;
        match (&self.pooling, &mut state.pooling) {
            (PackedPooling::Evidence(pooling), PoolingState::Evidence(memory)) => {
                let classifier = (&self.hidden, &self.output);
                pooling.step(
                    &state.features,
                    classifier,
                    memory,
                    (&mut state.hidden, &mut state.logits),
                );
                return;
            }
            (PackedPooling::Attentive(pooling), PoolingState::Attentive(memory)) => {
                pooling.step(&state.features[1..], &state.features, memory, &mut state.statistics);
            }
            (_, PoolingState::Moments(memory)) => memory.step(&state.features, &mut state.statistics),
            _ => unreachable!("the state of another network"),
        }
        self.hidden
            .step(from_ref(&state.statistics), Finish::Relu, &mut state.hidden);
        self.output
            .step(from_ref(&state.hidden), Finish::Plain, &mut state.logits);
    }

    /// The attention weights of the newest frame, cut to the frames that any row reaches.
    fn attention(&self, state: &NetState<P::State>, into: &mut Option<AttentionWeights>) {
        // The longest reach too: room for it is made at once, so that nothing grows while the stream does.
        let (reach, longest) = match &state.pooling {
            PoolingState::Attentive(pooling) => (pooling.reach(), pooling.context()),
            PoolingState::Evidence(pooling) => (pooling.reach(), (pooling.context() + 1) * pooling.windows().every),
            PoolingState::Moments(_) => {
                *into = None;
                return;
            }
        };
        let weights = into.get_or_insert_default();
        weights.newest = FrameIndex(state.frames - 1);
        weights.frames = reach.max(P::reach(&state.body));
        let maps = self.body.maps();
        (weights.layers, weights.heads) = (maps.layers, maps.heads);
        let longest = longest.max(maps.context);
        weights.pooling.clear();
        weights.pooling.reserve(longest);
        match &state.pooling {
            PoolingState::Attentive(pooling) => pooling.newest_weights(weights.frames, &mut weights.pooling),
            PoolingState::Evidence(pooling) => pooling.newest_weights(weights.frames, &mut weights.pooling),
            PoolingState::Moments(_) => {}
        }
        weights.maps.clear();
        weights.maps.reserve(maps.layers * maps.heads * longest);
        P::newest_weights(&state.body, weights.frames, &mut weights.maps);
    }
}

/// # Errors
/// [`ModelError::NotFinite`] if one of them is NaN or infinite.
fn finite(values: &[f32]) -> Result<(), ModelError> {
    if values.iter().all(|value| value.is_finite()) {
        Ok(())
    } else {
        Err(ModelError::NotFinite)
    }
}
