//! What the window needs: its libraries, a display, and OpenGL on it.
//!
//! In: this machine. Out: [`Check`]s. Thread: main.

use super::Check;
use super::libraries::{Display, libraries};
use tracing::subscriber::{NoSubscriber, with_default};

const DRIVER: &str = "Check that the display can be reached, and install its driver (Mesa, or that of its maker).";

/// The libraries, and whether the window opens. Without a display neither is needed.
pub(super) fn checks() -> Vec<Check> {
    let display = display();
    let libraries = cfg!(target_os = "linux").then(|| libraries(display));
    let can_open = libraries.as_ref().is_none_or(|check| check.remedy.is_none());
    let window = match display {
        None => Check::limited(
            "window",
            "there is no display here (neither WAYLAND_DISPLAY nor DISPLAY is set)",
            "Start it in a graphical session, or use attune analyze FILE or attune live in the terminal.",
        ),
        Some(_) if !can_open => Check::fails("window", "it cannot be opened without these libraries", None),
        Some(_) => match with_default(NoSubscriber::new(), crate::ui::probe) {
            Ok(version) => Check::works("window", version),
            Err(error) => Check::fails("window", error.to_string(), Some(DRIVER.to_owned())),
        },
    };
    libraries.into_iter().chain([window]).collect()
}

/// Which display the window would open on, in the order in which it tries.
fn display() -> Option<Display> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !cfg!(target_os = "linux") {
        Some(Display::Any)
    } else if is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET") {
        Some(Display::Wayland)
    } else if is_set("DISPLAY") {
        Some(Display::X11)
    } else {
        None
    }
}
