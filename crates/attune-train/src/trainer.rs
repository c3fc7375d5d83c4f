//! The loop: draw, forward, loss, backward, step; average the weights; validate; write checkpoints; stop early.

use super::TrainError;
use super::checkpoint::{BestSoFar, Checkpoint};
use super::dataset::Dataset;
use super::error::DATA;
use super::examples::{Batch, Examples};
use super::optimizer::{AdamW, one_cycle};
use super::planted::{self, Labels};
use super::recipe::{BatchShape, Recipe};
use super::validate::{ClipLogits, Metrics, Part, answers, clip_logits};
use attune_model::architecture::Net;
use attune_nn::Pass;
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::linear::Linear;
use attune_nn::weights::WeightStore;
use candle_core::{D, Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Names that begin with this belong to training alone and are not shipped.
pub(crate) const TEACHER: &str = "teacher";
/// The output that predicts the teacher's tags; for training only, as its name says.
const TAGS: &str = "teacher_tags";
/// The output that predicts the features of windows.
const WINDOWS: &str = "teacher_windows";

/// A run under way.
#[derive(Debug)]
pub struct Trainer<'a> {
    recipe: Recipe,
    data: &'a Dataset,
    examples: Examples<'a>,
    /// The second output in training: the teacher's standardised features.
    teacher: Option<Linear>,
    /// The third one: its tags.
    tags: Option<Linear>,
    /// The fourth one: the standardised features of windows.
    windows: Option<Linear>,
    store: WeightStore,
    net: Arc<dyn Net>,
    optimizer: AdamW,
    /// Running mean of every weight and statistic.
    average: BTreeMap<String, Vec<f32>>,
    step: u64,
    /// The best validation, and the running mean of the weights at it.
    best: Option<(BestSoFar, BTreeMap<String, Vec<f32>>)>,
}

/// The figures of one step.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// Steps made.
    pub step: u64,
    /// Cross-entropy with the labels.
    pub loss: f32,
    /// Mean squared error with the teacher.
    pub teacher_loss: f32,
    /// Cross-entropy with the teacher's tags.
    pub tag_loss: f32,
    /// Mean squared error with the teacher of windows.
    pub window_loss: f32,
    /// −ln of the attention in planted passages; 0 without them, or without evidence.
    pub attention_loss: f32,
    /// Cross-entropy of the evidence within planted passages and around them.
    pub local_loss: f32,
    /// Norm of the gradients.
    pub gradient_norm: f32,
}

/// What the validation clips made of the averaged weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Over the excerpts that came as features.
    pub excerpts: Metrics,
    /// Over the whole clips; without clips if the run has no patience: they take long.
    pub whole: Metrics,
    /// Mean of −ln p of the truth over all of them: what the best weights are chosen by.
    pub nll: f64,
    /// Whether it is the best so far.
    pub is_best: bool,
}

impl Validation {
    /// What is reported of it: the excerpts, or whole clips where there are no excerpts.
    pub fn shown(&self) -> &Metrics {
        if self.excerpts.clips > 0 {
            &self.excerpts
        } else {
            &self.whole
        }
    }
}

impl<'a> Trainer<'a> {
    /// A fresh run.
    ///
    /// # Errors
    /// If the network cannot be built, or no clip is long enough for any batch.
    pub fn new(recipe: Recipe, data: &'a Dataset) -> Result<Self, TrainError> {
        keep_freed_memory();
        let mut store = WeightStore::random(recipe.seed);
        let net = recipe.architecture.build(&mut store)?;
        let examples = Examples::new(&recipe, data)?;
        let hidden = recipe.architecture.head.hidden;
        let mut output = |name: &str, width: usize| match width {
            0 => Ok(None),
            width => Linear::new(store.root().pp(name), hidden, width, 1.0).map(Some),
        };
        let teacher = output(TEACHER, examples.feature_width())?;
        let tags = output(TAGS, examples.tag_width())?;
        let windows = output(WINDOWS, examples.window_width())?;
        let optimizer = AdamW::new(store.params(), recipe.weight_decay, recipe.clip);
        Ok(Self {
            recipe,
            data,
            examples,
            teacher,
            tags,
            windows,
            store,
            net,
            optimizer,
            average: BTreeMap::new(),
            step: 0,
            best: None,
        })
    }

