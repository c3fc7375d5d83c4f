//! Training at toy size: it learns, its loss is what the formula says, and a resumed run ends where an unbroken one
//! does.

use attune_audio::features::{FrameBlock, LoudnessNormalizer};
use attune_model::EvidenceMap;
use attune_model::architecture::BodyShape;
use attune_model::genre::{GenreId, GenreSet};
use attune_model::load;
use attune_nn::weights::WeightStore;
use attune_train::TrainError;
use attune_train::augment::normal;
use attune_train::dataset::{Clip, Dataset};
use attune_train::export::{Provenance, export};
use attune_train::recipe::{BatchShape, ModelKind, Recipe};
use attune_train::renditions::{Recording, Rendition};
use attune_train::teacher::TeacherOutput;
use attune_train::trainer::{StepReport, Trainer};
use attune_train::validate::Part;
use attune_train::windowed_targets::WindowedTargets;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::sync::Arc;

const BANDS: usize = 128;

/// Two classes of noise: energy low, or high in frequency.
fn clip(number: usize, rng: &mut ChaCha8Rng) -> Clip {
    let class = number % 2;
    let levels = (0..80 * BANDS)
        .map(|i| {
            let band = i % BANDS;
            let hill = if class == 0 { 30.0 } else { 90.0 };
            -((band as f32 - hill) / 12.0).powi(2).min(30.0) + 4.0 * normal(rng)
        })
        .collect();
    Clip {
        name: format!("clip{number}"),
        genre: GenreId(class as u8),
        artist: format!("artist{number}"),
        excerpt: Some(Arc::new(levels)),
        teacher: Some(Arc::new(vec![class as f32, number as f32])),
        ..Clip::default()
    }
}

fn data() -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    Dataset::new(
        GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap(),
        (0..12).map(|n| clip(n, &mut rng)).collect(),
        (100..106).map(|n| clip(n, &mut rng)).collect(),
    )
}

fn recipe(engine: ModelKind, steps: u64) -> Recipe {
    let mut recipe = Recipe::new(engine, 2, 3, steps);
    recipe.batches = vec![BatchShape {
        readout_frames: vec![(11, 0.5), (23, 0.5)],
        ..BatchShape::new(4, 24, 1.0)
    }];
    recipe.architecture.front.width = 16;
    if let Some(stem) = &mut recipe.architecture.stem {
        (stem.width, stem.dilations) = (16, vec![1]);
    }
    recipe.architecture.head.hidden = 12;
    match &mut recipe.architecture.body {
        BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => (shape.inputs, shape.hidden) = (16, 8),
        BodyShape::Tcn(shape) => (shape.width, shape.dilations) = (16, vec![1, 2]),
        BodyShape::Attention(shape) => (shape.width, shape.heads, shape.feed, shape.layers) = (16, 2, 16, 1),
    }
    recipe
}

#[test]
fn every_engine_learns_what_can_be_learnt() {
    // And the opposite as well: a lucky draw of weights tells these noises apart, but not both ways round.
    for (engine, exchanged) in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Tcn, ModelKind::Attention]
        .into_iter()
        .flat_map(|engine| [(engine, false), (engine, true)])
    {
        let mut data = data();
        for clip in data.train.iter_mut().chain(&mut data.valid).filter(|_| exchanged) {
            clip.genre = GenreId(1 - clip.genre.0);
        }
        let mut trainer = Trainer::new(recipe(engine, 60), &data).unwrap();
        while !trainer.is_done() {
            trainer.step().unwrap();
        }
        let figures = trainer.figures(Part::Excerpt).unwrap();
        assert_eq!(figures.clips, 6);
        assert!(figures.accuracy > 0.99, "{engine:?}, {exchanged}: {figures:?}");
    }
}

/// The share of the attention on a passage in the midst of noise, of a network trained with or without planted ones.
fn attention_in_a_passage(share: f32) -> f32 {
    let data = data();
    let mut recipe = recipe(ModelKind::Attention, 80);
    recipe.batches = vec![BatchShape {
        readout_frames: vec![(63, 1.0)],
        ..BatchShape::new(8, 64, 1.0)
    }];
    recipe.planted.share = share;
    let mut trainer = Trainer::new(recipe, &data).unwrap();
    while !trainer.is_done() {
        let report = trainer.step().unwrap();
        assert_eq!(report.attention_loss > 0.0 && report.local_loss > 0.0, share > 0.0);
    }
    let mut store = WeightStore::from_tensors(trainer.averaged().unwrap());
    let mut stream = trainer.recipe().architecture.build(&mut store).unwrap().open().unwrap();
    let (mut rng, mut map, mut weights) = (ChaCha8Rng::seed_from_u64(9), EvidenceMap::default(), Vec::new());
    let mut inside = 0.0;
    for valid in &data.valid {
        let mut levels: Vec<f32> = (0..100 * BANDS).map(|_| -8.0 + 6.0 * normal(&mut rng)).collect();
        let passage = 40..80;
        let of_clip = &valid.excerpt.as_ref().unwrap()[..40 * BANDS];
        levels[passage.start * BANDS..passage.end * BANDS].copy_from_slice(of_clip);
        let mut normalized = Vec::new();
        LoudnessNormalizer::new(&trainer.recipe().front_end).push(&levels, &mut normalized);
        stream.reset().unwrap();
        stream.answers(FrameBlock::new(&normalized, BANDS)).unwrap();
        assert!(stream.evidence(&mut map));
        map.weight_of_frames(&mut weights);
        inside += weights[passage].iter().sum::<f32>() / data.valid.len() as f32;
    }
    inside
}

