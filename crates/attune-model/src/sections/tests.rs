//! Nothing that is not there yet is seen; what is kept equals what is computed anew; and every weight learns.

use super::*;
use crate::hierarchical::HierarchicalModel;
use crate::token_decoder::Ranking;
use crate::trained::{Origin, TrainedFiles};
use crate::{ModelError, load};
use attune_nn::weights::WeightStore;
use candle_core::Var;
use std::collections::HashMap;
use std::sync::Arc;

const GENRES: usize = 4;
const INPUTS: usize = 5;
const CONTEXT: usize = 3;

fn shape(kind: SectionKind, reading: Reading) -> SectionShape {
    SectionShape {
        kind,
        reading,
        inputs: INPUTS,
        step_frames: 16,
        width: 16,
        heads: 2,
        layers: if kind == SectionKind::Bahdanau { 1 } else { 2 },
        genres: GENRES,
        attends: true,
        dropout: 0.0,
    }
}

/// Every network that there is.
fn shapes() -> Vec<SectionShape> {
    let whole = SectionKind::ALL.map(|kind| shape(kind, Reading::Whole));
    let live = [SectionKind::Transformer, SectionKind::Pervasive];
    let live = live.map(|kind| shape(kind, Reading::Live { context: CONTEXT }));
    whole.into_iter().chain(live).collect()
}

fn store_and_net(shape: SectionShape) -> (WeightStore, SectionNet) {
    let mut store = WeightStore::random(5);
    let net = SectionNet::new(store.root(), shape).unwrap();
    (store, net)
}

