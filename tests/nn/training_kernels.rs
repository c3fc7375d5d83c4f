//! The fused ops that networks are trained by against the same sums composed of candle's own ops: results and
//! gradients, over shapes that fit no register, on one thread and on several.

use attune_nn::kernels::attention_block::AttentionBlock;
use attune_nn::kernels::batch_norm::{BatchNormalization, ColumnMoments};
use attune_nn::kernels::causal_attention::CausalAttention;
use attune_nn::kernels::convolution::{Activation, CausalConvolution};
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::kernels::feed_forward::FeedForward;
use attune_nn::kernels::layer_norm::LayerNormalization;
use attune_nn::kernels::lstm_sequence::LstmSequence;
use attune_nn::kernels::rnn_sequence::RnnSequence;
use attune_nn::kernels::strided_convolution::StridedConvolution;
use attune_nn::kernels::weighted_moments::WeightedMoments;
use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::ops::{log_softmax, sigmoid, softmax};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EPSILON: f32 = 1e-5;

fn variable(shape: &[usize], seed: u64) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random::<f32>() * 2.0 - 1.0)
        .collect();
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// The result of `network`, and the gradients of a scalar in which each of its values counts differently.
fn run(variables: &[Var], network: &(dyn Fn() -> Result<Tensor> + Sync)) -> Vec<Vec<f32>> {
    let y = network().unwrap();
    let counts = variable(y.dims(), 77);
    let grads = (&y * counts.as_detached_tensor())
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let mut all = vec![y.flatten_all().unwrap().to_vec1().unwrap()];
    for variable in variables {
        let grad = grads.get(variable).expect("a variable without gradient");
        all.push(grad.flatten_all().unwrap().to_vec1().unwrap());
    }
    all
}

/// Both in turn. Sums of some hundred products of values below 1 in another order, through a few layers: 2e-4 of the
/// greatest of them is what f32 leaves to chance; a slip in an index is off by the values themselves.
fn compare(
    variables: &[Var],
    fused: &(dyn Fn() -> Result<Tensor> + Sync),
    composed: &(dyn Fn() -> Result<Tensor> + Sync),
) {
    let expected = run(variables, composed);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let got = pool.install(|| run(variables, fused));
        for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(got.len(), expected.len());
            let greatest = expected.iter().fold(1.0f32, |top, x| top.max(x.abs()));
            for (got, expected) in got.iter().zip(expected) {
                let error = (got - expected).abs();
                assert!(error < 2e-4 * greatest, "{threads} threads, {place}: {got} {expected}");
            }
        }
    }
}

/// Frames `back` earlier, zeros before the first.
fn earlier(x: &Tensor, back: usize) -> Result<Tensor> {
    let (b, t, c) = x.dims3()?;
    if back >= t {
        return x.zeros_like();
    }
    let zeros = Tensor::zeros((b, back, c), DType::F32, &Device::Cpu)?;
    Tensor::cat(&[&zeros, &x.narrow(1, 0, t - back)?], 1)?.contiguous()
}

/// (…, k) · (k, n).
fn product(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (k, n) = w.dims2()?;
    let mut shape = x.dims().to_vec();
    *shape.last_mut().unwrap() = n;
    x.contiguous()?.reshape(((), k))?.matmul(w)?.reshape(shape)
}

fn layer_norm(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred
        .broadcast_div(&(variance + f64::from(EPSILON))?.sqrt()?)?
        .broadcast_mul(scale)?
        .broadcast_add(shift)
}

