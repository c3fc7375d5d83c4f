//! Planted passages in the labs that attend over a model's features: what is taught with them, and what a map finds.
//!
//! In: flags, maps. Out: a [`PlantedPlan`], counts. Thread: any.

use attune_engine::explain::planted::Pointing;
use attune_model::genre::GenreId;
use attune_train::planted::PlantedPlan;
use serde::{Deserialize, Serialize};

/// Planted passages among what a lab learns from.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct PlantedArgs {
    /// Share of the examples that are passages of one class among another's or noise, of those that can be; the place
    /// of the passage is part of the loss
    #[arg(long, value_parser = share, default_value_t = Self::default().planted_share, value_name = "SHARE")]
    pub planted_share: f32,
}

impl Default for PlantedArgs {
    fn default() -> Self {
        Self { planted_share: 0.5 }
    }
}

impl PlantedArgs {
    /// The plan: this share, and the weights of the loss that `attune train` has.
    pub(crate) fn plan(self) -> PlantedPlan {
        PlantedPlan {
            share: self.planted_share,
            ..PlantedPlan::default()
        }
    }
}

/// A class as shares of all.
pub(crate) fn shares(genre: GenreId, classes: usize) -> Vec<f32> {
    (0..classes)
        .map(|class| f32::from(u8::from(class == usize::from(genre.0))))
        .collect()
}

fn share(text: &str) -> Result<f32, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is not a share from 0 to 1"))
}

/// How often the highest value of each of two maps lies where a class was planted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Of the attention weights, which are the same for every class.
    pub weights: Pointing,
    /// Of the contributions to the planted class.
    pub contribution: Pointing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_from_0_to_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(["1.5", "-0.1", "nan", "half"].iter().all(|text| share(text).is_err()));
    }
}
