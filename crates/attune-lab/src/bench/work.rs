//! What a frame costs at the least: counted, not measured.

use super::machine::Machine;
use super::subject::Shape;
use attune_model::architecture::{Architecture, BodyShape};
use attune_model::genre_net::PoolingShape;
use attune_model::recurrent::RecurrentShape;
use attune_nn::kernels::packed_matrix::Precision;

/// Multiplications with an addition that one frame needs, by what they multiply with. Activations, norms and softmax
/// are left out: the ceiling is one that nothing can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// With weights that all frames of a block share, so that a block is a product of matrices.
    pub dense: usize,
    /// With weights that a frame can only meet after the one before it (recurrence): a matrix with a vector, always.
    pub recurrent: usize,
    /// With what the stream remembers (keys, values, pooled frames): each frame meets all of it.
    pub remembered: usize,
    /// Weights that one frame reads, each once.
    pub weights: usize,
    /// Bytes that one of them is kept in.
    pub weight_bytes: usize,
    /// Numbers of four bytes that the stream remembers and one frame reads.
    pub memory: usize,
}

impl Work {
    /// Of one network, when everything it can remember is there.
    pub fn of(shape: &Shape, precision: Precision) -> Self {
        let work = match shape {
            Shape::Plain(plain) => {
                let (from, to) = match &plain.body {
                    BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => (shape.inputs, shape.hidden),
                    BodyShape::Tcn(shape) => (shape.width, shape.width),
                    BodyShape::Attention(shape) => (shape.width, shape.width),
                };
                let mut work = Self::of_body(&plain.body);
                if plain.bands != from {
                    work.add_dense(plain.bands * from);
                }
                work.add_dense(to * plain.classes);
                work
            }
            Shape::Genre(architecture) => Self::of_genre(architecture),
        };
        Self {
            weight_bytes: match precision {
                Precision::F32 => 4,
                Precision::Bf16 => 2,
            },
            ..work
        }
    }

    fn none() -> Self {
        Self {
            dense: 0,
            recurrent: 0,
            remembered: 0,
            weights: 0,
            weight_bytes: 4,
            memory: 0,
        }
    }

    /// Bytes that one frame reads.
    fn bytes(&self) -> usize {
        self.weights * self.weight_bytes + 4 * self.memory
    }

    fn add_dense(&mut self, weights: usize) {
        self.dense += weights;
        self.weights += weights;
    }

    fn add_remembered(&mut self, values: usize, uses: usize) {
        self.remembered += values * uses;
        self.memory += values;
    }

    /// `gates`: sums of each hidden unit.
    fn add_recurrent(&mut self, shape: &RecurrentShape, gates: usize) {
        for layer in 0..shape.layers {
            let inputs = if layer == 0 { shape.inputs } else { shape.hidden };
            self.add_dense(inputs * gates * shape.hidden);
            self.recurrent += shape.hidden * gates * shape.hidden;
            self.weights += shape.hidden * gates * shape.hidden;
        }
    }

    fn of_body(body: &BodyShape) -> Self {
        let mut work = Self::none();
        match body {
            // W (in, h) for all frames at once, U (h, h) one after the other.
            BodyShape::Rnn(shape) => work.add_recurrent(shape, 1),
            // W_x (in, 4h) for all frames at once, W_h (h, 4h) one after the other.
            BodyShape::Lstm(shape) => work.add_recurrent(shape, 4),
            // Two kernels (taps · width, width) in each block.
            BodyShape::Tcn(shape) => {
                work.add_dense(2 * shape.dilations.len() * shape.taps * shape.width * shape.width);
            }
            // Queries, keys, values and output, 4 · w²; feed-forward, 2 · w · f; scores with and mean of what is kept.
            BodyShape::Attention(shape) => {
                for _ in 0..shape.layers {
                    work.add_dense(4 * shape.width * shape.width + 2 * shape.width * shape.feed);
                    work.add_remembered(2 * shape.context * shape.width, 1);
                }
            }
        }
        work
    }

