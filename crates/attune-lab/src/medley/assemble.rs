//! Sections of sound put one after another, with cuts and crossfades.
//!
//! In: a [`Layout`], and for each section its stems with what crossfades need around it. Out: a [`Medley`]. Thread:
//! any.

use super::{Layout, Medley, Section, Source, Stem};
use attune_train::sound::mean_power;

/// Mean power of a section that is matched: −20 dB.
const POWER: f64 = 0.01;
/// The highest sample of a medley.
const PEAK: f32 = 0.99;

/// A section before it is put in its place.
#[derive(Debug)]
pub(super) struct Part {
    pub token: String,
    pub source: Source,
    /// Samples of the section itself; no more than the layout asked for.
    pub length: usize,
    /// Name and samples: `halves[i]` before the section, the section, `halves[i + 1]` after it.
    pub stems: Vec<(String, Vec<f32>)>,
    /// What it is multiplied by if sections are not matched.
    pub gain: f32,
}

/// All parts in their places.
pub(super) fn assembled(layout: &Layout, parts: Vec<Part>) -> Medley {
    let mut medley = Medley {
        samples: Vec::new(),
        sections: Vec::new(),
        stems: Vec::new(),
    };
    let mut at = 0;
    for (i, part) in parts.into_iter().enumerate() {
        let (before, after) = (layout.halves[i], layout.halves[i + 1]);
        let gain = if layout.is_matched {
            matched_gain(&part.stems, before..before + part.length)
        } else {
            part.gain
        };
        for (name, mut samples) in part.stems {
            for sample in &mut samples {
                *sample *= gain;
            }
            fade_in(&mut samples[..2 * before]);
            let end = samples.len();
            fade_out(&mut samples[end - 2 * after..]);
            medley.stems.push(Stem {
                section: i,
                name,
                start: at - before,
                samples,
            });
        }
        medley.sections.push(Section {
            range: at..at + part.length,
            token: part.token,
            source: part.source,
            gain,
            fade: 2 * before,
        });
        at += part.length;
    }
    medley.samples = sum(&medley.stems, at);
    let peak = medley.samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    if peak > PEAK {
        let gain = PEAK / peak;
        for section in &mut medley.sections {
            section.gain *= gain;
        }
        for sample in medley.stems.iter_mut().flat_map(|stem| &mut stem.samples) {
            *sample *= gain;
        }
        medley.samples = sum(&medley.stems, at);
    }
    medley
}

/// What brings the section's sum to [`POWER`]; 1 for silence.
fn matched_gain(stems: &[(String, Vec<f32>)], section: std::ops::Range<usize>) -> f32 {
    let mut mix = vec![0.0; section.len()];
    for (_, samples) in stems {
        for (total, sample) in mix.iter_mut().zip(&samples[section.clone()]) {
            *total += sample;
        }
    }
    let power = mean_power(&mix);
    if power > 1e-10 {
        (POWER / power).sqrt() as f32
    } else {
        1.0
    }
}

/// Amplitude sin(π x / 2) for x from 0 to 1: with [`fade_out`], the power of two sounds that are not alike stays.
fn fade_in(samples: &mut [f32]) {
    let count = samples.len() as f64;
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample *= (std::f64::consts::FRAC_PI_2 * (n as f64 + 0.5) / count).sin() as f32;
    }
}

/// cos(π x / 2).
fn fade_out(samples: &mut [f32]) {
    let count = samples.len() as f64;
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample *= (std::f64::consts::FRAC_PI_2 * (n as f64 + 0.5) / count).cos() as f32;
    }
}

fn sum(stems: &[Stem], count: usize) -> Vec<f32> {
    let mut mix = vec![0.0; count];
    for stem in stems {
        for (total, sample) in mix[stem.start..].iter_mut().zip(&stem.samples) {
            *total += sample;
        }
    }
    mix
}
