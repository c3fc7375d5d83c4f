//! Continuations of sound.
//!
//! In: codes, a seed. Out: codes. Thread: any.

use attune_model::wavenet::PackedWavenet;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Continuation {
    /// The class that the network is told.
    pub class: Option<usize>,
    /// The same seed gives the same samples.
    pub seed: u64,
    /// Logits are divided by this, above 0: below 1 likely samples become likelier.
    pub temperature: f32,
    /// How many samples.
    pub samples: usize,
}

impl Continuation {
    /// Codes that follow these.
    pub fn codes(&self, net: &PackedWavenet, before: &[u8]) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(3); // nothing else that a lab draws from a seed
        let mut stream = net.initial_stream(&[self.class]);
        net.read(before, &mut stream);
        (0..self.samples)
            .map(|_| net.draw(&mut stream, self.temperature, &mut rng))
            .collect()
    }
}
