//! A training step of 16 clips of 256 frames: forward, loss, backward, clipping, AdamW.

use super::measure::{Times, time};
use super::peers::{DynPeers, TrainRecipe, TrainWork};
use super::subject::{SEED, Shape, Subject};
use super::{Bench, BenchError, Row};
use attune_model::architecture::{BodyShape, Net};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::weights::WeightStore;
use attune_train::optimizer::AdamW;
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::sync::Arc;

const CLIPS: usize = 16;
const FRAMES: usize = 256;
const RATE: f32 = 1e-3;
const DECAY: f32 = 0.05;
const CLIP: f32 = 1.0;

/// A network in training on one batch of noise.
pub(crate) struct Task {
    net: Arc<dyn Net>,
    optimizer: AdamW,
    x: Tensor,       // (clips, frames, bands)
    labels: Tensor,  // (clips · read frames, 1), as the peers take them
    targets: Tensor, // (clips · read frames, classes), 1 for the label
    read: Vec<usize>,
    rng: ChaCha8Rng,
}

impl Task {
    /// Fresh weights from [`SEED`]; the readout is at every frame of a plain network, and where the recipe has it
    /// for a shipped one: its classifier sees statistics, and training reads it a few times in a clip.
    pub(crate) fn new(shape: &Shape, clips: usize, frames: usize) -> Result<(Self, WeightStore), BenchError> {
        let mut store = WeightStore::random(SEED);
        let net = shape.without_dropout().build(&mut store)?;
        let optimizer = AdamW::new(store.params(), DECAY, CLIP);
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let read: Vec<usize> = match shape {
            Shape::Plain(_) => (0..frames).collect(),
            Shape::Genre(_) => vec![frames / 3, 2 * frames / 3, frames - 1],
        };
        // Uniform with variance 1, like normalised features.
        let values: Vec<f32> = (0..clips * frames * shape.bands())
            .map(|_| (rng.random::<f32>() - 0.5) * 12f32.sqrt())
            .collect();
        let labels: Vec<u32> = (0..clips * read.len()).map(|_| rng.random_range(0..10)).collect();
        let classes = shape.classes();
        let mut targets = vec![0.0f32; labels.len() * classes];
        for (row, label) in targets.chunks_exact_mut(classes).zip(&labels) {
            row[*label as usize] = 1.0;
        }
        let task = Self {
            net,
            optimizer,
            x: Tensor::from_vec(values, (clips, frames, shape.bands()), &Device::Cpu)?,
            targets: Tensor::from_vec(targets, (labels.len(), classes), &Device::Cpu)?,
            labels: Tensor::from_vec(labels, (clips * read.len(), 1), &Device::Cpu)?,
            read,
            rng,
        };
        Ok((task, store))
    }

    /// One step; the loss before it.
    pub(crate) fn step(&mut self) -> Result<f32, BenchError> {
        let output = self
            .net
            .classify(&self.x, &self.read, &mut Pass::Train(&mut self.rng))?;
        let logits = output.logits.flatten_to(1)?; // (clips · read, classes)
        let loss = logits.apply_op2(&self.targets, CrossEntropy)?.mean_all()?;
        let value = loss.to_scalar::<f32>()?;
        self.optimizer.step(&loss.backward()?, RATE)?;
        Ok(value)
    }
}

impl Bench<'_> {
    pub(super) fn training(
        &mut self,
        subjects: &[Subject],
        mut peers: Option<&mut DynPeers>,
    ) -> Result<(), BenchError> {
        keep_freed_memory();
        for subject in subjects {
            for threads in [1, 2] {
                let tail = if threads == 1 { "" } else { "/2-threads" };
                let name = format!("train/{}/{CLIPS}x{FRAMES}{tail}", subject.name);
                if !self.config.wants(&name) || threads > self.machine.cores {
                    continue;
                }
                (self.say)(&name);
                let theirs = match subject.shape {
                    Shape::Plain(_) => peers.as_deref_mut(),
                    Shape::Genre(_) => None,
                };
                let row = self.training_row(subject, name, threads, theirs)?;
                self.rows.push(row);
            }
        }
        Ok(())
    }

    fn training_row(
        &self,
        subject: &Subject,
        name: String,
        threads: usize,
        peers: Option<&mut DynPeers>,
    ) -> Result<Row, BenchError> {
        let effort = self.config.effort;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (mut task, store) = Task::new(&subject.shape, CLIPS, FRAMES)?;
        let mut theirs = match peers {
            Some(peers) => {
                let tensors: HashMap<_, _> = store
                    .all()
                    .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
                    .collect();
                let recipe = TrainRecipe {
                    rate: RATE,
                    weight_decay: DECAY,
                    clip: CLIP,
                    betas: (0.9, 0.99),
                };
                let work = TrainWork {
                    shape: &subject.shape,
                    weights: &tensors,
                    x: &task.x,
                    labels: &task.labels,
                    recipe,
                    threads,
                };
                Some(peers.open_training(&name, &work)?)
            }
            None => None,
        };
        // The first steps warm up, and prove that both learn the same.
        let losses = (0..2)
            .map(|_| pool.install(|| task.step()))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(theirs) = &mut theirs {
            theirs.compare_losses(&losses)?;
        }
        let mut ours = Times::default();
        for _ in 0..effort.rounds {
            ours.add(time(effort, || pool.install(|| task.step()).map(|_| ()))?);
            if let Some(theirs) = &mut theirs {
                theirs.time(effort, true)?;
            }
        }
        let context = match &subject.shape {
            Shape::Plain(plain) => context(&plain.body),
            Shape::Genre(architecture) => context(&architecture.body),
        };
        let ceiling =
            subject
                .work()
                .training_ceiling_us(CLIPS * FRAMES, FRAMES, context, threads, self.machine.gemm_gflops);
        let row = Row::milliseconds(name, &ours).with_ceiling(ceiling, &ours);
        Ok(match theirs {
            Some(theirs) => row.with_peers(&ours, &theirs.best()),
            None => row,
        })
    }
}

/// Frames that attention sees; 0 without attention.
fn context(body: &BodyShape) -> usize {
    match body {
        BodyShape::Attention(shape) => shape.context,
        BodyShape::Rnn(_) | BodyShape::Lstm(_) | BodyShape::Tcn(_) => 0,
    }
}
