use super::mu_law::CODES;
use super::*;
use attune_nn::kernels::values;
use attune_nn::streaming::frame_buf::MAX_BLOCK;
use attune_nn::weights::WeightStore;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SMALL: WavenetShape = WavenetShape {
    stacks: 2,
    layers: 4,
    conditioned: 3,
    residual: 16,
    skip: 16,
    classes: 3,
};

fn net(shape: WavenetShape) -> (WeightStore, Wavenet) {
    let mut store = WeightStore::random(5);
    let net = Wavenet::new(store.root(), shape).unwrap();
    (store, net)
}

fn codes(count: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random()).collect()
}

/// Logits of each condition, (codes, 256), by blocks of these lengths in turn.
fn streamed(net: &PackedWavenet, codes: &[u8], conditions: &[Option<usize>], lengths: &[usize]) -> Vec<Vec<f32>> {
    let mut state = net.initial_state(conditions);
    let mut all = vec![Vec::new(); conditions.len()];
    let (mut at, mut blocks) = (0, lengths.iter().cycle());
    while at < codes.len() {
        let length = (*blocks.next().unwrap()).min(codes.len() - at);
        let rows = net.step(&codes[at..at + length], &mut state);
        for (all, rows) in all.iter_mut().zip(rows.values().chunks_exact(length * CODES)) {
            all.extend_from_slice(rows);
        }
        at += length;
    }
    all
}

#[test]
fn the_queue_is_the_slow_path_over_two_seconds_however_it_is_cut() {
    let (_store, net) = net(SMALL);
    let packed = net.pack().unwrap();
    let codes = codes(16_000, 1);
    let conditions = [Some(0), None, Some(2)];
    let slow: Vec<Vec<f32>> = conditions
        .iter()
        .map(|condition| {
            let predictions = BackwardPrediction::after_each(&codes);
            values(
                &net.forward(codes.as_slice().into(), &predictions, &[*condition])
                    .unwrap(),
            )
            .unwrap()
        })
        .collect();
    assert!(slow[0] != slow[1], "the condition makes no difference");
    let once = streamed(&packed, &codes, &conditions, &[MAX_BLOCK]);
    for (slow, streamed) in slow.iter().zip(&once) {
        assert_eq!(slow.len(), streamed.len());
        let off = slow
            .iter()
            .zip(streamed)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(off <= 1e-5, "{off}");
    }
    for lengths in [vec![1], vec![7, 1, 64, 13]] {
        assert!(once == streamed(&packed, &codes, &conditions, &lengths), "{lengths:?}");
    }
}

#[test]
fn the_network_reads_its_field_and_nothing_else() {
    for shape in [SMALL, WavenetShape { layers: 7, ..SMALL }] {
        let field = shape.field();
        let (mut store, _) = net(shape);
        // A code whose every feature is not a number: so is all that depends on it, however little.
        let mut tensors: std::collections::HashMap<_, _> = store
            .all()
            .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
            .collect();
        let mut table = values(&tensors["table"]).unwrap();
        for tap in 0..2 {
            table[(tap * CODES + 77) * shape.residual..][..shape.residual].fill(f32::NAN);
        }
        let dims = tensors["table"].dims().to_vec();
        tensors.insert(
            "table".to_owned(),
            candle_core::Tensor::from_vec(table, dims, &candle_core::Device::Cpu).unwrap(),
        );
        store = WeightStore::from_tensors(tensors);
        let net = Wavenet::new(store.root(), shape).unwrap();
        let mut codes: Vec<u8> = codes(3 * field, 2).iter().map(|code| code % 64).collect();
        let at = field / 2;
        codes[at] = 77;
        let logits = &streamed(&net.pack().unwrap(), &codes, &[Some(1)], &[MAX_BLOCK])[0];
        for (n, row) in logits.chunks_exact(CODES).enumerate() {
            let expected = (at..at + field).contains(&n);
            assert!(
                row.iter().all(|logit| logit.is_nan() == expected),
                "{n} of {at} and {field}"
            );
        }
    }
}

#[test]
fn the_shipped_field_is_a_quarter_second() {
    let shape = WavenetShape { layers: 10, ..SMALL };
    assert_eq!(shape.field(), 2048);
}

