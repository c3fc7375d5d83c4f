//! How much models disagree at one moment, as one figure.
//!
//! In: the probabilities of several models. Out: a share. Thread: any.

use attune_model::genre::Probabilities;

/// The Jensen–Shannon divergence of several answers with equal weights (Lin 1991, section V),
///
/// `JS(p₁ … pₙ) = H(Σ pᵢ / n) − Σ H(pᵢ) / n`, with `H(p) = −Σ p log p`,
///
/// as a share of its maximum, `log n`: 0 where all give the same answer, 1 where each is certain of a different one. It is
/// the information that an answer carries about which model gave it. Models that are unsure in the same way do not
/// disagree. `None` with fewer than two answers.
///
/// ```
/// use attune_engine::smoothing::disagreement;
/// use attune_model::genre::Probabilities;
///
/// let [a, b] = [[1.0, 0.0], [0.0, 1.0]].map(|row| Probabilities::from_slice(&row));
/// assert_eq!(disagreement([&a, &b].into_iter()), Some(1.0));
/// assert_eq!(disagreement([&a, &a].into_iter()), Some(0.0));
/// ```
pub fn disagreement<'a>(answers: impl Iterator<Item = &'a Probabilities>) -> Option<f32> {
    let mut mean = [0.0_f64; attune_model::genre::MAX_CLASSES];
    let (mut classes, mut count, mut own) = (0, 0_u32, 0.0);
    for answer in answers {
        classes = answer.as_slice().len();
        count += 1;
        for (sum, &p) in mean.iter_mut().zip(answer.as_slice()) {
            *sum += f64::from(p);
            own += surprise(f64::from(p));
        }
    }
    if count < 2 || classes == 0 {
        return None;
    }
    let n = f64::from(count);
    let joint: f64 = mean[..classes].iter().map(|sum| surprise(sum / n)).sum();
    // Rounding may leave a little less than nothing.
    Some(((joint - own / n) / n.ln()).clamp(0.0, 1.0) as f32)
}

/// `−p log p`, 0 at 0.
fn surprise(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[f32]]) -> Option<f32> {
        let rows: Vec<Probabilities> = rows.iter().map(|row| Probabilities::from_slice(row)).collect();
        disagreement(rows.iter())
    }

    #[test]
    fn it_is_the_divergence_worked_out_by_hand() {
        // H(0.7, 0.3) − (H(0.9, 0.1) + H(0.5, 0.5)) / 2 = 0.610864 − (0.325083 + 0.693147) / 2 nats, over ln 2.
        let found = of(&[&[0.9, 0.1], &[0.5, 0.5]]).expect("two answers");
        assert!((found - 0.146_793).abs() < 1e-5, "{found}");
    }

    #[test]
    fn shared_doubt_is_no_disagreement_and_one_answer_has_none() {
        assert!(of(&[&[0.25; 4], &[0.25; 4], &[0.25; 4]]).expect("three") < 1e-6);
        let apart = of(&[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0]]).expect("three");
        assert!((apart - 1.0).abs() < 1e-6, "{apart}");
        assert_eq!(of(&[&[0.5, 0.5]]), None);
        assert_eq!(of(&[]), None);
    }
}
