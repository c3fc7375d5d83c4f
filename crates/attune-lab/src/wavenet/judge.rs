//! What a trained network is worth: its bits beside those of simple predictors, on sound that it was not trained on.

use super::baselines::{Counts, backward_prediction, linear_prediction};
use super::generate::Continuation;
use super::learn::Plan;
use super::music::{Music, Piece};
use crate::arena::Right;
use crate::{LabError, Run};
use attune_model::wavenet::mu_law::{decode, encode};
use attune_model::wavenet::{PackedWavenet, RATE};
use attune_train::evaluate::wilson;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Pieces that are generated.
pub(crate) const CONTINUED: usize = 10;

/// How much is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Seconds from the middle of each validation clip.
    pub(crate) judged_secs: f64,
    /// Seconds of each piece that is generated.
    pub(crate) continued_secs: usize,
}

impl Extent {
    pub(crate) const FULL: Self = Self {
        judged_secs: 6.0,
        continued_secs: 30,
    };
    pub(crate) const QUICK: Self = Self {
        judged_secs: 0.5,
        continued_secs: 2,
    };
}

/// Bits per sample of one sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bits {
    /// By the network, which is not told the class.
    pub unsaid: f64,
    /// By the network, told the true class; that of music only.
    pub said: f64,
    /// By how often codes occur.
    pub unigram: f64,
    /// By what follows each code.
    pub bigram: f64,
    /// By linear prediction of order 16, fitted to each block.
    pub linear: f64,
    /// By the linear prediction that the network is told, of order 64 and fitted to what came before.
    pub backward: f64,
}

impl Bits {
    /// The least of the simple predictors, which the network is not told.
    pub fn best_simple(&self) -> f64 {
        self.unigram.min(self.bigram).min(self.linear)
    }
}

/// Levels of what was generated, second by second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Mean and deviation of the root mean square of seconds of validation music.
    pub music: [f64; 2],
    /// The same of all generated seconds.
    pub generated: [f64; 2],
    /// The loudest generated second.
    pub loudest: f64,
    /// Generated seconds.
    pub seconds: usize,
    /// Generated seconds that are louder than the music's mean by more than four deviations.
    pub beyond: usize,
    /// Their bits by the network that drew them.
    pub bits: f64,
}

/// What is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Numbers that were learnt.
    pub weights: usize,
    /// Mean loss at the end of training, in bits per sample.
    pub loss: f64,
    /// Samples of each clip that count.
    pub judged: usize,
    /// Means over the clips of music.
    pub music: Bits,
    /// The same clips, their samples in random order.
    pub shuffled: Bits,
    /// Silence.
    pub silence: Bits,
    /// A tone of 440 Hz.
    pub tone: Bits,
    /// How much less the network takes than the best simple predictor, in bits: mean over the clips, and the ends of
    /// its 95 % interval.
    pub gain: [f64; 3],
    /// How much less it takes than the linear prediction that it is told, in the same form.
    pub over_prediction: [f64; 3],
    /// How often the true class takes the fewest bits.
    pub own_first: Right,
    /// The same for each class: clips, and those with the true class first.
    pub of_class: Vec<[usize; 2]>,
    /// By chance.
    pub chance: f64,
    /// What is generated.
    pub levels: Levels,
    /// Seconds of sound scored under all classes in a second, on one thread.
    pub scored_speed: f64,
    /// Samples generated in a second, on one thread.
    pub generated_per_s: f64,
}

