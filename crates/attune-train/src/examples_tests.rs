//! Which sound is drawn, and its targets.

use super::super::recipe::ModelKind;
use super::super::renditions::{Recording, TeacherInput};
use super::super::teacher::TeacherOutput;
use super::super::windowed_targets::WindowedTargets;
use super::*;
use attune_model::genre::GenreSet;
use half::f16;
use rand::SeedableRng;
use std::sync::Arc;

const BANDS: usize = 128;

/// Levels that rise over the bands in one class and fall in the other, with a ripple in time by which examples differ.
fn levels(genre: u8, frames: usize, ripple: f32) -> Vec<f32> {
    (0..frames * BANDS)
        .map(|i| {
            let (frame, band) = (i / BANDS, (i % BANDS) as f32);
            let slope = if genre == 0 { band } else { -band };
            0.3 * slope + ripple * (frame as f32 * 0.7).sin()
        })
        .collect()
}

fn rendition(genre: u8, frames: usize, feature: f32, clips: Vec<(usize, f32)>) -> Rendition {
    Rendition {
        recording: Arc::new(Recording {
            levels: levels(genre, frames, 2.0).into_iter().map(f16::from_f32).collect(),
            teacher: TeacherOutput {
                features: vec![feature, -feature],
                tags: vec![0.25],
            },
        }),
        clips,
        band_limit: None,
    }
}

/// Class 0: one clip with an excerpt alone. Class 1: three clips with whole audio and a rendition. Two unlabelled
/// pieces.
fn data() -> Dataset {
    let mut train = vec![Clip {
        genre: GenreId(0),
        excerpt: Some(Arc::new(levels(0, 40, 1.0))),
        teacher: Some(Arc::new(vec![1.0, 3.0])),
        tags: Some(Arc::new(vec![0.5])),
        ..Clip::default()
    }];
    for feature in [10.0, 20.0, 30.0] {
        train.push(Clip {
            genre: GenreId(1),
            whole: Some(Arc::new(levels(1, 90, 1.0))),
            teacher: Some(Arc::new(vec![3.0, 5.0])),
            renditions: vec![rendition(1, 80, feature, vec![(1, 0.75), (0, 0.25)])],
            ..Clip::default()
        });
    }
    let mut data = Dataset::new(
        GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap(),
        train,
        Vec::new(),
    );
    let unlabelled = |feature| Clip {
        renditions: vec![rendition(0, 60, feature, Vec::new())],
        ..Clip::default()
    };
    data.unlabelled = vec![unlabelled(40.0), unlabelled(50.0)];
    data
}

fn recipe() -> Recipe {
    let mut recipe = Recipe::new(ModelKind::Tcn, 2, 1, 1);
    recipe.batches = vec![BatchShape::new(8, 32, 1.0), BatchShape::new(4, 70, 3.0)];
    recipe.tag_weight = 0.5;
    recipe.renditions.teacher_input = TeacherInput::Rendition;
    recipe.rendition_share = 0.6;
    recipe.unlabelled_share = 0.25;
    recipe.label_smoothing = 0.0;
    recipe.augmentation.mix_beta = 0.0;
    recipe
}

fn draws(recipe: &Recipe, data: &Dataset, count: u64) -> Vec<(BatchShape, Batch)> {
    let examples = Examples::new(recipe, data).unwrap();
    (0..count)
        .map(|n| {
            let (shape, batch) = examples.draw(&mut ChaCha8Rng::seed_from_u64(n));
            (shape.clone(), batch)
        })
        .collect()
}

