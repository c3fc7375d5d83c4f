//! Recipes for other tasks than those of the shipped models: a user's own short sounds, and the gate.

use super::recipe::{ATTENTION_FRAMES, BatchShape, ModelKind, Recipe, evidence};
use attune_model::architecture::BodyShape;
use attune_model::attention::EncoderShape;
use attune_model::genre_net::PoolingShape;
use attune_model::recurrent::RecurrentShape;
use attune_model::tcn::TcnShape;

/// What a network is trained for: it fixes size and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Variant {
    /// Music, for long listening: the size of the shipped models, ten seconds of memory
    Music,
    /// Sounds of a few seconds, and few of them: a smaller network, five seconds of memory
    Sounds,
    /// Music, speech or neither: the smallest network, two and a half seconds of memory
    Gate,
}

/// What differs between variants.
struct Sizes {
    maps: usize,
    width: usize,
    hidden: usize,
    dilations: Vec<usize>,
    pooling_frames: f64,
    /// Of attention's pooling, in frames.
    context: usize,
}

impl Variant {
    /// The recipe for this variant; `width` features between front and pooling in place of its own.
    pub fn recipe(self, kind: ModelKind, classes: usize, seed: u64, steps: u64, width: Option<usize>) -> Recipe {
        let mut recipe = Recipe::new(kind, classes, seed, steps);
        let sizes = match self {
            Self::Music => {
                if let Some(width) = width {
                    set_width(&mut recipe, width);
                }
                return recipe;
            }
            Self::Sounds => Sizes {
                maps: 12,
                width: 48,
                hidden: 96,
                dilations: vec![1, 2, 4, 8],
                pooling_frames: 215.0,
                context: 224,
            },
            Self::Gate => Sizes {
                maps: 8,
                width: 24,
                hidden: 48,
                dilations: vec![1, 2, 4, 8],
                pooling_frames: 108.0,
                context: 112,
            },
        };
        // Excerpts as long as what is remembered; read out from early on, for the first answer comes after a second.
        recipe.batches = vec![BatchShape {
            readout_frames: vec![(21, 0.2), (42, 0.3), (84, 0.2), (127, 0.3)],
            ..BatchShape::new(32, 128, 1.0)
        }];
        let architecture = &mut recipe.architecture;
        architecture.stem = None;
        architecture.front.maps = sizes.maps;
        architecture.head.hidden = sizes.hidden;
        architecture.pooling = match kind {
            ModelKind::Attention => evidence(sizes.context),
            ModelKind::Rnn | ModelKind::Lstm | ModelKind::Tcn => PoolingShape::Moments {
                time_constant: sizes.pooling_frames,
            },
        };
        let recurrent = RecurrentShape {
            inputs: sizes.width,
            hidden: sizes.width,
            layers: 1,
            dropout: 0.1,
        };
        architecture.body = match kind {
            ModelKind::Rnn => BodyShape::Rnn(recurrent),
            ModelKind::Lstm => BodyShape::Lstm(recurrent),
            ModelKind::Tcn => BodyShape::Tcn(TcnShape {
                width: sizes.width,
                taps: 3,
                dilations: sizes.dilations,
                dropout: 0.1,
                normalized: false,
            }),
            ModelKind::Attention => BodyShape::Attention(EncoderShape {
                width: sizes.width,
                heads: 4,
                feed: 2 * sizes.width,
                layers: 2,
                context: ATTENTION_FRAMES,
                dropout: 0.1,
            }),
        };
        set_width(&mut recipe, width.unwrap_or(sizes.width));
        recipe
    }
}

fn set_width(recipe: &mut Recipe, width: usize) {
    let architecture = &mut recipe.architecture;
    architecture.front.width = width;
    if let Some(stem) = &mut architecture.stem {
        stem.width = width;
    }
    match &mut architecture.body {
        BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.inputs = width,
        BodyShape::Tcn(shape) => shape.width = width,
        BodyShape::Attention(shape) => shape.width = width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_nn::weights::WeightStore;

    fn weights(variant: Variant, kind: ModelKind) -> usize {
        let recipe = variant.recipe(kind, 3, 1, 10, None);
        let mut store = WeightStore::random(1);
        recipe.architecture.build(&mut store).unwrap();
        store.params().map(|(_, var)| var.elem_count()).sum()
    }

    #[test]
    fn every_variant_of_every_engine_builds_and_each_is_smaller_than_the_one_before() {
        for kind in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Tcn, ModelKind::Attention] {
            let [music, sounds, gate] =
                [Variant::Music, Variant::Sounds, Variant::Gate].map(|variant| weights(variant, kind));
            assert!(
                music > sounds && sounds > gate && gate <= 60_000,
                "{kind:?}: {music} {sounds} {gate}"
            );
        }
    }

    #[test]
    fn a_width_is_the_same_in_front_and_body() {
        let recipe = Variant::Sounds.recipe(ModelKind::Tcn, 3, 1, 10, Some(20));
        assert!(recipe.architecture.build(&mut WeightStore::random(1)).is_ok());
        assert_eq!(recipe.architecture.front.width, 20);
    }
}
