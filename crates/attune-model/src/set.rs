//! Models that run side by side over one stream.
//!
//! In: loaded models. Out: [`ModelSet`]. Thread: any.

use super::bundled::bundled_name;
use super::genre::GenreSet;
use super::sections::{SectionLister, SectionModel};
use super::trained::TrainedManifest;
use super::wavenet::{SurpriseModel, WavenetModel};
use super::{LoadedModel, ModelError};
use attune_audio::features::FrontEndSpec;

/// Models that share one front end and one set of classes. Beside them may run a gate, which tells music from other
/// sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSet {
    /// The front end of all.
    pub front_end: FrontEndSpec,
    /// The classes of all.
    pub genres: GenreSet,
    /// The models, in display order.
    pub models: Vec<LoadedModel>,
    /// Tells music from speech and other sounds ([`crate::genre::SoundKind`]); `None`: all sound counts as music.
    pub gate: Option<LoadedModel>,
    /// Lists the sections of the stream as they begin; `None`: they are not listed.
    pub sections: Option<SectionLister>,
    /// Says how surprising the sound is; `None`: nothing does.
    pub surprise: Option<SurpriseModel>,
}

impl ModelSet {
    /// Models that go together. One whose classes are those of a gate becomes the gate.
    ///
    /// # Errors
    /// If there is none, or if one has another front end or other classes than the first, or the name of another; or if
    /// there are two gates, or a gate alone.
    pub fn new(models: Vec<LoadedModel>) -> Result<Self, ModelError> {
        let (gates, models): (Vec<_>, Vec<_>) = models.into_iter().partition(|model| model.manifest().genres.is_gate());
        let gate = match <[LoadedModel; 1]>::try_from(gates) {
            Ok([gate]) => Some(gate),
            Err(gates) if gates.is_empty() => None,
            Err(gates) => {
                return Err(ModelError::Shape(format!(
                    "{} models are gates, but only one gate can run",
                    gates.len()
                )));
            }
        };
        let Some(first) = models.first().map(LoadedModel::manifest) else {
            return Err(ModelError::Shape(match &gate {
                Some(gate) => format!(
                    "{:?} only separates music from other sounds: name a model with genres too",
                    gate.manifest().name
                ),
                None => "no model was named".to_owned(),
            }));
        };
        let (front_end, genres) = (first.front_end.clone(), first.genres.clone());
        for (place, model) in models.iter().enumerate() {
            let manifest = model.manifest();
            let differs = if manifest.front_end != front_end {
                "front end"
            } else if manifest.genres != genres {
                "classes"
            } else if models[..place]
                .iter()
                .any(|other| other.manifest().name == manifest.name)
            {
                return Err(ModelError::Shape(format!(
                    "two models have the name {:?}",
                    manifest.name
                )));
            } else {
                continue;
            };
            return Err(Self::differs(model, differs, &models[0]));
        }
        if let Some(gate) = &gate
            && gate.manifest().front_end != front_end
        {
            return Err(Self::differs(gate, "front end", &models[0]));
        }
        Ok(Self {
            front_end,
            genres,
            models,
            gate,
            sections: None,
            surprise: None,
        })
    }

    /// The same set with more models after those that it has.
    ///
    /// # Errors
    /// As of [`ModelSet::new`].
    pub fn and(self, more: Vec<LoadedModel>) -> Result<Self, ModelError> {
        let (sections, surprise) = (self.sections, self.surprise);
        let models = self.models.into_iter().chain(more).chain(self.gate).collect();
        Ok(Self {
            sections,
            surprise,
            ..Self::new(models)?
        })
    }

    /// The same set, which also lists the sections of a stream: see [`SectionLister::new`].
    ///
    /// # Errors
    /// As of [`SectionLister::new`].
    pub fn with_sections(mut self, model: SectionModel, k: usize) -> Result<Self, ModelError> {
        self.sections = Some(SectionLister::new(model, &self, k)?);
        Ok(self)
    }

    /// The same set, which also says how surprising the sound is: see [`SurpriseModel::new`].
    ///
    /// # Errors
    /// As of [`SurpriseModel::new`].
    pub fn with_surprise(mut self, model: &WavenetModel) -> Result<Self, ModelError> {
        self.surprise = Some(SurpriseModel::new(model, &self.genres)?);
        Ok(self)
    }

    /// The model with these weights: the one over whose features `reader` was trained.
    ///
    /// # Errors
    /// [`ModelError::EncoderMissing`], which names the model that is needed.
    pub fn encoder(&self, weights_sha256: &str, reader: &str) -> Result<&LoadedModel, ModelError> {
        let mut models = self.models.iter();
        let found = models.find(|model| model.manifest().weights_sha256 == weights_sha256);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.models.iter().map(|model| &model.manifest().name[..]).collect();
            ModelError::EncoderMissing {
                reader: reader.to_owned(),
                needed: match bundled_name(weights_sha256) {
                    Some(name) => format!("the bundled {name} (weights with SHA-256 {weights_sha256})"),
                    None => format!("the model whose weights have SHA-256 {weights_sha256}"),
                },
                loaded: names.join(", "),
            }
        })
    }

    /// The model over whose features this network was trained.
    ///
    /// # Errors
    /// As of [`ModelSet::encoder`], or if the network was trained over none.
    pub fn encoder_of<S>(&self, manifest: &TrainedManifest<S>) -> Result<&LoadedModel, ModelError> {
        match &manifest.encoder_sha256 {
            Some(digest) => self.encoder(digest, &manifest.name),
            None => Err(ModelError::Shape(format!(
                "the manifest of {:?} does not say over which model's features it was trained",
                manifest.name
            ))),
        }
    }

    fn differs(model: &LoadedModel, what: &str, first: &LoadedModel) -> ModelError {
        let [name, other] = [model, first].map(|model| &model.manifest().name);
        ModelError::Shape(format!(
            "{name:?} has another {what} than {other:?}: they cannot run side by side"
        ))
    }
}