    /// Initialises with these weights where name and shape match. Returns how many do.
    ///
    /// # Errors
    /// If a weight cannot be set.
    pub fn start_from(&mut self, weights: &HashMap<String, Tensor>) -> Result<usize, TrainError> {
        let mut fitting = 0;
        for (name, var) in self.store.all() {
            if let Some(weight) = weights.get(name).filter(|weight| weight.dims() == var.dims()) {
                var.set(weight)?;
                fitting += 1;
            }
        }
        Ok(fitting)
    }

    /// Resumes the run in `path`; false if there is none.
    ///
    /// # Errors
    /// If the checkpoint is damaged or of another recipe.
    pub fn resume(&mut self, path: &Path) -> Result<bool, TrainError> {
        let Some(checkpoint) = Checkpoint::read(path)? else {
            return Ok(false);
        };
        if checkpoint.recipe.data != self.recipe.data {
            return Err(TrainError::OtherRun {
                path: path.to_owned(),
                what: DATA,
            });
        }
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
        self.best = match checkpoint.best {
            Some(best) => {
                let mut weights = BTreeMap::new();
                for (name, _) in self.store.all() {
                    let values = take(format!("best.{name}"))?.flatten_all()?.to_vec1()?;
                    weights.insert(name.to_owned(), values);
                }
                Some((best, weights))
            }
            None => None,
        };
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
            if let Some(best) = self.best.as_ref().and_then(|(_, weights)| weights.get(name)) {
                let best = Tensor::from_slice(best, var.shape(), &Device::Cpu)?;
                tensors.insert(format!("best.{name}"), best);
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
            best: self.best_so_far(),
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

    /// Whether all steps are made, or patience is at its end.
    pub fn is_done(&self) -> bool {
        let patience = self.recipe.patience;
        let is_stale = |best: BestSoFar| patience > 0 && best.stale >= patience;
        self.step >= self.recipe.steps || self.best_so_far().is_some_and(is_stale)
    }

    /// The best validation so far.
    pub fn best_so_far(&self) -> Option<BestSoFar> {
        self.best.as_ref().map(|(best, _)| *best)
    }

    /// One step.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        // Each step has its own generator: a resumed run draws the same as an uninterrupted one.
        let mut rng = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        rng.set_stream(self.step + 1);
        let (shape, batch) = self.examples.draw(&mut rng);
        let (clips, frames, bands) = (shape.clips, shape.frames, self.recipe.front_end.bands);
        let read: Vec<usize> = shape.readout_frames.iter().map(|(frame, _)| *frame).collect();
        let x = Tensor::from_slice(&batch.x, (clips, frames, bands), &Device::Cpu)?;
        let output = self.net.classify(&x, &read, &mut Pass::Train(&mut rng))?;
        let labels = Labels::of(&batch.targets, &batch.label_weights, &batch.planted, shape)?;
        let loss = planted::label_loss(&output.logits, &labels)?;
        let mut total = loss.clone();
        let mut second = |loss: Tensor, weight: f32| -> Result<f32, TrainError> {
            total = (&total + (&loss * f64::from(weight))?)?;
            Ok(loss.to_scalar()?)
        };
        let mut features =
            |output_layer: &Option<Linear>, targets: &[f32], weights: &[f32], weight: f32| match output_layer {
                Some(layer) => second(
                    feature_loss(&layer.forward(&output.hidden)?, shape, targets, weights)?,
                    weight,
                ),
                None => Ok(0.0),
            };
        let teacher_loss = features(
            &self.teacher,
            &batch.features,
            &batch.feature_weights,
            self.recipe.teacher_weight,
        )?;
        let window_loss = features(
            &self.windows,
            &batch.windows,
            &batch.window_weights,
            self.recipe.window_weight,
        )?;
        let tag_loss = match &self.tags {
            Some(tags) => second(
                tag_loss(&tags.forward(&output.hidden)?, shape, &batch)?,
                self.recipe.tag_weight,
            )?,
            None => 0.0,
        };
        let (mut attention_loss, mut local_loss) = (0.0, 0.0);
        if let Some(units) = output.evidence.as_ref().filter(|_| !batch.planted.is_empty()) {
            let plan = &self.recipe.planted;
            let of_attention = planted::attention_loss(units, &batch.planted, &labels)?;
            attention_loss = second(of_attention, plan.attention_weight)?;
            let of_evidence = planted::local_loss(units, &batch.planted, &batch.label_weights)?;
            local_loss = second(of_evidence, plan.local_weight)?;
        }
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
            tag_loss,
            window_loss,
            attention_loss,
            local_loss,
            gradient_norm,
        })
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
    pub fn validate(&self, part: Part) -> Result<Vec<ClipLogits>, TrainError> {
        let net = self
            .recipe
            .architecture
            .build(&mut WeightStore::from_tensors(self.averaged()?))?;
        clip_logits(net.open()?.as_mut(), &self.data.valid, part, &self.recipe.front_end)
    }