fn source(steps: usize) -> Tensor {
    let wave = |n: usize| ((n * n) as f32 * 0.37).sin();
    let x = (0..steps * INPUTS).map(wave).collect();
    Tensor::from_vec(x, (1, steps, INPUTS), &Device::Cpu).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_gradient_of_a_token_to_later_tokens_is_exactly_zero() {
    for shape in shapes() {
        let (_, net) = store_and_net(shape);
        let x = source(9);
        let memory = net.encode(&x, &mut Pass::Infer).unwrap();
        let rows = vec![shape.start(), 1, 3, 0, 2];
        let places = shape.is_live().then(|| vec![1, 2, 3, 4, 5]);
        // Through the embeddings, which are all different: a token's own row of the table.
        for token in 0..rows.len() {
            let logits = |rows: &[u32]| {
                let decoded = net
                    .decode(&memory, &[rows.to_vec()], places.as_deref(), &mut Pass::Infer)
                    .unwrap();
                values(&decoded.logits.narrow(1, token, 1).unwrap())
            };
            let mut later = rows.clone();
            for other in &mut later[token + 1..] {
                *other = (*other + 1) % GENRES as u32;
            }
            assert_eq!(logits(&rows), logits(&later), "{shape:?}, token {token}");
            let mut own = rows.clone();
            own[token] = (own[token] + 1) % GENRES as u32;
            assert_ne!(logits(&rows), logits(&own), "{shape:?}, token {token}");
        }
    }
}

#[test]
fn the_gradient_of_a_live_token_to_source_beyond_its_prefix_is_exactly_zero() {
    for shape in shapes().into_iter().filter(SectionShape::is_live) {
        let (_, net) = store_and_net(shape);
        let x = Var::from_tensor(&source(9)).unwrap();
        let places = [1, 2, 3, 4, 8];
        let memory = net.encode(x.as_tensor(), &mut Pass::Infer).unwrap();
        let inputs = shape.live_inputs(&[1, shape.end(), 2, shape.end(), 0]);
        let decoded = net.decode(&memory, &[inputs], Some(&places), &mut Pass::Infer).unwrap();
        for (token, place) in places.into_iter().enumerate() {
            let logits = decoded.logits.narrow(1, token, 1).unwrap();
            let grads = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let grads: Vec<Vec<f32>> = grads.get(x.as_tensor()).unwrap().squeeze(0).unwrap().to_vec2().unwrap();
            for (step, grad) in grads.iter().enumerate().skip(place + 1) {
                assert!(
                    grad.iter().all(|g| *g == 0.0),
                    "{shape:?}, token {token}, step {step}: {grad:?}"
                );
            }
            assert!(grads[place].iter().any(|g| *g != 0.0), "{shape:?}, token {token}");
        }
    }
}

#[test]
fn token_by_token_with_what_is_kept_equals_all_at_once() {
    for shape in shapes().into_iter().filter(|shape| !shape.is_live()) {
        let (_, net) = store_and_net(shape);
        let x = Tensor::cat(&[source(11), (source(11) * 0.5).unwrap()], 0).unwrap();
        let memory = net.encode(&x, &mut Pass::Infer).unwrap();
        let rows = [vec![shape.start(), 1, 3, 0, 2, 2], vec![shape.start(), 0, 1, 0, 3, 1]];
        let decoded = net.decode(&memory, &rows, None, &mut Pass::Infer).unwrap();
        let mut state = net.start(&memory).unwrap();
        let [first, second] = &rows;
        for (token, (one, other)) in first.iter().zip(second).enumerate() {
            let (logits, alignment) = net.step(&[*one, *other], &mut state).unwrap();
            for (kept, anew) in [
                (logits, decoded.logits.narrow(1, token, 1).unwrap()),
                (alignment, decoded.alignment.narrow(2, token, 1).unwrap()),
            ] {
                let far = values(&kept)
                    .iter()
                    .zip(values(&anew))
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(far <= 1e-5, "{shape:?}, token {token}: {far}");
            }
        }
    }
}

#[test]
fn a_live_list_equals_the_network_over_the_whole_stream() {
    for shape in shapes().into_iter().filter(SectionShape::is_live) {
        let net = Arc::new(store_and_net(shape).1);
        // Longer than what a token depends on, so that the beginning is no longer kept.
        let steps = 4 * shape.reach().unwrap();
        let x = source(steps);
        let rows: Vec<Vec<f32>> = x.squeeze(0).unwrap().to_vec2().unwrap();
        for k in [1, 3] {
            let mut ticker = SectionTicker::new(Arc::clone(&net), 1.0, k).unwrap();
            let mut listed = Vec::new();
            for row in &rows {
                listed.extend(ticker.push(row).unwrap());
            }
            listed.extend(ticker.finish().unwrap());
            // Over all at once, given the tokens that it wrote.
            let memory = net.encode(&x, &mut Pass::Infer).unwrap();
            let places: Vec<usize> = (0..steps).map(|token| (token + k).min(steps) - 1).collect();
            let (mut tokens, mut expected) = (Vec::new(), Vec::new());
            for token in 0..steps {
                tokens.push(shape.end());
                let inputs = shape.live_inputs(&tokens);
                let decoded = net
                    .decode(&memory, &[inputs], Some(&places[..=token]), &mut Pass::Infer)
                    .unwrap();
                let logits = values(&decoded.logits.narrow(1, token, 1).unwrap());
                let best = (0..logits.len())
                    .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
                    .unwrap() as u32;
                let lasts = tokens
                    .iter()
                    .rev()
                    .skip(1)
                    .find(|token| **token != shape.end())
                    .copied();
                tokens[token] = best;
                if best != shape.end() && lasts != Some(best) {
                    expected.push((best, token as u64, (token + k).min(steps) as u64));
                }
            }
            let listed: Vec<_> = listed.iter().map(|it| (it.genre, it.since, it.read)).collect();
            assert_eq!(listed, expected, "{shape:?}, k = {k}");
            assert!(!expected.is_empty());
        }
    }
}

#[test]
fn every_weight_is_reached() {
    for shape in shapes() {
        let (store, net) = store_and_net(shape);
        let memory = net.encode(&source(9), &mut Pass::Infer).unwrap();
        let places = shape.is_live().then(|| vec![3, 4, 5, 6, 7]);
        let rows = vec![shape.start(), 1, 3, 0, 2];
        let decoded = net
            .decode(&memory, &[rows], places.as_deref(), &mut Pass::Infer)
            .unwrap();
        let grads = decoded.logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for (name, var) in store.params() {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{shape:?}: {name} has none"));
            assert!(values(grad).iter().all(|g| g.is_finite()), "{shape:?}: {name}");
            assert!(
                values(grad).iter().any(|g| *g != 0.0),
                "{shape:?}: {name} has only zeros"
            );
        }
    }
}

#[test]
fn a_beam_of_one_is_greedy_and_a_wide_one_is_no_worse() {
    for shape in shapes().into_iter().filter(|shape| !shape.is_live()) {
        let (_, net) = store_and_net(shape);
        let memory = net.encode(&source(9), &mut Pass::Infer).unwrap();
        let best = greedy(&net, &memory, 6).unwrap().remove(0);
        let narrow = beam(&net, &memory, 1, 6).unwrap();
        assert_eq!(narrow.tokens, best.tokens, "{shape:?}");
        let far = (narrow.log_probability - best.log_probability).abs();
        assert!(far < 1e-5, "{shape:?}: {far}");
        // With every hypothesis kept, nothing that has the same length and a higher probability is missed.
        let wide = beam(&net, &memory, 5_000, 2).unwrap();
        let short = greedy(&net, &memory, 2).unwrap().remove(0);
        assert!(
            !short.has_ended || Ranking::PerToken.score(&wide) >= Ranking::PerToken.score(&short) - 1e-9,
            "{shape:?}"
        );
        let (_, forced) = forced(&net, &memory, &wide.tokens).unwrap();
        assert!(
            (forced - wide.log_probability).abs() < 1e-4,
            "{shape:?}: {forced} {wide:?}"
        );
    }
}

#[test]
fn without_attention_the_order_of_the_source_cannot_be_chosen_from() {
    for kind in SectionKind::ALL {
        let shape = SectionShape {
            attends: false,
            ..shape(kind, Reading::Whole)
        };
        let (_, net) = store_and_net(shape);
        let memory = net.encode(&source(9), &mut Pass::Infer).unwrap();
        assert_eq!(memory.dims(), [1, 1, 16]);
        let (alignment, _) = forced(&net, &memory, &[1, 2]).unwrap();
        assert_eq!(alignment, [[1.0], [1.0]], "{kind:?}");
    }
}

#[test]
fn a_model_comes_back_from_its_files_and_a_wrong_one_is_refused() {
    for shape in shapes() {
        let (store, _) = store_and_net(shape);
        let tensors: HashMap<String, Tensor> = store
            .all()
            .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
            .collect();
        let origin = Origin {
            name: "mine".to_owned(),
            encoder_sha256: Some("0".repeat(64)),
            labels: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            temperature: 1.0,
            provenance: String::new(),
        };
        let files = TrainedFiles::new::<SectionNet>(&shape, &tensors, origin).unwrap();
        let json = files.json().unwrap();
        let model = SectionModel::from_bytes(json.as_bytes(), &files.weights).unwrap();
        assert_eq!(model.manifest, files.manifest);
        let layers = format!("\"layers\": {}", shape.layers);
        for (from, to) in [
            ("\"width\": 16", "\"width\": 100000"),
            (&layers[..], "\"layers\": 3"),
            ("\"d\"", "\"d\", \"e\""),
        ] {
            assert!(json.contains(from), "{json}");
            let error = SectionModel::from_bytes(json.replace(from, to).as_bytes(), &files.weights).unwrap_err();
            assert!(
                matches!(error, ModelError::Shape(_) | ModelError::Compute(_)),
                "{to}: {error}"
            );
        }
        let mut golden = files.clone();
        golden.manifest.golden[0] += 0.1;
        let error = SectionModel::from_bytes(golden.json().unwrap().as_bytes(), &files.weights).unwrap_err();
        assert!(matches!(error, ModelError::Golden(_)), "{error}");
        // It is no classifier of frames, and no network of another kind.
        let error = HierarchicalModel::from_bytes(json.as_bytes(), &files.weights).unwrap_err();
        assert!(
            matches!(&error, ModelError::Kind { found, .. } if found == "sections"),
            "{error}"
        );
        let error = load::from_bytes(json.as_bytes(), files.weights).unwrap_err();
        assert!(matches!(error, ModelError::Kind { .. }), "{error}");
    }
}
