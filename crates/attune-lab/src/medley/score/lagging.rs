//! Average lagging: how far behind a writer that is ideal at its own pace.
//!
//! In: times of writing, and lengths. Out: seconds. Thread: any.

/// AL = 1/τ Σ_{t≤τ} [g(t) − (t − 1) |x|/|y|], τ the first t with g(t) ≥ |x|, or the last (Ma et al. 2019, eq. 9). As in
/// SimulEval 1.1.4, |y| is the length of the reference, and a first token after the end lags by its own time. `None` if
/// nothing was written.
///
/// ```
/// use attune_lab::medley::score::average_lagging;
/// // Wait-3 on six words: 3, 4, 5, 6, 6, 6. Ideal is 0, 1, 2, 3; τ = 4.
/// assert_eq!(average_lagging(&[3.0, 4.0, 5.0, 6.0, 6.0, 6.0], 6.0, 6), Some(3.0));
/// ```
pub fn average_lagging(delays: &[f64], source: f64, reference: usize) -> Option<f64> {
    lagging(delays, source, reference)
}

/// The same with the longer of reference and hypothesis as |y|, so that writing too much is not rewarded (Papi et al.
/// 2022).
///
/// ```
/// use attune_lab::medley::score::{average_lagging, length_adaptive_lagging};
/// let delays = [1.0, 2.0, 3.0, 4.0];
/// assert_eq!(average_lagging(&delays, 4.0, 2), Some(-0.5)); // ideal: 0, 2, 4, 6
/// assert_eq!(length_adaptive_lagging(&delays, 4.0, 2), Some(1.0)); // ideal: 0, 1, 2, 3
/// ```
pub fn length_adaptive_lagging(delays: &[f64], source: f64, reference: usize) -> Option<f64> {
    lagging(delays, source, reference.max(delays.len()))
}

fn lagging(delays: &[f64], source: f64, length: usize) -> Option<f64> {
    let first = *delays.first()?;
    if first > source {
        return Some(first);
    }
    let pace = length as f64 / source;
    let until_end = delays
        .iter()
        .position(|&delay| delay >= source)
        .map_or(delays.len(), |at| at + 1);
    let behind = delays[..until_end]
        .iter()
        .enumerate()
        .map(|(t, delay)| delay - t as f64 / pace);
    Some(behind.sum::<f64>() / until_end as f64)
}
