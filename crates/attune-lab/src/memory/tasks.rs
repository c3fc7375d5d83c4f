//! Tasks that can only be solved by remembering.

use attune_nn::kernels::cross_entropy::CrossEntropy;
use candle_core::{Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Symbols to be copied, and their kinds (Bai et al. 2018).
const SYMBOLS: usize = 10;
const KINDS: usize = 8;
/// What says that the copy is due.
const GO: f32 = 9.0;

/// Bands of an audio-like frame.
const BANDS: usize = 16;
/// Bands of the motif's notes; all other notes are in other bands.
const MOTIF: [usize; 4] = [2, 6, 10, 14];
/// Frames before the motif.
const LEAD: usize = 8;
/// Frames of a second of the default front end: 22,050 / 512.
const FRAMES_A_SECOND: f64 = 22_050.0 / 512.0;

/// Something to be remembered over so many frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Of a sequence of uniform numbers, the sum of the two that are marked (Hochreiter & Schmidhuber 1997, as Bai et
    /// al. 2018 have it): x (t, 2), y their sum, read off at the end.
    Adding {
        /// Length of the sequence.
        frames: usize,
    },
    /// Ten symbols, then nothing, then the ten symbols again (Arjovsky et al. 2016, as Bai et al. 2018 have it): x
    /// (blank + 20, 1), an answer of ten kinds at every frame.
    Copy {
        /// Frames without a symbol.
        blank: usize,
    },
    /// Four notes in one of four orders name the class; the answer is read so many frames after the last note. Before
    /// and after them noise and other notes.
    Recall {
        /// From the motif's last frame to the frame of the answer.
        delay: usize,
    },
}

/// A batch of sequences and their targets.
#[derive(Debug)]
pub struct Batch {
    /// (b, t, inputs).
    pub x: Tensor,
    /// (b, p, outputs): numbers, or 1 for the right kind.
    pub targets: Tensor,
    /// The p frames that are read out, ascending.
    pub read: Vec<usize>,
}

impl Task {
    /// What the motif takes of the frames: within a receptive field up to `field − MOTIF_FRAMES` frames of delay, all
    /// of it outside from `field` on.
    pub(crate) const MOTIF_FRAMES: usize = MOTIF.len();

