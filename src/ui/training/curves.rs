//! What is drawn of a run: its loss and its accuracy over the steps.
//!
//! In: steps, validations. Out: points. Thread: window.

use attune_train::session::LogLine;

/// The most points of the loss.
const POINTS: u64 = 400;

/// Loss and accuracy over the steps of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Steps that the run has.
    pub steps: u64,
    /// Sums and counts of the loss, of equal shares of the steps.
    losses: Vec<(f64, u32)>,
    /// Share of the validation clips that are classified correctly, after so many steps.
    pub accuracies: Vec<(u64, f64)>,
}

impl Curves {
    /// Of a run of so many steps.
    pub fn new(steps: u64) -> Self {
        let count = steps.min(POINTS) as usize;
        Self {
            steps,
            losses: vec![(0.0, 0); count],
            accuracies: Vec::new(),
        }
    }

    /// As the log of an earlier part of the run has them.
    pub fn absorb(&mut self, log: &[LogLine]) {
        for line in log {
            self.step(line.step, line.loss);
            self.validated(line.step, line.valid_accuracy);
        }
    }

    /// A step was made, with this loss.
    pub fn step(&mut self, step: u64, loss: f64) {
        let place = step.saturating_sub(1) * self.losses.len() as u64 / self.steps.max(1);
        if let Some((sum, count)) = self.losses.get_mut(place as usize) {
            *sum += loss;
            *count += 1;
        }
    }

    /// A validation was made.
    pub fn validated(&mut self, step: u64, accuracy: f64) {
        self.accuracies.push((step, accuracy));
    }

    /// Mean losses, with the share of the run at which they lie, 0…1.
    pub fn losses(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let count = self.losses.len() as f64;
        let places = self.losses.iter().enumerate();
        places
            .filter(|(_, (_, steps))| *steps > 0)
            .map(move |(place, (sum, steps))| ((place as f64 + 0.5) / count, sum / f64::from(*steps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_means_of_equal_shares_of_the_steps() {
        let mut curves = Curves::new(4 * POINTS);
        for step in 1..=8 {
            curves.step(step, step as f64);
        }
        // Four steps a point: the means of 1 to 4 and of 5 to 8.
        let losses: Vec<_> = curves.losses().collect();
        let point = 1.0 / POINTS as f64;
        assert_eq!(losses, [(0.5 * point, 2.5), (1.5 * point, 6.5)]);
        // Fewer steps than points: one each; a step beyond the end is none.
        let mut short = Curves::new(2);
        for step in 1..=3 {
            short.step(step, step as f64);
        }
        assert_eq!(short.losses().collect::<Vec<_>>(), [(0.25, 1.0), (0.75, 2.0)]);
    }
}
