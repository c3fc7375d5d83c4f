use super::*;
use crate::LabError;
use attune_model::genre::{GenreId, GenreSet};
use attune_train::dataset::{Clip, Dataset};
use attune_train::sound::mean_power;
use std::collections::BTreeSet;

const CLIP_SECS: usize = 30;

fn plan(seed: u64, sections: RangeInclusive<usize>, split: Side) -> MedleyPlan {
    MedleyPlan { seed, sections, split }
}

fn clip(name: &str, genre: u8, artist: &str) -> Clip {
    Clip {
        name: name.to_owned(),
        genre: GenreId(genre),
        artist: artist.to_owned(),
        audio: Some(format!("{name}.ogg").into()),
        ..Clip::default()
    }
}

/// Three genres, six clips of each on both sides, artists apart.
fn data() -> Dataset {
    let genres = GenreSet::new(["blues", "jazz", "rock"].map(str::to_owned).to_vec()).unwrap();
    let side = |side: &str| -> Vec<Clip> {
        (0..18)
            .map(|n| clip(&format!("{side}.{n:02}"), n % 3, &format!("{side} artist {}", n / 3)))
            .collect()
    };
    Dataset::new(genres, side("train"), side("valid"))
}

/// Noise of its own for each clip: no sample of one is like one of another.
fn noise(clip: &Clip) -> Vec<f32> {
    let seed = clip.name.bytes().fold(0, |seed, byte| seed * 31 + u64::from(byte));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..CLIP_SECS * 22_050).map(|_| rng.random_range(-0.3..0.3)).collect()
}

fn real(data: &Dataset, plan: &MedleyPlan, number: u64) -> Medley {
    let clips = ClipMedleys::new(data, plan.split).unwrap();
    clips.make(plan, number, |clip| Ok(noise(clip))).unwrap()
}

fn bits(medley: &Medley) -> Vec<u32> {
    medley.samples.iter().map(|sample| sample.to_bits()).collect()
}

/// What holds of every medley.
fn check(medley: &Medley) {
    assert_eq!(medley.sections[0].range.start, 0);
    assert_eq!(medley.sections.last().unwrap().range.end, medley.samples.len());
    for pair in medley.sections.windows(2) {
        assert_eq!(pair[0].range.end, pair[1].range.start);
        assert_ne!(pair[0].token, pair[1].token, "sections that follow each other differ");
    }
    for (i, section) in medley.sections.iter().enumerate() {
        assert!(SECONDS.contains(&RATE.duration(section.range.len() as u64).0));
        assert_eq!(medley.section_at(section.range.start), Some(i));
        assert_eq!(medley.section_at(section.range.end - 1), Some(i));
    }
    assert_eq!(medley.section_at(medley.samples.len()), None);
    let mut sum = vec![0.0_f64; medley.samples.len()];
    for stem in &medley.stems {
        for (total, &sample) in sum[stem.start..].iter_mut().zip(&stem.samples) {
            *total += f64::from(sample);
        }
        // A stem sounds in its section and in the crossfades around it, and nowhere else.
        let section = &medley.sections[stem.section];
        assert_eq!(stem.start, section.range.start - section.fade / 2);
    }
    for (n, (sum, &sample)) in sum.iter().zip(&medley.samples).enumerate() {
        assert!((sum - f64::from(sample)).abs() <= 1e-6, "{n}: {sum} {sample}");
    }
    assert!(medley.samples.iter().all(|sample| sample.abs() <= 0.9901));
}

#[test]
fn the_same_seed_is_the_same_medley_to_the_bit_and_another_seed_or_number_another() {
    let data = data();
    let make = |seed, number, split, is_real: bool| {
        let plan = plan(seed, 2..=3, split);
        bits(&if is_real {
            real(&data, &plan, number)
        } else {
            composed(&plan, number)
        })
    };
    for is_real in [true, false] {
        let first = make(1, 5, Side::Train, is_real);
        assert_eq!(first, make(1, 5, Side::Train, is_real));
        for (seed, number, split) in [(2, 5, Side::Train), (1, 6, Side::Train), (1, 5, Side::Valid)] {
            assert_ne!(first, make(seed, number, split, is_real), "{seed} {number} {split:?}");
        }
    }
}

