//! Every panel of the window, found by accessible label and driven from hand-made snapshots; and the whole window as
//! pictures.

mod access;
mod compared;
mod controls;
mod evidence;
mod files;
#[path = "../common/hand_made.rs"]
mod hand_made;
mod held;
mod internals;
mod lab;
#[path = "../common/media.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod media;
mod messages;
mod observers;
mod own_models;
mod pictures;
mod presets;
mod restart;
mod rig;
mod saved;
mod sessions;
mod shown;
mod sound_state;
mod through_time;
mod training;
mod truth;
mod views;