#[test]
fn sizes_come_by_their_frequency_and_genres_evenly() {
    let data = data();
    let batches = draws(&recipe(), &data, 800);
    let long = batches.iter().filter(|(shape, _)| shape.frames == 70).count();
    // 600 of 800 expected; five deviations of √(800·¾·¼) = 12.
    assert!((540..=660).contains(&long), "{long}");
    // Short batches: six labelled examples of eight, of which half are of the one clip of class 0.
    let short: Vec<&Batch> = batches
        .iter()
        .filter(|(shape, _)| shape.frames == 32)
        .map(|(_, b)| b)
        .collect();
    let class_0: f32 = short
        .iter()
        .map(|batch| batch.targets.chunks(2).map(|t| t[0]).sum::<f32>())
        .sum();
    // A label of class 1 from a rendition has a quarter of class 0 too: ½ + ½·0.6·¼.
    let share = class_0 / (6 * short.len()) as f32;
    assert!((share - 0.575).abs() < 0.06, "{share}");
    // An excerpt of 40 frames cannot fill 70: class 0 is not in long batches but by a share of a mixture.
    for (_, batch) in batches.iter().filter(|(shape, _)| shape.frames == 70) {
        assert!(batch.targets.chunks(2).all(|target| target[0] <= 0.25));
    }
}

#[test]
fn the_target_belongs_to_the_sound_that_was_drawn() {
    let data = data();
    let mut recipe = recipe();
    let features = |recipe: &Recipe| -> Vec<f32> {
        let batches = draws(recipe, &data, 60);
        let labelled = batches.iter().flat_map(|(shape, batch)| {
            let unlabelled = shape.clips / 4;
            batch
                .features
                .chunks(2)
                .take(shape.clips - unlabelled)
                .map(|row| row[0])
                .collect::<Vec<_>>()
        });
        labelled.collect()
    };
    // Standardised over the stored (1, 3, 3, 3): mean 2.5, deviation √¾.
    let standard = |x: f32| (x - 2.5) / 0.75f32.sqrt();
    recipe.rendition_share = 0.0;
    for feature in features(&recipe) {
        assert!(
            [1.0, 3.0].iter().any(|x| (feature - standard(*x)).abs() < 1e-4),
            "{feature}"
        );
    }
    recipe.rendition_share = 1.0;
    let drawn = features(&recipe);
    for rendition in [10.0, 20.0, 30.0] {
        assert!(
            drawn.iter().any(|feature| (feature - standard(rendition)).abs() < 1e-3),
            "{rendition}"
        );
    }
    assert!(
        !drawn.iter().any(|feature| (feature - standard(3.0)).abs() < 1e-4),
        "a stored target for a rendition"
    );
    // With the clip as the teacher's input, a rendition's target is that of the clips in it: ¾·3 + ¼·1.
    recipe.renditions.teacher_input = TeacherInput::Clip;
    for feature in features(&recipe) {
        assert!(
            [1.0, 2.5].iter().any(|x| (feature - standard(*x)).abs() < 1e-4),
            "{feature}"
        );
    }
}

#[test]
fn the_teachers_output_is_mapped_to_the_clips_scale() {
    let mut data = data();
    data.teacher_lines = vec![(0.1, 1.0), (1.0, 0.0)];
    let targets = Targets::new(&recipe(), &data);
    let target = targets.of_rendition(&data.unlabelled[0].renditions[0], &(0.0..1.0));
    // 40 on its line is 5.
    assert!(
        (target.features[0] - (5.0 - 2.5) / 0.75f32.sqrt()).abs() < 1e-4,
        "{target:?}"
    );
    assert_eq!(target.genres, [0.0, 0.0]);
}

#[test]
fn soft_labels_have_the_requested_weight() {
    let mut data = data();
    data.train[0].soft_labels = Some(Arc::new(vec![0.2, 0.8]));
    let mut recipe = recipe();
    recipe.soft_label_weight = 0.25;
    recipe.label_smoothing = 0.2;
    let targets = Targets::new(&recipe, &data);
    let near = |target: Target, wanted: f32| assert!((target.genres[0] - wanted).abs() < 1e-6, "{target:?}");
    // ¾·0.9 + ¼·0.2; no soft label: the smoothed label; a rendition: by the shares of its clips.
    near(targets.of_clip(&data.train[0], None), 0.725);
    near(targets.of_clip(&data.train[1], None), 0.1);
    near(
        targets.of_rendition(&data.train[1].renditions[0], &(0.0..1.0)),
        0.75 * 0.1 + 0.25 * 0.725,
    );
}

