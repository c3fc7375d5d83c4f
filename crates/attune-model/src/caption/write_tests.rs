//! What is written, against what teacher forcing gives.

use crate::caption::{CaptionNet, CaptionShape};
use crate::token_decoder::TokenDecoder;
use attune_nn::Pass;
use attune_nn::conv2d::Conv2dShape;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};

fn net(seed: u64) -> CaptionNet {
    let layer = |inputs, outputs| Conv2dShape {
        inputs,
        outputs,
        kernel: [4, 4],
        stride: [2, 2],
    };
    let shape = CaptionShape {
        bands: 16,
        frames: 20,
        layers: vec![layer(1, 4), layer(4, 8)],
        embedding: 6,
        words: 9,
        dropout: 0.5,
        gated: true,
    };
    CaptionNet::new(WeightStore::random(seed).root(), &shape).unwrap()
}

#[test]
fn what_is_written_has_the_probability_that_teacher_forcing_gives_it() {
    let frames: Vec<f32> = (0..20 * 16).map(|n| (n as f32 * 0.7).sin()).collect();
    for seed in 0..8 {
        let net = net(seed);
        let greedy = net.write(&frames, 1).unwrap();
        for (beam, written) in [(1, greedy.clone()), (4, net.write(&frames, 4).unwrap())] {
            assert!(written.tokens.len() <= 9);
            let mut before = vec![net.decoder().start_token()];
            before.extend(&written.tokens);
            let mut said = before[1..].to_vec();
            if written.has_ended {
                said.push(net.decoder().end_token());
            }
            let x = Tensor::from_slice(&frames, (1, 20, 16), &Device::Cpu).unwrap();
            let decoded = net.decode(&x, &before, &mut Pass::Infer).unwrap();
            let logits: Vec<Vec<f32>> = decoded.logits.squeeze(0).unwrap().to_vec2().unwrap();
            let log_probability: f64 = said
                .iter()
                .zip(&logits)
                .map(|(&word, logits)| {
                    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
                    f64::from(logits[word as usize]) - sum.ln()
                })
                .sum();
            assert!((log_probability - written.log_probability).abs() < 1e-4, "beam {beam}");
            for (place, weights) in written.alignment.iter().enumerate() {
                let expected: Vec<f32> = decoded.weights.get(0).unwrap().get(place).unwrap().to_vec1().unwrap();
                let pairs = weights.iter().zip(&expected);
                assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-6));
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            }
            if beam == 1 {
                let likeliest = |logits: &Vec<f32>| {
                    let places = 0..logits.len();
                    places.max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32
                };
                assert!(
                    said.iter()
                        .zip(&logits)
                        .all(|(word, logits)| *word == likeliest(logits))
                );
            }
        }
    }
}