    /// Its family: `adding`, `copy`, `recall`.
    pub fn family(self) -> &'static str {
        match self {
            Self::Adding { .. } => "adding",
            Self::Copy { .. } => "copy",
            Self::Recall { .. } => "recall",
        }
    }

    /// What is made longer: T of the papers, or the delay.
    pub fn length(self) -> usize {
        match self {
            Self::Adding { frames: length } | Self::Copy { blank: length } | Self::Recall { delay: length } => length,
        }
    }

    /// Features of a frame.
    pub fn inputs(self) -> usize {
        match self {
            Self::Adding { .. } => 2,
            Self::Copy { .. } => 1,
            Self::Recall { .. } => BANDS,
        }
    }

    /// Numbers of an answer.
    pub fn outputs(self) -> usize {
        match self {
            Self::Adding { .. } => 1,
            Self::Copy { .. } => KINDS + 2,
            Self::Recall { .. } => MOTIF.len(),
        }
    }

    /// Frames of a sequence.
    pub fn frames(self) -> usize {
        match self {
            Self::Adding { frames } => frames,
            Self::Copy { blank } => blank + 2 * SYMBOLS,
            Self::Recall { delay } => LEAD + MOTIF.len() + delay,
        }
    }

    /// The loss of whoever remembers nothing: 1/6, the variance of the sum of two uniform numbers; 10·ln 8/(T + 20),
    /// every symbol guessed and every blank right; ln 4.
    ///
    /// ```
    /// use attune_lab::memory::Task;
    /// assert!((Task::Copy { blank: 1000 }.chance() - 0.020387).abs() < 1e-6);
    /// ```
    pub fn chance(self) -> f64 {
        match self {
            Self::Adding { .. } => 1.0 / 6.0,
            Self::Copy { blank } => SYMBOLS as f64 * (KINDS as f64).ln() / (blank + 2 * SYMBOLS) as f64,
            Self::Recall { .. } => (MOTIF.len() as f64).ln(),
        }
    }

    /// Length in seconds at the default front end's hop.
    pub fn seconds(self) -> f64 {
        self.length() as f64 / FRAMES_A_SECOND
    }

    /// Fresh sequences.
    pub fn batch(self, count: usize, rng: &mut ChaCha8Rng) -> Result<Batch> {
        let (frames, inputs, outputs) = (self.frames(), self.inputs(), self.outputs());
        let read = match self {
            Self::Copy { .. } => (0..frames).collect(),
            Self::Adding { .. } | Self::Recall { .. } => vec![frames - 1],
        };
        let mut x = vec![0.0; count * frames * inputs];
        let mut y = vec![0.0; count * read.len() * outputs];
        let sequences = x
            .chunks_exact_mut(frames * inputs)
            .zip(y.chunks_exact_mut(read.len() * outputs));
        for (x, y) in sequences {
            match self {
                Self::Adding { .. } => adding(x, y, rng),
                Self::Copy { .. } => copy(x, y, rng),
                Self::Recall { .. } => recall(x, y, rng),
            }
        }
        Ok(Batch {
            x: Tensor::from_vec(x, (count, frames, inputs), &Device::Cpu)?,
            targets: Tensor::from_vec(y, (count, read.len(), outputs), &Device::Cpu)?,
            read,
        })
    }

    /// The mean loss of answers (b, p, outputs): squared error, or −ln p of the right kind.
    pub fn loss(self, answers: &Tensor, targets: &Tensor) -> Result<Tensor> {
        match self {
            Self::Adding { .. } => (answers - targets)?.sqr()?.mean_all(),
            Self::Copy { .. } | Self::Recall { .. } => {
                answers.contiguous()?.apply_op2(targets, CrossEntropy)?.mean_all()
            }
        }
    }

    /// Share of right answers where something had to be remembered: of the symbols, of the classes; `None` for numbers.
    pub fn right(self, answers: &Tensor, targets: &Tensor) -> Result<Option<f64>> {
        let read = match self {
            Self::Adding { .. } => return Ok(None),
            Self::Copy { .. } => SYMBOLS,
            Self::Recall { .. } => 1,
        };
        let last = |x: &Tensor| {
            x.narrow(1, x.dim(1)? - read, read)?
                .argmax(2)?
                .flatten_all()?
                .to_vec1::<u32>()
        };
        let (answers, truths) = (last(answers)?, last(targets)?);
        let right = answers
            .iter()
            .zip(&truths)
            .filter(|(answer, truth)| answer == truth)
            .count();
        Ok(Some(right as f64 / truths.len() as f64))
    }
}

fn adding(x: &mut [f32], y: &mut [f32], rng: &mut ChaCha8Rng) {
    let frames = x.len() / 2;
    for frame in x.chunks_exact_mut(2) {
        frame[0] = rng.random();
    }
    let first = rng.random_range(0..frames);
    let second = (first + rng.random_range(1..frames)) % frames;
    for marked in [first, second] {
        x[2 * marked + 1] = 1.0;
        y[0] += x[2 * marked];
    }
}

fn copy(x: &mut [f32], y: &mut [f32], rng: &mut ChaCha8Rng) {
    let frames = x.len();
    x[frames - SYMBOLS - 1..].fill(GO);
    for (frame, y) in y.chunks_exact_mut(KINDS + 2).enumerate() {
        let Some(place) = (frame + SYMBOLS).checked_sub(frames) else {
            y[0] = 1.0;
            continue;
        };
        let kind = rng.random_range(1..=KINDS);
        x[place] = kind as f32;
        y[kind] = 1.0;
    }
}