#[test]
fn unlabelled_music_has_soft_labels_if_requested() {
    let mut data = data();
    data.unlabelled[0].soft_labels = Some(Arc::new(vec![0.3, 0.7]));
    let mut recipe = recipe();
    let of = |recipe: &Recipe, place: usize| {
        let clip = &data.unlabelled[place];
        let target = Targets::new(recipe, &data).of_unlabelled(clip, &clip.renditions[0], &(0.0..1.0));
        (target.genres, target.has_genres)
    };
    assert_eq!(of(&recipe, 0), (vec![0.0, 0.0], 0.0));
    recipe.unlabelled_weight = 0.5;
    assert_eq!(of(&recipe, 0), (vec![0.3, 0.7], 0.5));
    assert_eq!(of(&recipe, 1), (vec![0.0, 0.0], 0.0), "it has no soft label");
}

#[test]
fn unlabelled_music_has_no_label_loss_and_the_requested_share() {
    let data = data();
    for (shape, batch) in draws(&recipe(), &data, 50) {
        if shape.frames == 70 {
            // 60 frames fill 69 at the most.
            assert!(batch.label_weights.iter().all(|&weight| weight > 0.0));
            continue;
        }
        assert_eq!(batch.label_weights[..6], [1.0 / 6.0; 6]);
        assert_eq!(batch.label_weights[6..], [0.0; 2]);
        assert_eq!(batch.targets[12..], [0.0; 4]);
        assert!(
            batch
                .feature_weights
                .iter()
                .all(|&weight| (weight - 0.125).abs() < 1e-6)
        );
        assert!(batch.features[12] > 30.0, "the teacher's output for unlabelled music");
        assert_eq!(batch.x.len(), 8 * 32 * BANDS);
    }
}

#[test]
fn the_windowed_target_is_where_the_excerpt_was_drawn() {
    let mut data = data();
    // Class 0: an excerpt with target 5; class 1: ten windows of a tenth, numbered; unlabelled: 100.
    let windows = |rows: Vec<f32>| Some(Arc::new(WindowedTargets::new(rows, 1, 1.0, 1.0)));
    data.window_width = 1;
    data.train[0].excerpt_window = windows(vec![5.0]);
    for clip in &mut data.train[1..] {
        clip.windowed_targets = windows((0..10).map(|n| n as f32).collect());
    }
    data.unlabelled[0].windowed_targets = windows(vec![100.0]);
    let mut recipe = recipe();
    recipe.renditions.teacher_input = TeacherInput::Clip;
    let targets = Targets::new(&recipe, &data);
    // Mean and deviation of 5 and three times 0 to 9.
    let mean: f32 = (5.0 + 3.0 * 45.0) / 31.0;
    let deviation = ((25.0 + 3.0 * 285.0) / 31.0 - mean * mean).sqrt();
    let window = |target: Target| target.windows[0] * deviation + mean;
    let near = |target: Target, wanted: f32| {
        assert!(target.has_windows > 0.0);
        assert!(
            (window(target.clone()) - wanted).abs() < 1e-3,
            "{target:?}, not {wanted}"
        );
    };
    near(targets.of_clip(&data.train[0], None), 5.0);
    near(targets.of_clip(&data.train[1], Some(&(0.7..0.8))), 7.0);
    near(targets.of_clip(&data.train[1], Some(&(0.2..0.5))), 3.0);
    let unlabelled = &data.unlabelled[0];
    near(
        targets.of_unlabelled(unlabelled, &unlabelled.renditions[0], &(0.0..0.1)),
        100.0,
    );
    // A rendition of a clip with windows and one that has them for its excerpt alone: the mixture has no target.
    assert!(
        targets
            .of_rendition(&data.train[1].renditions[0], &(0.0..1.0))
            .has_windows
            < 0.5
    );
    let without_target = &data.unlabelled[1];
    let target = targets.of_unlabelled(without_target, &without_target.renditions[0], &(0.0..1.0));
    assert!(target.has_windows < 0.5);
    // In batches: what is drawn of class 1 has places all over the clip, and each target has one.
    let places: Vec<i32> = draws(&recipe, &data, 40)
        .iter()
        .flat_map(|(_, batch)| {
            let weights = batch.window_weights.iter().zip(&batch.windows);
            let with_target = weights.filter(|(weight, _)| **weight > 0.0);
            with_target
                .map(|(_, x)| (x * deviation + mean).round() as i32)
                .collect::<Vec<_>>()
        })
        .collect();
    for place in [2, 3, 4, 5, 6, 100] {
        assert!(places.contains(&place), "{place} in {places:?}");
    }
}

