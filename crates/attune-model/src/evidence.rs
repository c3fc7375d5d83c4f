//! What a stream's answer is the sum of: the contribution of every moment to every class, exact and signed.
//!
//! In: a stream whose network pools evidence ([`attune_nn::evidence`]). Out: weights, evidence, and maps over frames.
//! Thread: any.
//!
//! At the newest frame, logits = `Σ_i a_i·e_i` over the units i in the window, each of which describes `local` frames.
//! A softmax sees differences of logits only, so unit i *contributes* `a_i·(e_i[c] − mean of e_i over the classes)` to
//! class c: these add up to the logit of c less the mean of all logits. Mean and deviation weight the frames of a unit
//! alike; so a unit's weight and contribution are divided evenly among its frames.

use attune_audio::units::FrameIndex;
use attune_nn::kernels::window_moments::Windows;
use attune_nn::streaming::evidence::EvidenceState;
use std::ops::Range;

/// What a part of a weighted sum adds to the logit of a class beyond what it adds to the mean of all logits.
pub(crate) fn contribution(weight: f32, evidence: &[f32], class: usize) -> f32 {
    let mean = evidence.iter().sum::<f32>() / evidence.len() as f32;
    weight * (evidence[class] - mean)
}

/// The units in the window of a stream's newest frame, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvidenceMap {
    /// The frame whose logits they add up to.
    pub newest: FrameIndex,
    /// The last frame of each unit.
    pub units: Vec<FrameIndex>,
    /// The first frame of the stream: no unit describes one before it.
    pub first: FrameIndex,
    /// Frames that a unit describes, or those since the first.
    pub local: usize,
    /// a, the attention weight of each unit; their sum is 1.
    pub weights: Vec<f32>,
    /// Classes.
    pub classes: usize,
    /// e, (units, classes).
    pub evidence: Vec<f32>,
}

impl EvidenceMap {
    /// Reads a stream; room is made for the whole window, so that later calls allocate nothing.
    pub(crate) fn fill(&mut self, newest: FrameIndex, classes: usize, state: &EvidenceState) {
        let Windows { local, every } = state.windows();
        (self.newest, self.first, self.local, self.classes) = (newest, FrameIndex(0), local, classes);
        self.clear();
        self.units.reserve(state.context());
        self.weights.reserve(state.context());
        self.evidence.reserve(state.context() * classes);
        for unit in state.units() {
            self.units.push(FrameIndex(unit * every as u64));
            self.weights.push(state.weight(unit));
            self.evidence.extend_from_slice(state.evidence(unit));
        }
    }

    /// Forgets all units; room that was made stays.
    pub fn clear(&mut self) {
        self.units.clear();
        self.weights.clear();
        self.evidence.clear();
    }

    /// Becomes equal to another map. Makes as much room as that one has, so that it allocates as seldom.
    pub fn copy_from(&mut self, other: &Self) {
        (self.newest, self.first, self.local, self.classes) = (other.newest, other.first, other.local, other.classes);
        self.clear();
        self.units.reserve(other.units.capacity());
        self.weights.reserve(other.weights.capacity());
        self.evidence.reserve(other.evidence.capacity());
        self.units.extend_from_slice(&other.units);
        self.weights.extend_from_slice(&other.weights);
        self.evidence.extend_from_slice(&other.evidence);
    }

    /// Counts frames from another one on than the first of the stream.
    pub fn count_from(&mut self, first: FrameIndex) {
        let moved = |frame: FrameIndex| FrameIndex(frame.0 - self.first.0 + first.0);
        self.newest = moved(self.newest);
        for unit in &mut self.units {
            *unit = moved(*unit);
        }
        self.first = first;
    }

    /// The frames that any unit describes, and those since.
    pub fn frames(&self) -> Range<u64> {
        match self.units.first() {
            Some(oldest) => self.frames_of(*oldest).start..self.newest.0 + 1,
            None => 0..0,
        }
    }

    /// The logits: `Σ a·e`.
    pub fn logits(&self) -> Vec<f32> {
        let mut logits = vec![0.0; self.classes];
        for (weight, evidence) in self.rows() {
            for (logit, evidence) in logits.iter_mut().zip(evidence) {
                *logit += weight * evidence;
            }
        }
        logits
    }

    /// What each unit adds to the logit of a class beyond what it adds to the mean of all logits.
    pub fn contribution_of_units(&self, class: usize) -> impl Iterator<Item = f32> + '_ {
        self.rows()
            .map(move |(weight, evidence)| contribution(weight, evidence, class))
    }

    /// The contribution of each frame of [`EvidenceMap::frames`] to a class, in units of a logit: for the class where
    /// it is positive, against it where it is negative. They replace what `into` held, and add up to the logit of the
    /// class less the mean of all logits.
    pub fn contribution_of_frames(&self, class: usize, into: &mut Vec<f32>) {
        self.spread(self.contribution_of_units(class), into);
    }

    /// The attention weight of each frame of [`EvidenceMap::frames`], whatever the class; their sum is 1.
    pub fn weight_of_frames(&self, into: &mut Vec<f32>) {
        self.spread(self.weights.iter().copied(), into);
    }

    /// The share of each frame of [`EvidenceMap::frames`] in what speaks for a class: positive contributions of units,
    /// divided by their sum, in place of what `into` held. It is attention to the class (Kong et al. 2019 weight each
    /// class by itself): a unit that is weighted for the sake of another class has no part in it, and no temperature is
    /// to be chosen. Where nothing speaks for the class it is [`EvidenceMap::weight_of_frames`].
    pub fn attention_of_frames(&self, class: usize, into: &mut Vec<f32>) {
        let all: f32 = self.contribution_of_units(class).map(|of| of.max(0.0)).sum();
        if all > 0.0 {
            self.spread(self.contribution_of_units(class).map(|of| of.max(0.0) / all), into);
        } else {
            self.weight_of_frames(into);
        }
    }

    /// e to the entropy of the weights: how many units would have as much, were they weighted alike.
    pub fn effective_units(&self) -> f32 {
        let entropy: f32 = self.weights.iter().map(|weight| -weight * weight.max(1e-30).ln()).sum();
        entropy.exp()
    }

    fn rows(&self) -> impl Iterator<Item = (f32, &[f32])> {
        self.weights
            .iter()
            .copied()
            .zip(self.evidence.chunks_exact(self.classes.max(1)))
    }

    fn frames_of(&self, unit: FrameIndex) -> Range<u64> {
        (unit.0 + 1).saturating_sub(self.local as u64).max(self.first.0)..unit.0 + 1
    }

    /// Divides a value of each unit among its frames.
    fn spread(&self, of_units: impl Iterator<Item = f32>, into: &mut Vec<f32>) {
        let all = self.frames();
        into.clear();
        into.resize((all.end - all.start) as usize, 0.0);
        for (unit, value) in self.units.iter().zip(of_units) {
            let frames = self.frames_of(*unit);
            let each = value / (frames.end - frames.start) as f32;
            for frame in frames {
                into[(frame - all.start) as usize] += each;
            }
        }
    }
}
