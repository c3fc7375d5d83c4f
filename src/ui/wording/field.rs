//! How far convolutions reach, in sentences.

use super::percent;
use crate::ui::panels::ConvolutionsLabel;
use attune_audio::units::Seconds;

/// How far back lies what a feature depends on: `norms` are of each frame, newest first.
pub(crate) fn field(label: &ConvolutionsLabel, norms: &[f64], hop: Seconds) -> String {
    let dilations: Vec<String> = label.layers.iter().map(|layer| layer.dilation.to_string()).collect();
    let frames = label.frames();
    format!(
        "{} has {frames} frames ({:.1} s) in its field, through dilations {}. Half of the squared gradient of its \
         newest features comes from the last {:.2} s, 95 % from the last {:.2} s.",
        label.name,
        frames as f64 * hop.0,
        dilations.join(", "),
        within(norms, 0.5) as f64 * hop.0,
        within(norms, 0.95) as f64 * hop.0,
    )
}

/// How much they depend on one frame.
pub(crate) fn depends(norms: &[f64], back: usize, hop: Seconds) -> String {
    let ago = format!("−{:.2} s", back as f64 * hop.0);
    let most = norms.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    match norms.get(back) {
        Some(norm) => format!("{ago}: {} of the greatest gradient", percent((norm / most) as f32)),
        None => format!("{ago}: beyond the field, no gradient at all"),
    }
}

/// How many of the newest frames hold this share of the sum of squares.
fn within(norms: &[f64], share: f64) -> usize {
    let squares = |norms: &[f64]| norms.iter().map(|norm| norm * norm).sum::<f64>();
    let wanted = share * squares(norms);
    (1..norms.len())
        .find(|&count| squares(&norms[..count]) >= wanted)
        .unwrap_or(norms.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::architecture::Dilated;

    #[test]
    fn the_newest_frames_hold_their_share() {
        // Squares 9, 4, 1, 1: half of 15 lies in one frame, 95 % in all four.
        let norms = [3.0, 2.0, 1.0, 1.0];
        assert_eq!(
            (within(&norms, 0.5), within(&norms, 0.8), within(&norms, 0.95)),
            (1, 2, 4)
        );
        let label = ConvolutionsLabel {
            model: 0,
            name: "TCN".to_owned(),
            layers: vec![Dilated { taps: 2, dilation: 1 }, Dilated { taps: 2, dilation: 2 }],
        };
        let said = field(&label, &norms, Seconds(0.5));
        assert!(
            said.contains("4 frames (2.0 s) in its field, through dilations 1, 2."),
            "{said}"
        );
        assert!(said.contains("the last 0.50 s, 95 % from the last 2.00 s"), "{said}");
        assert_eq!(
            depends(&norms, 1, Seconds(0.5)),
            "−0.50 s: 67 % of the greatest gradient"
        );
        assert!(depends(&norms, 4, Seconds(0.5)).contains("beyond the field"));
    }
}
