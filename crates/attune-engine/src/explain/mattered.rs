//! The moments that carry most of what speaks for a class, and their sound.
//!
//! In: what each stretch of the past contributes; samples. Out: the fewest stretches that carry a share of what is
//! positive; their samples, joined by crossfades. Thread: any.

use super::explanation::Explanation;
use super::probe::{Input, Probe};
use super::segments::Segment;
use attune_audio::decode::AudioFile;
use attune_audio::features::FrontEndSpec;
use attune_audio::source::SourceError;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::genre::GenreId;
use attune_model::genre_net::PoolingShape;
use attune_model::{EvidenceMap, LoadedModel, ModelError};
use std::f32::consts::FRAC_PI_2;
use std::ops::Range;
use std::path::Path;

/// The share of the positive contribution that is kept.
pub const SHARE: f32 = 0.8;
/// Kept stretches with less than this between them become one: shorter gaps are not heard as such.
pub const CLOSED_GAP: Seconds = Seconds(0.1);
/// Length of a crossfade.
pub const CROSSFADE: Seconds = Seconds(0.015);

/// The moments that carry most of what speaks for a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Mattered {
    /// In frames, ascending and disjoint.
    pub segments: Vec<Segment>,
    /// Their share of all positive contributions, 0…1.
    pub share: f32,
    /// Frames that were considered.
    pub considered: usize,
    /// The frame after the newest one.
    pub end: usize,
}

impl Mattered {
    /// The fewest frames of `pieces` that carry `share` of what is positive: those with the largest contribution a
    /// frame, gaps of less than `closed_gap` frames between them included. `end`: the frame after the newest one.
    /// `None` if nothing is positive.
    pub fn of(pieces: &[(Segment, f32)], share: f32, closed_gap: usize, end: usize) -> Option<Self> {
        let positive = |of: f32| f64::from(of.max(0.0));
        let all: f64 = pieces.iter().map(|(_, of)| positive(*of)).sum();
        if all.is_nan() || all <= 0.0 {
            return None;
        }
        let mut best: Vec<&(Segment, f32)> = pieces.iter().filter(|(_, of)| *of > 0.0).collect();
        let density = |(place, of): &(Segment, f32)| of / place.len().max(1) as f32;
        best.sort_by(|a, b| density(b).total_cmp(&density(a)));
        let mut carried = 0.0;
        best.retain(|(_, of)| {
            let is_wanted = carried < f64::from(share) * all;
            carried += if is_wanted { positive(*of) } else { 0.0 };
            is_wanted
        });
        let mut chosen: Vec<Segment> = best.iter().map(|(place, _)| *place).collect();
        chosen.sort_by_key(|place| place.start);
        let mut segments: Vec<Segment> = Vec::new();
        for place in chosen {
            match segments.last_mut() {
                Some(last) if place.start < last.end + closed_gap.max(1) => last.end = place.end,
                _ => segments.push(place),
            }
        }
        let is_inside = |place: &Segment| {
            segments
                .iter()
                .any(|kept| kept.start <= place.start && place.end <= kept.end)
        };
        let inside = pieces.iter().filter(|(place, _)| is_inside(place));
        Some(Self {
            share: (inside.map(|(_, of)| positive(*of)).sum::<f64>() / all) as f32,
            considered: pieces.iter().map(|(place, _)| place.len()).sum(),
            segments,
            end,
        })
    }

    /// Of a model whose answer is a sum over time, for a class; frames are counted as those of the map.
    pub fn of_evidence(map: &EvidenceMap, class: usize, hop: Seconds) -> Option<Self> {
        let mut contributions = Vec::new();
        map.contribution_of_frames(class, &mut contributions);
        let pieces: Vec<(Segment, f32)> = (map.frames().start as usize..)
            .zip(contributions)
            .map(|(start, of)| (Segment { start, end: start + 1 }, of))
            .collect();
        Self::of(&pieces, SHARE, gap_frames(hop), map.newest.0 as usize + 1)
    }

    /// Of what changes the answer of all models together: `added` is what each segment of the explanation adds to a
    /// class ([`Occlusion::contributions`](super::Occlusion::contributions)). Frames are counted as those of its input.
    pub fn of_explanation(it: &Explanation, added: &[f32]) -> Option<Self> {
        let pieces: Vec<(Segment, f32)> = it.segments.iter().copied().zip(added.iter().copied()).collect();
        Self::of(&pieces, SHARE, gap_frames(it.hop), it.frames)
    }

    /// Of the first of these models whose answer is a sum over time; if there is none, of what changes the answer of all
    /// together. Frames are counted as those of the input.
    ///
    /// # Errors
    /// If a model fails.
    pub fn of_models(
        models: &[LoadedModel],
        input: &Input,
        explanation: &Explanation,
        class: GenreId,
    ) -> Result<Option<Self>, ModelError> {
        let class = usize::from(class.0);
        let mut map = EvidenceMap::default();
        for model in models {
            if let PoolingShape::Evidence { .. } = model.manifest().architecture.pooling {
                let mut probe = Probe::new(model)?;
                probe.push(&input.frames, input.bands)?;
                if probe.evidence(&mut map) {
                    return Ok(Self::of_evidence(&map, class, explanation.hop));
                }
            }
        }
        let added = explanation.ensemble.contributions(class);
        Ok(Self::of_explanation(explanation, &added))
    }