#[test]
fn attention_learns_to_lie_in_a_planted_passage() {
    let (taught, untaught) = (attention_in_a_passage(0.8), attention_in_a_passage(0.0));
    // 40 of 100 frames.
    assert!(taught > 0.7 && taught > untaught + 0.1, "{taught} and {untaught}");
}

/// The same with renditions that a teacher with one tag told of, and music without labels.
fn data_with_takes() -> Dataset {
    let mut data = data();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut rendition = |number: usize, clips: Vec<(usize, f32)>| {
        let levels = clip(number, &mut rng).excerpt.unwrap();
        Rendition {
            recording: Arc::new(Recording {
                levels: levels.iter().map(|&level| half::f16::from_f32(level)).collect(),
                teacher: TeacherOutput {
                    features: vec![(number % 2) as f32, number as f32],
                    tags: vec![0.9 - 0.8 * (number % 2) as f32],
                },
            }),
            clips,
            band_limit: None,
        }
    };
    for number in 0..data.train.len() {
        // A clip of the other class stands beside each.
        data.train[number].renditions = vec![
            rendition(number, vec![(number, 1.0)]),
            rendition(number, vec![(number, 0.7), (number ^ 1, 0.3)]),
        ];
    }
    data.unlabelled = (0..3)
        .map(|number| Clip {
            renditions: vec![rendition(number, Vec::new())],
            ..Clip::default()
        })
        .collect();
    data
}

#[test]
fn tags_and_features_are_learnt_from_takes() {
    let data = data_with_takes();
    let mut recipe = recipe(ModelKind::Tcn, 80);
    recipe.tag_weight = 1.0;
    recipe.batches = vec![BatchShape::new(8, 24, 2.0), BatchShape::new(4, 70, 1.0)];
    let mut trainer = Trainer::new(recipe, &data).unwrap();
    let mut reports = Vec::new();
    while !trainer.is_done() {
        reports.push(trainer.step().unwrap());
    }
    let mean = |part: &[StepReport], of: fn(&StepReport) -> f32| part.iter().map(of).sum::<f32>() / part.len() as f32;
    // A guess of the tag costs ln 2, knowing it −0.9·ln 0.9 − 0.1·ln 0.1 = 0.325.
    let (first, last) = (&reports[..5], &reports[70..]);
    assert!((mean(first, |r| r.tag_loss) - 0.69).abs() < 0.25, "{first:?}");
    assert!(mean(last, |r| r.tag_loss) < 0.58, "{last:?}");
    assert!(
        mean(last, |r| r.teacher_loss) < 0.8 * mean(first, |r| r.teacher_loss),
        "{last:?}"
    );
    assert!(
        trainer
            .averaged()
            .unwrap()
            .keys()
            .all(|name| !name.starts_with("teacher"))
    );
}

#[test]
fn the_features_of_windows_are_learnt_by_where_an_excerpt_is_of_labelled_music_and_of_other() {
    let mut data = data_with_takes();
    // One window for the whole sound: the number that tells high from low, and one that nothing in the sound tells.
    let windows = |class: usize| Some(Arc::new(WindowedTargets::new(vec![class as f32, 5.0], 2, 1.0, 3.0)));
    data.window_width = 2;
    for (number, clip) in data.train.iter_mut().enumerate() {
        (clip.teacher, clip.excerpt_window, clip.windowed_targets) = (None, windows(number % 2), windows(number % 2));
    }
    for (number, clip) in data.unlabelled.iter_mut().enumerate() {
        clip.windowed_targets = windows(number % 2);
    }
    let mut recipe = recipe(ModelKind::Tcn, 120);
    recipe.batches = vec![BatchShape::new(8, 24, 1.0)];
    // A hidden layer of twelve cannot do with half of them.
    recipe.architecture.head.dropout = 0.0;
    let mut trainer = Trainer::new(recipe, &data).unwrap();
    let mut losses = Vec::new();
    while !trainer.is_done() {
        losses.push(trainer.step().unwrap().window_loss);
    }
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    // Standardised, knowing nothing costs ½·1 for the first feature; mixtures and renditions leave some of it.
    assert!(mean(&losses[..5]) > 0.5, "{losses:?}");
    assert!(mean(&losses[100..]) < 0.25, "{losses:?}");
    let averaged = trainer.averaged().unwrap();
    assert!(averaged.keys().all(|name| !name.starts_with("teacher")));
}

