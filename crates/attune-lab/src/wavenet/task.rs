//! What a trained network does with files: it continues them, and says how surprising they are.
//!
//! In: files of sound, a network. Out: samples, bits. Thread: the caller's.

use super::generate::Continuation;
use super::music::read_file;
use crate::LabError;
use attune_model::bundled_wavenet;
use attune_model::trained::TrainedManifest;
use attune_model::wavenet::mu_law::{decode, encode};
use attune_model::wavenet::{PackedWavenet, RATE, WavenetModel, WavenetShape};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// `attune lab wavenet TASK`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Task {
    /// Continue a sound: write what could follow as wav of 8 kHz to --out FILE.wav
    Generate(GenerateArgs),
    /// Say how many bits each second of files takes, under each class
    Score(ScoreArgs),
}

/// What is to be generated.
#[derive(Debug, Clone, clap::Args)]
pub struct GenerateArgs {
    /// The sound to continue; without it the network begins from silence
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Length
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub seconds: f64,
    /// Below 1 likely samples become likelier, above it all become alike
    #[arg(long, value_name = "T", default_value = "1", value_parser = temperature)]
    pub temperature: f32,
    /// The class that the network is told, such as jazz
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// A network that `attune lab wavenet --export` wrote, by its manifest, instead of the bundled one
    #[arg(long, value_name = "FILE.json")]
    pub model: Option<PathBuf>,
}

/// What is to be scored.
#[derive(Debug, Clone, clap::Args)]
pub struct ScoreArgs {
    /// Sounds
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// A network that `attune lab wavenet --export` wrote, by its manifest, instead of the bundled one
    #[arg(long, value_name = "FILE.json")]
    pub model: Option<PathBuf>,
}

/// Samples at the end of a sound that a continuation goes on from.
const HEARD: usize = 4 * RATE.0 as usize;

/// The bits of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored {
    /// The file.
    pub file: PathBuf,
    /// The classes, in the order of `bits`.
    pub classes: Vec<String>,
    /// Mean bits per sample under each class, and without a class last.
    pub bits: Vec<f64>,
    /// The same of each second; the last one may be shorter.
    pub seconds: Vec<Vec<f64>>,
}

impl Scored {
    /// The place of the class with the fewest bits among these.
    pub fn least(&self, bits: &[f64]) -> usize {
        let places = bits[..self.classes.len()].iter().enumerate();
        places.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(place, _)| place)
    }
}

fn model(path: Option<&Path>) -> Result<(TrainedManifest<WavenetShape>, PackedWavenet), LabError> {
    let model = match path {
        Some(path) => WavenetModel::load(path).map_err(|error| {
            LabError::Refused(format!(
                "{} cannot be used: {error}\n  {}",
                path.display(),
                error.remedy()
            ))
        })?,
        None => bundled_wavenet()?,
    };
    let net = model.net.pack()?;
    Ok((model.manifest, net))
}

impl GenerateArgs {
    /// The samples at 8 kHz that follow the file; the same seed gives the same samples.
    ///
    /// # Errors
    /// If the network or the file cannot be read, or there is no such class.
    pub fn samples(&self, seed: u64) -> Result<Vec<f32>, LabError> {
        let (manifest, net) = model(self.model.as_deref())?;
        let place = |class: &String| {
            let place = manifest.labels.iter().position(|label| label == class);
            let known = || {
                format!(
                    "--class {class}: no such class; there are {}",
                    manifest.labels.join(", ")
                )
            };
            place.ok_or_else(|| LabError::Refused(known()))
        };
        let class = self.class.as_ref().map(place).transpose()?;
        let sound = match &self.file {
            Some(file) => read_file(file)?,
            None => vec![0.0; net.shape().field()],
        };
        // What lies before makes no difference: the weights of the linear prediction have long forgotten it.
        let from = sound.len().saturating_sub(HEARD);
        let before: Vec<u8> = sound[from..].iter().map(|sample| encode(*sample)).collect();
        let wanted = Continuation {
            class,
            seed,
            temperature: self.temperature,
            samples: (self.seconds * RATE.hz()).round() as usize,
        };
        Ok(wanted.codes(&net, &before).into_iter().map(decode).collect())
    }
}

impl ScoreArgs {
    /// The bits of each file, one after the other.
    ///
    /// # Errors
    /// If the network or a file cannot be read, or a file is empty.
    pub fn scored(&self) -> Result<Vec<Scored>, LabError> {
        let (manifest, net) = model(self.model.as_deref())?;
        let conditions: Vec<Option<usize>> = (0..manifest.labels.len()).map(Some).chain([None]).collect();
        let score = |file: &PathBuf| {
            let samples = read_file(file)?;
            if samples.is_empty() {
                return Err(LabError::Refused(format!(
                    "{}: there is no sound in it",
                    file.display()
                )));
            }
            let (mut stream, mut seconds) = (net.initial_stream(&conditions), Vec::new());
            let mut sums = vec![0.0; conditions.len()];
            for second in samples.chunks(RATE.hz() as usize) {
                let codes: Vec<u8> = second.iter().map(|sample| encode(*sample)).collect();
                let mut bits = Vec::with_capacity(codes.len() * conditions.len());
                net.score(&codes, &mut stream, &mut bits);
                let mut means = vec![0.0; conditions.len()];
                for row in bits.chunks_exact(conditions.len()) {
                    for (mean, bits) in means.iter_mut().zip(row) {
                        *mean += f64::from(*bits);
                    }
                }
                for (sum, mean) in sums.iter_mut().zip(&mut means) {
                    *sum += *mean;
                    *mean /= codes.len() as f64;
                }
                seconds.push(means);
            }
            Ok(Scored {
                file: file.clone(),
                classes: manifest.labels.clone(),
                bits: sums.into_iter().map(|sum| sum / samples.len() as f64).collect(),
                seconds,
            })
        };
        self.files.iter().map(score).collect()
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=600.0).contains(seconds));
    seconds.ok_or_else(|| format!("{text:?} is not a number of seconds from 0.01 to 600"))
}

fn temperature(text: &str) -> Result<f32, String> {
    let temperature = text
        .parse()
        .ok()
        .filter(|temperature| (0.01..=10.0).contains(temperature));
    temperature.ok_or_else(|| format!("{text:?} is not a temperature from 0.01 to 10"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_temperatures_have_bounds() {
        assert_eq!((seconds("2.5"), temperature("0.8")), (Ok(2.5), Ok(0.8)));
        assert!(["0", "nan", "601", "a"].iter().all(|text| seconds(text).is_err()));
        assert!(["0", "nan", "-1", "11"].iter().all(|text| temperature(text).is_err()));
    }
}
