//! A convolutional stem below another body: local patterns first, then what the body is good at.

use super::body::{Body, MapShape, PackedBody};
use super::tcn::{PackedTcn, Tcn, TcnMemory};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::recurrent::UnitPicture;
use attune_nn::streaming::frame_buf::FrameBuf;
use candle_core::{Result, Tensor};

/// The body reads what the stem's last block gives; the blocks of both are pooled.
#[derive(Debug)]
pub struct Stemmed<B> {
    stem: Tcn,
    body: B,
}

impl<B> Stemmed<B> {
    /// The stem has taken its weights, and so has the body.
    pub fn new(stem: Tcn, body: B) -> Self {
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
pub struct PackedStemmed<P> {
    stem: PackedTcn,
    blocks: usize,
    body: P,
}

/// What a stream remembers of both.
#[derive(Debug, Clone)]
pub struct StemmedMemory<M> {
    stem: TcnMemory,
    body: M,
}

impl<P: PackedBody> PackedBody for PackedStemmed<P> {
    type Memory = StemmedMemory<P::Memory>;

    fn initial_memory(&self) -> Self::Memory {
        StemmedMemory {
            stem: self.stem.initial_memory(),
            body: self.body.initial_memory(),
        }
    }

    fn step(&self, rows: &mut [FrameBuf], memory: &mut Self::Memory) {
        self.stem.step(&mut rows[..=self.blocks], &mut memory.stem);
        self.body.step(&mut rows[self.blocks..], &mut memory.body);
    }

    fn maps(&self) -> MapShape {
        self.body.maps()
    }

    fn reach(memory: &Self::Memory) -> usize {
        P::reach(&memory.body)
    }

    fn newest_weights(memory: &Self::Memory, count: usize, into: &mut Vec<f32>) {
        P::newest_weights(&memory.body, count, into);
    }

    fn ablate_head(memory: &mut Self::Memory, layer: usize, head: usize) -> bool {
        P::ablate_head(&mut memory.body, layer, head)
    }

    fn newest_units(memory: &Self::Memory, into: &mut UnitPicture) -> bool {
        P::newest_units(&memory.body, into)
    }
}
