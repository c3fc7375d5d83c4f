//! The process that runs the peers: JSON lines there and back.

use super::beside::{Beside, Kind};
use super::{PeerError, TrainRecipe};
use crate::bench::subject::Shape;
use attune_audio::features::FrontEndSpec;
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const SCRIPTS: [(&str, &str); 7] = [
    ("peers.py", include_str!("peers.py")),
    ("nets.py", include_str!("nets.py")),
    ("genre_net.py", include_str!("genre_net.py")),
    ("streams.py", include_str!("streams.py")),
    ("rings.py", include_str!("rings.py")),
    ("training.py", include_str!("training.py")),
    ("front_end.py", include_str!("front_end.py")),
];

/// The peers, ready to be asked. Dropping it ends their process.
#[derive(Debug)]
pub struct Peers {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: TempDir,
    /// Of each library, by name.
    pub versions: Value,
    /// Forms that a peer could not build, and why.
    pub notes: Vec<String>,
}

impl Peers {
    /// Starts them in a Python that has the libraries.
    ///
    /// # Errors
    /// If it cannot be started or says nothing.
    pub fn start(python: &Path) -> Result<Self, PeerError> {
        let folder = tempfile::tempdir().map_err(|why| trouble(&why.to_string()))?;
        for (name, text) in SCRIPTS {
            std::fs::write(folder.path().join(name), text).map_err(|why| trouble(&why.to_string()))?;
        }
        let script = folder.path().join("peers.py");
        Self::start_script(python, &script, folder)
    }

    /// Starts another script that speaks the same language.
    ///
    /// # Errors
    /// If it cannot be started or says nothing.
    pub fn start_script(interpreter: &Path, script: &Path, folder: TempDir) -> Result<Self, PeerError> {
        let mut child = Command::new(interpreter)
            .arg(script)
            // More threads would be started before the script can say that it wants one.
            .envs(["OMP_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "2")))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // What libraries keep for themselves goes when we go.
            .env("XDG_CACHE_HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| trouble(&format!("{} cannot be started: {why}", interpreter.display())))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(trouble("the process has no pipes"));
        };
        let mut peers = Self {
            child,
            requests: Some(requests),
            answers: BufReader::new(answers),
            folder,
            versions: Value::Null,
            notes: Vec::new(),
        };
        peers.versions = peers.answer()?;
        Ok(peers)
    }

    /// Asks and waits for the answer.
    pub(super) fn ask(&mut self, request: &Value) -> Result<Value, PeerError> {
        let written = match &mut self.requests {
            Some(requests) => writeln!(requests, "{request}").and_then(|()| requests.flush()),
            None => return Err(trouble("they have ended")),
        };
        written.map_err(|why| trouble(&why.to_string()))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value, PeerError> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => return Err(trouble("they ended without an answer; what they said stands above")),
            Ok(_) => {}
            Err(why) => return Err(trouble(&why.to_string())),
        }
        let answer: Value = serde_json::from_str(&line).map_err(|why| trouble(&format!("{why} in {line:?}")))?;
        match answer.get("error") {
            Some(error) => Err(trouble(error.as_str().unwrap_or("no reason was given"))),
            None => Ok(answer),
        }
    }

    /// Writes tensors for the peers to read.
    pub(super) fn write(&self, name: &str, tensors: &HashMap<String, Tensor>) -> Result<PathBuf, PeerError> {
        let path = self.folder.path().join(name);
        candle_core::safetensors::save(tensors, &path).map_err(|why| trouble(&why.to_string()))?;
        Ok(path)
    }

    /// Values as the tensor `x` of a file.
    pub(super) fn write_x(&self, values: &[f32], shape: &[usize]) -> Result<PathBuf, PeerError> {
        let x = Tensor::from_slice(values, shape, &Device::Cpu).map_err(|why| trouble(&why.to_string()))?;
        self.write("x.safetensors", &HashMap::from([("x".to_owned(), x)]))
    }

    /// Builds a network for steps of `block` frames.
    ///
    /// # Errors
    /// If no peer can build it.
    pub fn open_step(
        &mut self,
        name: &str,
        shape: &Shape,
        weights: &[u8],
        block: usize,
    ) -> Result<Beside<'_>, PeerError> {
        let path = self.folder.path().join("weights.safetensors");
        std::fs::write(&path, weights).map_err(|why| trouble(&why.to_string()))?;
        let answer = self.ask(&json!({
            "op": "open", "name": name, "shape": shape, "weights": path, "block": block,
        }))?;
        for (peer, why) in answer["failed"].as_object().into_iter().flatten() {
            let why = why.as_str().unwrap_or("no reason was given");
            self.notes.push(format!("{name}: {peer} is left out: {why}"));
        }
        let mut forms = Vec::new();
        for (peer, names) in answer["forms"].as_object().into_iter().flatten() {
            let count = names.as_array().map_or(0, Vec::len);
            forms.extend((0..count).map(|form| (peer.clone(), form)));
        }
        if forms.is_empty() {
            return Err(trouble(&format!("no peer can build {name}: {}", answer["failed"])));
        }
        Ok(Beside::new(
            self,
            name,
            forms,
            Kind::Step {
                bands: shape.bands(),
                block,
            },
        ))
    }

    /// Makes ready for log-mel of `samples`.
    ///
    /// # Errors
    /// If the samples cannot be handed over.
    pub fn open_mel(&mut self, name: &str, spec: &FrontEndSpec, samples: &[f32]) -> Result<Beside<'_>, PeerError> {
        let input = self.write_x(samples, &[samples.len()])?;
        let spec = json!({
            "rate": spec.rate.0, "window": spec.window_samples, "hop": spec.hop_samples, "bands": spec.bands,
            "low_hz": spec.low_hz, "high_hz": spec.high_hz,
        });
        let forms = ["librosa", "torch_stft"].map(|peer| (peer.to_owned(), 0)).to_vec();
        Ok(Beside::new(self, name, forms, Kind::Mel { spec, input }))
    }

    /// Builds a network for training on one batch: x (clips, frames, bands) and a label for each answer.
    ///
    /// # Errors
    /// If tensors cannot be handed over.
    pub fn open_training(
        &mut self,
        name: &str,
        shape: &Shape,
        weights: &HashMap<String, Tensor>,
        (x, labels): (&Tensor, &Tensor),
        recipe: TrainRecipe,
        threads: usize,
    ) -> Result<Beside<'_>, PeerError> {
        let weights = self.write("weights.safetensors", weights)?;
        let batch = HashMap::from([("x".to_owned(), x.clone()), ("labels".to_owned(), labels.clone())]);
        let batch = self.write("batch.safetensors", &batch)?;
        let open = json!({
            "op": "train", "shape": shape, "weights": weights, "batch": batch, "recipe": recipe, "runs": 2,
            "threads": threads, "fresh": true,
        });
        let forms = vec![("torch_eager".to_owned(), 0)];
        Ok(Beside::new(self, name, forms, Kind::Train { open, threads }))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // Its input ends, and so does it; if it hangs, it is ended.
        self.requests = None;
        for _ in 0..20 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        // It may end at this very moment: then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn trouble(why: &str) -> PeerError {
    PeerError::new(
        format!("the other libraries cannot be measured: {why}"),
        "leave --peers away, or name a Python that has them with --python",
    )
}
