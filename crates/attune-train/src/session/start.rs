//! Weights that a run begins with.
//!
//! In: safetensors files of other runs. Out: their weights, or the mean of them. Thread: training's.

use super::{Event, Observer};
use crate::TrainError;
use crate::trainer::Trainer;
use attune_engine::files;
use attune_model::familiarity::PREFIX;
use attune_model::load::{hex, tensors};
use candle_core::Tensor;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How much of a manifest's provenance a card quotes.
const MOST_CHARACTERS: usize = 2000;

/// Weights to begin with.
pub(super) struct Start {
    path: PathBuf,
    /// Of the files, in their order.
    pub(super) sha256: String,
    /// What a card says of them.
    pub(super) origin: String,
    weights: HashMap<String, Tensor>,
}

impl Start {
    /// The weights of one file, or the mean of several (Wortsman et al. 2022, "Model soups"); `None` without a file.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Option<Self>, TrainError> {
        let mut start: Option<Self> = None;
        for path in paths {
            let refused = |message: String| TrainError::Data {
                path: path.clone(),
                message: format!("{message}: --start-from needs the NAME.safetensors of another run"),
            };
            let buffer = files::read(path)?;
            let sha256 = hex(&Sha256::digest(&buffer));
            let mut weights = tensors(&buffer).map_err(|error| refused(error.to_string()))?;
            // Statistics of the hidden layer, no weights: they are fitted anew.
            weights.retain(|name, _| !name.starts_with(PREFIX));
            let origin = origin(path, &sha256)?;
            let Some(sum) = &mut start else {
                start = Some(Self {
                    path: path.clone(),
                    sha256,
                    origin,
                    weights,
                });
                continue;
            };
            sum.sha256 = format!("{}, {sha256}", sum.sha256);
            sum.origin = format!("mean of {}; {origin}", sum.origin.trim_start_matches("mean of "));
            if weights.len() != sum.weights.len() {
                return Err(refused("its weights are not those of the file before".to_owned()));
            }
            for (name, total) in &mut sum.weights {
                let weight = weights.get(name).filter(|weight| weight.dims() == total.dims());
                let weight =
                    weight.ok_or_else(|| refused(format!("it has no {name} of the shape {:?}", total.dims())))?;
                *total = (&*total + weight)?;
            }
        }
        if let Some(sum) = &mut start {
            for total in sum.weights.values_mut() {
                *total = (&*total / paths.len() as f64)?;
            }
        }
        Ok(start)
    }

    pub(super) fn put_into(&self, trainer: &mut Trainer<'_>, observer: Observer<'_>) -> Result<(), TrainError> {
        let fitting = trainer.start_from(&self.weights)?;
        if fitting == 0 {
            return Err(TrainError::Data {
                path: self.path.clone(),
                message: "none of its weights fits this model: --start-from needs those of a model of the same kind"
                    .to_owned(),
            });
        }
        observer(Event::StartedFrom {
            path: &self.path,
            fitting,
            of: self.weights.len(),
        });
        Ok(())
    }
}

/// The digest of a file of weights, and how they were made if its manifest is beside it.
fn origin(weights: &Path, sha256: &str) -> Result<String, TrainError> {
    let manifest = files::read_if_any(&weights.with_extension("json"))?;
    let manifest: Option<serde_json::Value> = manifest.and_then(|text| serde_json::from_slice(&text).ok());
    let made = manifest.as_ref().and_then(|manifest| manifest["provenance"].as_str());
    let digest = format!("SHA-256 {sha256}");
    Ok(match made {
        // It goes into a cell of a table.
        Some(made) => {
            let made = made
                .chars()
                .take(MOST_CHARACTERS)
                .filter(|c| !c.is_control() && !"|`<>".contains(*c));
            format!("{digest}, made by: {}", made.collect::<String>())
        }
        None => digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn write(folder: &Path, name: &str, values: &[f32]) -> PathBuf {
        let path = folder.join(name);
        let tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap();
        let weights = HashMap::from([
            ("a".to_owned(), tensor(values)),
            (format!("{PREFIX}bias"), tensor(&values[..1])),
        ]);
        candle_core::safetensors::save(&weights, &path).unwrap();
        path
    }

    #[test]
    fn several_files_give_their_mean_and_must_have_the_same_shapes() {
        let folder = tempfile::tempdir().unwrap();
        let one = write(folder.path(), "one.safetensors", &[1.0, 2.0]);
        std::fs::write(
            folder.path().join("one.json"),
            r#"{"provenance": "train --seed 1 |on\nx"}"#,
        )
        .unwrap();
        let two = write(folder.path(), "two.safetensors", &[3.0, -2.0]);
        let longer = write(folder.path(), "longer.safetensors", &[3.0, -2.0, 0.0]);
        assert!(Start::open(&[]).unwrap().is_none());
        let mean = Start::open(&[one.clone(), two]).unwrap().unwrap();
        assert_eq!(mean.weights.len(), 1, "statistics are no weights");
        assert!(mean.origin.starts_with("mean of SHA-256 ") && mean.origin.contains("made by: train --seed 1 onx;"));
        assert_eq!(mean.weights["a"].to_vec1::<f32>().unwrap(), [2.0, 0.0]);
        let alone = Start::open(std::slice::from_ref(&one)).unwrap().unwrap();
        assert!(mean.sha256.starts_with(&alone.sha256) && mean.sha256.len() > alone.sha256.len());
        let refused = Start::open(&[one, longer]).err().unwrap().to_string();
        assert!(
            refused.contains("longer.safetensors") && refused.contains("--start-from"),
            "{refused}"
        );
    }
}
