//! No artist and no clip on both sides, whatever the clips.

use super::*;
use proptest::prelude::*;

fn clip(name: &str, artist: &str) -> Clip {
    Clip {
        name: name.to_owned(),
        artist: artist.to_owned(),
        ..Clip::default()
    }
}

#[test]
fn an_artist_on_both_sides_is_refused_whatever_the_case() {
    let (train, valid) = (
        [clip("a", "Bob Marley"), clip("b", "")],
        [clip("c", ""), clip("d", "bob marley")],
    );
    let leak = refuse_leaks(&train, &valid).unwrap_err();
    assert_eq!(
        (leak.what, leak.train.as_str(), leak.valid.as_str()),
        ("artist", "a", "d")
    );
}

#[test]
fn a_clip_on_both_sides_is_refused() {
    assert_eq!(
        refuse_leaks(&[clip("a", "")], &[clip("a", "")]).unwrap_err().what,
        "clip"
    );
}

#[test]
fn a_shared_member_of_joint_artists_is_left_out_and_reported() {
    let side = |clips: Vec<Clip>, side| clips.into_iter().map(move |clip| (clip, side));
    let train = vec![clip("a", "Barbra Streisand and Donna Summer"), clip("b", "Andy and Co")];
    let valid = vec![clip("c", "Donna Summer"), clip("d", "Co-op")];
    assert_eq!(
        joint_artists_shared(&train, &valid),
        [("a".to_owned(), "donna summer".to_owned())]
    );
    let clips = side(train, Side::Train).chain(side(valid, Side::Valid)).collect();
    let (train, valid, notes) = SplitChoice::default().split(clips).unwrap();
    assert_eq!((train.len(), train[0].name.as_str(), valid.len()), (1, "b", 2));
    assert!(
        notes[0].contains("donna summer") && notes[0].starts_with("a "),
        "{notes:?}"
    );
}

#[test]
fn unknown_artists_do_not_count_as_one() {
    assert_eq!(
        refuse_leaks(&[clip("a", ""), clip("b", "X")], &[clip("c", ""), clip("d", "Y")]),
        Ok(())
    );
}

#[test]
fn nothing_to_learn_from_is_refused() {
    let clips = vec![(clip("a", "X"), Side::Valid)];
    assert!(SplitChoice::default().split(clips).is_err());
}

/// Clips by one or two of a few artists, or by nobody known, of three genres.
fn clips() -> impl Strategy<Value = Vec<(Clip, Side)>> {
    let one = (
        prop::option::of(0..12u8),
        prop::option::of(0..12u8),
        0..3u8,
        any::<bool>(),
    );
    prop::collection::vec(one, 8..60).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(number, (artist, other, genre, is_train))| {
                let artists: Vec<String> = [artist, other]
                    .into_iter()
                    .flatten()
                    .map(|n| format!("Artist{n}"))
                    .collect();
                let clip = Clip {
                    genre: GenreId(genre),
                    ..clip(&format!("clip{number}"), &artists.join(" and "))
                };
                (clip, if is_train { Side::Train } else { Side::Valid })
            })
            .collect()
    })
}

fn names(clips: &[Clip]) -> BTreeSet<String> {
    clips.iter().map(|clip| clip.name.clone()).collect()
}

fn artists(clips: &[Clip]) -> BTreeSet<String> {
    clips.iter().flat_map(|clip| members(&clip.artist)).collect()
}

proptest! {
    #[test]
    fn every_fold_keeps_artists_whole_and_each_clip_is_judged_once(clips in clips(), of in 2..5usize, seed: u64) {
        let mut validated = Vec::new();
        for number in 1..=of {
            let choice = SplitChoice { fold: Some(Fold { number, of }), seed, ..SplitChoice::default() };
            let Ok((train, valid, notes)) = choice.split(clips.clone()) else {
                continue; // all clips of one group of artists: no other side
            };
            prop_assert!(notes.is_empty());
            prop_assert_eq!(refuse_leaks(&train, &valid), Ok(()));
            prop_assert!(artists(&train).is_disjoint(&artists(&valid)));
            prop_assert!(names(&train).is_disjoint(&names(&valid)));
            prop_assert_eq!(train.len() + valid.len(), clips.len());
            validated.extend(names(&valid));
            prop_assert_eq!(names(&choice.split(clips.clone()).unwrap().1), names(&valid));
        }
        let once: BTreeSet<&String> = validated.iter().collect();
        prop_assert_eq!(once.len(), validated.len());
    }

    #[test]
    fn the_given_split_never_shares_a_member_either(clips in clips()) {
        if let Ok((train, valid, _)) = SplitChoice::default().split(clips) {
            prop_assert!(artists(&train).is_disjoint(&artists(&valid)));
        }
    }

    #[test]
    fn a_smaller_share_is_part_of_a_larger_one(clips in clips(), seed: u64) {
        let of = |share| {
            let choice = SplitChoice { fold: Some(Fold { number: 1, of: 2 }), share, seed };
            choice.split(clips.clone()).map(|(train, valid, _)| (names(&train), names(&valid)))
        };
        if let (Ok(quarter), Ok(half), Ok(all)) = (of(0.25), of(0.5), of(1.0)) {
            prop_assert!(quarter.0.is_subset(&half.0) && half.0.is_subset(&all.0));
            prop_assert!(quarter.1 == half.1 && half.1 == all.1);
        }
    }
}

#[test]
fn folds_hold_about_as_many_of_each_genre() {
    let clips: Vec<(Clip, Side)> = (0..100)
        .map(|n| {
            let clip = Clip {
                genre: GenreId((n % 4) as u8),
                ..clip(&format!("clip{n}"), &format!("artist{}", n / 8 * 4 + n % 4))
            };
            (clip, Side::Train)
        })
        .collect();
    for number in 1..=5 {
        let choice = SplitChoice {
            fold: Some(Fold { number, of: 5 }),
            ..SplitChoice::default()
        };
        let (_, valid, _) = choice.split(clips.clone()).unwrap();
        for genre in 0..4 {
            let count = valid.iter().filter(|clip| clip.genre == GenreId(genre)).count();
            assert!((4..=6).contains(&count), "fold {number}, genre {genre}: {count} of 25");
        }
    }
}

#[test]
fn a_share_keeps_that_share_of_the_artists_of_each_genre() {
    let clips: Vec<(Clip, Side)> = (0..80)
        .map(|n| {
            let clip = Clip {
                genre: GenreId((n % 2) as u8),
                ..clip(&format!("clip{n}"), &format!("artist{}", n % 40))
            };
            (clip, Side::Train)
        })
        .collect();
    let choice = SplitChoice {
        share: 0.25,
        ..SplitChoice::default()
    };
    let (train, _, _) = choice.split(clips).unwrap();
    assert_eq!((train.len(), artists(&train).len()), (20, 10));
}
