//! The loop: draw, forward, loss, backward, step; average the weights; judge now and then; keep checkpoints.

use super::TrainError;
use super::augment::{beta, draw_excerpt};
use super::checkpoint::Checkpoint;
use super::dataset::{Clip, Dataset};
use super::evaluate::{Figures, Heard, Part, answers, listen};
use super::optimizer::{AdamW, one_cycle};
use super::recipe::{BatchShape, Recipe};
use crate::genre::GenreId;
use crate::model::architecture::Net;
use crate::nn::Pass;
use crate::nn::linear::Linear;
use crate::nn::weights::WeightStore;
use candle_core::{D, Device, Tensor};
use candle_nn::ops::log_softmax;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Names below this belong to training alone and are not shipped.
pub const TEACHER: &str = "teacher";

/// A run under way.
#[derive(Debug)]
pub struct Trainer<'a> {
    recipe: Recipe,
    data: &'a Dataset,
    /// Clips of each class: genres are drawn evenly, whatever their number of clips.
    by_genre: Vec<Vec<&'a Clip>>,
    long_by_genre: Vec<Vec<&'a Clip>>,
    teacher: Option<Teacher>,
    store: WeightStore,
    net: Arc<dyn Net>,
    optimizer: AdamW,
    /// Running mean of every weight and statistic.
    average: BTreeMap<String, Vec<f32>>,
    step: u64,
}

/// The second output in training: the teacher's features, standardised over the training clips.
#[derive(Debug)]
struct Teacher {
    output: Linear,
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

/// What one step showed.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// Steps made.
    pub step: u64,
    /// Cross-entropy with the labels.
    pub loss: f32,
    /// Mean squared error with the teacher.
    pub teacher_loss: f32,
    /// Norm of the gradients.
    pub gradient_norm: f32,
}

/// A batch: excerpts and targets.
struct Batch {
    x: Tensor,               // (b, t, bands)
    targets: Tensor,         // (b, classes)
    teacher: Option<Tensor>, // (b, features)
}

