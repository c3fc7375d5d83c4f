//! Renditions of short synthetic sounds.

use super::*;
use attune_model::genre::{GenreId, GenreSet};
use std::sync::Mutex;

/// A second and a half of a chord on `hz`, as a file.
fn sound(folder: &Path, name: &str, hz: f32) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 22_050,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..33_000 {
        let turn = std::f32::consts::TAU * n as f32 / 22_050.0;
        let x = 0.3 * (turn * hz).sin() + 0.2 * (turn * hz * 2.7).sin();
        writer.write_sample((x * 20_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    path
}

fn clip(name: &str, genre: u8, audio: PathBuf) -> Clip {
    Clip {
        name: name.to_owned(),
        artist: name.to_owned(),
        genre: GenreId(genre),
        audio: Some(audio),
        ..Clip::default()
    }
}

struct Studio {
    folder: tempfile::TempDir,
    spec: FrontEndSpec,
    plan: RenditionsPlan,
}

impl Studio {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            spec: FrontEndSpec::default(),
            plan: RenditionsPlan {
                versions: 2,
                mixtures: 1,
                ..RenditionsPlan::default()
            },
        }
    }

    fn data(&self) -> Dataset {
        let at = |name: &str, hz| sound(self.folder.path(), name, hz);
        Dataset::new(
            GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap(),
            vec![
                clip("a", 0, at("a.wav", 200.0)),
                clip("b", 1, at("b.wav", 900.0)),
                clip("c", 1, at("c.wav", 1_500.0)),
            ],
            vec![clip("v", 0, at("v.wav", 333.0))],
        )
    }

    fn making<'a>(&'a self, kept: Option<&'a Path>) -> Making<'a> {
        Making {
            plan: &self.plan,
            spec: &self.spec,
            teacher: None,
            kept,
        }
    }

    fn make(&self, data: &mut Dataset, unlabelled: &[PathBuf], kept: Option<&Path>) -> (Made, Vec<(usize, usize)>) {
        let reported = Mutex::new(Vec::new());
        let progress = |done, of| reported.lock().unwrap().push((done, of));
        let made = self.making(kept).make(data, unlabelled, &progress).unwrap();
        (made, reported.into_inner().unwrap())
    }
}

#[test]
fn renditions_are_made_once_and_are_the_same_from_the_cache() {
    let studio = Studio::new();
    let cache = studio.folder.path().join("renditions.safetensors");
    let (mut fresh, mut again, mut without) = (studio.data(), studio.data(), studio.data());
    let (made, progress) = studio.make(&mut fresh, &[], Some(&cache));
    assert_eq!((made.new, made.cached), (9, 0));
    assert_eq!(progress.iter().max(), Some(&(9, 9)));
    let (made, _) = studio.make(&mut again, &[], Some(&cache));
    assert_eq!((made.new, made.cached), (0, 9));
    studio.make(&mut without, &[], None);
    for data in [&again, &without] {
        for (a, b) in fresh.train.iter().zip(&data.train) {
            assert_eq!(a.renditions.len(), 3);
            for (a, b) in a.renditions.iter().zip(&b.renditions) {
                assert_eq!((&a.recording, &a.clips), (&b.recording, &b.clips));
            }
        }
    }
    assert!(fresh.valid[0].renditions.is_empty(), "renditions of validation clips");
    // One more version is made without remaking the others.
    let studio = Studio {
        plan: RenditionsPlan {
            versions: 3,
            ..studio.plan.clone()
        },
        ..studio
    };
    let mut more = studio.data();
    let (made, _) = studio.make(&mut more, &[], Some(&cache));
    assert_eq!((made.new, made.cached), (3, 9));
    assert_eq!(
        more.train[0].renditions[1].recording,
        fresh.train[0].renditions[1].recording
    );
}

#[test]
fn versions_differ_and_mixtures_keep_the_shares_of_their_labels() {
    let studio = Studio::new();
    let mut data = studio.data();
    studio.make(&mut data, &[], None);
    for (place, clip) in data.train.iter().enumerate() {
        let [first, second, mixture] = &clip.renditions[..] else {
            panic!("{} renditions", clip.renditions.len());
        };
        assert_ne!(first.recording.levels, second.recording.levels);
        assert_eq!(first.clips, [(place, 1.0)]);
        assert_eq!(mixture.clips[0].0, place);
        assert_ne!(mixture.clips[1].0, place);
        let shares: Vec<f32> = mixture.clips.iter().map(|(_, share)| *share).collect();
        assert!((shares[0] + shares[1] - 1.0).abs() < 1e-6);
        assert!((0.3..=0.7).contains(&shares[0]), "{shares:?}");
    }
}

