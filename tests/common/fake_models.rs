//! Models that need no weights: what they answer follows from the mel bands, so a splice, a gap or a wrong rate shows.

use attune_audio::features::{FrameBlock, FrontEndSpec};
use attune_audio::units::FrameIndex;
use attune_model::genre::{GenreSet, SoundKind};
use attune_model::golden::Golden;
use attune_model::manifest::FORMAT;
use attune_model::{
    AttentionWeights, CausalModel, EvidenceMap, LoadedModel, Manifest, ModelError, ModelSet, StreamOutput,
};
use attune_nn::kernels::packed_matrix::Precision;
use attune_train::recipe::{ModelKind, Recipe};
use std::sync::Arc;

/// How a fake behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fake {
    /// Logits are a leaky sum of band energies: each class listens to its share of the bands.
    Bands { memory: f32 },
    /// The same, with an attention picture of at most `context` frames; its logits are the evidence of one unit.
    Attentive { context: usize },
    /// As `Bands`, and what it processes between these frames is unfamiliar.
    Unfamiliar { from: u64, until: u64 },
    /// As `Bands`, and takes so many milliseconds for each frame.
    Slow(u64),
    /// Fails at this frame.
    FailsAt(u64),
    /// Gives NaN at this frame.
    NanAt(u64),
    /// Panics at this frame.
    PanicsAt(u64),
}

#[derive(Debug)]
struct FakeNet {
    fake: Fake,
    classes: usize,
}

#[derive(Clone)]
struct FakeState {
    frames: u64,
    sums: Vec<f32>,
}

impl CausalModel for FakeNet {
    type State = FakeState;

    fn initial_state(&self) -> Result<FakeState, ModelError> {
        Ok(FakeState {
            frames: 0,
            sums: vec![0.0; self.classes],
        })
    }

    fn step(&self, frames: FrameBlock<'_>, state: &mut FakeState, output: &mut StreamOutput) -> Result<(), ModelError> {
        let memory = if let Fake::Bands { memory } = self.fake {
            memory
        } else {
            0.9
        };
        let (mut logits, mut novelty) = (Vec::new(), Vec::new());
        for row in frames.rows() {
            match self.fake {
                Fake::FailsAt(at) if state.frames == at => {
                    return Err(candle_core::Error::Msg("made to fail".to_owned()).into());
                }
                Fake::PanicsAt(at) if state.frames == at => panic!("made to panic"),
                Fake::Slow(ms) => std::thread::sleep(std::time::Duration::from_millis(ms)),
                _ => {}
            }
            let share = row.len() / self.classes;
            for (class, sum) in state.sums.iter_mut().enumerate() {
                let energy: f32 = row[class * share..(class + 1) * share].iter().sum::<f32>() / share as f32;
                *sum = memory * *sum + (1.0 - memory) * 4.0 * energy;
                logits.push(*sum);
            }
            if self.fake == Fake::NanAt(state.frames) {
                *logits.last_mut().expect("a row was pushed") = f32::NAN;
            }
            if let Fake::Unfamiliar { from, until } = self.fake {
                let is_inside = (from..until).contains(&state.frames);
                novelty.push(if is_inside { 9.0 } else { 0.4 } + 0.01 * row[0]);
            }
            state.frames += 1;
        }
        let attention = match self.fake {
            Fake::Attentive { context } => Some(picture(state.frames, context)),
            _ => None,
        };
        *output = StreamOutput {
            logits,
            classes: self.classes,
            novelty,
            attention,
        };
        Ok(())
    }

    /// The frames themselves.
    fn encode(
        &self,
        frames: FrameBlock<'_>,
        _state: &mut FakeState,
        features: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        features.extend_from_slice(frames.data());
        Ok(())
    }

    fn feature_width(&self) -> usize {
        FrontEndSpec::default().bands
    }

    fn evidence(&self, state: &FakeState, into: &mut EvidenceMap) -> bool {
        let Some(newest) = state.frames.checked_sub(1).map(FrameIndex) else {
            return false;
        };
        *into = EvidenceMap {
            newest,
            units: vec![newest],
            first: FrameIndex(0),
            local: 16,
            weights: vec![1.0],
            classes: self.classes,
            evidence: state.sums.clone(),
        };
        matches!(self.fake, Fake::Attentive { .. })
    }
}

/// Weights that rise towards the newest frame, in two layers of two heads.
fn picture(heard: u64, context: usize) -> AttentionWeights {
    let frames = (heard as usize).min(context);
    let total = (frames * (frames + 1) / 2) as f32;
    let row: Vec<f32> = (1..=frames).map(|k| k as f32 / total).collect();
    AttentionWeights {
        newest: FrameIndex(heard - 1),
        frames,
        maps: row.repeat(4),
        pooling: row,
        layers: 2,
        heads: 2,
    }
}

/// One model.
pub(crate) fn model(name: &str, fake: Fake) -> LoadedModel {
    let manifest = Manifest {
        name: name.to_owned(),
        temperature: 1.0,
        format: FORMAT,
        front_end: FrontEndSpec::default(),
        genres: GenreSet::gtzan(),
        weight_count: 0,
        context_frames: None,
        // Never built: any will do.
        architecture: Recipe::new(ModelKind::Lstm, 10, 1, 1).architecture,
        precision: Precision::F32,
        weights_sha256: String::new(),
        familiarity: None,
        golden: Golden {
            features: Vec::new(),
            logits: Vec::new(),
        },
        licence: "none".to_owned(),
        provenance: "made up".to_owned(),
    };
    let classes = GenreSet::gtzan().len();
    LoadedModel::new(manifest, Vec::new(), Arc::new(FakeNet { fake, classes }))
}

/// These models side by side, over the default front end.
pub(crate) fn models(fakes: &[(&str, Fake)]) -> ModelSet {
    ModelSet {
        front_end: FrontEndSpec::default(),
        genres: GenreSet::gtzan(),
        models: fakes.iter().map(|(name, fake)| model(name, *fake)).collect(),
        gate: None,
        sections: None,
        surprise: None,
    }
}

/// A gate for which low bands are music (below 1.2 kHz), middle ones speech, high ones (above 3.4 kHz) something else.
#[allow(dead_code, reason = "not every test binary has a gate")]
pub(crate) fn gate(fake: Fake) -> LoadedModel {
    let mut manifest = model("gate", fake).manifest().clone();
    manifest.genres = GenreSet::new(SoundKind::LABELS.map(str::to_owned).to_vec()).expect("three labels");
    // Sure of itself.
    manifest.temperature = 0.2;
    let classes = SoundKind::LABELS.len();
    LoadedModel::new(manifest, Vec::new(), Arc::new(FakeNet { fake, classes }))
}

/// Three models that work.
pub(crate) fn three() -> ModelSet {
    models(&[
        ("quick", Fake::Bands { memory: 0.5 }),
        ("slow", Fake::Bands { memory: 0.98 }),
        ("attentive", Fake::Attentive { context: 700 }),
    ])
}