#[test]
fn a_run_begins_with_the_weights_of_another_where_they_fit() {
    let data = data();
    let mut first = Trainer::new(recipe(ModelKind::Tcn, 60), &data).unwrap();
    while !first.is_done() {
        first.step().unwrap();
    }
    let learnt = first.averaged().unwrap();
    let mut second = Trainer::new(recipe(ModelKind::Tcn, 60), &data).unwrap();
    let nll = |trainer: &Trainer<'_>| trainer.figures(Part::Excerpt).unwrap().nll;
    assert!(nll(&second) > nll(&first), "{} {}", nll(&second), nll(&first));
    assert_eq!(second.start_from(&learnt).unwrap(), learnt.len());
    assert_eq!(weights(&second), weights(&first));
    // Another head: all but that fits. Another kind of engine: what is around its body does.
    let mut wider = recipe(ModelKind::Tcn, 60);
    wider.architecture.head.hidden = 13;
    let fitting = Trainer::new(wider, &data).unwrap().start_from(&learnt).unwrap();
    assert!(fitting < learnt.len() && fitting > learnt.len() / 2, "{fitting}");
    assert_eq!(
        Trainer::new(recipe(ModelKind::Tcn, 1), &data)
            .unwrap()
            .start_from(&HashMap::new())
            .unwrap(),
        0
    );
}

#[test]
fn patience_ends_a_run_and_the_best_weights_are_kept_over_a_break() {
    let data = data();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint.safetensors");
    let mut recipe = recipe(ModelKind::Tcn, 500);
    recipe.patience = 2;
    recipe.rate = 0.5; // so high that it soon gets worse
    let run = |broken_at: Option<u64>| {
        let mut trainer = Trainer::new(recipe.clone(), &data).unwrap();
        let mut judged = Vec::new();
        while !trainer.is_done() {
            for _ in 0..3 {
                trainer.step().unwrap();
            }
            let judgement = trainer.track_best().unwrap();
            assert_eq!(
                judgement.is_best,
                trainer.best_so_far().unwrap().step == trainer.step_count()
            );
            judged.push((trainer.step_count(), judgement.nll));
            if broken_at == Some(trainer.step_count()) {
                trainer.save(&checkpoint).unwrap();
                trainer = Trainer::new(recipe.clone(), &data).unwrap();
                assert!(trainer.resume(&checkpoint).unwrap());
            }
        }
        let best = trainer.best_so_far().unwrap();
        trainer.keep_best();
        // What is kept is what was judged best: judged again, it is as good.
        let nll = trainer.figures(Part::Excerpt).unwrap().nll;
        assert!((nll - best.nll).abs() < 1e-9, "{nll} {best:?}");
        (judged, best, weights(&trainer))
    };
    let (judged, best, kept) = run(None);
    assert!(judged.len() < 160, "patience never ended it");
    let least = judged.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!((best.step, best.stale), (least.0, 2));
    assert_eq!(judged.last().unwrap().0, best.step + 6);
    let again = run(Some(best.step + 3));
    assert_eq!((again.0, again.1, again.2), (judged, best, kept));
}

