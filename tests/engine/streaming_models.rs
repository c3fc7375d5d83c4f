//! The contract of every engine: how frames are cut into calls makes no difference, streams do not disturb each other,
//! a state is remembered, and the future changes nothing.

use attune_audio::decode::decode_file;
use attune_audio::features::{FeatureExtractor, FrameBlock};
use attune_model::architecture::{BodyShape, Net};
use attune_model::familiarity::{Familiarity, HiddenStatistics};
use attune_model::genre_net::PoolingShape;
use attune_model::load::from_bytes;
use attune_model::{EvidenceMap, GenreStream, from_files};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::statistics::AttentivePooling;
use attune_nn::streaming::frame_buf::FrameBuf;
use attune_nn::weights::WeightStore;
use attune_train::recipe::{ModelKind, Recipe};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;

const BANDS: usize = 128;
const CLASSES: usize = 10;
const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::Bf16];
const ENGINES: [Engine; 5] = [
    Engine::Kind(ModelKind::Rnn),
    Engine::Kind(ModelKind::Lstm),
    Engine::Kind(ModelKind::Tcn),
    Engine::Kind(ModelKind::Attention),
    Engine::Attentive,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// What is trained today.
    Kind(ModelKind),
    /// Attention with the pooling of weights trained earlier.
    Attentive,
}

impl Engine {
    /// Frames within which every frame has its part in an answer.
    fn within(self) -> usize {
        match self {
            Self::Kind(ModelKind::Attention) => 4,
            Self::Kind(_) | Self::Attentive => 1,
        }
    }
}

/// The shipped architecture with drawn weights and a moving average of its input; contexts short enough to pass three
/// of them in a test.
fn net(engine: Engine) -> Arc<dyn Net> {
    let kind = match engine {
        Engine::Kind(kind) => kind,
        Engine::Attentive => ModelKind::Attention,
    };
    let mut architecture = Recipe::new(kind, CLASSES, 7, 1).architecture;
    architecture.front.smoothing_frames = 3;
    if let BodyShape::Attention(shape) = &mut architecture.body {
        shape.context = 48;
    }
    if engine == Engine::Attentive {
        architecture.pooling = PoolingShape::Attentive {
            hidden: 64,
            context: 40,
        };
    } else if let PoolingShape::Evidence { context, .. } = &mut architecture.pooling {
        *context = 40;
    }
    architecture.build(&mut WeightStore::random(3)).unwrap()
}

fn frames(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count * BANDS).map(|_| rng.random::<f32>() * 4.0 - 2.0).collect()
}

fn push(stream: &mut dyn GenreStream, data: &[f32]) -> Vec<f32> {
    stream.answers(FrameBlock::new(data, BANDS)).unwrap().logits
}

/// Logits when the frames come in blocks of these sizes, over and over.
fn cut(net: &Arc<dyn Net>, data: &[f32], sizes: &[usize]) -> Vec<f32> {
    cut_stream(net.open().unwrap(), data, sizes)
}

fn cut_stream(mut stream: Box<dyn GenreStream>, data: &[f32], sizes: &[usize]) -> Vec<f32> {
    let (mut rest, mut logits) = (data, Vec::new());
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            return logits;
        }
        let (block, after) = rest.split_at((size * BANDS).min(rest.len()));
        logits.extend(push(stream.as_mut(), block));
        rest = after;
    }
    logits
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn cuts_make_no_difference() {
    // 420 frames: past three attention contexts, and more than the longest block that is computed at once.
    let data = frames(420, 1);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let random: Vec<usize> = (0..60).map(|_| rng.random_range(1..40)).collect();
    for (engine, precision) in ENGINES
        .into_iter()
        .flat_map(|engine| PRECISIONS.map(|kept| (engine, kept)))
    {
        let net = net(engine).pack(precision).unwrap();
        let cut = |sizes: &[usize]| cut_stream(Arc::clone(&net).open().unwrap(), &data, sizes);
        let whole = cut(&[4096]);
        assert_eq!(whole.len(), 420 * CLASSES);
        assert_eq!(whole, cut(&[4096]), "{engine:?}: again");
        for sizes in [
            &[1][..],
            &[2, 3, 5, 7, 11, 13, 17, 19, 23],
            &[47, 48, 49],
            &[256, 1],
            &random,
        ] {
            // Each frame is computed by itself, in the same order of sums: equal to the last bit.
            assert_eq!(whole, cut(sizes), "{engine:?} of {precision:?} in blocks of {sizes:?}");
        }
    }
}