#[test]
fn a_section_is_its_clip_sample_by_sample_up_to_the_boundary() {
    let data = data();
    let plan = plan(3, 1..=8, Side::Train);
    let (mut cuts, mut fades, mut matched, mut as_recorded) = (0, 0, 0, 0);
    for number in 0..12 {
        let medley = real(&data, &plan, number);
        check(&medley);
        let names: BTreeSet<&str> = medley.stems.iter().map(|stem| stem.name.as_str()).collect();
        assert_eq!(names.len(), medley.sections.len(), "no clip twice");
        let powers = medley.sections.iter().map(|section| {
            let fade = section.fade / 2;
            mean_power(&medley.samples[section.range.start + fade..section.range.end - 2_800])
        });
        if powers.into_iter().all(|power| (power / 0.01 - 1.0).abs() < 0.1) {
            matched += 1;
        } else {
            as_recorded += 1;
        }
        for (i, section) in medley.sections.iter().enumerate() {
            let Source::Clip { name, artist, from } = &section.source else {
                panic!("{section:?}")
            };
            let clips = data.train.iter();
            let clip = clips.into_iter().find(|clip| clip.name == *name).unwrap();
            assert_eq!(
                (&clip.artist, data.genres.label(clip.genre)),
                (artist, section.token.as_str())
            );
            let sound = noise(clip);
            // Everything that no crossfade touches is the clip times one gain; with cuts on both sides, all of it.
            let after = medley.sections.get(i + 1).map_or(0, |next| next.fade / 2);
            let plain = section.range.start + section.fade / 2..section.range.end - after;
            for n in plain.clone() {
                let source = sound[from + n - section.range.start] * section.gain;
                assert!(
                    (medley.samples[n] - source).abs() <= 1e-6,
                    "medley {number}, section {i}, sample {n}"
                );
            }
            // One sample beyond, it is not.
            if section.fade > 0 {
                let n = plain.start - 2;
                let source = sound[from + n - section.range.start] * section.gain;
                assert!((medley.samples[n] - source).abs() > 1e-7);
                fades += 1;
            } else if i > 0 {
                cuts += 1;
            }
        }
    }
    assert!(cuts > 3 && fades > 3, "{cuts} cuts, {fades} crossfades");
    assert!(
        matched > 1 && as_recorded > 1,
        "{matched} matched, {as_recorded} as recorded"
    );
}

#[test]
fn both_sides_of_a_crossfade_are_equal_at_the_boundary_and_the_power_stays() {
    let data = data();
    let plan = plan(4, 8..=8, Side::Train);
    let medley = (0..4).map(|number| real(&data, &plan, number));
    let mut seen = 0;
    for medley in medley {
        for section in medley.sections.iter().filter(|section| section.fade > 2_000) {
            let (at, half) = (section.range.start, section.fade / 2);
            // Weights: noise of one power on both sides, so the power of each stem around the boundary is its weight's.
            let i = medley
                .sections
                .iter()
                .position(|other| other.range == section.range)
                .unwrap();
            let around = |stem: &Stem| mean_power(&stem.samples[at - 100 - stem.start..at + 100 - stem.start]);
            let [before, after] =
                [i - 1, i].map(|i| around(&medley.stems[i]) / f64::from(medley.sections[i].gain).powi(2));
            assert!((before / after).log2().abs() < 1.0, "{before} {after}");
            let own = mean_power(&medley.samples[at - half..at + half]);
            let next = mean_power(&medley.samples[at + half..at + half + 20_000]);
            assert!((own / next).log2().abs() < 0.5, "{own} {next}");
            seen += 1;
        }
    }
    assert!(seen > 2, "{seen}");
}

#[test]
fn training_and_validation_share_no_artist_and_no_clip() {
    let data = data();
    let artists = |split| -> BTreeSet<String> {
        let plan = plan(1, 8..=8, split);
        let sections = (0..10).flat_map(|number| real(&data, &plan, number).sections);
        sections
            .flat_map(|section| match section.source {
                Source::Clip { name, artist, .. } => [name, artist],
                Source::Composed { .. } => panic!("a clip was asked for"),
            })
            .collect()
    };
    let (train, valid) = (artists(Side::Train), artists(Side::Valid));
    assert!(train.len() > 10 && valid.len() > 10 && train.is_disjoint(&valid));
    // An index with one artist on both sides is refused before anything is cut from it.
    let folder = tempfile::tempdir().unwrap();
    let rows = "clip,genre,split,audio,artist\na,rock,train,yes,X\nb,jazz,train,yes,Z\nc,rock,valid,yes,x\n";
    std::fs::write(folder.path().join("clips.csv"), rows).unwrap();
    let error = Dataset::list(folder.path()).unwrap_err().to_string();
    assert!(error.contains("artist") && error.contains("training"), "{error}");
}

#[test]
fn composed_medleys_keep_their_words_and_share_no_preset_and_no_seed_between_splits() {
    let mut seeds = [BTreeSet::new(), BTreeSet::new()];
    for (split, seeds) in [Side::Train, Side::Valid].into_iter().zip(&mut seeds) {
        for number in 0..3 {
            let medley = composed(&plan(1, 2..=4, split), number);
            check(&medley);
            for (i, section) in medley.sections.iter().enumerate() {
                let Source::Composed { words, tempo_bpm, seed } = &section.source else {
                    panic!("{section:?}")
                };
                seeds.insert(*seed);
                assert_eq!(words[0], attune_compose::TempoClass::of(*tempo_bpm).word());
                assert!(["major", "minor"].contains(&words[1]));
                let stems = medley.stems.iter().filter(|stem| stem.section == i);
                let names: BTreeSet<&str> = stems.map(|stem| stem.name.as_str()).collect();
                assert!(
                    words.len() > 2 && words[2..].iter().all(|word| names.contains(word)),
                    "{words:?}"
                );
                // The composer makes the same piece again, from the presets of this split.
                let style = attune_compose::Style::ALL
                    .into_iter()
                    .find(|style| style.genre() == section.token);
                let set = match split {
                    Side::Train => attune_compose::InstrumentSet::Training,
                    Side::Valid => attune_compose::InstrumentSet::Unseen,
                };
                let again =
                    attune_compose::compose(&attune_compose::PieceConfig::new(style.unwrap(), *seed, 17.0, set));
                assert!((again.tempo_bpm - tempo_bpm).abs() < 1e-9);
            }
        }
    }
    assert!(seeds[0].is_disjoint(&seeds[1]));
}

