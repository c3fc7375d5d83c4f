//! What a screen reader finds in each view, and what the Tab key reaches.

use super::rig::{Rig, Setup};
use attune::ui::View;
use eframe::egui::accesskit::Action;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{By, NodeT, Queryable};
use std::collections::BTreeSet;

/// Every place of the window: its name, and a window that shows it.
fn places() -> Vec<(String, Rig)> {
    let mut places = vec![("first page".to_owned(), Rig::new(Setup::default()))];
    for (view, key) in View::ALL.into_iter().zip([Key::Num1, Key::Num2, Key::Num3]) {
        let further: &[Key] = match view {
            View::Stage => &[Key::F, Key::B],
            View::Lecture | View::Bench => &[Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5],
        };
        for further in further {
            let mut rig = Rig::playing(Setup::default(), 600);
            rig.window.key_press_modifiers(Modifiers::COMMAND, key);
            rig.settle();
            rig.window.key_press(*further);
            rig.settle();
            places.push((format!("{view:?}, then {further:?}"), rig));
        }
    }
    places
}

/// Everything that the keyboard can be on: its place in the tree, and its name or value.
fn controls(rig: &Rig) -> Vec<(String, Option<String>)> {
    let takes_focus = By::new().predicate(|node| node.data().supports_action(Action::Focus) && !node.is_disabled());
    let controls = rig.window.query_all(takes_focus);
    controls
        .map(|node| {
            let node = node.accesskit_node();
            let id = format!("{:?} {:?}", node.id(), node.role());
            (
                id,
                node.label()
                    .or_else(|| node.value())
                    .filter(|name| !name.trim().is_empty()),
            )
        })
        .collect()
}

#[test]
fn every_control_has_a_name() {
    for (place, rig) in places() {
        let controls = controls(&rig);
        assert!(!controls.is_empty(), "{place}: no control at all");
        let nameless: Vec<_> = controls.iter().filter(|(_, name)| name.is_none()).collect();
        assert!(nameless.is_empty(), "{place}: no name for {nameless:?}");
    }
}

#[test]
fn tab_reaches_every_control() {
    for (place, mut rig) in places() {
        let wanted: BTreeSet<_> = controls(&rig).into_iter().collect();
        let mut reached = BTreeSet::new();
        for _ in 0..2 * wanted.len() + 4 {
            rig.window.key_press(Key::Tab);
            rig.window.step();
            #[allow(
                clippy::redundant_closure_for_method_calls,
                reason = "the method is of one lifetime only"
            )]
            let focused = By::new().predicate(|node| node.is_focused_in_tree());
            for node in rig.window.query_all(focused) {
                let node = node.accesskit_node();
                reached.insert(format!("{:?} {:?}", node.id(), node.role()));
            }
        }
        // By place: what a control says may change meanwhile.
        let missed: Vec<_> = wanted.iter().filter(|(id, _)| !reached.contains(id)).collect();
        assert!(missed.is_empty(), "{place}: Tab never reaches {missed:?}");
    }
}