#[test]
fn unlabelled_music_has_no_label_and_never_is_a_validation_clip() {
    let studio = Studio::new();
    let mut data = studio.data();
    let folder = studio.folder.path().join("more").join("below");
    std::fs::create_dir_all(&folder).unwrap();
    sound(&folder, "new.wav", 440.0);
    sound(&folder, "judged.wav", 333.0);
    std::fs::write(folder.join("broken.mp3"), b"no music").unwrap();
    std::fs::write(folder.join("notes.txt"), b"no music").unwrap();
    let files = crate::renditions::music_below(&studio.folder.path().join("more")).unwrap();
    assert_eq!(files.len(), 3);
    let (made, _) = studio.make(&mut data, &files, None);
    assert_eq!(made.left_out.len(), 2, "{:?}", made.left_out);
    assert!(made.left_out.iter().any(|line| line.contains("judged.wav")));
    assert!(made.left_out.iter().any(|line| line.contains("broken.mp3")));
    assert_eq!(data.unlabelled.len(), 1);
    let renditions = &data.unlabelled[0].renditions;
    assert_eq!(
        renditions.len(),
        1,
        "the clean one alone: there is no target for others"
    );
    assert!(renditions.iter().all(|rendition| rendition.clips.is_empty()));
    // A teacher whose input is renditions can be run on any.
    let studio = Studio {
        plan: RenditionsPlan {
            teacher_input: TeacherInput::Rendition,
            ..studio.plan.clone()
        },
        ..studio
    };
    studio.make(&mut data, &files, None);
    assert_eq!(data.unlabelled[0].renditions.len(), 3, "as it is, and two versions");
    assert!(crate::renditions::music_below(&studio.folder.path().join("more/none")).is_err());
}

#[test]
fn a_labelled_clip_that_cannot_be_read_stops_it() {
    let studio = Studio::new();
    let mut data = studio.data();
    std::fs::write(studio.folder.path().join("b.wav"), b"no music").unwrap();
    let error = studio.making(None).make(&mut data, &[], &|_, _| ()).unwrap_err();
    assert!(error.to_string().contains("b.wav"), "{error}");
}

#[test]
fn a_mixture_has_the_power_of_its_parts_by_their_shares() {
    let sine = |hz: f32, height: f32| -> Vec<f32> {
        (0..22_050)
            .map(|n| height * (std::f32::consts::TAU * hz * n as f32 / 22_050.0).sin())
            .collect()
    };
    // However loud they were: amplitudes 0.6 and 0.4 of equal powers, −20 dB in all.
    let mixture = mixed(&sine(300.0, 1.0), &sine(700.0, 0.01)[..20_000], 0.6);
    assert_eq!(mixture.len(), 20_000);
    assert!((mean_power(&mixture) - 0.01).abs() < 2e-4, "{}", mean_power(&mixture));
    let part = |hz: f32| -> f64 {
        let wave = sine(hz, 1.0);
        let sum: f32 = mixture.iter().zip(&wave).map(|(a, b)| a * b).sum();
        f64::from(sum)
    };
    assert!((part(300.0) / part(700.0) - 1.5).abs() < 0.02);
}

#[test]
fn stored_features_are_aligned_by_the_best_straight_line() {
    // The teacher's output is 2·stored + 1, with an error that no line explains.
    let stored: Vec<[f32; 1]> = (0..20).map(|n| [n as f32]).collect();
    let computed: Vec<[f32; 1]> = (0..20)
        .map(|n| [2.0 * n as f32 + 1.0 + if n % 4 < 2 { 0.1 } else { -0.1 }])
        .collect();
    let pairs: Vec<(&[f32], &[f32])> = computed.iter().zip(&stored).map(|(a, b)| (&a[..], &b[..])).collect();
    let (slope, shift) = line(&pairs, 0);
    assert!(
        (slope - 2.0).abs() < 0.01 && (shift - 1.0).abs() < 0.1,
        "{slope} {shift}"
    );
    assert_eq!(line(&pairs[..7], 0), (1.0, 0.0));
}
