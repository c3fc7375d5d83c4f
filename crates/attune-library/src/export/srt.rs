//! Subtitles in the form of SubRip: number, `hh:mm:ss,mmm --> hh:mm:ss,mmm`, text, an empty line.

use crate::Analysis;
use std::fmt::Write;

fn stamp(seconds: f64) -> String {
    let ms = (seconds.max(0.0) * 1e3).round() as u64;
    format!(
        "{:02}:{:02}:{:02},{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Players take `<i>` and `{\an8}` for markup and have no form for the characters themselves.
fn plain(text: &str) -> String {
    text.replace(['<', '{'], "(")
        .replace(['>', '}'], ")")
        .replace('\\', "/")
}

pub(super) fn write(of: &Analysis) -> Vec<u8> {
    let mut text = String::new();
    for (number, segment) in of.segments.iter().enumerate() {
        let title = plain(&of.title_of(segment));
        let sure = if segment.genre.is_some() {
            format!(" {:.0} %", 100.0 * segment.confidence)
        } else {
            String::new()
        };
        let (from, to) = (stamp(segment.start_s), stamp(segment.end_s));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\n{from} --> {to}\n{title}{sure}\n", number + 1);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_beyond_a_day_and_words_have_no_markup() {
        assert_eq!(stamp(3723.0456), "01:02:03,046");
        assert_eq!(stamp(360_000.0), "100:00:00,000");
        assert_eq!(stamp(59.9996), "00:01:00,000");
        assert_eq!(plain("<i>{\\an8}x"), "(i)(/an8)x");
    }
}
