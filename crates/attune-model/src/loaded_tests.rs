//! Whatever can be computed with a bundled model can be computed with a user's, and means the same.

use super::architecture::{Architecture, BodyShape};
use super::attention::EncoderShape;
use super::front::FrontShape;
use super::genre::GenreSet;
use super::genre_net::{HeadShape, PoolingShape};
use super::golden::Golden;
use super::hierarchical::{self, Hierarchical, HierarchicalModel, HierarchicalShape};
use super::load::hex;
use super::manifest::FORMAT;
use super::recurrent::RecurrentShape;
use super::scores::{Contents, ScoreNet, ScoreSet, Scores};
use super::tcn::TcnShape;
use super::trained::{Origin, TrainedFiles};
use super::{EvidenceMap, LoadedModel, Manifest, ModelError, ModelSet, bundled, bundled_optional, from_files};
use attune_audio::features::{FrameBlock, FrontEndSpec};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::score::{ScoreKind, ScorePoolingShape};
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const WIDTH: usize = 8;
const FRAMES: usize = 120;

fn bodies() -> [(&'static str, BodyShape); 5] {
    let recurrent = RecurrentShape {
        inputs: WIDTH,
        hidden: 6,
        layers: 2,
        dropout: 0.0,
    };
    let tcn = TcnShape {
        width: WIDTH,
        taps: 3,
        dilations: vec![1, 2, 4],
        dropout: 0.0,
        normalized: false,
    };
    let attention = EncoderShape {
        width: WIDTH,
        heads: 2,
        feed: 16,
        layers: 2,
        context: 20,
        dropout: 0.0,
    };
    [
        ("my-rnn", BodyShape::Rnn(recurrent.clone())),
        ("my-lstm", BodyShape::Lstm(recurrent)),
        ("my-tcn", BodyShape::Tcn(tcn)),
        ("my-attention", BodyShape::Attention(attention.clone())),
        ("my-evidence", BodyShape::Attention(attention)),
    ]
}

fn tensors_of(store: &WeightStore) -> HashMap<String, Tensor> {
    let all = store.all();
    all.map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
        .collect()
}

/// Saves a small network with random weights as a user's own, and returns the path of its manifest.
fn save(folder: &Path, name: &str, body: BodyShape) -> PathBuf {
    let front_end = FrontEndSpec::default();
    let genres = GenreSet::gtzan();
    let pooling = match &body {
        BodyShape::Attention(_) if name == "my-evidence" => PoolingShape::Evidence {
            local: 8,
            every: 4,
            context: 40,
        },
        BodyShape::Attention(_) => PoolingShape::Attentive { hidden: 4, context: 30 },
        _ => PoolingShape::Moments { time_constant: 20.0 },
    };
    let architecture = Architecture {
        front: FrontShape {
            bands: front_end.bands,
            maps: 4,
            kernel_bands: 16,
            kernel_frames: 5,
            stride_bands: 16,
            width: WIDTH,
            smoothing_frames: 1,
        },
        stem: None,
        body,
        pooling,
        head: HeadShape {
            hidden: 8,
            classes: genres.len(),
            dropout: 0.0,
        },
    };
    let mut store = WeightStore::random(11);
    let net = architecture.build(&mut store).unwrap();
    let mut stream = net.open().unwrap();
    let weights = safetensors::serialize(tensors_of(&store), None).unwrap();
    let manifest = Manifest {
        format: FORMAT,
        name: name.to_owned(),
        golden: Golden::measure(&front_end, stream.as_mut()).unwrap(),
        front_end,
        genres,
        temperature: 1.0,
        weight_count: store.params().map(|(_, var)| var.elem_count()).sum(),
        context_frames: net.context_frames(),
        architecture,
        precision: Precision::F32,
        weights_sha256: hex(&Sha256::digest(&weights)),
        familiarity: None,
        licence: String::new(),
        provenance: String::new(),
    };
    let path = folder.join(name).with_extension("json");
    std::fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    std::fs::write(path.with_extension("safetensors"), weights).unwrap();
    path
}

/// Those of a user, from files.
fn users() -> ModelSet {
    let folder = tempfile::tempdir().unwrap();
    let paths = bodies().map(|(name, body)| save(folder.path(), name, body));
    from_files(&paths).unwrap()
}

/// A hierarchical network with random weights over this model.
fn hierarchical_over(model: &LoadedModel) -> HierarchicalModel {
    let shape = HierarchicalShape {
        inputs: model.feature_width(),
        word_frames: 3,
        segment_words: 10,
        hidden: 4,
        width: 4,
        classes: 10,
        dropout: 0.0,
        attends: true,
    };
    let mut store = WeightStore::random(12);
    Hierarchical::new(store.root(), shape).unwrap();
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    let origin = Origin {
        name: "mine".to_owned(),
        encoder_sha256: Some(model.manifest().weights_sha256.clone()),
        labels: GenreSet::gtzan().labels().to_vec(),
        temperature: 1.0,
        provenance: String::new(),
    };
    let files = TrainedFiles::new::<Hierarchical>(&shape, &tensors.collect(), origin).unwrap();
    HierarchicalModel::from_bytes(files.json().unwrap().as_bytes(), &files.weights).unwrap()
}

/// A score function with random weights over this model, through the bytes of a file.
fn scores_over(model: &LoadedModel) -> ScoreSet {
    let shape = ScorePoolingShape {
        kind: ScoreKind::ScaledDot,
        inputs: model.feature_width(),
        width: 4,
        context: 25,
    };
    let mut store = WeightStore::random(13);
    ScoreNet::new(&mut store, shape, 10).unwrap();
    let contents = Contents {
        encoder_sha256: model.manifest().weights_sha256.clone(),
        classes: 10,
        poolings: vec![shape],
    };
    let bytes = safetensors::serialize(tensors_of(&store), Some(contents.metadata().unwrap())).unwrap();
    ScoreSet::from_bytes(&bytes).unwrap()
}

fn frames(bands: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(14);
    (0..FRAMES * bands).map(|_| rng.random::<f32>() * 4.0 - 2.0).collect()
}

/// The largest difference of two rows, as a share of the largest value.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(1e-6f32, |most, value| most.max(value.abs()));
    a.iter().zip(b).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs())) / most
}