#[test]
fn a_bystander_does_not_disturb() {
    let (data, other) = (frames(60, 1), frames(60, 9));
    for engine in ENGINES {
        let net = net(engine);
        let (mut ours, mut theirs) = (net.open().unwrap(), net.open().unwrap());
        let mut logits = Vec::new();
        for (data, other) in data.chunks(7 * BANDS).zip(other.chunks(7 * BANDS)) {
            logits.extend(push(ours.as_mut(), data));
            push(theirs.as_mut(), other);
        }
        assert_eq!(logits, cut(&net, &data, &[7]), "{engine:?}");
    }
}

#[test]
fn the_past_is_remembered_until_reset() {
    let data = frames(50, 1);
    for engine in ENGINES {
        let mut stream = net(engine).open().unwrap();
        let first = push(stream.as_mut(), &data);
        let second = push(stream.as_mut(), &data);
        assert!(largest_difference(&first, &second) > 1e-2, "{engine:?} has no memory");
        stream.reset().unwrap();
        assert_eq!(first, push(stream.as_mut(), &data), "{engine:?} after reset");
    }
}

#[test]
fn the_future_changes_nothing() {
    let data = frames(121, 1);
    for engine in ENGINES {
        let net = net(engine);
        let before = cut(&net, &data, &[4096]);
        for changed in [0, 1, 64, 119] {
            let mut other = data.clone();
            other[changed * BANDS..(changed + 1) * BANDS]
                .iter_mut()
                .for_each(|x| *x = -*x + 0.5);
            let after = cut(&net, &other, &[4096]);
            let (past, from) = (changed * CLASSES, (changed + engine.within()).min(121) * CLASSES);
            assert_eq!(
                before[..past],
                after[..past],
                "{engine:?}: frame {changed} changed an answer before it"
            );
            assert_ne!(
                before[past..from],
                after[past..from],
                "{engine:?}: frame {changed} did not change its own answer, or the next one"
            );
        }
    }
}

#[test]
fn attention_rows_sum_to_one_and_are_what_decides() {
    for engine in [Engine::Kind(ModelKind::Attention), Engine::Attentive] {
        attention_rows_sum_to_one(engine);
    }
}

fn attention_rows_sum_to_one(engine: Engine) {
    let mut stream = net(engine).open().unwrap();
    for (blocks, data) in frames(200, 1).chunks(13 * BANDS).enumerate() {
        let picture = stream.answers(FrameBlock::new(data, BANDS)).unwrap().attention.unwrap();
        let heard = ((blocks + 1) * 13).min(200);
        assert_eq!(picture.newest.0 as usize, heard - 1);
        assert_eq!(picture.frames, heard.min(48));
        assert_eq!((picture.layers, picture.heads), (2, 4));
        assert_eq!(picture.maps.len(), 8 * picture.frames);
        for row in picture
            .maps
            .chunks_exact(picture.frames)
            .chain([picture.pooling.as_slice()])
        {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row.iter().all(|weight| *weight >= 0.0));
        }
    }
}

