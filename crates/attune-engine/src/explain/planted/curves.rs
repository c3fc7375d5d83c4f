//! Deletion and insertion: how the probability of the passage's class changes as windows are occluded, or come back.

use super::super::faithfulness::{Occluder, area};
use super::super::replace;
use super::super::segments::Segment;
use super::piece::{Piece, WINDOWS};
use attune_audio::units::Seconds;
use attune_model::{LoadedModel, ModelError};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Windows that are occluded, or back, at each point of a curve.
const COUNTS: [usize; 4] = [2, 4, 8, 12];
/// Random orders that a map's is compared with.
const DRAWS: usize = 3;

/// The mean probability of the class over a curve.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Areas {
    /// While windows are occluded.
    pub deletion: f64,
    /// While they come back.
    pub insertion: f64,
}

/// A model's curves for one piece.
pub(super) struct Curves<'a> {
    occluder: Occluder<'a>,
    piece: &'a Piece,
    /// The probability with all windows, and with none.
    ends: [f64; 2],
}

impl<'a> Curves<'a> {
    pub(super) fn new(model: &LoadedModel, piece: &'a Piece, hop: Seconds) -> Result<Self, ModelError> {
        let first = piece.windows.first().map_or(0, |window| window.start);
        let occluder = Occluder::new(model, &piece.input, first, replace::reach(hop))?;
        let mut curves = Self {
            occluder,
            piece,
            ends: [0.0; 2],
        };
        let all: Vec<usize> = (0..piece.windows.len()).collect();
        curves.ends = [curves.without(&[])?, curves.without(&all)?];
        Ok(curves)
    }

    /// The probability of the passage's class without these windows.
    fn without(&self, windows: &[usize]) -> Result<f64, ModelError> {
        let frames = windows.iter().flat_map(|&window| {
            let Segment { start, end } = self.piece.windows[window];
            start..end
        });
        let answer = self.occluder.without(frames)?;
        Ok(answer.map_or(0.0, |p| f64::from(p.of(self.piece.genre))))
    }

    /// Of windows in this order.
    pub(super) fn of_order(&self, order: &[usize]) -> Result<Areas, ModelError> {
        let shares = COUNTS.map(|count| count as f64 / WINDOWS as f64);
        let (mut deletion, mut insertion) = (Vec::new(), Vec::new());
        for count in COUNTS {
            let (first, rest) = order.split_at(count.min(order.len()));
            deletion.push(self.without(first)?);
            insertion.push(self.without(rest)?);
        }
        Ok(Areas {
            deletion: area(self.ends[0], &shares, &deletion),
            insertion: area(self.ends[1], &shares, &insertion),
        })
    }

    /// The mean of several random orders.
    pub(super) fn random(&self) -> Result<Areas, ModelError> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.piece.seed);
        let mut order: Vec<usize> = (0..self.piece.windows.len()).collect();
        let mut mean = Areas::default();
        for _ in 0..DRAWS {
            order.shuffle(&mut rng);
            let areas = self.of_order(&order)?;
            mean.deletion += areas.deletion / DRAWS as f64;
            mean.insertion += areas.insertion / DRAWS as f64;
        }
        Ok(mean)
    }

    /// Of the order that is spread evenly over time at every point of the curve.
    pub(super) fn even(&self) -> Result<Areas, ModelError> {
        self.of_order(&evenly_spread())
    }
}

/// Windows by their reversed bits (van der Corput 1935): 0, 8, 4, 12, 2, …
fn evenly_spread() -> [usize; WINDOWS] {
    const { assert!(WINDOWS.is_power_of_two()) };
    std::array::from_fn(|n| n.reverse_bits() >> (usize::BITS - WINDOWS.trailing_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evenly_spread_order_has_every_window_once() {
        let order = evenly_spread();
        assert_eq!(order[..4], [0, 8, 4, 12]);
        let mut sorted = order;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..WINDOWS));
    }
}
