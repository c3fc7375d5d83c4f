//! Named weights: drawn from a seed to be trained, or taken from a file and checked.
//!
//! In: a seed, or tensors of a safetensors file. Out: tensors by name. Thread: any.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};

/// How a weight begins.
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// All the same.
    Constant(f32),
    /// Uniform in ± √(gain²·3 / fan-in) (He et al. 2015; gain √2 before a ReLU, 1 otherwise).
    Scaled {
        /// Inputs of one output.
        fan_in: usize,
        /// 1, or √2 before a ReLU.
        gain: f32,
    },
    /// Uniform in ± this.
    Uniform(f32),
}

/// Whether a weight is learnt by gradient, or follows the data (running statistics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Learnt,
    Statistic,
}

/// All weights of one model.
#[derive(Debug)]
pub struct WeightStore {
    origin: Origin,
    vars: BTreeMap<String, (Kind, Var)>,
}

#[derive(Debug)]
enum Origin {
    Drawn(Box<ChaCha8Rng>),
    File(HashMap<String, Tensor>),
}

impl WeightStore {
    /// Weights are drawn as they are asked for; the same seed and order give the same weights.
    pub fn drawn(seed: u64) -> Self {
        Self {
            origin: Origin::Drawn(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            vars: BTreeMap::new(),
        }
    }

    /// Weights are taken from `tensors`; a missing name or another shape is an error.
    pub fn from_tensors(tensors: HashMap<String, Tensor>) -> Self {
        Self {
            origin: Origin::File(tensors),
            vars: BTreeMap::new(),
        }
    }

    /// The root from which layers take their weights.
    pub fn root(&mut self) -> Weights<'_> {
        Weights {
            store: self,
            path: String::new(),
        }
    }

    /// Names of the file's tensors that no layer asked for.
    pub fn unused(&self) -> Vec<String> {
        match &self.origin {
            Origin::Drawn(_) => Vec::new(),
            Origin::File(tensors) => {
                let mut names: Vec<_> = tensors
                    .keys()
                    .filter(|name| !self.vars.contains_key(*name))
                    .cloned()
                    .collect();
                names.sort();
                names
            }
        }
    }

    /// What is learnt by gradient, by name.
    pub fn learnt(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars
            .iter()
            .filter(|(_, (kind, _))| *kind == Kind::Learnt)
            .map(|(name, (_, var))| (name.as_str(), var))
    }

    /// Everything, by name: what goes into a file.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars.iter().map(|(name, (_, var))| (name.as_str(), var))
    }

    fn get(&mut self, name: String, shape: &[usize], init: Init, kind: Kind) -> Result<Tensor> {
        if self.vars.contains_key(&name) {
            bail!("the weight {name} is asked for twice");
        }
        let tensor = match &mut self.origin {
            Origin::Drawn(rng) => draw(rng, shape, init)?,
            Origin::File(tensors) => {
                let Some(tensor) = tensors.get(&name) else {
                    bail!("the weight {name} is missing");
                };
                if tensor.dims() != shape || tensor.dtype() != DType::F32 {
                    bail!(
                        "the weight {name} is {:?} {:?} where the architecture needs {shape:?} F32",
                        tensor.dims(),
                        tensor.dtype()
                    );
                }
                tensor.clone()
            }
        };
        let var = Var::from_tensor(&tensor)?;
        // Weights of a file do not change: without a variable in it, no graph is kept while streaming.
        let tensor = match self.origin {
            Origin::Drawn(_) => var.as_tensor().clone(),
            Origin::File(_) => var.as_detached_tensor(),
        };
        self.vars.insert(name, (kind, var));
        Ok(tensor)
    }
}

fn draw(rng: &mut ChaCha8Rng, shape: &[usize], init: Init) -> Result<Tensor> {
    let count = shape.iter().product();
    let bound = match init {
        Init::Constant(value) => return Tensor::full(value, shape, &Device::Cpu),
        Init::Scaled { fan_in, gain } => gain * (3.0 / fan_in as f32).sqrt(),
        Init::Uniform(bound) => bound,
    };
    let values: Vec<f32> = (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// A place in the tree of names, from which a layer takes its weights.
#[derive(Debug)]
pub struct Weights<'a> {
    store: &'a mut WeightStore,
    path: String,
}

impl Weights<'_> {
    /// The branch `name` below this one.
    pub fn at(&mut self, name: impl std::fmt::Display) -> Weights<'_> {
        let path = self.join(&name.to_string());
        Weights {
            store: self.store,
            path,
        }
    }

    /// A weight that is learnt by gradient.
    pub fn learnt(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        self.store.get(self.join(name), shape, init, Kind::Learnt)
    }

    /// A running statistic: saved with the weights, not touched by the optimiser.
    pub fn statistic(&mut self, name: &str, shape: &[usize], start: f32) -> Result<Var> {
        let name = self.join(name);
        self.store
            .get(name.clone(), shape, Init::Constant(start), Kind::Statistic)?;
        Ok(self.store.vars[&name].1.clone())
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}