/// Judges a trained network on the middle of each validation clip.
///
/// # Errors
/// If there is nothing to judge by, or the run is to stop.
pub(crate) fn judge(
    plan: &Plan,
    net: &PackedWavenet,
    music: &Music,
    extent: Extent,
    run: &mut Run<'_>,
) -> Result<Outcome, LabError> {
    let field = plan.shape.field();
    let judged = (extent.judged_secs * RATE.hz()) as usize;
    let long_enough = |piece: &&Piece| piece.samples.len() > field + judged;
    let clips: Vec<&Piece> = music.valid.iter().filter(long_enough).collect();
    if clips.is_empty() {
        return Err(LabError::Refused(format!(
            "no clip to judge by has {:.1} s of audio",
            RATE.duration((field + judged) as u64).0
        )));
    }
    run.say("counting codes")?;
    let learnt: Vec<Vec<u8>> = music.train.iter().map(|piece| codes(&piece.samples)).collect();
    let counts = Counts::of(learnt.iter().map(Vec::as_slice));
    let classes = plan.shape.classes;
    let conditions: Vec<Option<usize>> = (0..classes).map(Some).chain([None]).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(plan.schedule.seed);
    rng.set_stream(2); // 0 drew the weights, 1 the batches
    let (mut of_music, mut of_shuffled, mut of_class) = (Vec::new(), Vec::new(), vec![[0, 0]; classes]);
    for (n, clip) in clips.iter().enumerate() {
        run.say(&format!("scoring {} ({} of {})", clip.name, n + 1, clips.len()))?;
        let from = (clip.samples.len() - field - judged) / 2;
        let mut codes = codes(&clip.samples[from..][..field + judged]);
        let under = scored(net, &codes, &conditions, field);
        let mut bits = simple(&counts, &codes, field);
        (bits.unsaid, bits.said) = (under[classes], under[clip.class]);
        of_music.push(bits);
        let best = (0..classes)
            .min_by(|a, b| under[*a].total_cmp(&under[*b]))
            .unwrap_or_default();
        of_class[clip.class][0] += 1;
        of_class[clip.class][1] += usize::from(best == clip.class);
        codes.shuffle(&mut rng);
        of_shuffled.push(unsaid(net, &counts, &codes, field));
    }
    let tone = |n: usize| encode(0.3 * (n as f32 * 440.0 * std::f32::consts::TAU / RATE.hz() as f32).sin());
    let tone: Vec<u8> = (0..field + judged).map(tone).collect();
    let right = of_class.iter().map(|of| of[1]).sum::<usize>() as f64 / clips.len() as f64;
    let gains: Vec<f64> = of_music.iter().map(|bits| bits.best_simple() - bits.unsaid).collect();
    let over_prediction: Vec<f64> = of_music.iter().map(|bits| bits.backward - bits.unsaid).collect();
    let middle = &clips[0].samples[..clips[0].samples.len().min(2 * RATE.hz() as usize)];
    Ok(Outcome {
        weights: 0,
        loss: 0.0,
        judged,
        music: mean_bits(&of_music),
        shuffled: mean_bits(&of_shuffled),
        silence: unsaid(net, &counts, &vec![encode(0.0); field + judged], field),
        tone: unsaid(net, &counts, &tone, field),
        gain: interval(&gains),
        over_prediction: interval(&over_prediction),
        own_first: Right {
            clips: clips.len(),
            accuracy: right,
            interval95: wilson(right, clips.len() as f64),
        },
        of_class,
        chance: 1.0 / classes as f64,
        levels: levels(plan, net, music, (extent, run))?,
        scored_speed: scored_speed(net, &codes(middle)),
        generated_per_s: generated_per_s(net),
    })
}

fn codes(samples: &[f32]) -> Vec<u8> {
    samples.iter().map(|sample| encode(*sample)).collect()
}

/// Mean bits of the codes from number `first` on, under each condition.
fn scored(net: &PackedWavenet, codes: &[u8], conditions: &[Option<usize>], first: usize) -> Vec<f64> {
    let (mut stream, mut bits) = (net.initial_stream(conditions), Vec::new());
    net.score(codes, &mut stream, &mut bits);
    let mut sums = vec![0.0; conditions.len()];
    for row in bits[first * conditions.len()..].chunks_exact(conditions.len()) {
        for (sum, bits) in sums.iter_mut().zip(row) {
            *sum += f64::from(*bits);
        }
    }
    let count = (codes.len() - first) as f64;
    sums.into_iter().map(|sum| sum / count).collect()
}

fn simple(counts: &Counts, codes: &[u8], first: usize) -> Bits {
    let each = 1.0 / (codes.len() - first) as f64;
    Bits {
        unigram: counts.unigram(codes, first) * each,
        bigram: counts.bigram(codes, first) * each,
        linear: linear_prediction(codes, first) * each,
        backward: backward_prediction(codes, first) * each,
        ..Bits::default()
    }
}

