//! A run's whole state in one file, so that it can be stopped anywhere and taken up again to the same end.

use super::TrainError;
use super::recipe::Recipe;
use attune_engine::files::{read_if_any_to, write_atomically};
use attune_model::load::tensors;
use candle_core::Tensor;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a checkpoint: it has five times the weights of a network, which has some megabytes of them.
const LARGEST: u64 = 256 << 20;

/// Everything a run needs to go on.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// What is trained.
    pub recipe: Recipe,
    /// Steps made.
    pub step: u64,
    /// The best validation so far, if any was made.
    pub best: Option<BestSoFar>,
    /// Tensors by name: `weights.…`, `average.…`, `mean.…`, `square.…`, and `best.…` if there is a best.
    pub tensors: HashMap<String, Tensor>,
}

/// The best validation of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestSoFar {
    /// Steps made before it.
    pub step: u64,
    /// Its mean of −ln p of the truth.
    pub nll: f64,
    /// Validations since then.
    pub stale: u64,
}

impl Checkpoint {
    /// Writes the file in one piece: what was there stays until the new one is whole.
    pub(crate) fn write(&self, path: &Path) -> Result<(), TrainError> {
        let failed = |error: serde_json::Error| TrainError::Data {
            path: path.to_owned(),
            message: error.to_string(),
        };
        let recipe = serde_json::to_string(&self.recipe).map_err(failed)?;
        let best = serde_json::to_string(&self.best).map_err(failed)?;
        let metadata = HashMap::from([
            ("recipe".to_owned(), recipe),
            ("step".to_owned(), self.step.to_string()),
            ("best".to_owned(), best),
        ]);
        write_atomically(path, &serialize(&self.tensors, Some(metadata))?).map_err(TrainError::Interrupted)
    }

    /// Reads a file written by [`Checkpoint::write`]; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, TrainError> {
        let Some(buffer) = read_if_any_to(path, LARGEST)? else {
            return Ok(None);
        };
        let damaged = |message: String| TrainError::Data {
            path: path.to_owned(),
            message,
        };
        let (_, header) = SafeTensors::read_metadata(&buffer).map_err(|error| damaged(error.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let field = |name: &str| metadata.get(name).ok_or_else(|| damaged(format!("it has no {name}")));
        Ok(Some(Self {
            recipe: serde_json::from_str(field("recipe")?).map_err(|error| damaged(error.to_string()))?,
            step: field("step")?
                .parse()
                .map_err(|_| damaged("its step is not a number".to_owned()))?,
            best: serde_json::from_str(field("best")?).map_err(|error| damaged(error.to_string()))?,
            tensors: tensors(&buffer)?,
        }))
    }
}

/// Tensors as a safetensors file.
#[expect(clippy::implicit_hasher, reason = "safetensors takes the standard hasher's maps")]
pub fn serialize(
    tensors: &HashMap<String, Tensor>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, TrainError> {
    safetensors::serialize(tensors, metadata).map_err(|error| TrainError::Model(candle_core::Error::wrap(error).into()))
}

/// The most bytes of a checkpoint's header: the recipe and the tensors' names.
const LARGEST_HEADER: u64 = 4 << 20;

/// What counts of a safetensors header.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__")]
    metadata: HashMap<String, String>,
}

/// How many steps a checkpoint has behind it, without its tensors; `None` if there is none, or it is damaged.
pub fn steps_made(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let mut header = Vec::new();
    let most = u64::from_le_bytes(length).min(LARGEST_HEADER);
    file.take(most).read_to_end(&mut header).ok()?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    header.metadata.get("step")?.parse().ok()
}
