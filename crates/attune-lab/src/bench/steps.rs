//! A streaming step of each network, by the number of frames in it.

use super::demo::Demo;
use super::measure::{Times, rounds, time};
use super::peers::DynPeers;
use super::subject::{Shape, Subject};
use super::{Bench, BenchError, Row};
use attune_audio::features::FrameBlock;
use attune_model::StreamOutput;
use std::hint::black_box;
use std::time::Instant;

/// Frames in a step.
const BLOCKS: [usize; 6] = [1, 4, 16, 64, 100, 256];
/// Those at which peers take part: all of the reference networks, and two of the shipped ones.
const PAGE_PEERS: [usize; 4] = [1, 16, 100, 256];
const SHIPPED_PEERS: [usize; 2] = [1, 100];
/// Frames before anything is timed: past every context, or a cache that still fills would be faster than it will be.
const FILL: usize = 1024;
/// Read between two steps of a `cold` row: several times the second-level cache of any processor.
const ELSEWHERE_BYTES: usize = 32 << 20;

impl Bench<'_> {
    pub(super) fn steps(
        &mut self,
        subjects: &[Subject],
        demo: &Demo,
        mut peers: Option<&mut DynPeers>,
    ) -> Result<(), BenchError> {
        for subject in subjects {
            let names = BLOCKS.map(|block| (format!("step/{}/{block}", subject.name), Some(block)));
            let whole = (format!("step/{}/whole", subject.name), None);
            let mut frames = Vec::new();
            for (name, block) in names.into_iter().chain([whole]) {
                if !self.config.wants(&name) {
                    continue;
                }
                (self.say)(&name);
                if frames.is_empty() {
                    frames = demo.frames(&subject.front_end)?;
                }
                let row = match (block, peers.as_deref_mut()) {
                    (Some(block), Some(peers)) if has_peers(subject, block) => {
                        self.step_with_peers(subject, &frames, (name, block), peers)?
                    }
                    _ => self.step(subject, &frames, (name, block))?,
                };
                self.rows.push(row);
            }
            let name = format!("step/{}/1-cold", subject.name);
            if matches!(subject.shape, Shape::Genre(_)) && self.config.wants(&name) {
                (self.say)(&name);
                let row = self.cold_step(subject, &demo.frames(&subject.front_end)?, name)?;
                self.rows.push(row);
            }
        }
        Ok(())
    }

    /// A step of one frame after the processor did something else, as live, where a frame comes every 23 ms: weights
    /// and memory come from beyond L2 again.
    fn cold_step(&self, subject: &Subject, frames: &[f32], name: String) -> Result<Row, BenchError> {
        let bands = subject.shape.bands();
        let mut stream = subject.stream()?;
        let mut output = StreamOutput::default();
        stream.push(FrameBlock::new(&frames[..FILL * bands], bands), &mut output)?;
        let elsewhere = vec![1u64; ELSEWHERE_BYTES / size_of::<u64>()];
        let mut times = Times::default();
        for _ in 0..self.config.effort.rounds {
            let begin = Instant::now();
            let mut seconds = Vec::new();
            while seconds.len() < self.config.effort.fewest || begin.elapsed() < self.config.effort.patience {
                black_box(elsewhere.iter().sum::<u64>());
                let start = Instant::now();
                stream.push(FrameBlock::new(&frames[..bands], bands), black_box(&mut output))?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            times.add(seconds);
        }
        let ceiling = subject.work().cold_ceiling_us(self.machine);
        Ok(Row::microseconds(name, &times).with_ceiling(ceiling, &times))
    }

    /// A step of `block` frames, or of all in a fresh stream, on its own.
    fn step(
        &self,
        subject: &Subject,
        frames: &[f32],
        (name, block): (String, Option<usize>),
    ) -> Result<Row, BenchError> {
        let bands = subject.shape.bands();
        let mut stream = subject.stream()?;
        let mut output = StreamOutput::default();
        let times = match block {
            Some(block) => {
                stream.push(FrameBlock::new(&frames[..FILL * bands], bands), &mut output)?;
                let frames = &frames[..block * bands];
                rounds(self.config.effort, || {
                    stream.push(FrameBlock::new(frames, bands), black_box(&mut output))?;
                    Ok::<_, BenchError>(())
                })?
            }
            None => rounds(self.config.effort, || {
                stream.reset()?;
                stream.push(FrameBlock::new(frames, bands), black_box(&mut output))?;
                Ok::<_, BenchError>(())
            })?,
        };
        let ceiling = subject
            .work()
            .ceiling_us(block.unwrap_or(frames.len() / bands), self.machine);
        Ok(Row::microseconds(name, &times).with_ceiling(ceiling, &times))
    }

    /// The same in turn with peers, after their logits have been compared with ours.
    fn step_with_peers(
        &self,
        subject: &Subject,
        frames: &[f32],
        (name, block): (String, usize),
        peers: &mut DynPeers,
    ) -> Result<Row, BenchError> {
        let bands = subject.shape.bands();
        let weights = subject.weights()?;
        let reach = reach(&subject.shape).max(FILL).div_ceil(block) * block;
        let mut input = Vec::with_capacity((reach + block) * bands);
        while input.len() < (reach + block) * bands {
            input.extend_from_slice(&frames[..frames.len().min((reach + block) * bands - input.len())]);
        }
        let mut output = StreamOutput::default();
        let last = &input[reach * bands..];
        let mut exact = subject.exact(&weights)?;
        exact.push(FrameBlock::new(&input[..reach * bands], bands), &mut output)?;
        let answer = exact.answers(FrameBlock::new(last, bands))?;
        let mut stream = subject.stream()?;
        stream.push(FrameBlock::new(&input[..reach * bands], bands), &mut output)?;
        let mut theirs = peers.open_step(&name, &subject.shape, &weights, block)?;
        theirs.compare_steps(&input, &answer.logits)?;
        let mut ours = Times::default();
        for round in 0..=self.config.effort.rounds {
            let seconds = time(self.config.effort, || {
                stream.push(FrameBlock::new(last, bands), black_box(&mut output))?;
                Ok::<_, BenchError>(())
            })?;
            theirs.time(self.config.effort, round > 0)?;
            // The first round warms up.
            if round > 0 {
                ours.add(seconds);
            }
        }
        let ceiling = subject.work().ceiling_us(block, self.machine);
        Ok(Row::microseconds(name, &ours)
            .with_ceiling(ceiling, &ours)
            .with_peers(&ours, &theirs.best()))
    }
}

fn has_peers(subject: &Subject, block: usize) -> bool {
    match subject.shape {
        Shape::Plain(_) => PAGE_PEERS.contains(&block),
        Shape::Genre(_) => SHIPPED_PEERS.contains(&block),
    }
}

/// Frames until every cache of keys and values is full: until then the peers, which do not mask an empty cache, answer
/// otherwise. Convolutions and recurrences begin from zeros on both sides.
fn reach(shape: &Shape) -> usize {
    use attune_model::architecture::BodyShape;
    use attune_model::genre_net::PoolingShape;
    let (body, rest) = match shape {
        Shape::Plain(plain) => (&plain.body, 0),
        Shape::Genre(architecture) => {
            let pooling = match architecture.pooling {
                PoolingShape::Attentive { context, .. } | PoolingShape::Evidence { context, .. } => context,
                PoolingShape::Moments { .. } => 0,
            };
            (&architecture.body, pooling + architecture.front.kernel_frames)
        }
    };
    rest + match body {
        BodyShape::Rnn(_) | BodyShape::Lstm(_) | BodyShape::Tcn(_) => 0,
        BodyShape::Attention(shape) => 1 + shape.layers * (shape.context - 1),
    }
}