/// Causal attention of rows of queries, keys and values (b, t, 3w).
fn attention(projected: &Tensor, heads: usize, context: usize) -> Result<Tensor> {
    let (b, t, three) = projected.dims3()?;
    let (w, d) = (three / 3, three / 3 / heads);
    let parts = projected
        .reshape((b, t, 3, heads, d))?
        .permute((2, 0, 3, 1, 4))?
        .contiguous()?;
    let (q, k, v) = (parts.get(0)?, parts.get(1)?, parts.get(2)?);
    let mask: Vec<f32> = (0..t * t)
        .map(|place| {
            let (query, key) = (place / t, place % t);
            if key <= query && query - key < context {
                0.0
            } else {
                -1e9
            }
        })
        .collect();
    let scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? * (1.0 / (d as f64).sqrt()))?;
    let weights = softmax(
        &scores.broadcast_add(&Tensor::from_vec(mask, (t, t), &Device::Cpu)?)?,
        D::Minus1,
    )?;
    weights
        .matmul(&v.contiguous()?)?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((b, t, w))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolution(
        (b, t) in (1usize..4, 1usize..40),
        (inputs, outputs) in (1usize..35, 1usize..70),
        (taps, dilation) in (1usize..5, 1usize..20),
        kind in 0usize..3,
        seed in 0u64..1000,
    ) {
        let activation = [Activation::Identity, Activation::Relu, Activation::Tanh][kind];
        let (x, w, bias) = (
            variable(&[b, t, inputs], seed),
            variable(&[taps * inputs, outputs], seed + 1),
            variable(&[outputs], seed + 2),
        );
        let op = CausalConvolution { taps, dilation, activation };
        compare(
            &[x.clone(), w.clone(), bias.clone()],
            &|| x.apply_op3(&w, &bias, op),
            &|| {
                let patches: Vec<Tensor> = (0..taps)
                    .map(|tap| earlier(&x, (taps - 1 - tap) * dilation))
                    .collect::<Result<_>>()?;
                let y = product(&Tensor::cat(&patches, 2)?, &w)?.broadcast_add(&bias)?;
                match activation {
                    Activation::Identity => Ok(y),
                    Activation::Relu => y.relu(),
                    Activation::Tanh => y.tanh(),
                }
            },
        );
    }

    #[test]
    fn lstm((b, t, i, h) in (1usize..5, 1usize..36, 1usize..20, 1usize..21), seed in 0u64..1000) {
        let x = variable(&[b, t, i], seed);
        let (input, w) = (variable(&[i + 1, 4 * h], seed + 1), variable(&[h, 4 * h], seed + 2));
        compare(
            &[x.clone(), input.clone(), w.clone()],
            &|| x.apply_op3(&input, &w, LstmSequence::default()),
            &|| {
                let ones = Tensor::ones((b, t, 1), DType::F32, &Device::Cpu)?;
                let gates = product(&Tensor::cat(&[x.as_tensor(), &ones], 2)?, &input)?;
                let mut hidden = Tensor::zeros((b, h), DType::F32, &Device::Cpu)?;
                let mut cell = hidden.clone();
                let mut all = Vec::new();
                for frame in 0..t {
                    let z = (gates.narrow(1, frame, 1)?.squeeze(1)? + hidden.matmul(&w)?)?;
                    let part = |part: usize| z.narrow(1, part * h, h)?.contiguous();
                    let (i, f, g, o) = (sigmoid(&part(0)?)?, sigmoid(&part(1)?)?, part(2)?.tanh()?, sigmoid(&part(3)?)?);
                    cell = ((f * cell)? + (i * g)?)?;
                    hidden = (o * cell.tanh()?)?;
                    all.push(hidden.clone());
                }
                Tensor::stack(&all, 1)
            },
        );
    }

    #[test]
    fn rnn_sequence(
        (b, t) in (1usize..5, 1usize..40),
        (i, h) in (1usize..20, 1usize..40),
        seed in 0u64..1000,
    ) {
        let x = variable(&[b, t, i], seed);
        let (input, w) = (variable(&[i + 1, h], seed + 1), variable(&[h, h], seed + 2));
        // Within ±1/√h: a greater U multiplies rounding errors from frame to frame (its spectral radius would be above
        // 1).
        let w = Var::from_tensor(&(w.as_tensor() / (h as f64).sqrt()).unwrap()).unwrap();
        compare(
            &[x.clone(), input.clone(), w.clone()],
            &|| x.apply_op3(&input, &w, RnnSequence),
            &|| {
                let ones = Tensor::ones((b, t, 1), DType::F32, &Device::Cpu)?;
                let sums = product(&Tensor::cat(&[x.as_tensor(), &ones], 2)?, &input)?;
                let mut hidden = Tensor::zeros((b, h), DType::F32, &Device::Cpu)?;
                let mut all = Vec::new();
                for frame in 0..t {
                    hidden = (sums.narrow(1, frame, 1)?.squeeze(1)? + hidden.matmul(&w)?)?.tanh()?;
                    all.push(hidden.clone());
                }
                Tensor::stack(&all, 1)
            },
        );
    }

    #[test]
    fn attention_of_all_heads(
        (b, t) in (1usize..4, 1usize..150),
        (heads, half) in (1usize..4, 1usize..7),
        context in 1usize..160,
        seed in 0u64..1000,
    ) {
        let projected = variable(&[b, t, 6 * heads * half], seed);
        let op = CausalAttention { heads, context, rotations: None };
        compare(
            std::slice::from_ref(&projected),
            &|| projected.apply_op1(op.clone()),
            &|| attention(&projected, heads, context),
        );
        let weights = op.weights(&projected).unwrap();
        let sums: Vec<f32> = weights.sum(D::Minus1).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        prop_assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }

    #[test]
    fn halves_of_an_encoder_layer(
        (b, t) in (1usize..4, 1usize..80),
        (heads, half, feed) in (1usize..4, 1usize..7, 1usize..40),
        context in 1usize..90,
        seed in 0u64..1000,
    ) {
        let w = 2 * heads * half;
        let x = variable(&[b, t, w], seed);
        let shapes: [&[usize]; 6] = [&[w], &[w], &[w, 3 * w], &[3 * w], &[w, w], &[w]];
        let of_attention: Vec<Var> = (0..6).map(|n| variable(shapes[n], seed + 1 + n as u64)).collect();
        let shapes: [&[usize]; 6] = [&[w], &[w], &[w, feed], &[feed], &[feed, w], &[w]];
        let of_feed: Vec<Var> = (0..6).map(|n| variable(shapes[n], seed + 11 + n as u64)).collect();
        let in_one_row = |parameters: &[Var]| -> Result<Tensor> {
            let rows: Vec<Tensor> = parameters.iter().map(|p| p.flatten_all()).collect::<Result<_>>()?;
            Tensor::cat(&rows, 0)
        };
        let variables: Vec<Var> = [x.clone()].into_iter().chain(of_attention.clone()).collect();
        compare(
            &variables,
            &|| {
                let op = CausalAttention { heads, context, rotations: None };
                x.apply_op2(&in_one_row(&of_attention)?, AttentionBlock::new(op, EPSILON, None))
            },
            &|| {
                let p = &of_attention;
                let projected = product(&layer_norm(&x, &p[0], &p[1])?, &p[2])?.broadcast_add(&p[3])?;
                let mixed = attention(&projected, heads, context)?;
                x.as_tensor() + product(&mixed, &p[4])?.broadcast_add(&p[5])?
            },
        );
        let variables: Vec<Var> = [x.clone()].into_iter().chain(of_feed.clone()).collect();
        compare(
            &variables,
            &|| {
                let op = FeedForward { width: w, feed, epsilon: EPSILON, dropout: None };
                x.apply_op2(&in_one_row(&of_feed)?, op)
            },
            &|| {
                let p = &of_feed;
                let wide = product(&layer_norm(&x, &p[0], &p[1])?, &p[2])?.broadcast_add(&p[3])?.gelu_erf()?;
                x.as_tensor() + product(&wide, &p[4])?.broadcast_add(&p[5])?
            },
        );
    }

    #[test]
    fn norms((rows, width) in (2usize..60, 1usize..70), relu: bool, seed in 0u64..1000) {
        let (x, scale, shift) = (variable(&[rows, width], seed), variable(&[width], seed + 1), variable(&[width], seed + 2));
        let variables = [x.clone(), scale.clone(), shift.clone()];
        // Of one feature nothing is left but the shift: differences of rounding only.
        if width > 1 {
            compare(
                &variables,
                &|| x.apply_op3(&scale, &shift, LayerNormalization { epsilon: EPSILON }),
                &|| layer_norm(&x, &scale, &shift),
            );
        }
        compare(
            &variables,
            &|| {
                let moments = ColumnMoments::of(&x)?;
                x.apply_op3(&scale, &shift, BatchNormalization { moments, epsilon: EPSILON, relu })
            },
            &|| {
                let centred = x.broadcast_sub(&x.mean_keepdim(0)?)?;
                let variance = centred.sqr()?.mean_keepdim(0)?;
                let y = centred
                    .broadcast_div(&(variance + f64::from(EPSILON))?.sqrt()?)?
                    .broadcast_mul(&scale)?
                    .broadcast_add(&shift)?;
                if relu { y.relu() } else { Ok(y) }
            },
        );
    }

    #[test]
    fn entropy((rows, classes) in (1usize..20, 1usize..20), seed in 0u64..1000) {
        let (logits, targets) = (variable(&[rows, classes], seed), variable(&[rows, classes], seed + 1));
        let targets = targets.as_detached_tensor().abs().unwrap();
        compare(
            std::slice::from_ref(&logits),
            &|| logits.apply_op2(&targets, CrossEntropy),
            &|| (log_softmax(&logits, D::Minus1)? * &targets)?.sum(D::Minus1)?.neg(),
        );
    }

    #[test]
    fn weighted_moments((b, p, t, f) in (1usize..4, 1usize..4, 4usize..30, 1usize..40), seed in 0u64..1000) {
        let (scores, x) = (variable(&[b, p, t], seed), variable(&[b, t, f], seed + 1));
        let softmax = WindowedSoftmax { places: (t - p..t).collect(), context: t / 2 + 1 };
        let weights = || scores.apply_op1(softmax.clone());
        compare(
            &[scores.clone(), x.clone()],
            &|| weights()?.apply_op2(&x, WeightedMoments),
            &|| Tensor::cat(&[weights()?.matmul(&x)?, weights()?.matmul(&x.sqr()?)?], 2),
        );
    }

    #[test]
    fn convolution_over_time_and_frequency(
        (b, t, bands, maps) in (1usize..4, 1usize..12, 6usize..40, 1usize..20),
        (frames, height, stride) in (1usize..6, 1usize..6, 1usize..4),
        (every, ahead) in (1usize..4, 0usize..6),
        seed in 0u64..1000,
    ) {
        let (x, w) = (variable(&[b, t, bands], seed), variable(&[frames * height, maps], seed + 1));
        let ahead = ahead % frames;
        let op = StridedConvolution {
            kernel_frames: frames,
            frames_ahead: ahead,
            stride_frames: every,
            kernel_bands: height,
            stride_bands: stride,
        };
        compare(
            &[x.clone(), w.clone()],
            &|| x.apply_op2(&w, op),
            &|| {
                let places = (bands - height) / stride + 1;
                // Zeros on both sides, so that a tap that lies ahead is one that lies back in the longer sequence.
                let x = x.pad_with_zeros(1, 0, ahead)?;
                let answered: Vec<u32> = (0..t).step_by(every).map(|frame| (frame + ahead) as u32).collect();
                let answers = answered.len();
                let answered = Tensor::from_vec(answered, answers, &Device::Cpu)?;
                let patches = (0..frames)
                    .map(|tap| {
                        let x = earlier(&x, frames - 1 - tap)?.index_select(&answered, 1)?;
                        let of_places: Vec<Tensor> = (0..places)
                            .map(|place| x.narrow(2, place * stride, height)?.unsqueeze(2))
                            .collect::<Result<_>>()?;
                        Tensor::cat(&of_places, 2)
                    })
                    .collect::<Result<Vec<_>>>()?;
                product(&Tensor::cat(&patches, 3)?, &w)?.reshape((b, answers, places * maps))
            },
        );
    }
}