impl<'a> Trainer<'a> {
    /// A fresh run.
    pub fn new(recipe: Recipe, data: &'a Dataset) -> Result<Self, TrainError> {
        let mut store = WeightStore::drawn(recipe.seed);
        let net = recipe.architecture.build(&mut store)?;
        let teacher = match data.teacher_width {
            0 => None,
            width => {
                let hidden = recipe.architecture.head.hidden;
                let output = Linear::new(store.root().at(TEACHER), hidden, width, 1.0)?;
                let (mean, deviation) = standardisation(&data.train, width);
                Some(Teacher {
                    output,
                    mean,
                    deviation,
                })
            }
        };
        let optimizer = AdamW::new(store.learnt(), recipe.weight_decay, recipe.clip);
        let group = |wanted: fn(&Clip) -> bool| -> Vec<Vec<&'a Clip>> {
            let of = |genre: GenreId| {
                data.train
                    .iter()
                    .filter(move |clip| clip.genre == genre && wanted(clip))
                    .collect()
            };
            data.genres
                .ids()
                .map(of)
                .filter(|clips: &Vec<_>| !clips.is_empty())
                .collect()
        };
        Ok(Self {
            by_genre: group(|clip| clip.whole.is_some() || clip.excerpt.is_some()),
            long_by_genre: group(|clip| clip.whole.is_some()),
            recipe,
            data,
            teacher,
            store,
            net,
            optimizer,
            average: BTreeMap::new(),
            step: 0,
        })
    }

    /// Takes up the run in `path`, if there is one; false if there is none.
    ///
    /// # Errors
    /// If the checkpoint is damaged or of another recipe.
    pub fn resume(&mut self, path: &Path) -> Result<bool, TrainError> {
        let Some(checkpoint) = Checkpoint::read(path)? else {
            return Ok(false);
        };
        if checkpoint.recipe != self.recipe {
            return Err(TrainError::OtherRun {
                path: path.to_owned(),
                what: "recipe",
            });
        }
        let missing = |name: &str| TrainError::Data {
            path: path.to_owned(),
            message: format!("it has no tensor {name}"),
        };
        let take = |name: String| checkpoint.tensors.get(&name).ok_or_else(|| missing(&name));
        for (name, var) in self.store.all() {
            var.set(take(format!("weights.{name}"))?)?;
            self.average.insert(
                name.to_owned(),
                take(format!("average.{name}"))?.flatten_all()?.to_vec1()?,
            );
        }
        for (name, slot) in &mut self.optimizer.slots {
            slot.mean = take(format!("mean.{name}"))?.to_vec1()?;
            slot.square = take(format!("square.{name}"))?.to_vec1()?;
        }
        self.step = checkpoint.step;
        self.optimizer.steps = checkpoint.step;
        Ok(true)
    }

    /// Writes everything that [`Trainer::resume`] needs.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        let mut tensors = HashMap::new();
        for (name, var) in self.store.all() {
            tensors.insert(format!("weights.{name}"), var.as_detached_tensor());
            if let Some(average) = self.average.get(name) {
                let average = Tensor::from_slice(average, var.shape(), &Device::Cpu)?;
                tensors.insert(format!("average.{name}"), average);
            }
        }
        for (name, slot) in &self.optimizer.slots {
            for (kind, values) in [("mean", &slot.mean), ("square", &slot.square)] {
                tensors.insert(
                    format!("{kind}.{name}"),
                    Tensor::from_slice(values, values.len(), &Device::Cpu)?,
                );
            }
        }
        Checkpoint {
            recipe: self.recipe.clone(),
            step: self.step,
            tensors,
        }
        .write(path)
    }

    /// What is trained.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Steps made so far.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Whether all steps are made.
    pub fn is_done(&self) -> bool {
        self.step >= self.recipe.steps
    }

    /// One step.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        // A generator of its own for each step: a resumed run draws what an unbroken one would have drawn.
        let mut rng = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        rng.set_stream(self.step + 1);
        let every = self.recipe.long_every;
        let is_long = every > 0 && self.step % every == every - 1 && !self.long_by_genre.is_empty();
        let shape = if is_long { &self.recipe.long } else { &self.recipe.short };
        let batch = self.draw(shape, is_long, &mut rng)?;
        let read: Vec<usize> = shape.asked.iter().map(|(frame, _)| *frame).collect();
        let weights = Tensor::from_iter(shape.asked.iter().map(|(_, weight)| *weight), &Device::Cpu)?; // (p)
        let output = self.net.classify(&batch.x, &read, &mut Pass::Train(&mut rng))?;
        // −Σ y·ln p for each clip and frame asked, weighted over frames, mean over clips.
        let likelihood = log_softmax(&output.logits, D::Minus1)?; // (b, p, classes)
        let entropy = likelihood
            .broadcast_mul(&batch.targets.unsqueeze(1)?)?
            .sum(D::Minus1)?
            .neg()?; // (b, p)
        let loss = entropy.broadcast_mul(&weights)?.sum(D::Minus1)?.mean_all()?;
        let (total, teacher_loss) = match (&self.teacher, &batch.teacher) {
            (Some(teacher), Some(target)) => {
                let told = teacher.output.forward(&output.hidden)?; // (b, p, features)
                let error = told.broadcast_sub(&target.unsqueeze(1)?)?.sqr()?.mean(D::Minus1)?; // (b, p)
                let error = error.broadcast_mul(&weights)?.sum(D::Minus1)?.mean_all()?;
                let total = (&loss + (&error * f64::from(self.recipe.teacher_weight))?)?;
                (total, error.to_scalar::<f32>()?)
            }
            _ => (loss.clone(), 0.0),
        };
        let loss = loss.to_scalar::<f32>()?;
        if !total.to_scalar::<f32>()?.is_finite() {
            return Err(TrainError::Diverged { step: self.step, loss });
        }
        let rate = one_cycle(self.step, self.recipe.steps, self.recipe.rate);
        let gradient_norm = self.optimizer.step(&total.backward()?, rate)?;
        self.step += 1;
        self.follow_average()?;
        Ok(StepReport {
            step: self.step,
            loss,
            teacher_loss,
            gradient_norm,
        })
    }

    fn draw(&self, shape: &BatchShape, is_long: bool, rng: &mut ChaCha8Rng) -> Result<Batch, TrainError> {
        let groups = if is_long { &self.long_by_genre } else { &self.by_genre };
        let (classes, bands) = (self.data.genres.len(), self.recipe.front_end.bands);
        let augmentation = &self.recipe.augmentation;
        let one = |rng: &mut ChaCha8Rng| {
            let group = &groups[rng.random_range(0..groups.len())];
            let clip = group[rng.random_range(0..group.len())];
            (
                clip,
                draw_excerpt(clip, shape.frames, &self.recipe.front_end, augmentation, rng),
            )
        };
        let width = self.data.teacher_width;
        let (mut x, mut targets, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..shape.clips {
            let (clip, mut excerpt) = one(rng);
            let mut target = self.target(clip);
            let mut features = self.told(clip);
            if augmentation.mix_beta > 0.0 {
                let (other_clip, other) = one(rng);
                let share = beta(augmentation.mix_beta, rng);
                mix(&mut excerpt, &other, share);
                mix(&mut target, &self.target(other_clip), share);
                mix(&mut features, &self.told(other_clip), share);
            }
            x.extend(excerpt);
            targets.extend(target);
            told.extend(features);
        }
        let device = &Device::Cpu;
        Ok(Batch {
            x: Tensor::from_vec(x, (shape.clips, shape.frames, bands), device)?,
            targets: Tensor::from_vec(targets, (shape.clips, classes), device)?,
            teacher: match width {
                0 => None,
                _ => Some(Tensor::from_vec(told, (shape.clips, width), device)?),
            },
        })
    }

    fn target(&self, clip: &Clip) -> Vec<f32> {
        let classes = self.data.genres.len();
        let spread = self.recipe.label_smoothing / classes as f32;
        let mut target = vec![spread; classes];
        target[usize::from(clip.genre.0)] += 1.0 - self.recipe.label_smoothing;
        target
    }

    /// The teacher's standardised features; zeros (their mean) for a clip that it was not asked about.
    fn told(&self, clip: &Clip) -> Vec<f32> {
        match (&self.teacher, &clip.teacher) {
            (Some(teacher), Some(features)) => features
                .iter()
                .zip(teacher.mean.iter().zip(&teacher.deviation))
                .map(|(x, (mean, deviation))| (x - mean) / deviation)
                .collect(),
            _ => vec![0.0; self.data.teacher_width],
        }
    }

    fn follow_average(&mut self) -> Result<(), TrainError> {
        // Short memory at first, or the first random weights would be in it for long.
        let decay = self
            .recipe
            .averaging
            .min((1.0 + self.step as f32) / (10.0 + self.step as f32));
        for (name, var) in self.store.all() {
            let now: Vec<f32> = var.flatten_all()?.to_vec1()?;
            match self.average.get_mut(name) {
                Some(average) => {
                    for (average, now) in average.iter_mut().zip(now) {
                        *average += (1.0 - decay) * (now - *average);
                    }
                }
                None => {
                    self.average.insert(name.to_owned(), now);
                }
            }
        }
        Ok(())
    }

    /// The averaged weights, without those of training alone.
    pub fn averaged(&self) -> Result<HashMap<String, Tensor>, TrainError> {
        let mut tensors = HashMap::new();
        for (name, var) in self.store.all().filter(|(name, _)| !name.starts_with(TEACHER)) {
            let values = match self.average.get(name) {
                Some(values) => Tensor::from_slice(values, var.shape(), &Device::Cpu)?,
                None => var.as_detached_tensor(),
            };
            tensors.insert(name.to_owned(), values);
        }
        Ok(tensors)
    }

    /// What the averaged weights make of the validation clips.
    pub fn validate(&self, part: Part) -> Result<Vec<Heard>, TrainError> {
        let net = self
            .recipe
            .architecture
            .build(&mut WeightStore::from_tensors(self.averaged()?))?;
        listen(net.open()?.as_mut(), &self.data.valid, part, &self.recipe.front_end)
    }

    /// Figures of [`Trainer::validate`] at temperature 1.
    pub fn figures(&self, part: Part) -> Result<Figures, TrainError> {
        let heard = self.validate(part)?;
        Ok(Figures::of(
            &answers(&heard, 1.0, &self.recipe.front_end),
            self.data.genres.len(),
        ))
    }
}

/// a ← share·a + (1 − share)·b.
fn mix(a: &mut [f32], b: &[f32], share: f32) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = share * *a + (1.0 - share) * b;
    }
}

/// Mean and deviation of each of the teacher's features over the training clips.
fn standardisation(clips: &[Clip], width: usize) -> (Vec<f32>, Vec<f32>) {
    let rows: Vec<&Vec<f32>> = clips.iter().filter_map(|clip| clip.teacher.as_deref()).collect();
    let n = rows.len().max(1) as f32;
    let mean: Vec<f32> = (0..width)
        .map(|i| rows.iter().map(|row| row[i]).sum::<f32>() / n)
        .collect();
    let deviation = (0..width)
        .map(|i| {
            (rows.iter().map(|row| (row[i] - mean[i]).powi(2)).sum::<f32>() / n)
                .sqrt()
                .max(1e-6)
        })
        .collect();
    (mean, deviation)
}
