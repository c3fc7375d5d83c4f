use super::*;
use std::collections::BTreeSet;
use std::time::Instant;

fn piece(style: Style, seed: u64) -> Piece {
    compose(&PieceConfig::new(style, seed, 6.0, InstrumentSet::Training))
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64
}

#[test]
fn the_same_seed_is_the_same_piece_and_another_seed_another() {
    for style in Style::ALL {
        let bits = |piece: &Piece| -> Vec<u32> { piece.mix.iter().map(|x| x.to_bits()).collect() };
        let (first, again, other) = (piece(style, 1), piece(style, 1), piece(style, 2));
        assert_eq!(bits(&first), bits(&again));
        assert_eq!(first, again);
        assert_ne!(bits(&first), bits(&other), "{style:?}");
    }
}

#[test]
fn stems_sum_to_the_mix_and_each_of_them_sounds() {
    let mut sounding = BTreeSet::new();
    for style in Style::ALL {
        for seed in 0..8 {
            let piece = piece(style, seed);
            for (n, &mix) in piece.mix.iter().enumerate() {
                let sum: f64 = piece.stems.iter().map(|stem| f64::from(stem.samples[n])).sum();
                assert!((sum - f64::from(mix)).abs() <= 1e-6, "{style:?} {seed}: {sum} {mix}");
            }
            let peak = piece.mix.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            assert!(peak > 0.1 && peak <= 0.901, "{style:?} {seed}: {peak}");
            let instruments: BTreeSet<Instrument> = piece.stems.iter().map(|stem| stem.preset.instrument).collect();
            assert_eq!(instruments.len(), piece.stems.len(), "each instrument once");
            assert!(piece.stems.len() >= 2, "{style:?} {seed}");
            for stem in &piece.stems {
                assert!(power(&stem.samples) > 1e-5, "{style:?} {seed} {:?}", stem.preset);
            }
            sounding.extend(instruments);
        }
    }
    assert_eq!(sounding.len(), Instrument::ALL.len(), "{sounding:?}");
}

#[test]
fn each_note_lasts_as_long_as_the_piece_and_no_bar_is_missing() {
    for style in Style::ALL {
        let piece = compose(&PieceConfig {
            tempo_bpm: Some(120.0),
            ..PieceConfig::new(style, 5, 20.0, InstrumentSet::Unseen)
        });
        assert_eq!(piece.mix.len(), 20 * 22_050);
        // Something sounds in each second.
        for second in piece.mix.chunks(22_050) {
            assert!(power(second) > 1e-5, "{style:?}");
        }
    }
}

#[test]
fn sets_of_instruments_share_no_preset_in_any_piece_and_sound_differently() {
    for style in Style::ALL {
        let mut used = [BTreeSet::new(), BTreeSet::new()];
        for seed in 0..20 {
            for (set, used) in [InstrumentSet::Training, InstrumentSet::Unseen]
                .into_iter()
                .zip(&mut used)
            {
                let piece = compose(&PieceConfig::new(style, seed, 1.0, set));
                used.extend(piece.stems.iter().map(|stem| format!("{:?}", stem.preset)));
            }
        }
        assert!(used[0].is_disjoint(&used[1]), "{used:?}");
    }
    // The same notes on two presets.
    let config = PieceConfig::new(Style::Classical, 3, 4.0, InstrumentSet::Training);
    let unseen = PieceConfig {
        instruments: InstrumentSet::Unseen,
        ..config
    };
    assert_ne!(compose(&config).mix, compose(&unseen).mix);
}

#[test]
fn tempo_and_mode_match_the_config_and_both_modes_occur_in_every_style() {
    for style in Style::ALL {
        let modes: BTreeSet<&str> = (0..24)
            .map(|seed| {
                compose(&PieceConfig::new(style, seed, 0.1, InstrumentSet::Training))
                    .mode
                    .word()
            })
            .collect();
        assert_eq!(modes.len(), 2, "{style:?}");
    }
    let piece = compose(&PieceConfig {
        tempo_bpm: Some(140.0),
        mode: Some(Mode::Minor),
        ..PieceConfig::new(Style::Jazz, 1, 1.0, InstrumentSet::Training)
    });
    assert_eq!(piece.words()[..2], ["fast", "minor"]);
}

/// The pitch of every instrument that has one: a note of a' is at 440 Hz by autocorrelation, within 20 cents (a
/// violin's vibrato swings by 22).
#[test]
fn instruments_are_in_tune() {
    let rate = SampleRate(22_050);
    for instrument in Instrument::ALL {
        if matches!(instrument, Instrument::Drums | Instrument::DistortedGuitar) {
            continue;
        }
        for key in [45, 69] {
            let note = score::Note {
                at: 0.0,
                seconds: 1.0,
                key,
                velocity: 0.8,
            };
            for preset in [InstrumentSet::Training, InstrumentSet::Unseen]
                .into_iter()
                .flat_map(|set| set.presets(instrument))
            {
                let mut rng = ChaCha8Rng::seed_from_u64(9);
                let sound = synth::rendered(&[note], preset, (rate, 22_050), 0.0, &mut rng);
                let expected = 440.0 * ((f64::from(key) - 69.0) / 12.0).exp2();
                let cents = 1200.0 * (pitch_hz(&sound[4_000..16_000], rate, expected) / expected).log2();
                assert!(cents.abs() < 20.0, "{preset:?} {key}: {cents:.1} cents");
            }
        }
    }
}

/// The lag near the expected one at which a sound resembles itself most, with a parabola between samples.
fn pitch_hz(samples: &[f32], rate: SampleRate, expected_hz: f64) -> f64 {
    let expected = rate.hz() / expected_hz;
    let alike = |lag: usize| -> f64 {
        let pairs = samples.iter().zip(&samples[lag..]);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    // Several periods on, where a lag of one sample is a smaller part.
    let periods = (600.0 / expected).max(1.0).floor();
    let around = (periods * expected) as usize;
    let reach = (expected / 3.0) as usize;
    let best = (around - reach..=around + reach)
        .max_by(|&a, &b| alike(a).total_cmp(&alike(b)))
        .unwrap_or(around);
    let (before, at, after) = (alike(best - 1), alike(best), alike(best + 1));
    let shift = 0.5 * (before - after) / (before - 2.0 * at + after);
    periods * rate.hz() / (best as f64 + shift)
}

#[test]
fn composing_is_much_faster_than_real_time() {
    let started = Instant::now();
    for style in Style::ALL {
        let piece = compose(&PieceConfig::new(style, 8, 12.0, InstrumentSet::Training));
        assert!(!piece.mix.is_empty());
    }
    let times = 12.0 * Style::ALL.len() as f64 / started.elapsed().as_secs_f64();
    assert!(times > 5.0, "{times:.0} times real time");
}
