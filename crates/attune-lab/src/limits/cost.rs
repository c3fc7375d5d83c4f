//! What each kind of network costs as sequences grow and as it is made wider: to be taught, and to listen.

use crate::LabError;
use crate::bench::growth::alone;
use crate::bench::measure::{Effort, rounds};
use crate::bench::subject::{Shape, Subject, attention, lstm, plain, rnn, tcn_of};
use crate::bench::training::Task;
use crate::memory::Kind;
use attune_model::architecture::BodyShape;
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::kernels::packed_matrix::Precision;
use serde::{Deserialize, Serialize};

/// Frames of a training step, cut into clips.
const FRAMES: usize = 4_096;

/// One network, and clips of one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The kind.
    pub kind: Kind,
    /// Frames of a clip, all of which TCN and attention can see.
    pub length: usize,
    /// Features of a layer.
    pub width: usize,
    /// Whether it is measured in few rounds.
    pub quick: bool,
}

/// What it costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Numbers that are learnt.
    pub weights: usize,
    /// Frames a second in training: forward, backward and AdamW.
    pub taught_per_second: f64,
    /// Microseconds of a streaming step of one frame, after `length` frames and more.
    pub step_us: f64,
}

impl Plan {
    /// Two recurrent layers; as many blocks of the TCN as see the clip; four layers of attention over all of it.
    fn body(self) -> BodyShape {
        match self.kind {
            Kind::Rnn => rnn(self.width),
            Kind::Lstm => lstm(self.width),
            Kind::Tcn => tcn_of(self.width, blocks(self.length)),
            Kind::Attention => attention(self.width, self.length),
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// If the network fails.
    pub fn measure(self) -> Result<Cost, LabError> {
        keep_freed_memory();
        let effort = if self.quick { Effort::QUICK } else { Effort::FULL };
        let shape = plain(self.body());
        let clips = (FRAMES / self.length).max(1);
        let (mut task, store) = Task::new(&Shape::Plain(shape.clone()), clips, self.length)?;
        let weights = store.params().map(|(_, var)| var.elem_count()).sum();
        let times = rounds(effort, || task.step().map(|_| ()))?;
        let seconds = times.median().unwrap_or(f64::INFINITY);
        let subject = Subject::drawn(self.kind.label(), shape, Precision::F32)?;
        let step = alone(&[subject], Effort::FULL)?;
        Ok(Cost {
            weights,
            taught_per_second: (clips * self.length) as f64 / seconds,
            step_us: step.first().copied().unwrap_or(f64::INFINITY),
        })
    }
}

/// The fewest blocks of two convolutions of three taps, dilations 1, 2, 4, …, that see so many frames.
///
/// ```
/// assert_eq!([61, 62, 1024].map(attune_lab::limits::blocks), [4, 5, 9]);
/// ```
pub fn blocks(frames: usize) -> u32 {
    const MOST: u32 = 40; // more than any memory holds
    let sees = |blocks: &u32| 1 + 4 * ((1 << blocks) - 1) >= frames;
    (0..MOST).find(sees).unwrap_or(MOST)
}
