//! Bars and columns of text.
//!
//! In: shares 0…1. Out: text of a fixed width. Thread: any.

/// Eighths of a block, so that a short bar still distinguishes values.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of `width` characters, padded with spaces.
pub(super) fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(EIGHTHS[eighths % 8]);
    }
    let drawn = text.chars().count();
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(drawn)));
    text
}

/// A share in percent, three digits wide.
pub(super) fn percent(share: f64) -> String {
    format!("{:>3.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_one_width_and_the_right_length() {
        assert_eq!(bar(0.5, 4), "██  ");
        assert_eq!(bar(0.0, 3), "   ");
        assert_eq!(bar(7.0, 3), "███");
        assert_eq!(bar(f64::NAN, 2).chars().count(), 2);
        assert_eq!(bar(1.0 / 16.0, 2), "▏ ");
        for i in 0..=100 {
            assert_eq!(bar(f64::from(i) / 100.0, 7).chars().count(), 7);
        }
    }
}
