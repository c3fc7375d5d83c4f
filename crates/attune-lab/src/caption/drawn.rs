//! Words over the spectrogram: a picture for each word, its tiles the brighter the more attention they got.
//!
//! In: what was said of a piece, its levels. Out: text of an SVG file. Thread: any.

use attune_engine::picture::escaped;
use attune_model::caption::SaidPiece;
use std::fmt::Write;

/// Size of one word's picture, and the room for its heading and between two.
const SIZE: [f64; 2] = [300.0, 130.0];
const HEAD: f64 = 34.0;
const GAP: f64 = 14.0;
/// Pictures in a row.
const COLUMNS: usize = 3;
/// Cells of the spectrogram along time and frequency.
const CELLS: [usize; 2] = [96, 32];
/// Levels from black to the loudest, in dB.
const RANGE_DB: f32 = 70.0;

/// The text of an SVG file for each piece: the spectrogram of its levels (frames, bands) once for each word, darkened
/// where the word got little attention.
pub fn svg(piece: &SaidPiece, levels_db: &[f32], bands: usize, title: &str) -> String {
    let rows = piece.words.len().div_ceil(COLUMNS).max(1);
    let width = (SIZE[0] + GAP) * COLUMNS as f64 + GAP;
    let height = (SIZE[1] + HEAD) * rows as f64 + HEAD;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#16181d\"/>\n\
         <text x=\"{GAP}\" y=\"22\" font-size=\"14\" fill=\"#e8e8e8\">{0}</text>\n<defs><g \
         id=\"sound\">{1}</g></defs>\n",
        escaped(title),
        spectrogram(levels_db, bands)
    );
    for (number, word) in piece.words.iter().enumerate() {
        let left = GAP + (number % COLUMNS) as f64 * (SIZE[0] + GAP);
        let top = HEAD * 2.0 + (number / COLUMNS) as f64 * (SIZE[1] + HEAD);
        let ([from, to], [low, high]) = (word.time_s, word.range_hz);
        let _ = writeln!(
            out,
            "<g transform=\"translate({left:.0} {top:.0})\"><use href=\"#sound\"/>{}<text y=\"-18\" font-size=\"14\" \
             font-weight=\"bold\" fill=\"#ffd166\">{}</text><text y=\"-5\" font-size=\"10\" fill=\"#b8b8b8\">{:.0} %; \
             half of it {from:.1}–{to:.1} s, {low:.0}–{high:.0} Hz</text></g>",
            veil(&word.weights, piece.tiles),
            escaped(&word.word),
            word.probability * 100.0
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Levels as cells of grey.
fn spectrogram(levels_db: &[f32], bands: usize) -> String {
    let frames = levels_db.len() / bands.max(1);
    let top = levels_db.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let [across, up] = CELLS;
    let (width, height) = (SIZE[0] / across as f64, SIZE[1] / up as f64);
    let mut cells = format!("<rect width=\"{}\" height=\"{}\" fill=\"#000\"/>", SIZE[0], SIZE[1]);
    for x in 0..across {
        for y in 0..up {
            let (times, heights) = (
                x * frames / across..(x + 1) * frames / across,
                y * bands / up..(y + 1) * bands / up,
            );
            let count = (times.len() * heights.len()).max(1) as f32;
            let sum: f32 = times
                .flat_map(|frame| &levels_db[frame * bands..][heights.clone()])
                .sum();
            let grey = ((1.0 + (sum / count - top) / RANGE_DB).clamp(0.0, 1.0) * 15.0).round() as u8;
            if grey > 0 {
                let _ = write!(
                    cells,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                     fill=\"#{grey:x}{grey:x}{grey:x}\"/>",
                    x as f64 * width,
                    SIZE[1] - (y + 1) as f64 * height
                );
            }
        }
    }
    cells
}

/// Dark where there is little attention, a light of its own where there is most.
fn veil(weights: &[f32], [times, heights]: [usize; 2]) -> String {
    let most = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let (width, height) = (SIZE[0] / times.max(1) as f64, SIZE[1] / heights.max(1) as f64);
    let mut tiles = String::new();
    for (number, weight) in weights.iter().enumerate() {
        let (x, y) = (
            (number / heights) as f64 * width,
            SIZE[1] - ((number % heights) + 1) as f64 * height,
        );
        let share = weight / most;
        let (colour, opacity) = if share < 0.5 {
            ("#000", 0.7 * (1.0 - 2.0 * share))
        } else {
            ("#ffb000", 0.5 * (2.0 * share - 1.0))
        };
        let _ = write!(
            tiles,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" \
             opacity=\"{opacity:.2}\"/>"
        );
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::caption::SaidWord;

    #[test]
    fn a_picture_has_every_word_and_every_tile() {
        let word = |name: &str| SaidWord {
            word: name.to_owned(),
            probability: 0.5,
            time_s: [0.0, 1.0],
            range_hz: [100.0, 200.0],
            weights: vec![0.25; 4],
        };
        let piece = SaidPiece {
            start_s: 0.0,
            end_s: 1.0,
            words: vec![word("flute"), word("<odd>")],
            probability: 0.25,
            tiles: [2, 2],
        };
        let drawn = svg(&piece, &vec![-100.0; 100 * 8], 8, "a & b");
        assert!(drawn.contains(">flute<") && drawn.contains(">&lt;odd&gt;<") && drawn.contains("a &amp; b"));
        assert_eq!(drawn.matches("fill=\"#ffb000\"").count(), 2 * 4);
        assert_eq!(drawn.matches("href=\"#sound\"").count(), 2);
    }
}