/// All averaged weights, in the order of their names.
fn weights(trainer: &Trainer<'_>) -> Vec<(String, Vec<f32>)> {
    let mut all: Vec<(String, Vec<f32>)> = trainer
        .averaged()
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.flatten_all().unwrap().to_vec1().unwrap()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn a_resumed_run_ends_where_an_unbroken_one_does() {
    let data = data_with_takes();
    let recipe = |engine, steps| {
        let mut recipe = recipe(engine, steps);
        recipe.tag_weight = 0.5;
        recipe.batches.push(BatchShape::new(3, 60, 1.0));
        recipe
    };
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint.safetensors");
    let mut unbroken = Trainer::new(recipe(ModelKind::Tcn, 8), &data).unwrap();
    for step in 0..8 {
        unbroken.step().unwrap();
        if step == 4 {
            unbroken.save(&checkpoint).unwrap();
        }
    }
    let mut resumed = Trainer::new(recipe(ModelKind::Tcn, 8), &data).unwrap();
    assert!(resumed.resume(&checkpoint).unwrap());
    assert_eq!(resumed.step_count(), 5);
    assert_ne!(weights(&resumed), weights(&unbroken));
    while !resumed.is_done() {
        resumed.step().unwrap();
    }
    assert_eq!(weights(&resumed), weights(&unbroken));

    let mut other = Trainer::new(recipe(ModelKind::Tcn, 9), &data).unwrap();
    assert!(matches!(other.resume(&checkpoint), Err(TrainError::OtherRun { .. })));
    std::fs::write(&checkpoint, b"half a file").unwrap();
    assert!(matches!(other.resume(&checkpoint), Err(TrainError::Data { .. })));
    assert!(!other.resume(&folder.path().join("none")).unwrap());
}

#[test]
fn the_export_loads_and_every_fault_in_it_is_refused() {
    let data = data();
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(recipe(ModelKind::Attention, 2), &data).unwrap();
    trainer.step().unwrap();
    let provenance = Provenance {
        start: None,
        name: "attention".to_owned(),
        command: "a test".to_owned(),
        data: "noise".to_owned(),
        rights: "ours".to_owned(),
        date: "2026-01-01".to_owned(),
    };
    export(&trainer, &data, folder.path(), &provenance).unwrap();
    let manifest_path = folder.path().join("attention.json");
    let model = load::load(&manifest_path).unwrap();
    assert_eq!(model.manifest().genres, data.genres);
    assert!(
        std::fs::read_to_string(folder.path().join("attention.md"))
            .unwrap()
            .contains("a test")
    );
    let card = std::fs::read_to_string(folder.path().join("attention.md")).unwrap();
    // 80 frames last 1.9 s: there are figures after one second, of all six clips, and none after two.
    assert!(
        card.contains("\n| 1 | 6 | ") && !card.contains("\n| 2 | 6 | "),
        "{card}"
    );

    let manifest = std::fs::read_to_string(&manifest_path).unwrap();
    let weights = std::fs::read(folder.path().join("attention.safetensors")).unwrap();
    let refusal = |manifest: &str, weights: &[u8]| {
        let error = load::from_bytes(manifest.as_bytes(), weights.to_vec()).unwrap_err();
        assert!(!error.remedy().is_empty());
        error.to_string()
    };
    // Another front end: the weights are whole, the golden test fails.
    for (from, to) in [
        ("\"hop_samples\": 512", "\"hop_samples\": 500"),
        ("\"high_hz\": 11025.0", "\"high_hz\": 8000.0"),
        ("\"clamp\": 4.0", "\"clamp\": 1.0"),
        ("\"window_samples\": 2048", "\"window_samples\": 1024"),
        ("\"time_constant\": 10.0", "\"time_constant\": 5.0"),
        ("\"range\": 80.0", "\"range\": 30.0"),
        ("\"floor\": -100.0", "\"floor\": -20.0"),
    ] {
        assert!(manifest.contains(from), "{from}");
        assert!(
            refusal(&manifest.replace(from, to), &weights).contains("fails its golden test"),
            "{to}"
        );
    }
    for (from, to, said) in [
        ("\"format\": 1", "\"format\": 99", "format 99"),
        ("\"hop_samples\": 512", "\"hop_samples\": 0", "hop_samples"),
        ("\"layers\": 1", "\"layers\": 2", "is missing"),
        ("\"layers\": 1", "\"layers\": 1000000", "body.layers is 1000000"),
        ("\"width\": 16", "\"width\": 12", "the architecture needs"),
        ("\"low\",", "\"low\", \"middle\",", "3"),
        ("\"low\"", "\"high\"", "stands twice"),
    ] {
        assert!(manifest.contains(from), "{from}");
        let message = refusal(&manifest.replace(from, to), &weights);
        assert!(message.contains(said), "{to}: {message}");
    }
    assert!(refusal("{", &weights).contains("not valid"));
    let mut damaged = weights.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(refusal(&manifest, &damaged).contains("SHA-256"));
    // With a digest that fits, the content is checked all the same.
    let with_digest = |weights: &[u8]| {
        use sha2::Digest;
        manifest.replace(
            &model.manifest().weights_sha256,
            &load::hex(&sha2::Sha256::digest(weights)),
        )
    };
    let last = weights.len() - 4;
    for (bytes, said) in [(f32::NAN.to_le_bytes(), "NaN"), (f32::INFINITY.to_le_bytes(), "inf")] {
        let mut bad = weights.clone();
        bad[last..].copy_from_slice(&bytes);
        assert!(refusal(&with_digest(&bad), &bad).contains(said));
    }
    let cut = &weights[..weights.len() - 4];
    assert!(refusal(&with_digest(cut), cut).contains("not a safetensors file"));
    let missing = load::load(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(missing.contains("none.json"), "{missing}");
}