    /// Time that they take, and that was considered.
    pub fn lengths(&self, hop: Seconds) -> (Seconds, Seconds) {
        let frames: usize = self.segments.iter().map(|place| place.len()).sum();
        (Seconds(frames as f64 * hop.0), Seconds(self.considered as f64 * hop.0))
    }

    /// Where they lie in the sound: start and end, in the time that `newest` is given in, which is the end of the
    /// newest frame's window. A frame stands for one hop around its window's middle.
    pub fn spans(&self, newest: Seconds, spec: &FrontEndSpec) -> Vec<(Seconds, Seconds)> {
        let (hop, window) = (spec.hop().0, spec.rate.duration(spec.window_samples as u64).0);
        // Where the stretch of the newest frame ends.
        let end = newest.0 - 0.5 * window + 0.5 * hop;
        let at = |frame: usize| Seconds((end - (self.end as f64 - frame as f64) * hop).max(0.0));
        self.segments
            .iter()
            .map(|place| (at(place.start), at(place.end)))
            .collect()
    }
}

fn gap_frames(hop: Seconds) -> usize {
    (CLOSED_GAP.0 / hop.0.max(1e-6)).round() as usize
}

/// The sound of these spans of a file (ascending, disjoint), mono at its own rate, [`joined`] by crossfades of
/// [`CROSSFADE`].
///
/// # Errors
/// If the file cannot be opened or read.
pub fn sound_of_file(path: &Path, spans: &[(Seconds, Seconds)]) -> Result<(Vec<f32>, SampleRate), SourceError> {
    let mut file = AudioFile::open(path)?;
    let rate = file.info().rate;
    let (Some((first, _)), Some((_, last))) = (spans.first(), spans.last()) else {
        return Ok((Vec::new(), rate));
    };
    // Room for half a crossfade on either side.
    let from = Seconds((first.0 - CROSSFADE.0).max(0.0));
    let (begin, end) = (rate.index_at(from).0, rate.index_at(Seconds(last.0 + CROSSFADE.0)).0);
    file.seek(from)?;
    let mut samples = Vec::new();
    while begin + (samples.len() as u64) < end && file.next_block(&mut samples)? {}
    let place = |at: Seconds| rate.index_at(at).0.saturating_sub(begin) as usize;
    let parts: Vec<Range<usize>> = spans.iter().map(|(from, to)| place(*from)..place(*to)).collect();
    let fade = (CROSSFADE.0 * rate.hz()).round() as usize;
    Ok((joined(&samples, &parts, fade), rate))
}

