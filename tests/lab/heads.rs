//! Heads: what one can do and several can, and what is lost without one.

use super::stage::{flat, random, report};
use attune_lab::Entry;
use attune_lab::heads::{HeadsLab, needle_shape};
use attune_lab::token_encoder::{TokenEncoder, without_head};
use attune_nn::Pass;
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use std::collections::HashMap;

fn tensors(heads: usize) -> HashMap<String, Tensor> {
    let mut store = WeightStore::random(1);
    TokenEncoder::new(&mut store, needle_shape(heads)).unwrap();
    let all = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    all.collect()
}

/// The same with other values of one head: the third part of the projection, where they are made.
fn with_other_values(tensors: &HashMap<String, Tensor>, of_head: std::ops::Range<usize>) -> HashMap<String, Tensor> {
    let name = "layers.0.attention.project.weight";
    let (rows, columns) = tensors[name].dims2().unwrap();
    let mut values = flat(&tensors[name]);
    for row in values.chunks_exact_mut(columns) {
        for value in &mut row[2 * rows + of_head.start..2 * rows + of_head.end] {
            *value += 1.0;
        }
    }
    let mut changed = tensors.clone();
    let other = Tensor::from_vec(values, (rows, columns), &candle_core::Device::Cpu).unwrap();
    changed.insert(name.to_owned(), other);
    changed
}

#[test]
fn an_ablated_head_adds_nothing_and_the_others_what_they_did() {
    let shape = needle_shape(4);
    let x = random(&[2, 9, shape.inputs], 2);
    let ask = |tensors: HashMap<String, Tensor>| {
        let net = TokenEncoder::restored(tensors, shape).unwrap();
        flat(&net.forward(&x, &mut Pass::Infer).unwrap())
    };
    let all = tensors(4);
    let silenced = without_head(&all, shape, (0, 1)).unwrap();
    assert_ne!(ask(all.clone()), ask(silenced.clone()));
    // Head 1 has features 8 to 15 of 32.
    assert_eq!(ask(silenced.clone()), ask(with_other_values(&silenced, 8..16)));
    assert_ne!(ask(silenced.clone()), ask(with_other_values(&silenced, 16..24)));
    assert_ne!(ask(all.clone()), ask(with_other_values(&all, 8..16)));
    assert!(without_head(&all, shape, (0, 4)).is_err() && without_head(&all, shape, (1, 0)).is_err());
}

#[test]
fn every_number_of_heads_has_as_many_weights() {
    let count = |heads| tensors(heads).values().map(Tensor::elem_count).sum::<usize>();
    assert_eq!([1, 2, 4, 8].map(count), [count(1); 4]);
}

#[test]
#[ignore = "trains for 21 s: ./test.sh --all"]
fn four_heads_find_what_one_does_not_and_need_each() {
    let lab = HeadsLab {
        heads: vec![1, 4],
        steps: Some(1_000),
        ..HeadsLab::default()
    };
    let report = report(&lab, None);
    let share = |table: usize, row: usize, column: usize| match report.tables[table].rows[row][column] {
        Entry::Share(share) => share,
        ref other => panic!("{other}"),
    };
    let (one, four) = (share(0, 0, 1), share(0, 1, 1));
    assert!(four > one + 0.1 && four > 0.8, "{one} {four}");
    // Without the only head nothing is left but chance.
    let (whole, lost) = (share(1, 0, 3), share(1, 0, 5));
    assert!((whole - lost - 0.25).abs() < 0.05, "{whole} {lost}");
    assert!(share(1, 1, 5) > 0.05, "a head of four that is missed");
}