#[test]
fn a_gradient_reaches_every_variable() {
    let (store, net) = net(SMALL);
    let codes = codes(3 * 40, 3);
    let predictions: Vec<Prediction> = codes.chunks(40).flat_map(BackwardPrediction::after_each).collect();
    let logits = net
        .forward(codes.into(), &predictions, &[Some(0), Some(2), None])
        .unwrap();
    let grads = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    for (name, var) in store.params() {
        let grad = grads.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let grad = values(grad).unwrap();
        assert!(grad.iter().all(|value| value.is_finite()), "{name}");
        assert!(grad.iter().any(|value| *value != 0.0), "{name}");
    }
}

#[test]
fn bits_are_those_of_the_logits_however_the_codes_are_cut() {
    let (_store, net) = net(SMALL);
    let packed = net.pack().unwrap();
    let codes = codes(300, 4);
    let conditions = [Some(1), None];
    let score = |length: usize| {
        let (mut stream, mut bits) = (packed.initial_stream(&conditions), Vec::new());
        for block in codes.chunks(length) {
            packed.score(block, &mut stream, &mut bits);
        }
        bits
    };
    let bits = score(300);
    assert_eq!(bits.len(), 600);
    assert!(bits == score(1) && bits == score(77));
    let logits = streamed(&packed, &codes, &conditions, &[MAX_BLOCK]);
    assert!(
        bits[..2].iter().all(|bits| (bits - 8.0).abs() < 1e-6),
        "nothing is known of the first code"
    );
    for n in 1..300 {
        for (condition, logits) in logits.iter().enumerate() {
            let row = &logits[(n - 1) * CODES..][..CODES];
            let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            let truth = (sum.ln() - f64::from(row[usize::from(codes[n])])) / std::f64::consts::LN_2;
            assert!((f64::from(bits[n * 2 + condition]) - truth).abs() < 1e-4);
        }
    }
}

#[test]
fn what_is_drawn_follows_from_the_seed_and_the_sound_before_it() {
    let (_store, net) = net(SMALL);
    let packed = net.pack().unwrap();
    let drawn = |seed: u64, heard: &[u8], temperature: f32| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut stream = packed.initial_stream(&[Some(0)]);
        packed.read(heard, &mut stream);
        (0..400)
            .map(|_| packed.draw(&mut stream, temperature, &mut rng))
            .collect::<Vec<_>>()
    };
    let before = codes(50, 6);
    assert_eq!(drawn(1, &before, 1.0), drawn(1, &before, 1.0));
    assert_ne!(drawn(1, &before, 1.0), drawn(2, &before, 1.0));
    assert_ne!(drawn(1, &before, 1.0), drawn(1, &before[..49], 1.0));
    // Cold, only the likeliest code is left: the seed makes no difference.
    assert_eq!(drawn(1, &before, 1e-4), drawn(2, &before, 1e-4));
    // What is drawn is as likely as the logits say: its bits are on average the entropy.
    let mut all = before.clone();
    all.extend(drawn(3, &before, 1.0));
    let (mut stream, mut bits) = (packed.initial_stream(&[Some(0)]), Vec::new());
    packed.score(&all, &mut stream, &mut bits);
    let mean = bits[50..].iter().sum::<f32>() / 400.0;
    let entropy = entropy_of(&streamed(&packed, &all, &[Some(0)], &[MAX_BLOCK])[0][49 * CODES..]);
    assert!((mean - entropy).abs() < 0.3, "{mean} bits, entropy {entropy}");
}

fn entropy_of(logits: &[f32]) -> f32 {
    let rows = logits.chunks_exact(CODES);
    let count = rows.len() as f32;
    let of = |row: &[f32]| {
        let sum: f32 = row.iter().map(|logit| logit.exp()).sum();
        row.iter()
            .map(|logit| -(logit.exp() / sum) * (logit.exp() / sum).log2())
            .sum::<f32>()
    };
    rows.map(of).sum::<f32>() / count
}

#[test]
fn shapes_that_no_network_has_are_refused() {
    assert!(SMALL.is_possible());
    let wrong = [
        WavenetShape { stacks: 0, ..SMALL },
        WavenetShape { layers: 30, ..SMALL },
        WavenetShape {
            conditioned: 9,
            ..SMALL
        },
        WavenetShape { residual: 24, ..SMALL },
        WavenetShape { skip: 1024, ..SMALL },
        WavenetShape { classes: 0, ..SMALL },
    ];
    assert!(wrong.iter().all(|shape| !shape.is_possible()));
}