#[test]
fn a_mix_mixes_all_targets_and_one_that_only_one_has_does_not_count() {
    let mut data = data();
    for clip in &mut data.train[1..] {
        (clip.teacher, clip.tags) = (None, None);
    }
    let mut recipe = recipe();
    recipe.rendition_share = 0.0;
    recipe.unlabelled_share = 0.0;
    recipe.augmentation.mix_beta = 0.9;
    let mut mixed = 0;
    for (shape, batch) in draws(&recipe, &data, 60) {
        for example in 0..shape.clips {
            let target = &batch.targets[2 * example..][..2];
            assert!((target[0] + target[1] - 1.0).abs() < 1e-5);
            let has_features = batch.feature_weights[example] > 0.0;
            assert!(
                !has_features || target[0] > 0.999,
                "class 1 has no features: {target:?}"
            );
            mixed += usize::from(target[0] > 0.01 && target[0] < 0.99);
        }
    }
    assert!(mixed > 20, "{mixed}");
}

#[test]
fn what_is_too_short_for_every_batch_is_refused() {
    let data = data();
    let mut recipe = recipe();
    recipe.batches = vec![BatchShape::new(2, 500, 1.0)];
    let error = Examples::new(&recipe, &data).unwrap_err();
    assert!(error.to_string().contains("500"), "{error}");
    assert!(error.remedy().unwrap().contains("--batches"), "{error:?}");
}

#[test]
fn the_band_of_auxiliary_data_does_not_reveal_the_class() {
    // Auxiliary data have clips of class 0 alone, identified by a teacher's features, which no other clip has.
    let of = |genre, band_limit: Option<usize>| Clip {
        genre: GenreId(genre),
        whole: Some(Arc::new(levels(0, 40, 1.0))),
        teacher: band_limit.map(|_| Arc::new(vec![1.0])),
        band_limit,
        ..Clip::default()
    };
    let clips = vec![of(0, None), of(1, None), of(0, Some(60)), of(0, Some(90))];
    let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
    let mut data = Dataset::new(genres, clips, Vec::new());
    let mut recipe = recipe();
    recipe.batches = vec![BatchShape::new(8, 32, 1.0)];
    recipe.augmentation.shift_bands = 0;
    recipe.augmentation.colour_db = 0.0;
    recipe.augmentation.low_pass = 0.0;
    recipe.augmentation.masks = 0;
    recipe.aux_share = 0.4;
    // Excerpts of each class with the full band and with either limit, and how many are auxiliary. The levels rise over
    // the bands, except those that were removed.
    let count = |recipe: &Recipe, data: &Dataset| {
        let mut counts = [[[0.0f64; 2]; 3]; 2];
        for (_, batch) in draws(recipe, data, 300) {
            let examples = batch.x.chunks(32 * BANDS).zip(batch.targets.chunks(2));
            for ((x, target), weight) in examples.zip(&batch.feature_weights) {
                let band = usize::from(x[BANDS - 1] < x[0]) + usize::from(x[75] < x[0]);
                counts[usize::from(target[1] > 0.5)][band][usize::from(*weight > 0.0)] += 1.0;
            }
        }
        counts
    };
    // Five deviations of the share of n draws.
    let about = |share: f64, expected: f64, n: f64| {
        let off = (share - expected).abs();
        assert!(
            off < 5.0 * (expected * (1.0 - expected) / n).sqrt(),
            "{share} of {n}, not {expected}"
        );
    };
    let counts = count(&recipe, &data);
    for class in counts {
        let [full, wide, narrow] = class.map(|[own, aux]| own + aux);
        about((wide + narrow) / (full + wide + narrow), 0.4, full + wide + narrow);
        about(narrow / (wide + narrow), 0.5, wide + narrow);
        assert!(class[0][1] < 0.5, "auxiliary clips come only where all are limited");
    }
    let [own, aux] = [0, 1].map(|source| counts[0][1][source] + counts[0][2][source]);
    about(aux / (own + aux), AUX_DRAWS, own + aux);
    // Without auxiliary data, the share changes nothing.
    data.train.truncate(2);
    let without = draws(&recipe, &data, 20);
    recipe.aux_share = 0.0;
    assert_eq!(without, draws(&recipe, &data, 20));
    assert!(
        count(&recipe, &data)
            .iter()
            .all(|[_, wide, narrow]| wide[0] + narrow[0] < 0.5)
    );
}