/// The samples of `parts` (ascending, disjoint, at least `fade` samples apart) one after the other. Each is widened by
/// half a fade at either side, as far as there are samples; where two meet they overlap by `fade` samples in a
/// crossfade of equal power, and the whole fades in and out. So the result is as long as the parts together and one
/// fade more, less what is missing at the ends of `samples`.
pub fn joined(samples: &[f32], parts: &[Range<usize>], fade: usize) -> Vec<f32> {
    let half = fade / 2;
    let mut out: Vec<f32> = Vec::new();
    for part in parts {
        let start = part.start.saturating_sub(half).min(samples.len());
        let end = (part.end + (fade - half)).clamp(start, samples.len());
        let mut piece = samples[start..end].to_vec();
        // A piece has to have room for both of its fades.
        let fade = fade.min(piece.len() / 2);
        let rising = |n: usize| (FRAC_PI_2 * (n as f32 + 0.5) / fade as f32).sin();
        let last = piece.len();
        for n in 0..fade {
            piece[n] *= rising(n);
            piece[last - 1 - n] *= rising(n);
        }
        let overlap = fade.min(out.len());
        let from = out.len() - overlap;
        for (sum, sample) in out[from..].iter_mut().zip(&piece) {
            *sum += sample;
        }
        out.extend_from_slice(&piece[overlap..]);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
#[allow(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    fn pieces(of: &[f32], length: usize) -> Vec<(Segment, f32)> {
        let place = |n: usize| Segment {
            start: n * length,
            end: (n + 1) * length,
        };
        of.iter().enumerate().map(|(n, of)| (place(n), *of)).collect()
    }

    #[test]
    fn the_fewest_moments_that_carry_the_share_are_kept_and_neighbours_are_one() {
        // 10 in all: 4 and 3 are too little for 8, with the first 2 it is 9.
        let it = Mattered::of(&pieces(&[1.0, 4.0, -2.0, 2.0, 3.0, -9.0], 10), 0.8, 0, 60).unwrap();
        assert_eq!(
            it.segments,
            [Segment { start: 10, end: 20 }, Segment { start: 30, end: 50 }]
        );
        assert!((it.share - 0.9).abs() < 1e-6);
        assert_eq!(it.lengths(Seconds(0.1)), (Seconds(3.0), Seconds(6.0)));
        // With a gap of ten frames closed, what lies in it is heard too, but carries nothing.
        let it = Mattered::of(&pieces(&[1.0, 4.0, -2.0, 2.0, 3.0, -9.0], 10), 0.8, 11, 60).unwrap();
        assert_eq!(it.segments, [Segment { start: 10, end: 50 }]);
        assert!((it.share - 0.9).abs() < 1e-6);
        assert!(Mattered::of(&pieces(&[-1.0, 0.0], 10), 0.8, 0, 20).is_none());
        assert!(Mattered::of(&[], 0.8, 0, 0).is_none());
    }

    #[test]
    fn a_short_piece_counts_by_what_it_carries_a_frame() {
        let mut of = pieces(&[2.0, 3.0], 10);
        of[0].0.start = 9;
        let it = Mattered::of(&of, 0.3, 0, 20).unwrap();
        assert_eq!(it.segments, [Segment { start: 9, end: 10 }]);
    }

    #[test]
    fn a_frame_lies_around_the_middle_of_its_window() {
        let spec = FrontEndSpec::default();
        let (hop, window) = (spec.hop().0, 2048.0 / 22_050.0);
        let it = Mattered::of(&pieces(&[0.0, 1.0, 0.0], 1), 0.8, 0, 3).unwrap();
        // The newest of three frames ends at 2 hops and a window.
        let spans = it.spans(Seconds(2.0 * hop + window), &spec);
        let (start, end) = spans[0];
        assert!((0.5 * (start.0 + end.0) - (hop + 0.5 * window)).abs() < 1e-9);
        assert!((end.0 - start.0 - hop).abs() < 1e-9);
    }

    #[test]
    fn evidence_keeps_the_moments_of_its_units() {
        use attune_audio::units::FrameIndex;
        // Two classes; the unit of frames 4 to 7 is for the first, that of 8 to 11 against it.
        let map = EvidenceMap {
            newest: FrameIndex(12),
            units: vec![FrameIndex(7), FrameIndex(11)],
            first: FrameIndex(0),
            local: 4,
            weights: vec![0.5, 0.5],
            classes: 2,
            evidence: vec![1.0, -1.0, -2.0, 2.0],
        };
        let of = |class| Mattered::of_evidence(&map, class, Seconds(0.025)).unwrap();
        assert_eq!((of(0).segments, of(0).end), (vec![Segment { start: 4, end: 8 }], 13));
        assert_eq!(of(1).segments, [Segment { start: 8, end: 12 }]);
        assert!((of(0).share - 1.0).abs() < 1e-6);
    }

    #[test]
    fn joins_are_free_of_clicks_and_nothing_is_lost() {
        let (fade, hz) = (300, 20_000.0);
        let tone: Vec<f32> = (0..20_000)
            .map(|n| 0.5 * (std::f32::consts::TAU * 440.0 * n as f32 / hz).sin())
            .collect();
        let step = |of: &[f32]| of.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
        // They end and begin anywhere in a period; the last one at the very end of the sound.
        let parts = [1000..3011, 5017..5400, 9003..12_000, 19_000..20_000];
        let out = joined(&tone, &parts, fade);
        let length: usize = parts.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(out.len(), length + fade - fade / 2);
        // A hard cut steps by up to twice the amplitude. In a crossfade of equal power two steps add up to √2 times one
        // at most, and the weights, which turn by π/2 in a fade, add as much of the amplitude.
        let most = std::f32::consts::SQRT_2 * (step(&tone) + 0.5 * FRAC_PI_2 / fade as f32);
        assert!(step(&out) <= most, "{} above {most}", step(&out));
        let hard: Vec<f32> = parts.iter().flat_map(|part| tone[part.clone()].to_vec()).collect();
        assert!(step(&hard) > 1.5 * most, "a hard cut would be noticed");
        assert!(out[0].abs() < 0.01 && out[out.len() - 1].abs() < 0.01);
        // Between the fades it is the sound itself.
        assert_eq!(out[fade..1500], tone[1000 - fade / 2 + fade..1000 - fade / 2 + 1500]);
        assert!(joined(&tone, &[], fade).is_empty());
        assert!(joined(&tone, std::slice::from_ref(&(30_000..40_000)), fade).is_empty());
    }

    #[test]
    fn a_crossfade_keeps_the_power() {
        // White noise: what two parts are is unrelated.
        let mut seed = 1_u32;
        let noise: Vec<f32> = (0..60_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        let fade = 8000;
        let out = joined(&noise, &[10_000..20_000, 40_000..50_000], fade);
        let power = |of: &[f32]| of.iter().map(|x| x * x).sum::<f32>() / of.len() as f32;
        // The fade lies between 10,000 + half of it from the beginning.
        let within = power(&out[10_000..18_000]) / power(&noise);
        assert!((within - 1.0).abs() < 0.05, "{within}");
    }
}