#[test]
fn evidence_adds_up_to_the_answer_at_every_moment() {
    let data = frames(150, 6);
    let mut stream = net(Engine::Kind(ModelKind::Attention)).open().unwrap();
    let mut map = EvidenceMap::default();
    assert!(!stream.evidence(&mut map), "before the first frame");
    let (mut contributions, mut attention, mut heard) = (Vec::new(), Vec::new(), 0);
    for data in data.chunks(7 * BANDS) {
        let logits = push(stream.as_mut(), data);
        let logits = &logits[logits.len() - CLASSES..];
        heard += data.len() / BANDS;
        assert!(stream.evidence(&mut map));
        assert_eq!((map.newest.0 as usize, map.classes), (heard - 1, CLASSES));
        // One unit every 4 frames, ten in the window of 40 frames; each describes 16 frames.
        assert_eq!(map.units.len(), heard.div_ceil(4).min(10));
        let first = (map.units[0].0 + 1).saturating_sub(16);
        assert_eq!(map.frames(), first..heard as u64);
        assert!(largest_difference(&map.logits(), logits) < 1e-5);
        let mean = logits.iter().sum::<f32>() / CLASSES as f32;
        for (class, logit) in logits.iter().enumerate() {
            map.contribution_of_frames(class, &mut contributions);
            map.attention_of_frames(class, &mut attention);
            assert_eq!(
                (contributions.len() as u64, attention.len() as u64),
                (map.frames().end - first, map.frames().end - first)
            );
            let sum: f32 = contributions.iter().sum();
            assert!((sum - (logit - mean)).abs() < 1e-4, "{sum}");
            assert!((attention.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(attention.iter().all(|share| *share >= 0.0));
        }
        map.weight_of_frames(&mut attention);
        assert!((attention.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((1.0..=10.0 + 1e-3).contains(&map.effective_units()));
    }
    // Frame 149 has no part in the newest unit, which ends at 148. What speaks for one class speaks against another.
    let mut signs = [false; 2];
    for class in 0..CLASSES {
        map.contribution_of_frames(class, &mut contributions);
        assert!(contributions.pop().is_some_and(|newest| newest == 0.0));
        signs[0] |= contributions.iter().any(|of| *of < 0.0);
        signs[1] |= contributions.iter().any(|of| *of > 0.0);
    }
    assert_eq!(signs, [true; 2]);
}

#[test]
fn attention_put_in_the_place_of_itself_changes_nothing() {
    for engine in [Engine::Kind(ModelKind::Attention), Engine::Attentive] {
        let mut stream = net(engine).open().unwrap();
        for (count, seed) in [(1, 1), (6, 2), (90, 3)] {
            let output = stream.answers(FrameBlock::new(&frames(count, seed), BANDS)).unwrap();
            let own = &output.logits[output.logits.len() - CLASSES..];
            let overridden = stream.override_attention(&output.attention.unwrap().pooling).unwrap();
            let difference = largest_difference(own, &overridden);
            assert!(difference < 1e-4, "{engine:?}: {difference}");
            assert!(stream.override_attention(&[0.0; 4]).is_none());
        }
    }
}

#[test]
fn what_streams_is_what_learnt() {
    // 150 frames: past every context of `net`, and three of the blocks that a stream is worked on in.
    let count = 150;
    let data = frames(count, 5);
    for engine in ENGINES {
        let net = net(engine);
        let streamed = cut(&net, &data, &[7]);
        let x = Tensor::from_slice(&data, (1, count, BANDS), &Device::Cpu).unwrap();
        let every: Vec<usize> = (0..count).collect();
        let learnt = net.classify(&x, &every, &mut Pass::Infer).unwrap().logits;
        let learnt: Vec<f32> = learnt.flatten_all().unwrap().to_vec1().unwrap();
        // Sums of a few hundred f32 products of size about 1, in another order, through a dozen layers: each rounds by
        // 6e-8 of its size.
        let difference = largest_difference(&streamed, &learnt);
        assert!(difference < 1e-4, "{engine:?}: {difference}");
    }
}

#[test]
fn the_weights_that_are_drawn_are_those_the_classifier_sees() {
    let (count, features) = (150, 5);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let x: Vec<f32> = (0..count * features).map(|_| rng.random::<f32>() * 6.0 - 3.0).collect();
    // Shorter than a chunk of sums, as long, and over several.
    for context in [12, 32, 33, 100] {
        let pooling = AttentivePooling::new(WeightStore::random(8).root(), features, 4, context).unwrap();
        let packed = pooling.pack(Precision::F32).unwrap();
        let mut memory = packed.initial_state(features);
        let (mut rows, mut out) = (FrameBuf::new(features), FrameBuf::new(2 * features));
        rows.reset(1);
        let mut peak = 0.0_f32;
        for n in 0..count {
            rows.row_mut(0).copy_from_slice(&x[n * features..][..features]);
            packed.step(from_ref(&rows), from_ref(&rows), &mut memory, &mut out);
            let mut weights = Vec::new();
            memory.newest_weights(n + 1, &mut weights);
            let unseen = (n + 1).saturating_sub(context);
            assert!(weights[..unseen].iter().all(|&weight| weight == 0.0));
            for feature in 0..features {
                let of = |power: i32| -> f64 {
                    (0..=n)
                        .map(|k| f64::from(weights[k]) * f64::from(x[k * features + feature]).powi(power))
                        .sum()
                };
                let (mean, deviation) = (of(1), (of(2) - of(1).powi(2) + 1e-3).sqrt());
                let row = out.row(0);
                assert!((f64::from(row[feature]) - mean).abs() < 1e-5, "{context}, frame {n}");
                // A root near 0 magnifies: 1e-6 of the variance is 2e-5 of the least deviation.
                assert!((f64::from(row[features + feature]) - deviation).abs() < 5e-5);
            }
            let heaviest = weights.iter().copied().fold(0.0, f32::max) * context as f32;
            peak = peak.max(if n < context { 0.0 } else { heaviest });
        }
        assert!(
            peak > 2.0,
            "uniform weights would prove nothing: {peak} times their share"
        );
    }
}

#[test]
fn the_tcn_answers_from_exactly_its_receptive_field() {
    // The body alone: pooling remembers more on purpose.
    use attune_model::body::Body;
    use attune_model::tcn::{Tcn, TcnShape};
    let shape = TcnShape {
        width: 6,
        taps: 3,
        dilations: vec![1, 2, 4],
        dropout: 0.0,
        normalized: false,
    };
    let field = shape.receptive_field();
    let tcn = Tcn::new(WeightStore::random(2).root(), shape).unwrap();
    let answer = |impulse: Option<usize>| {
        let mut x = vec![0.5f32; 60 * 6];
        if let Some(at) = impulse {
            x[at * 6..(at + 1) * 6].fill(3.0);
        }
        let x = Tensor::from_vec(x, (1, 60, 6), &Device::Cpu).unwrap();
        let taps = tcn.forward(&x, &mut Pass::Infer).unwrap();
        taps[2].get(0).unwrap().to_vec2::<f32>().unwrap()
    };
    let (rest, hit) = (answer(None), answer(Some(20)));
    let changed: Vec<usize> = (0..60).filter(|&n| rest[n] != hit[n]).collect();
    assert_eq!(changed.first(), Some(&20));
    assert_eq!(changed.last(), Some(&(20 + field - 1)), "the field is {field} frames");
}

/// What the shipped models answer to the demo with their weights as halves, beside the weights as they were learnt.
#[test]
fn halves_leave_the_answers_what_they_were() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (info, samples) = decode_file(&root.join("assets/demo/demo.ogg")).unwrap();
    let mut together = [Vec::new(), Vec::new()];
    for name in ["lstm", "tcn", "attention"] {
        let weights = fs::read(root.join(format!("models/{name}.safetensors"))).unwrap();
        let text = fs::read_to_string(root.join(format!("models/{name}.json"))).unwrap();
        let answers = PRECISIONS.map(|precision| {
            let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(manifest["precision"], "half", "{name} ships as halves");
            manifest["precision"] = serde_json::to_value(precision).unwrap();
            let model = from_bytes(manifest.to_string().as_bytes(), weights.clone()).unwrap();
            let mut extractor = FeatureExtractor::new(&model.manifest().front_end, info.rate).unwrap();
            let block = extractor.push(&samples).unwrap();
            let logits = push(model.stream().unwrap().as_mut(), &block.normalized);
            let answers = logits
                .chunks_exact(CLASSES)
                .map(|logits| softmax(logits, model.manifest().temperature));
            answers.collect::<Vec<_>>()
        });
        assert_ne!(answers[0], answers[1], "{name}: nothing was rounded");
        compare_answers(name, &answers);
        for (sums, answers) in together.iter_mut().zip(answers) {
            sums.resize(answers.len(), vec![0.0; CLASSES]);
            for (sum, answer) in sums.iter_mut().zip(answers) {
                sum.iter_mut().zip(answer).for_each(|(sum, p)| *sum += p / 3.0);
            }
        }
    }
    compare_answers("together", &together);
}

/// What README names for `--model` must pass every check of loading, its golden answer in halves too.
#[test]
fn the_plain_recurrent_engine_loads_and_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/rnn.json");
    let set = from_files(&[path]).unwrap();
    let model = &set.models[0];
    assert!(matches!(model.manifest().architecture.body, BodyShape::Rnn(_)));
    assert_eq!(model.manifest().precision, Precision::Bf16);
    let logits = push(model.stream().unwrap().as_mut(), &frames(50, 1));
    assert!(logits.len() == 50 * CLASSES && logits.iter().all(|logit| logit.is_finite()));
}

fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let powers: Vec<f32> = logits.iter().map(|logit| (logit / temperature).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// Frames' answers in single precision and in halves.
fn compare_answers(name: &str, [single, half]: &[Vec<Vec<f32>>; 2]) {
    let first = |answer: &[f32]| (0..CLASSES).max_by(|&a, &b| answer[a].total_cmp(&answer[b])).unwrap();
    let frames = single.len();
    let other = (0..frames).filter(|&n| first(&single[n]) != first(&half[n])).count();
    let differences = single.iter().zip(half).map(|(a, b)| largest_difference(a, b));
    let most = differences.fold(0.0, f32::max);
    println!("{name}: {other} of {frames} frames have another first genre, probabilities differ by at most {most:.4}");
    assert!(frames > 1_000 && other * 200 <= frames, "{name}: {other} of {frames}");
    assert!(most < 0.01, "{name}: {most}");
}

/// Statistics of a hidden layer, drawn.
fn familiarity(hidden: usize) -> Familiarity {
    const OUTPUTS: usize = CLASSES + 5;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random::<f32>() - 0.5).collect() };
    let statistics = HiddenStatistics {
        projection: draw(hidden * OUTPUTS),
        bias: draw(OUTPUTS),
    };
    Familiarity::new(&statistics, CLASSES, None)
}

#[test]
fn novelty_is_there_for_every_frame_however_the_frames_are_cut() {
    let data = frames(300, 11);
    for engine in ENGINES {
        for precision in PRECISIONS {
            let hidden = Recipe::new(ModelKind::Lstm, CLASSES, 7, 1).architecture.head.hidden;
            let packed = net(engine).pack_with(precision, Some(familiarity(hidden))).unwrap();
            let run = |sizes: &[usize]| -> Vec<f32> {
                let mut stream = Arc::clone(&packed).open().unwrap();
                let (mut rest, mut novelty) = (&data[..], Vec::new());
                for size in sizes.iter().cycle() {
                    let (block, after) = rest.split_at((size * BANDS).min(rest.len()));
                    novelty.extend(stream.answers(FrameBlock::new(block, BANDS)).unwrap().novelty);
                    rest = after;
                    if rest.is_empty() {
                        break;
                    }
                }
                novelty
            };
            let whole = run(&[300]);
            assert_eq!(whole.len(), 300);
            assert!(
                whole.iter().all(|d| d.is_finite()) && whole[0].to_bits() != whole[299].to_bits(),
                "{engine:?}"
            );
            for sizes in [&[1][..], &[7, 64, 1, 100], &[65]] {
                assert_eq!(run(sizes), whole, "{engine:?} {precision:?} {sizes:?}");
            }
            let without = push(net(engine).pack(precision).unwrap().open().unwrap().as_mut(), &data);
            assert_eq!(
                push(packed.open().unwrap().as_mut(), &data),
                without,
                "the logits are the same"
            );
        }
    }
}
