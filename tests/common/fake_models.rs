//! Models that need no weights: what they answer follows from the mel bands, so a splice, a gap or a wrong rate shows.

use attune_audio::features::{FrameBlock, FrontEndSpec};
use attune_audio::units::FrameIndex;
use attune_model::genre::{GenreSet, SoundKind};
use attune_model::golden::Golden;
use attune_model::manifest::FORMAT;
use attune_model::{AttentionPicture, GenreStream, LoadedModel, Manifest, ModelError, ModelSet, StreamOutput};
use attune_nn::kernels::packed_matrix::Precision;
use attune_train::recipe::{Engine, Recipe};

/// How a fake behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fake {
    /// Logits are a leaky sum of band energies: each class listens to its share of the bands.
    Bands { memory: f32 },
    /// The same, with an attention picture of at most `context` frames.
    Attentive { context: usize },
    /// Fails at this frame.
    FailsAt(u64),
    /// Gives NaN at this frame.
    NanAt(u64),
    /// Panics at this frame.
    PanicsAt(u64),
}

#[derive(Clone)]
struct FakeStream {
    fake: Fake,
    classes: usize,
    frames: u64,
    sums: Vec<f32>,
}

impl GenreStream for FakeStream {
    fn push(&mut self, frames: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError> {
        let memory = if let Fake::Bands { memory } = self.fake {
            memory
        } else {
            0.9
        };
        let mut logits = Vec::new();
        for row in frames.rows() {
            match self.fake {
                Fake::FailsAt(at) if self.frames == at => {
                    return Err(candle_core::Error::Msg("made to fail".to_owned()).into());
                }
                Fake::PanicsAt(at) if self.frames == at => panic!("made to panic"),
                _ => {}
            }
            let share = row.len() / self.classes;
            for (class, sum) in self.sums.iter_mut().enumerate() {
                let energy: f32 = row[class * share..(class + 1) * share].iter().sum::<f32>() / share as f32;
                *sum = memory * *sum + (1.0 - memory) * 4.0 * energy;
                logits.push(*sum);
            }
            if self.fake == Fake::NanAt(self.frames) {
                *logits.last_mut().expect("a row was pushed") = f32::NAN;
            }
            self.frames += 1;
        }
        let attention = match self.fake {
            Fake::Attentive { context } => Some(picture(self.frames, context)),
            _ => None,
        };
        *output = StreamOutput {
            logits,
            classes: self.classes,
            attention,
        };
        Ok(())
    }

    fn reset(&mut self) -> Result<(), ModelError> {
        self.frames = 0;
        self.sums.fill(0.0);
        Ok(())
    }

    fn fork(&self) -> Box<dyn GenreStream> {
        Box::new(self.clone())
    }

    fn override_attention(&self, _weights: &[f32]) -> Option<Vec<f32>> {
        None
    }
}

/// Weights that rise towards the newest frame, in two layers of two heads.
fn picture(heard: u64, context: usize) -> AttentionPicture {
    let frames = (heard as usize).min(context);
    let total = (frames * (frames + 1) / 2) as f32;
    let row: Vec<f32> = (1..=frames).map(|k| k as f32 / total).collect();
    AttentionPicture {
        newest: FrameIndex(heard - 1),
        frames,
        maps: row.repeat(4),
        pooling: row,
        layers: 2,
        heads: 2,
    }
}

/// One model.
pub fn model(name: &str, fake: Fake) -> LoadedModel {
    let manifest = Manifest {
        name: name.to_owned(),
        temperature: 1.0,
        format: FORMAT,
        front_end: FrontEndSpec::default(),
        genres: GenreSet::gtzan(),
        weight_count: 0,
        context_frames: None,
        // Never built: any will do.
        architecture: Recipe::new(Engine::Lstm, 10, 1, 1).architecture,
        precision: Precision::F32,
        weights_sha256: String::new(),
        golden: Golden {
            features: Vec::new(),
            logits: Vec::new(),
        },
        licence: "none".to_owned(),
        provenance: "made up".to_owned(),
    };
    LoadedModel::new(manifest, move || {
        let classes = GenreSet::gtzan().len();
        Ok(Box::new(FakeStream {
            fake,
            classes,
            frames: 0,
            sums: vec![0.0; classes],
        }))
    })
}

/// These models side by side, over the default front end.
pub fn models(fakes: &[(&str, Fake)]) -> ModelSet {
    ModelSet {
        front_end: FrontEndSpec::default(),
        genres: GenreSet::gtzan(),
        models: fakes.iter().map(|(name, fake)| model(name, *fake)).collect(),
        gate: None,
    }
}

/// A gate for which low bands are music (below 1.2 kHz), middle ones speech, high ones (above 3.4 kHz) something else.
#[allow(dead_code, reason = "not every test binary has a gate")]
pub fn gate(fake: Fake) -> LoadedModel {
    let mut manifest = model("gate", fake).manifest().clone();
    manifest.genres = GenreSet::new(SoundKind::LABELS.map(str::to_owned).to_vec()).expect("three labels");
    // Sure of itself.
    manifest.temperature = 0.2;
    LoadedModel::new(manifest, move || {
        let classes = SoundKind::LABELS.len();
        Ok(Box::new(FakeStream {
            fake,
            classes,
            frames: 0,
            sums: vec![0.0; classes],
        }))
    })
}

/// Three models that work.
pub fn three() -> ModelSet {
    models(&[
        ("quick", Fake::Bands { memory: 0.5 }),
        ("slow", Fake::Bands { memory: 0.98 }),
        ("attentive", Fake::Attentive { context: 700 }),
    ])
}