/// Levels with one empty band: how a test recognises where an excerpt comes from.
fn marked(genre: u8, frames: usize, band: usize) -> Vec<f32> {
    let mut levels = levels(genre, frames, 1.0);
    for frame in levels.chunks_exact_mut(BANDS) {
        frame[band] -= 60.0;
    }
    levels
}

/// Whether an excerpt (frames, bands) has that empty band.
fn is_marked(x: &[f32], band: usize) -> bool {
    x[band] < x[band - 1] - 0.5 && x[band] < x[band + 1] - 0.5
}

/// No augmentation that could hide a mark.
fn plain_recipe() -> Recipe {
    let mut recipe = recipe();
    recipe.augmentation.shift_bands = 0;
    recipe.augmentation.colour_db = 0.0;
    recipe.augmentation.low_pass = 0.0;
    recipe.augmentation.masks = 0;
    recipe.unlabelled_share = 0.0;
    recipe
}

fn halves(levels: &[f32]) -> Arc<Vec<f16>> {
    Arc::new(levels.iter().copied().map(f16::from_f32).collect())
}

/// For each class the number of excerpts, and of those with the mark.
fn count_marked(recipe: &Recipe, data: &Dataset, frames: usize, band: usize) -> [[f64; 2]; 2] {
    let mut counts = [[0.0; 2]; 2];
    for (shape, batch) in draws(recipe, data, 200) {
        if shape.frames != frames {
            continue;
        }
        for (x, target) in batch.x.chunks(frames * BANDS).zip(batch.targets.chunks(2)) {
            let class = usize::from(target[1] > 0.5);
            counts[class][0] += 1.0;
            counts[class][1] += f64::from(u8::from(is_marked(x, band)));
        }
    }
    counts
}

#[test]
fn filled_log_mels_are_drawn_as_often_for_each_class() {
    // Class 0 has audio for an excerpt only, class 1 for the whole clip; both are filled.
    let clip = |genre, whole: Option<usize>, excerpt: Option<usize>| Clip {
        genre: GenreId(genre),
        whole: whole.map(|frames| Arc::new(levels(genre, frames, 1.0))),
        excerpt: excerpt.map(|frames| Arc::new(levels(genre, frames, 1.0))),
        filled: Some(halves(&marked(genre, 90, 60))),
        ..Clip::default()
    };
    let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
    let data = Dataset::new(
        genres,
        vec![clip(0, None, Some(40)), clip(1, Some(90), None)],
        Vec::new(),
    );
    let mut recipe = plain_recipe();
    recipe.filled_share = 0.3;
    for (frames, expected) in [(32, 0.3), (70, 1.0)] {
        for [all, filled] in count_marked(&recipe, &data, frames, 60) {
            let bound = 5.0 * (0.25 / all).sqrt();
            assert!(
                all > 100.0 && (filled / all - expected).abs() < bound,
                "{frames}: {filled} of {all}"
            );
        }
    }
}

