//! A convolutional stem below another body: local patterns first, then what the body is good at.

use super::body::{Body, MapShape, PackedBody};
use super::tcn::{PackedTcn, Tcn, TcnState};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::recurrent::UnitActivations;
use attune_nn::streaming::frame_buf::FrameBuf;
use candle_core::{Result, Tensor};

/// The body reads what the stem's last block gives; the blocks of both are pooled.
#[derive(Debug)]
pub(crate) struct Stemmed<B> {
    stem: Tcn,
    body: B,
}

impl<B> Stemmed<B> {
    /// The stem has taken its weights, and so has the body.
    pub(crate) fn new(stem: Tcn, body: B) -> Self {
        Self { stem, body }
    }
}

impl<B: Body> Body for Stemmed<B> {
    type Packed = PackedStemmed<B::Packed>;

    fn pack(&self, precision: Precision) -> Result<Self::Packed> {
        Ok(PackedStemmed {
            stem: self.stem.pack(precision)?,
            blocks: self.stem.taps().len(),
            body: self.body.pack(precision)?,
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Vec<Tensor>> {
        let mut taps = self.stem.forward(x, pass)?;
        let last = taps.last().cloned().unwrap_or_else(|| x.clone());
        taps.extend(self.body.forward(&last, pass)?);
        Ok(taps)
    }

    fn inner_inputs(&self, x: &Tensor) -> Result<Tensor> {
        let stem = self.stem.forward(x, &mut Pass::Infer)?.pop();
        self.body.inner_inputs(&stem.unwrap_or_else(|| x.clone()))
    }

    fn taps(&self) -> Vec<usize> {
        let mut taps = self.stem.taps();
        taps.extend(self.body.taps());
        taps
    }

    fn context_frames(&self) -> Option<usize> {
        Some(self.stem.context_frames()? + self.body.context_frames()? - 1)
    }
}

/// A [`Stemmed`] for streams.
#[derive(Debug)]
pub(crate) struct PackedStemmed<P> {
    stem: PackedTcn,
    blocks: usize,
    body: P,
}

/// What a stream remembers of both.
#[derive(Debug, Clone)]
pub(crate) struct StemmedState<M> {
    stem: TcnState,
    body: M,
}

impl<P: PackedBody> PackedBody for PackedStemmed<P> {
    type State = StemmedState<P::State>;

    fn initial_state(&self) -> Self::State {
        StemmedState {
            stem: self.stem.initial_state(),
            body: self.body.initial_state(),
        }
    }

    fn step(&self, rows: &mut [FrameBuf], state: &mut Self::State) {
        self.stem.step(&mut rows[..=self.blocks], &mut state.stem);
        self.body.step(&mut rows[self.blocks..], &mut state.body);
    }

    fn maps(&self) -> MapShape {
        self.body.maps()
    }

    fn reach(state: &Self::State) -> usize {
        P::reach(&state.body)
    }

    fn newest_weights(state: &Self::State, count: usize, into: &mut Vec<f32>) {
        P::newest_weights(&state.body, count, into);
    }

    fn ablate_head(state: &mut Self::State, layer: usize, head: usize) -> bool {
        P::ablate_head(&mut state.body, layer, head)
    }

    fn newest_units(state: &Self::State, into: &mut UnitActivations) -> bool {
        P::newest_units(&state.body, into)
    }
}
