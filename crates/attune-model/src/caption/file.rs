//! A captioning network in its two files.
//!
//! In: bytes, or a network. Out: a model that passed every check. Thread: any.

use super::{CaptionNet, CaptionShape};
use crate::ModelError;
use crate::token_decoder::TokenDecoder;
use crate::trained::{Trained, TrainedNet, within_bounds};
use attune_nn::Pass;
use attune_nn::kernels::values;
use attune_nn::weights::Weights;
use candle_core::{Device, Result, Tensor};

/// A trained network that passed every check; its labels are its words, and the end as the last.
pub type CaptionModel = Trained<CaptionNet>;

/// The most convolutions of a file.
const MOST_LAYERS: usize = 16;

impl TrainedNet for CaptionNet {
    const KIND: &'static str = "caption";
    type Shape = CaptionShape;

    fn is_possible(shape: &CaptionShape, labels: usize) -> bool {
        let sizes = [
            shape.bands,
            shape.frames,
            shape.embedding,
            shape.words,
            shape.layers.len(),
        ];
        let layers = shape.layers.iter();
        let mut sizes_of = layers.map(|layer| {
            let [frames, bands] = layer.kernel;
            [
                layer.inputs,
                layer.outputs,
                frames,
                bands,
                layer.stride[0],
                layer.stride[1],
            ]
        });
        within_bounds(&sizes)
            && shape.layers.len() <= MOST_LAYERS
            && sizes_of.all(|sizes| within_bounds(&sizes))
            && shape.grid(1).heights > 0
            && shape.words == labels
            && labels > 1
    }

    fn build(weights: Weights<'_>, shape: &CaptionShape) -> Result<Self> {
        Self::new(weights, shape)
    }

    /// Logits and weights of three words after 100 frames of waves.
    fn golden(&self) -> std::result::Result<Vec<f32>, ModelError> {
        let (frames, bands) = (100, self.shape().bands);
        let wave = |n: usize| ((n / bands) as f32 * 0.37 + (n % bands) as f32 * 0.11).sin();
        let x: Vec<f32> = (0..frames * bands).map(wave).collect();
        let x = Tensor::from_vec(x, (1, frames, bands), &Device::Cpu)?;
        let decoded = self.decode(&x, &[self.decoder().start_token(), 0, 1], &mut Pass::Infer)?;
        let mut outputs = values(&decoded.logits)?;
        outputs.extend(values(&decoded.weights)?);
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trained::{Origin, TrainedFiles};
    use attune_nn::conv2d::Conv2dShape;
    use attune_nn::weights::WeightStore;

    fn shape() -> CaptionShape {
        CaptionShape {
            bands: 8,
            frames: 16,
            layers: vec![Conv2dShape {
                inputs: 1,
                outputs: 4,
                kernel: [4, 4],
                stride: [2, 2],
            }],
            embedding: 3,
            words: 3,
            dropout: 0.0,
            gated: true,
        }
    }

    /// It has running statistics, which are in the file and are no weights.
    #[test]
    fn a_network_is_loaded_from_its_files_and_not_from_altered_ones() {
        let mut store = WeightStore::random(1);
        CaptionNet::new(store.root(), &shape()).unwrap();
        let tensors = store
            .all()
            .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
        let origin = Origin {
            name: "caption".to_owned(),
            encoder_sha256: None,
            labels: ["flute", "drums", "<end>"].map(str::to_owned).to_vec(),
            temperature: 1.0,
            provenance: String::new(),
        };
        let files = TrainedFiles::new::<CaptionNet>(&shape(), &tensors.collect(), origin).unwrap();
        let json = files.json().unwrap();
        let load = |json: &str| CaptionModel::from_bytes(json.as_bytes(), &files.weights);
        assert_eq!(load(&json).unwrap().manifest.labels.len(), 3);
        for (from, to) in [
            ("\"words\": 3", "\"words\": 4"),
            ("\"bands\": 8", "\"bands\": 0"),
            ("\"gated\": true", "\"gated\": false"),
        ] {
            let altered = json.replacen(from, to, 1);
            assert!(altered != json && load(&altered).is_err(), "{to}");
        }
    }
}
