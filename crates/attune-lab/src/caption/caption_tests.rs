//! What examples hold, what the loss asks for, and what the bundled network makes of
//! pieces that it was not trained on.

use super::judge::{LEAST_DIVERGENCE, judge};
use super::learn::{Captions, Weighing};
use super::pieces::{Example, FRAMES, NOBODY, Sounding};
use super::{shape, words};
use crate::{Cells, Run, RunConfig, RunEvent};
use attune_audio::features::FrontEndSpec;
use attune_model::ModelError;
use attune_model::caption::{CaptionNet, CaptionReader, Decoded};
use attune_nn::Pass;
use attune_nn::weights::WeightStore;
use attune_train::dataset::Side;
use candle_core::{DType, Device, Tensor};
use std::sync::atomic::AtomicBool;

fn piece(number: u64) -> Sounding {
    let spec = FrontEndSpec::default();
    Sounding::new((1, Side::Valid, number), &spec, shape(&spec).grid(FRAMES)).unwrap()
}

#[test]
fn without_its_stem_a_word_is_not_true_and_owns_no_tile() {
    let piece = piece(3);
    let stems = piece.stems();
    assert!(stems > 1);
    let all = piece.example(0, &vec![1.0; stems]).unwrap();
    for stem in 0..stems {
        let word = piece.word(stem);
        assert!(all.words.contains(&word));
        let mut gains = vec![1.0; stems];
        gains[stem] = 0.0;
        let without = piece.example(0, &gains).unwrap();
        assert!(!without.words.contains(&word) && !without.mask(word).contains(&true));
        // Alone, all that sounds is its own.
        let alone: Vec<f32> = (0..stems).map(|other| f32::from(u8::from(other == stem))).collect();
        let alone = piece.example(0, &alone).unwrap();
        let sounding = alone.owners.iter().filter(|owner| **owner != NOBODY);
        assert!(sounding.clone().count() > 0 && sounding.clone().all(|owner| u32::from(*owner) == word));
        assert!(
            alone
                .words
                .iter()
                .filter(|word| words::is_instrument(**word))
                .eq([&word])
        );
    }
    // In the order of the language: instruments rising, then tempo, then mode.
    assert!(all.words.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", all.words);
}

#[test]
fn the_penalty_is_least_where_attention_is_spread() {
    let example = piece(3).example(0, &vec![1.0; piece(3).stems()]).unwrap();
    let captions = Captions::new(&[&example]).unwrap();
    let (n, tiles) = (example.words.len() + 1, example.owners.len());
    let of_weights = |weights: Vec<f32>| Decoded {
        logits: Tensor::zeros((1, n, words::COUNT), DType::F32, &Device::Cpu).unwrap(),
        weights: Tensor::from_vec(weights, (1, n, tiles), &Device::Cpu).unwrap(),
    };
    let loss = |weights: Vec<f32>, spread: f64, guide: f64| -> f32 {
        let loss = captions.loss(&of_weights(weights), Weighing { spread, guide }).unwrap();
        loss.to_scalar().unwrap()
    };
    let even = vec![1.0 / tiles as f32; n * tiles];
    let mut narrow = vec![0.0; n * tiles];
    (0..n).for_each(|word| narrow[word * tiles] = 1.0);
    let words_only = n as f32 * (words::COUNT as f32).ln();
    assert!((loss(even.clone(), 0.0, 0.0) - words_only).abs() < 1e-3);
    // Σ (1 − Σ α)² by hand: every tile has n/L, or one has n and the others nothing.
    let by_hand = |sums: &mut dyn Iterator<Item = f32>| sums.map(|sum| (1.0 - sum).powi(2)).sum::<f32>();
    let expected = by_hand(&mut (0..tiles).map(|_| n as f32 / tiles as f32));
    assert!((loss(even.clone(), 1.0, 0.0) - words_only - expected).abs() < 1e-2);
    let expected = by_hand(&mut (0..tiles).map(|tile| if tile == 0 { n as f32 } else { 0.0 }));
    assert!((loss(narrow, 1.0, 0.0) - words_only - expected).abs() < 1e-2);
    // Attention on the words' own tiles costs nothing.
    let mut own = even.clone();
    for (place, &word) in example
        .words
        .iter()
        .enumerate()
        .filter(|(_, word)| words::is_instrument(**word))
    {
        let mask = example.mask(word);
        let count = mask.iter().filter(|is_in| **is_in).count().max(1) as f32;
        let row = own[place * tiles..][..tiles].iter_mut().zip(&mask);
        row.for_each(|(weight, is_in)| *weight = f32::from(u8::from(*is_in)) / count);
    }
    assert!((loss(own, 0.0, 1.0) - words_only).abs() < 1e-2);
    assert!(loss(even, 0.0, 1.0) > words_only + 0.5);
}

#[test]
fn a_gradient_reaches_every_variable() {
    let spec = FrontEndSpec::default();
    let mut store = WeightStore::random(1);
    let net = CaptionNet::new(store.root(), &shape(&spec)).unwrap();
    let example: Example = piece(0).example(0, &vec![1.0; piece(0).stems()]).unwrap();
    let captions = Captions::new(&[&example]).unwrap();
    let x = Tensor::from_vec(example.wide(), (1, FRAMES, spec.bands), &Device::Cpu).unwrap();
    let mut rng = rand::SeedableRng::seed_from_u64(1);
    let decoded = net.decode(&x, &captions.before, &mut Pass::Train(&mut rng)).unwrap();
    let weighing = Weighing {
        spread: 0.1,
        guide: 1.0,
    };
    let grads = captions.loss(&decoded, weighing).unwrap().backward().unwrap();
    for (name, var) in store.params() {
        let grad = grads.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let size: f32 = grad.abs().unwrap().sum_all().unwrap().to_scalar().unwrap();
        assert!(size > 0.0 && size.is_finite(), "{name}: {size}");
    }
}

/// The bundled network on pieces whose seeds and presets it has not learnt from: a small version of the figures on its
/// card.
#[test]
fn the_bundled_network_says_what_sounds_and_looks_at_it() {
    let reader = CaptionReader::bundled().unwrap();
    let none = || Err(ModelError::NotFinite);
    let (stop, mut say) = (AtomicBool::new(false), |_: RunEvent<'_>| {});
    let config = RunConfig { quick: true, seed: 1 };
    let mut run = Run::new(config, Cells::default(), &none, &mut say, &stop);
    let outcome = judge(&reader.model().net, (1, 40), reader.front_end(), (0, 0.0), &mut run).unwrap();
    assert!(outcome.f1.value > 0.8, "{outcome:?}");
    assert!(outcome.muted.value > 0.8, "{outcome:?}");
    assert!(outcome.kept.value > 0.8, "{outcome:?}");
    // With a tolerance of one tile the gradient is 1.8 points behind (300 pieces): 40 pieces cannot show that. Without
    // tolerance they can.
    for (pointing, others) in [(outcome.pointing, 2), (outcome.pointing_exactly, 3)] {
        let others = [pointing.uniform, pointing.loudest, pointing.gradient]
            .into_iter()
            .take(others);
        for other in others {
            assert!(pointing.attention.value > other.value, "{pointing:?}");
        }
    }
    assert!(outcome.divergence.value > LEAST_DIVERGENCE, "{outcome:?}");
}
