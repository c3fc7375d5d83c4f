//! The process that runs the peers: JSON lines there and back.

use crate::turns::{Kind, Turns};
use attune_audio::features::FrontEndSpec;
use attune_lab::bench::peers::{PeerError, PeerRow, Peers, TrainWork};
use attune_lab::bench::subject::Shape;
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// The peers, ready for requests. Dropping it ends their process.
#[derive(Debug)]
pub(crate) struct PeerProcess {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    folder: TempDir,
    versions: Value,
    /// Forms that a peer could not build, and why.
    pub(crate) notes: Vec<String>,
}

impl PeerProcess {
    /// Starts them in a Python that has the libraries.
    ///
    /// # Errors
    /// If it cannot be started or says nothing.
    pub(crate) fn start(python: &Path) -> Result<Self, PeerError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/peers/peers.py");
        let folder = tempfile::tempdir().map_err(|why| peer_error(&why.to_string()))?;
        Self::start_script(python, &script, folder)
    }

    /// Starts a script that speaks this protocol; `folder` is for what is handed over.
    ///
    /// # Errors
    /// If it cannot be started or says nothing.
    pub(crate) fn start_script(interpreter: &Path, script: &Path, folder: TempDir) -> Result<Self, PeerError> {
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
            .map_err(|why| peer_error(&format!("{} cannot be started: {why}", interpreter.display())))?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(peer_error("the process has no pipes"));
        };
        let mut peers = Self {
            child,
            requests: Some(requests),
            replies: BufReader::new(replies),
            folder,
            versions: Value::Null,
            notes: Vec::new(),
        };
        peers.versions = peers.reply()?;
        Ok(peers)
    }

    /// Sends a request and waits for its reply.
    pub(crate) fn request(&mut self, request: &Value) -> Result<Value, PeerError> {
        let written = match &mut self.requests {
            Some(requests) => writeln!(requests, "{request}").and_then(|()| requests.flush()),
            None => return Err(peer_error("they have ended")),
        };
        written.map_err(|why| peer_error(&why.to_string()))?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Value, PeerError> {
        let mut line = String::new();
        match self.replies.read_line(&mut line) {
            Ok(0) => {
                return Err(peer_error(
                    "they ended without a reply; their last messages stand above",
                ));
            }
            Ok(_) => {}
            Err(why) => return Err(peer_error(&why.to_string())),
        }
        let reply: Value = serde_json::from_str(&line).map_err(|why| peer_error(&format!("{why} in {line:?}")))?;
        match reply.get("error") {
            Some(error) => Err(peer_error(error.as_str().unwrap_or("no reason was given"))),
            None => Ok(reply),
        }
    }

    /// Writes tensors for the peers to read.
    pub(crate) fn write(&self, name: &str, tensors: &HashMap<String, Tensor>) -> Result<PathBuf, PeerError> {
        let path = self.folder.path().join(name);
        candle_core::safetensors::save(tensors, &path).map_err(|why| peer_error(&why.to_string()))?;
        Ok(path)
    }

    /// Values as the tensor `x` of a file.
    pub(crate) fn write_x(&self, values: &[f32], shape: &[usize]) -> Result<PathBuf, PeerError> {
        let x = Tensor::from_slice(values, shape, &Device::Cpu).map_err(|why| peer_error(&why.to_string()))?;
        self.write("x.safetensors", &HashMap::from([("x".to_owned(), x)]))
    }
}

impl Peers for PeerProcess {
    fn versions(&self) -> Value {
        self.versions.clone()
    }

    fn open_step(
        &mut self,
        name: &str,
        shape: &Shape,
        weights: &[u8],
        block: usize,
    ) -> Result<Box<dyn PeerRow + '_>, PeerError> {
        let path = self.folder.path().join("weights.safetensors");
        std::fs::write(&path, weights).map_err(|why| peer_error(&why.to_string()))?;
        let reply = self.request(&json!({
            "op": "open", "name": name, "shape": shape, "weights": path, "block": block,
        }))?;
        for (peer, why) in reply["failed"].as_object().into_iter().flatten() {
            let why = why.as_str().unwrap_or("no reason was given");
            self.notes.push(format!("{name}: {peer} is left out: {why}"));
        }
        let mut forms = Vec::new();
        for (peer, names) in reply["forms"].as_object().into_iter().flatten() {
            let count = names.as_array().map_or(0, Vec::len);
            forms.extend((0..count).map(|form| (peer.clone(), form)));
        }
        if forms.is_empty() {
            return Err(peer_error(&format!("no peer can build {name}: {}", reply["failed"])));
        }
        Ok(Box::new(Turns::new(
            self,
            name,
            forms,
            Kind::Step {
                bands: shape.bands(),
                block,
            },
        )))
    }

    fn open_mel(
        &mut self,
        name: &str,
        spec: &FrontEndSpec,
        samples: &[f32],
    ) -> Result<Box<dyn PeerRow + '_>, PeerError> {
        let input = self.write_x(samples, &[samples.len()])?;
        let spec = json!({
            "rate": spec.rate.0, "window": spec.window_samples, "hop": spec.hop_samples, "bands": spec.bands,
            "low_hz": spec.low_hz, "high_hz": spec.high_hz,
        });
        let forms = ["librosa", "torch_stft"].map(|peer| (peer.to_owned(), 0)).to_vec();
        Ok(Box::new(Turns::new(self, name, forms, Kind::Mel { spec, input })))
    }

    fn open_training(&mut self, name: &str, work: &TrainWork<'_>) -> Result<Box<dyn PeerRow + '_>, PeerError> {
        let weights = self.write("weights.safetensors", work.weights)?;
        let tensors = [("x", work.x), ("labels", work.labels)].map(|(name, tensor)| (name.to_owned(), tensor.clone()));
        let batch = self.write("batch.safetensors", &HashMap::from(tensors))?;
        let open = json!({
            "op": "train", "shape": work.shape, "weights": weights, "batch": batch, "recipe": work.recipe, "runs": 2,
            "threads": work.threads, "fresh": true,
        });
        let forms = vec![("torch_eager".to_owned(), 0)];
        let kind = Kind::Train {
            open,
            threads: work.threads,
        };
        Ok(Box::new(Turns::new(self, name, forms, kind)))
    }
}

impl Drop for PeerProcess {
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

pub(crate) fn peer_error(why: &str) -> PeerError {
    PeerError::new(
        format!("the other libraries cannot be measured: {why}"),
        "name a Python that has them with --python",
    )
}
