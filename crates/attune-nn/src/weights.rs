//! Named weights: initialised from a seed for training, or loaded from a file and checked.
//!
//! In: a seed, or the tensors of a safetensors file. Out: tensors by name. Thread: any.
//!
//! [`WeightStore`] and [`Weights`] do what candle-nn's `VarMap` and `VarBuilder` do, and what those cannot: a seed
//! determines every weight (candle's CPU generator cannot be seeded), names are in order, a name is given out once,
//! buffers are kept apart from parameters, and weights loaded for inference record no graph.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};

/// How a weight is initialised.
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// Every value is this.
    Constant(f32),
    /// Uniform in ± √(gain²·3 / fan-in) (He et al. 2015; gain √2 before a ReLU, 1 otherwise).
    KaimingUniform {
        /// Inputs per output.
        fan_in: usize,
        /// 1, or √2 before a ReLU.
        gain: f32,
    },
    /// Uniform in ± this.
    Uniform(f32),
    /// Of a table (…, codes, width): column j of a row c is this · cos(π·(c + ½)·(j + 1) / codes), so that neighbouring
    /// codes start out alike.
    Cosines(f32),
}

/// As in PyTorch: parameters are trained by gradient, buffers follow the data (running statistics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Param,
    Buffer,
}

/// All weights of one model.
#[derive(Debug)]
pub struct WeightStore {
    origin: Origin,
    vars: BTreeMap<String, (Kind, Var)>,
}

#[derive(Debug)]
enum Origin {
    Random(Box<ChaCha8Rng>),
    Loaded(HashMap<String, Tensor>),
}

impl WeightStore {
    /// Weights are initialised when a layer requests them; the same seed and order give the same weights.
    pub fn random(seed: u64) -> Self {
        Self {
            origin: Origin::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            vars: BTreeMap::new(),
        }
    }

    /// Weights come from `tensors`; a missing name or a different shape is an error.
    pub fn from_tensors(tensors: HashMap<String, Tensor>) -> Self {
        Self {
            origin: Origin::Loaded(tensors),
            vars: BTreeMap::new(),
        }
    }

    /// The root of the tree of names.
    pub fn root(&mut self) -> Weights<'_> {
        Weights {
            store: self,
            path: String::new(),
        }
    }

    /// Names of loaded tensors that no layer has requested.
    pub fn unused(&self) -> Vec<String> {
        match &self.origin {
            Origin::Random(_) => Vec::new(),
            Origin::Loaded(tensors) => {
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

    /// Parameters (without buffers), by name, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars
            .iter()
            .filter(|(_, (kind, _))| *kind == Kind::Param)
            .map(|(name, (_, var))| (name.as_str(), var))
    }

    /// Parameters and buffers, by name, in order: what goes into a file.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars.iter().map(|(name, (_, var))| (name.as_str(), var))
    }

    fn get(&mut self, name: String, shape: &[usize], init: Init, kind: Kind) -> Result<Tensor> {
        if self.vars.contains_key(&name) {
            bail!("the weight {name} is requested twice");
        }
        let tensor = match &mut self.origin {
            Origin::Random(rng) => draw(rng, shape, init)?,
            Origin::Loaded(tensors) => {
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
        // Loaded weights do not change: without a variable, inference records no graph.
        let tensor = match self.origin {
            Origin::Random(_) => var.as_tensor().clone(),
            Origin::Loaded(_) => var.as_detached_tensor(),
        };
        self.vars.insert(name, (kind, var));
        Ok(tensor)
    }
}

fn draw(rng: &mut ChaCha8Rng, shape: &[usize], init: Init) -> Result<Tensor> {
    let count = shape.iter().product();
    let bound = match init {
        Init::Constant(value) => return Tensor::full(value, shape, &Device::Cpu),
        Init::KaimingUniform { fan_in, gain } => gain * (3.0 / fan_in as f32).sqrt(),
        Init::Uniform(bound) => bound,
        Init::Cosines(scale) => return cosines(shape, scale),
    };
    let values: Vec<f32> = (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

fn cosines(shape: &[usize], scale: f32) -> Result<Tensor> {
    let &[.., codes, width] = shape else {
        bail!("{shape:?} is no table of codes");
    };
    let value = |place: usize| {
        let (code, column) = (place / width % codes, place % width);
        let turn = std::f64::consts::PI * (code as f64 + 0.5) * (column + 1) as f64 / codes as f64;
        scale * turn.cos() as f32
    };
    Tensor::from_vec((0..shape.iter().product()).map(value).collect(), shape, &Device::Cpu)
}

/// A branch of the tree of names, from which a layer requests its weights.
#[derive(Debug)]
pub struct Weights<'a> {
    store: &'a mut WeightStore,
    path: String,
}

impl Weights<'_> {
    /// The branch `name` below this one ("push prefix", as candle's `VarBuilder::pp`).
    pub fn pp(&mut self, name: impl std::fmt::Display) -> Weights<'_> {
        let path = self.join(&name.to_string());
        Weights {
            store: self.store,
            path,
        }
    }

    /// A parameter, trained by gradient.
    pub fn param(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        self.store.get(self.join(name), shape, init, Kind::Param)
    }

    /// A buffer, such as a running statistic: saved with the weights, ignored by the optimizer.
    pub fn buffer(&mut self, name: &str, shape: &[usize], start: f32) -> Result<Var> {
        let name = self.join(name);
        self.store
            .get(name.clone(), shape, Init::Constant(start), Kind::Buffer)?;
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