    fn of_genre(architecture: &Architecture) -> Self {
        let Architecture { front, body, head, .. } = architecture;
        let mut work = Self::of_body(body);
        if let Some(stem) = &architecture.stem {
            let stem = Self::of_body(&BodyShape::Tcn(stem.clone()));
            work.dense += stem.dense;
            work.weights += stem.weights;
        }
        let places = (front.bands - front.kernel_bands) / front.stride_bands + 1;
        let kernel = front.kernel_frames * front.kernel_bands * front.maps;
        work.dense += places * kernel;
        work.weights += kernel;
        work.add_dense(places * front.maps * front.width);
        let taps = match body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.hidden * shape.layers,
            BodyShape::Tcn(shape) => shape.width * shape.dilations.len(),
            BodyShape::Attention(shape) => shape.width * shape.layers,
        };
        let stem = architecture
            .stem
            .as_ref()
            .map_or(0, |stem| stem.width * stem.dilations.len());
        let features = front.width + stem + taps;
        let pooled = front.bands + features;
        let head_weights = 2 * pooled * head.hidden + head.hidden * head.classes;
        match architecture.pooling {
            PoolingShape::Attentive { hidden, context } => {
                work.add_dense(features * hidden + hidden + head_weights);
                // Mean and mean square of every feature over the window.
                work.add_remembered(context * pooled, 2);
            }
            // All once every few frames: the head, moments of the last frames, sums over the units in the window.
            PoolingShape::Evidence { local, every, context } => {
                work.weights += head_weights + head.hidden;
                work.dense += (head_weights + head.hidden) / every;
                work.add_remembered(local * pooled / every, 2);
                work.add_remembered(context / every * (head.hidden + head.classes) / every, 1);
            }
            PoolingShape::Moments { .. } => work.add_dense(head_weights),
        }
        work
    }

    /// The least time of a block of `frames`, in microseconds, at the speeds measured on this machine:
    ///
    /// max(n · 2 · (dense + remembered) / GEMM, bytes of them / read) + n · max(2 · recurrent / GEMM, bytes of them /
    /// read)
    ///
    /// n frames that share weights cannot be faster than products of matrices are, nor than one frame is alone; a
    /// recurrence is a matrix with a vector for each frame. What a matrix with a vector reads is
    /// [`Machine::matvec_for`], two operations to four bytes: the speed of weights that stay in L2 if all that the
    /// network reads fits there, and of weights beyond it otherwise.
    pub fn ceiling_us(&self, frames: usize, machine: &Machine) -> f64 {
        let matvec = machine.matvec_for(self.bytes()) * 1e3; // operations in a microsecond
        let gemm = (machine.gemm_gflops * 1e3).max(matvec);
        let read = 2.0 * matvec; // bytes in a microsecond
        let n = frames as f64;
        let shared = 2.0 * (self.dense + self.remembered) as f64;
        let shared_bytes = (self.dense * self.weight_bytes + self.remembered * 4) as f64;
        let recurrent = 2.0 * self.recurrent as f64;
        let recurrent_bytes = (self.recurrent * self.weight_bytes) as f64;
        (n * shared / gemm).max(shared_bytes / read) + n * (recurrent / gemm).max(recurrent_bytes / read)
    }

    /// The least time of one frame whose weights and memory come from beyond L2: reading them, in microseconds.
    pub(crate) fn cold_ceiling_us(&self, machine: &Machine) -> f64 {
        let read = machine.read_far_gbytes * 1e3; // bytes in a microsecond
        self.bytes() as f64 / read
    }

    /// The least time of a training step with so many frames in all, in microseconds: forward, and backward by weights
    /// and by inputs, three times the work, as products of matrices on so many threads. (Batches make recurrences
    /// products of matrices too; queries of a clip that begins see half of its `clip` frames on average.)
    pub(crate) fn training_ceiling_us(
        &self,
        frames: usize,
        clip: usize,
        context: usize,
        threads: usize,
        gflops: f64,
    ) -> f64 {
        let seen = if context == 0 {
            0.0
        } else {
            self.remembered as f64 * (clip.min(context) as f64 / 2.0) / context as f64
        };
        3.0 * frames as f64 * 2.0 * ((self.dense + self.recurrent) as f64 + seen) / (gflops * 1e3 * threads as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::subject::{attention, lstm, plain, tcn};
    use super::*;

    fn work(body: BodyShape) -> Work {
        Work::of(&Shape::Plain(plain(body)), Precision::F32)
    }

    #[test]
    fn counts_are_those_of_the_reference_networks() {
        // 64·512 + 128·512 + 128·10; 2 · 128·512.
        let lstm = work(lstm(128));
        assert_eq!((lstm.dense, lstm.recurrent, lstm.remembered), (99_584, 131_072, 0));
        // 20 · 192·64 + 64·10.
        assert_eq!(work(tcn(64)).dense, 246_400);
        // 64·128 + 4 · (128·384 + 128·128 + 2·128·256) + 128·10; 4 · 2 · 256·128.
        let attention = work(attention(128, 256));
        assert_eq!((attention.dense, attention.remembered), (533_760, 262_144));
        assert_eq!((attention.weights, attention.memory), (533_760, 262_144));
        assert_eq!(attention.bytes(), 4 * (533_760 + 262_144));
    }

    #[test]
    fn a_ceiling_is_that_of_the_slower_limit() {
        let machine = Machine::of_speeds(1 << 20, 10.0, 1.0, 100.0);
        let work = Work {
            dense: 50_000,
            recurrent: 0,
            remembered: 0,
            weights: 50_000,
            weight_bytes: 4,
            memory: 0,
        };
        // 100,000 operations: 10 µs at 10 GFLOP/s alone, and from ten frames on 1 µs each at 100.
        assert!((work.ceiling_us(1, &machine) - 10.0).abs() < 1e-9);
        assert!((work.ceiling_us(40, &machine) - 40.0).abs() < 1e-9);
        let recurrent = Work {
            dense: 0,
            recurrent: 50_000,
            ..work
        };
        assert!((recurrent.ceiling_us(40, &machine) - 400.0).abs() < 1e-9);
        // Halves are read twice as fast; products of matrices gain nothing.
        let half = |work: Work| Work {
            weight_bytes: 2,
            ..work
        };
        assert!((half(work).ceiling_us(1, &machine) - 5.0).abs() < 1e-9);
        assert!((half(work).ceiling_us(40, &machine) - 40.0).abs() < 1e-9);
        assert!((half(recurrent).ceiling_us(40, &machine) - 200.0).abs() < 1e-9);
        // Too large for L2: a tenth of the speed.
        let large = Work {
            weights: 1 << 20,
            ..work
        };
        assert!((large.ceiling_us(1, &machine) - 100.0).abs() < 1e-9);
    }
}