/// Only the last of 300 frames has a loss, and the recurrences halve their state: what reaches the frames long before
/// is zero, and not one of the numbers under 1.2e-38 that processors are slow with; and a NaN stays one.
#[test]
fn a_gradient_that_has_died_away_is_zero() {
    let zeros = |dims: (usize, usize)| Tensor::zeros(dims, DType::F32, &Device::Cpu);
    let halves = Tensor::eye(16, DType::F32, &Device::Cpu).unwrap() * 0.5;
    dies_away(&variable(&[4, 16], 2), &halves.unwrap(), |x, input, w| {
        x.apply_op3(input, w, RnnSequence)
    });
    // Forget gates about a half, and the hidden state without a say: the cell alone keeps something.
    let input = Tensor::cat(
        &[
            (variable(&[3, 64], 3).as_tensor() * 0.1).unwrap(),
            zeros((1, 64)).unwrap(),
        ],
        0,
    );
    dies_away(&input.unwrap(), &zeros((16, 64)).unwrap(), |x, input, w| {
        x.apply_op3(input, w, LstmSequence::default())
    });
}

fn dies_away(input: &Tensor, recurrent: &Tensor, op: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>) {
    const FRAMES: usize = 300;
    let x = variable(&[2, FRAMES, 3], 1);
    let [input, w] = [input, recurrent].map(|values| Var::from_tensor(values).unwrap());
    let gradients = |seed: f64| {
        let hidden = op(&x, &input, &w)?;
        let last = (hidden.narrow(1, FRAMES - 1, 1)?.sum_all()? * seed)?;
        let grads = last.backward()?;
        let of = |variable: &Var| grads.get(variable).expect("a gradient").flatten_all()?.to_vec1::<f32>();
        Ok::<_, candle_core::Error>([of(&x)?, of(&input)?, of(&w)?])
    };
    let [by_x, by_input, by_w] = gradients(1.0).unwrap();
    for gradient in by_x.iter().chain(&by_input).chain(&by_w) {
        assert!(gradient.is_finite() && !gradient.is_subnormal(), "{gradient:e}");
    }
    for stream in by_x.chunks_exact(FRAMES * 3) {
        let (first, last) = (&stream[..3], &stream[FRAMES * 3 - 3..]);
        assert!(first.iter().all(|gradient| *gradient == 0.0), "{first:?}");
        assert!(last.iter().all(|gradient| gradient.abs() > 1e-6), "{last:?}");
    }
    let [by_x, by_input, by_w] = gradients(f64::NAN).unwrap();
    assert!(
        by_x.iter()
            .chain(&by_input)
            .chain(&by_w)
            .all(|gradient| gradient.is_nan())
    );
}