/// Everything that can be computed with one model by itself.
fn compute_all(model: &LoadedModel) {
    let manifest = model.manifest();
    let (name, bands) = (&manifest.name, manifest.front_end.bands);
    let x = frames(bands);

    // Features: of each frame from it and those before it; the trainable form has the same, but for rounding to bf16.
    let features = model.encode(&x).unwrap();
    let width = model.feature_width();
    assert_eq!(features.len(), FRAMES * width, "{name}");
    assert_eq!(
        model.encode(&x[..50 * bands]).unwrap(),
        features[..50 * width],
        "{name}"
    );
    assert!(model.encode(&x[1..]).is_err(), "{name}: not whole frames");
    let clip = Tensor::from_slice(&x, (1, FRAMES, bands), &Device::Cpu).unwrap();
    let net = model.trainable().unwrap();
    let trained = net
        .features(&clip)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1::<f32>()
        .unwrap();
    let bound = if manifest.precision == Precision::F32 {
        1e-4
    } else {
        0.1
    };
    assert!(
        difference(&features, &trained) < bound,
        "{name}: {}",
        difference(&features, &trained)
    );

    // The receptive field: exactly nothing beyond the nominal one, and something at the newest frame.
    let norms = model.effective_receptive_field(&x).unwrap();
    assert_eq!(norms.len(), FRAMES, "{name}");
    assert!(norms[0] > 0.0, "{name}");
    if let Some(field) = model.receptive_field().filter(|field| *field < FRAMES) {
        assert!(norms[field..].iter().all(|norm| *norm == 0.0), "{name}: {norms:?}");
    }
    assert!(matches!(
        model.effective_receptive_field(&[]),
        Err(ModelError::NoFrames)
    ));

    // The gradient of a logit by the input, against a central difference in its own direction.
    let read = [FRAMES - 1];
    let logit = |x: &Tensor| {
        net.classify(x, &read, &mut Pass::Infer)
            .unwrap()
            .logits
            .narrow(2, 0, 1)
            .unwrap()
    };
    let input = Var::from_tensor(&clip).unwrap();
    let grads = logit(input.as_tensor()).sum_all().unwrap().backward().unwrap();
    let grad = grads.get(&input).unwrap();
    let norm = grad
        .sqr()
        .unwrap()
        .sum_all()
        .unwrap()
        .to_scalar::<f32>()
        .unwrap()
        .sqrt();
    let at = |step: f64| {
        let moved = (&clip + (grad * (step / f64::from(norm))).unwrap()).unwrap();
        logit(&moved).sum_all().unwrap().to_scalar::<f32>().unwrap()
    };
    let slope = (at(5e-2) - at(-5e-2)) / 0.1;
    // ReLUs bend within the step.
    assert!(
        (slope / norm - 1.0).abs() < 0.1,
        "{name}: gradient {norm}, difference {slope}"
    );

    // Attention can be overridden and heads can be ablated where there are any.
    let mut stream = model.stream().unwrap();
    let block = FrameBlock::new(&x, bands);
    let output = stream.answers(block).unwrap();
    let attends = matches!(manifest.architecture.body, BodyShape::Attention(_));
    let mut map = EvidenceMap::default();
    assert_eq!(
        stream.evidence(&mut map),
        matches!(manifest.architecture.pooling, PoolingShape::Evidence { .. }),
        "{name}"
    );
    let newest = [vec![0.0; FRAMES - 1], vec![1.0]].concat();
    assert_eq!(
        stream.override_attention(&newest).is_some(),
        output.attention.is_some(),
        "{name}"
    );
    let mut ablated = model.stream().unwrap();
    assert_eq!(ablated.ablate_head(0, 1), attends, "{name}");
    assert_eq!(
        ablated.answers(block).unwrap().logits != output.logits,
        attends,
        "{name}"
    );
}

