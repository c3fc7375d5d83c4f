//! Every panel of the window, found by accessible label and driven from hand-made snapshots; and the whole window as
//! pictures.

#[path = "window/controls.rs"]
mod controls;
#[path = "common/hand_made.rs"]
mod hand_made;
#[path = "window/held.rs"]
mod held;
#[path = "window/internals.rs"]
mod internals;
#[path = "window/lab.rs"]
mod lab;
#[path = "window/messages.rs"]
mod messages;
#[path = "window/pictures.rs"]
mod pictures;
#[path = "window/rig.rs"]
mod rig;
#[path = "window/saved.rs"]
mod saved;
#[path = "window/sessions.rs"]
mod sessions;
#[path = "window/shown.rs"]
mod shown;
#[path = "window/through_time.rs"]
mod through_time;