#[test]
fn targets_are_numbers_and_an_end() {
    let vocabulary = Vocabulary::new(["blues", "jazz", "rock"].map(str::to_owned).to_vec());
    let medley = real(&data(), &plan(1, 3..=3, Side::Train), 0);
    let target = vocabulary.target(&medley).unwrap();
    let tokens: Vec<&str> = target.iter().map(|&number| vocabulary.token(number).unwrap()).collect();
    assert_eq!(tokens[3], END);
    for (token, section) in tokens.iter().zip(&medley.sections) {
        assert_eq!(*token, section.token);
    }
    assert_eq!(
        (vocabulary.count(), vocabulary.token(4), vocabulary.token(5)),
        (5, Some(START), None)
    );
    assert_eq!(Vocabulary::new(vec!["blues".to_owned()]).target(&medley), None);
}

#[test]
fn what_cannot_be_made_is_refused_with_a_reason() {
    let data = data();
    let short = |clip: &Clip| Ok(noise(clip)[..3 * 22_050].to_vec());
    let clips = ClipMedleys::new(&data, Side::Train).unwrap();
    let error = clips
        .make(&plan(1, 1..=1, Side::Train), 0, short)
        .unwrap_err()
        .to_string();
    assert!(error.contains("3.0 s long") && error.contains("train."), "{error}");
    let mut few = data.clone();
    few.train.truncate(3);
    let clips = ClipMedleys::new(&few, Side::Train).unwrap();
    let error = clips.make(&plan(1, 8..=8, Side::Train), 0, |clip| Ok(noise(clip)));
    assert!(
        matches!(&error, Err(LabError::Refused(said)) if said.contains("--sections")),
        "{error:?}"
    );
    few.train.truncate(1);
    let error = ClipMedleys::new(&few, Side::Train).unwrap_err().to_string();
    assert!(error.contains("two genres"), "{error}");
}

#[test]
fn a_folder_of_medleys_is_whole_or_not_there_and_the_same_again() {
    let parent = tempfile::tempdir().unwrap();
    let plan = plan(9, 1..=2, Side::Train);
    let to = |name: &str, with_stems| {
        let folder = parent.path().join(name);
        write(&folder, 2, with_stems, |number| Ok(composed(&plan, number))).map(|written| (folder, written))
    };
    let (first, written) = to("first", true).unwrap();
    let (second, _) = to("second", true).unwrap();
    let mut names = vec!["details.csv".to_owned(), "reference.csv".to_owned()];
    names.extend(["medley-0000.wav", "medley-0001.wav"].map(str::to_owned));
    for name in &names {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(name)).unwrap();
        assert_eq!(read(&first), read(&second), "{name}");
    }
    // The table says to the sample where the sections are.
    let reference = tables::Reference::read(&first.join(REFERENCE)).unwrap();
    assert_eq!(reference.pieces.len(), 2);
    let sections: usize = reference.pieces.values().map(Vec::len).sum();
    assert_eq!(sections, written.sections);
    for (number, sections) in reference.pieces.values().enumerate() {
        let medley = composed(&plan, number as u64);
        for (row, section) in sections.iter().zip(&medley.sections) {
            assert_eq!(RATE.index_at(Seconds(row.start_s)).0 as usize, section.range.start);
            assert_eq!(RATE.index_at(Seconds(row.end_s)).0 as usize, section.range.end);
            assert_eq!(row.token, section.token);
        }
        let stems = std::fs::read_dir(first.join(format!("medley-{number:04}-stems"))).unwrap();
        assert_eq!(stems.count(), medley.stems.len());
        let (info, samples) =
            attune_audio::decode::decode_file(&first.join(format!("medley-{number:04}.wav"))).unwrap();
        assert_eq!((info.rate, samples.len()), (RATE, medley.samples.len()));
        let apart = samples.iter().zip(&medley.samples).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-4);
    }
    // What is there stays, and a failure leaves nothing.
    assert!(to("first", false).unwrap_err().to_string().contains("not empty"));
    let failed = parent.path().join("third");
    write(&failed, 2, false, |number| match number {
        0 => Ok(composed(&plan, 0)),
        _ => Err(LabError::Stopped),
    })
    .unwrap_err();
    let left: BTreeSet<String> = std::fs::read_dir(parent.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left, ["first", "second"].map(str::to_owned).into());
}