#[test]
fn what_is_limited_to_a_band_is_coded_half_the_time_but_never_by_a_narrower_codec() {
    let coded = |genre, place, band_limit, mark| Rendition {
        recording: Arc::new(Recording {
            levels: marked(genre, 40, mark).into_iter().map(f16::from_f32).collect(),
            ..Recording::default()
        }),
        clips: vec![(place, 1.0)],
        band_limit: Some(band_limit),
    };
    let clip = |genre, place, renditions| Clip {
        name: format!("{place}"),
        genre: GenreId(genre),
        whole: Some(Arc::new(levels(genre, 40, 1.0))),
        renditions,
        ..Clip::default()
    };
    let own = |genre, place| {
        clip(
            genre,
            place,
            vec![coded(genre, place, 100, 20), coded(genre, place, 50, 40)],
        )
    };
    let aux = |genre, place| Clip {
        source: Some(0),
        band_limit: Some(80),
        ..clip(genre, place, Vec::new())
    };
    let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
    let data = Dataset::new(genres, vec![own(0, 0), own(1, 1), aux(0, 2)], Vec::new());
    let mut recipe = plain_recipe();
    recipe.batches = vec![BatchShape::new(8, 32, 1.0)];
    recipe.rendition_share = 0.0;
    recipe.aux_share = 1.0;
    let [_, [all, wide]] = count_marked(&recipe, &data, 32, 20);
    assert!(
        (wide / all - CODED_DRAWS).abs() < 5.0 * (0.25 / all).sqrt(),
        "{wide} of {all}"
    );
    let [[auxiliary, wide], _] = count_marked(&recipe, &data, 32, 20);
    let expected = (1.0 - AUX_DRAWS) * CODED_DRAWS;
    assert!(
        (wide / auxiliary - expected).abs() < 5.0 * (expected / auxiliary).sqrt(),
        "{wide} of {auxiliary}"
    );
    for [_, narrow] in count_marked(&recipe, &data, 32, 40) {
        assert!(narrow < 0.5, "a codec of a narrower band would reveal the class");
    }
}

#[test]
fn a_planted_passage_lies_where_it_is_said_to_and_no_teacher_speaks_of_it() {
    let data = data();
    let mut recipe = recipe();
    recipe.batches = vec![BatchShape::new(8, 36, 1.0)];
    recipe.planted.share = 1.0;
    recipe.unlabelled_share = 0.0;
    recipe.rendition_share = 0.0;
    (
        recipe.augmentation.masks,
        recipe.augmentation.low_pass,
        recipe.augmentation.colour_db,
    ) = (0, 0.0, 0.0);
    let mut in_music = 0;
    for (_, batch) in draws(&recipe, &data, 20) {
        assert_eq!(batch.planted.len(), 8);
        assert!(batch.feature_weights.iter().all(|weight| *weight == 0.0));
        for planted in &batch.planted {
            let x = &batch.x[planted.example * 36 * BANDS..][..36 * BANDS];
            // Class 0 rises over the bands, class 1 falls.
            let rise = |frame: usize| x[frame * BANDS + 100] - x[frame * BANDS + 30];
            let sign = if planted.genres[0] > 0.5 { 1.0 } else { -1.0 };
            for frame in planted.passage.clone() {
                assert!(sign * rise(frame) > 0.0, "{planted:?}: {}", rise(frame));
            }
            if let Some(around) = &planted.around {
                in_music += 1;
                assert!((around[0] - planted.genres[1]).abs() < 1e-6);
                for frame in (0..36).filter(|frame| !planted.passage.contains(frame)) {
                    assert!(sign * rise(frame) < 0.0, "{planted:?}: {}", rise(frame));
                }
            }
        }
    }
    assert!((40..120).contains(&in_music), "half of 160: {in_music}");
}