#[test]
fn a_users_models_compute_whatever_bundled_ones_do() {
    let (mine, theirs) = (users(), bundled().unwrap());
    let optional = bundled_optional().unwrap();
    for model in mine.models.iter().chain(&theirs.models).chain(&optional) {
        compute_all(model);
    }
}

#[test]
fn what_is_trained_over_a_users_model_runs_over_it_and_over_no_other() {
    let (mine, theirs) = (users(), bundled().unwrap());
    let x = frames(mine.front_end.bands);
    for models in [&mine, &theirs] {
        for model in &models.models {
            let name = &model.manifest().name;
            let reader = hierarchical::SegmentReader::new(hierarchical_over(model), models).unwrap();
            // Segments of 30 frames.
            let decided = reader.frames(&x).unwrap().unwrap();
            assert_eq!(decided.segments.len(), 4, "{name}");
            let sum: f64 = decided.segments.iter().map(|segment| segment.weight).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{name}: {sum}");
            assert!(
                decided.segments.iter().all(|segment| segment.without.is_some()),
                "{name}"
            );
            let scores = Scores::new(models, scores_over(model)).unwrap();
            let [(kind, weights)] = &scores.weights(&x).unwrap()[..] else {
                panic!("{name}: one score function");
            };
            assert_eq!((*kind, weights.len()), (ScoreKind::ScaledDot, FRAMES), "{name}");
            assert!(weights[..FRAMES - 25].iter().all(|weight| *weight == 0.0), "{name}");
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{name}");
        }
    }
    // What is bundled needs the bundled TCN, and what is a user's the user's model; the errors say so.
    let errors = [
        hierarchical::SegmentReader::bundled(&mine).unwrap_err(),
        Scores::bundled(&mine).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ModelError::EncoderMissing { .. }));
        let text = error.to_string();
        assert!(text.contains("the bundled tcn") && text.contains("my-lstm"), "{text}");
    }
    let foreign = hierarchical::SegmentReader::new(hierarchical_over(&mine.models[0]), &theirs).unwrap_err();
    let text = foreign.to_string();
    assert!(text.contains(&mine.models[0].manifest().weights_sha256), "{text}");
}

#[test]
fn the_trainable_form_is_built_once_and_shared_by_clones() {
    let models = users();
    let model = &models.models[0];
    let first: *const dyn super::architecture::Net = model.trainable().unwrap();
    let clone = model.clone();
    let again: *const dyn super::architecture::Net = clone.trainable().unwrap();
    assert!(std::ptr::addr_eq(first, again));
    // The file's own bytes, from which anyone can load the model once more.
    let manifest = serde_json::to_vec(model.manifest()).unwrap();
    let reloaded = super::load::from_bytes(&manifest, model.weights().to_vec()).unwrap();
    let x = frames(models.front_end.bands);
    assert_eq!(reloaded.encode(&x).unwrap(), model.encode(&x).unwrap());
}