fn recall(x: &mut [f32], y: &mut [f32], rng: &mut ChaCha8Rng) {
    // Levels as a front end gives them: each band keeps some of its last level, and now and then a note begins and
    // decays.
    let mut levels = [0.0_f32; BANDS];
    for frame in x.chunks_exact_mut(BANDS) {
        for (band, (level, x)) in levels.iter_mut().zip(frame).enumerate() {
            *level = 0.7 * *level + 0.5 * (rng.random::<f32>() * 2.0 - 1.0);
            if !MOTIF.contains(&band) && rng.random_bool(0.03) {
                *level += 2.0;
            }
            *x = *level;
        }
    }
    let class = rng.random_range(0..MOTIF.len());
    y[class] = 1.0;
    for note in 0..MOTIF.len() {
        x[(LEAD + note) * BANDS + MOTIF[(note + class) % MOTIF.len()]] += 3.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn sequences_are_those_of_the_papers() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch = Task::Adding { frames: 50 }.batch(20, &mut rng).unwrap();
        for (x, y) in values(&batch.x).chunks_exact(100).zip(values(&batch.targets)) {
            let marked: Vec<f32> = x
                .chunks_exact(2)
                .filter(|frame| frame[1] > 0.5)
                .map(|frame| frame[0])
                .collect();
            assert_eq!((marked.len(), marked.iter().sum::<f32>()), (2, y));
        }
        let task = Task::Copy { blank: 30 };
        let batch = task.batch(3, &mut rng).unwrap();
        assert_eq!((batch.x.dims(), batch.read.len()), (&[3, 50, 1][..], 50));
        let kinds = batch.targets.argmax(2).unwrap().to_vec2::<u32>().unwrap();
        for (x, y) in values(&batch.x).chunks_exact(50).zip(kinds) {
            let symbols: Vec<u32> = x[..10].iter().map(|&symbol| symbol as u32).collect();
            assert!(symbols.iter().all(|kind| (1..=8).contains(kind)));
            assert_eq!((&symbols[..], &y[..40]), (&y[40..], &[0; 40][..]));
            assert_eq!((&x[10..39], &x[39..]), (&[0.0; 29][..], &[9.0; 11][..]));
        }
    }

    #[test]
    fn only_the_order_of_the_motif_tells_the_class() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let task = Task::Recall { delay: 5 };
        let batch = task.batch(400, &mut rng).unwrap();
        assert_eq!(batch.read, [8 + 4 + 5 - 1]);
        // The loudest of the four bands in the motif's first frame is the answer: the task is one of memory.
        let levels = values(&batch.x);
        let found = levels.chunks_exact(17 * BANDS).flat_map(|x| {
            let first = &x[LEAD * BANDS..][..BANDS];
            let loudest = (0..4)
                .max_by(|&a, &b| first[MOTIF[a]].total_cmp(&first[MOTIF[b]]))
                .unwrap();
            (0..4).map(move |class| f32::from(u8::from(class == loudest)))
        });
        let found = Tensor::from_vec(found.collect::<Vec<_>>(), (400, 1, 4), &Device::Cpu).unwrap();
        assert!(task.right(&found, &batch.targets).unwrap().unwrap() > 0.99);
        // Sums over the motif's frames say nothing: the same notes in another order.
        let counts = batch
            .targets
            .sum(0)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!(counts.iter().all(|&count| count > 70.0), "{counts:?}");
    }

    #[test]
    fn knowing_nothing_costs_what_chance_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let task = Task::Adding { frames: 20 };
        let batch = task.batch(20_000, &mut rng).unwrap();
        let ones = batch.targets.ones_like().unwrap();
        let loss = f64::from(task.loss(&ones, &batch.targets).unwrap().to_scalar::<f32>().unwrap());
        // The deviation of the mean of 20,000 squares is 0.0014.
        assert!((loss - task.chance()).abs() < 0.006, "{loss}");
        // Copy: sure of the blanks, even about the eight symbols in the last ten frames.
        let task = Task::Copy { blank: 100 };
        let batch = task.batch(2, &mut rng).unwrap();
        let mut guess = vec![-30.0_f32; 2 * 120 * 10];
        for (row, z) in guess.chunks_exact_mut(10).enumerate() {
            if row % 120 < 110 {
                z[0] = 0.0;
            } else {
                z[1..9].fill(0.0);
            }
        }
        let guess = Tensor::from_vec(guess, (2, 120, 10), &Device::Cpu).unwrap();
        let loss = f64::from(task.loss(&guess, &batch.targets).unwrap().to_scalar::<f32>().unwrap());
        assert!((loss - task.chance()).abs() < 1e-5, "{loss} {}", task.chance());
    }
}