/// Bits of sound that has no class.
fn unsaid(net: &PackedWavenet, counts: &Counts, codes: &[u8], first: usize) -> Bits {
    Bits {
        unsaid: scored(net, codes, &[None], first)[0],
        ..simple(counts, codes, first)
    }
}

fn mean_bits(all: &[Bits]) -> Bits {
    let of = |value: fn(&Bits) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
    Bits {
        unsaid: of(|bits| bits.unsaid),
        said: of(|bits| bits.said),
        unigram: of(|bits| bits.unigram),
        bigram: of(|bits| bits.bigram),
        linear: of(|bits| bits.linear),
        backward: of(|bits| bits.backward),
    }
}

fn mean_and_deviation(values: &[f64]) -> [f64; 2] {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    [mean, square.sqrt()]
}

/// Mean, and the ends of its 95 % interval by the normal law.
fn interval(values: &[f64]) -> [f64; 3] {
    let [mean, deviation] = mean_and_deviation(values);
    let half = 1.96 * deviation / (values.len() as f64).sqrt();
    [mean, mean - half, mean + half]
}

/// Root mean square of each second.
pub(crate) fn loudness(samples: &[f32]) -> Vec<f64> {
    let seconds = samples.chunks_exact(RATE.hz() as usize);
    let of = |second: &[f32]| {
        let sum: f64 = second.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / second.len() as f64).sqrt()
    };
    seconds.map(of).collect()
}

/// Ten pieces, each of another seed, of the classes in turn, after a second of a validation clip.
fn levels(
    plan: &Plan,
    net: &PackedWavenet,
    music: &Music,
    (extent, run): (Extent, &mut Run<'_>),
) -> Result<Levels, LabError> {
    let levels: Vec<f64> = music.valid.iter().flat_map(|piece| loudness(&piece.samples)).collect();
    let of_music = mean_and_deviation(&levels);
    let (mut all, mut bits) = (Vec::new(), 0.0);
    for n in 0..CONTINUED {
        run.say(&format!(
            "generating {} s ({} of {CONTINUED})",
            extent.continued_secs,
            n + 1
        ))?;
        let class = n % plan.shape.classes;
        let piece = music
            .valid
            .iter()
            .find(|piece| piece.class == class)
            .unwrap_or(&music.valid[0]);
        let wanted = Continuation {
            class: Some(class),
            seed: plan.schedule.seed + n as u64,
            temperature: 1.0,
            samples: extent.continued_secs * RATE.hz() as usize,
        };
        let before = codes(&piece.samples[..piece.samples.len().min(RATE.hz() as usize)]);
        let drawn = wanted.codes(net, &before);
        let whole = [before.as_slice(), &drawn].concat();
        bits += scored(net, &whole, &[Some(class)], before.len())[0] / CONTINUED as f64;
        all.extend(loudness(&drawn.iter().map(|code| decode(*code)).collect::<Vec<_>>()));
    }
    Ok(Levels {
        music: of_music,
        generated: mean_and_deviation(&all),
        loudest: all.iter().copied().fold(0.0, f64::max),
        seconds: all.len(),
        beyond: all
            .iter()
            .filter(|level| **level > of_music[0] + 4.0 * of_music[1])
            .count(),
        bits,
    })
}

/// Seconds of sound that are scored in a second under all classes, on one thread, in blocks as they come live.
fn scored_speed(net: &PackedWavenet, codes: &[u8]) -> f64 {
    let conditions: Vec<Option<usize>> = (0..net.shape().classes).map(Some).collect();
    let (mut stream, mut bits) = (
        net.initial_stream(&conditions),
        Vec::with_capacity(codes.len() * conditions.len()),
    );
    let begun = Instant::now();
    for block in codes.chunks(super::HOP) {
        net.score(block, &mut stream, &mut bits);
    }
    RATE.duration(codes.len() as u64).0 / begun.elapsed().as_secs_f64()
}

fn generated_per_s(net: &PackedWavenet) -> f64 {
    const SAMPLES: usize = 16_000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut stream = net.initial_stream(&[Some(0)]);
    let begun = Instant::now();
    for _ in 0..SAMPLES {
        net.draw(&mut stream, 1.0, &mut rng);
    }
    SAMPLES as f64 / begun.elapsed().as_secs_f64()
}