    /// Validates the averaged weights, and keeps a copy if they are the best so far.
    pub fn track_best(&mut self) -> Result<Validation, TrainError> {
        let excerpts = self.figures(Part::Excerpt)?;
        // Folders of sounds have whole audio only.
        let whole = if self.recipe.patience > 0 || excerpts.clips == 0 {
            self.figures(Part::Whole)?
        } else {
            Metrics::of(&[], self.data.genres.len())
        };
        let count = (excerpts.clips + whole.clips).max(1) as f64;
        let nll = (excerpts.nll * excerpts.clips as f64 + whole.nll * whole.clips as f64) / count;
        let is_best = self.best_so_far().is_none_or(|best| nll < best.nll);
        match &mut self.best {
            Some((best, _)) if !is_best => best.stale += 1,
            best => {
                let so_far = BestSoFar {
                    step: self.step,
                    nll,
                    stale: 0,
                };
                *best = Some((so_far, self.average.clone()));
            }
        }
        Ok(Validation {
            excerpts,
            whole,
            nll,
            is_best,
        })
    }

    /// Goes back to the averaged weights of the best validation, if the run has patience and was validated.
    pub fn keep_best(&mut self) {
        if let (1.., Some((_, weights))) = (self.recipe.patience, &self.best) {
            self.average.clone_from(weights);
        }
    }

    /// Figures of [`Trainer::validate`] at temperature 1.
    pub fn figures(&self, part: Part) -> Result<Metrics, TrainError> {
        let clips = self.validate(part)?;
        Ok(Metrics::of(
            &answers(&clips, 1.0, &self.recipe.front_end),
            self.data.genres.len(),
        ))
    }
}

/// Each value (b, p) weighted by its frame and its example, added up.
fn weighted(values: &Tensor, shape: &BatchShape, examples: &[f32]) -> candle_core::Result<Tensor> {
    let weights: Vec<f32> = examples
        .iter()
        .flat_map(|example| shape.readout_frames.iter().map(move |(_, frame)| example * frame))
        .collect();
    let weights = Tensor::from_vec(weights, (examples.len(), shape.readout_frames.len()), &Device::Cpu)?;
    (values * weights)?.sum_all()
}

/// The mean squared error of predicted features (b, p, features) with the teacher's, (b, features).
fn feature_loss(
    predicted: &Tensor,
    shape: &BatchShape,
    features: &[f32],
    weights: &[f32],
) -> candle_core::Result<Tensor> {
    let targets = target(features, shape)?;
    let error = predicted.broadcast_sub(&targets)?.sqr()?.mean(D::Minus1)?; // (b, p)
    weighted(&error, shape, weights)
}

/// The mean cross-entropy with the teacher's tags, from logits z (b, p, tags): ln(1 + e^z) − y·z, in a form in which
/// nothing overflows.
fn tag_loss(logits: &Tensor, shape: &BatchShape, batch: &Batch) -> candle_core::Result<Tensor> {
    let targets = target(&batch.tags, shape)?;
    let soft = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    let entropy = ((logits.relu()? + soft)? - logits.broadcast_mul(&targets)?)?;
    weighted(&entropy.mean(D::Minus1)?, shape, &batch.tag_weights)
}

/// Targets of the examples, one for all readout frames: (b, 1, width).
fn target(values: &[f32], shape: &BatchShape) -> candle_core::Result<Tensor> {
    Tensor::from_slice(values, (shape.clips, 1, values.len() / shape.clips), &Device::Cpu)
}
