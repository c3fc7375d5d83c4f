//! The libraries that the window opens when it starts.
//!
//! In: what the loader finds. Out: a [`Check`]. Thread: any.

use super::Check;

/// A library that the window opens when it starts.
struct Library {
    /// Under which name.
    name: &'static str,
    /// On which displays.
    of: Display,
    /// Its packages for apt, dnf and pacman, as in `.ci/packages.sh`.
    packages: [&'static str; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    Any,
    X11,
    Wayland,
}

const fn library(name: &'static str, of: Display, packages: [&'static str; 3]) -> Library {
    Library { name, of, packages }
}

const LIBRARIES: [Library; 13] = [
    library("libEGL.so.1", Display::Any, ["libegl1", "libglvnd-egl", "libglvnd"]),
    library("libGL.so.1", Display::X11, ["libgl1", "libglvnd-glx", "libglvnd"]),
    library(
        "libxkbcommon.so.0",
        Display::Any,
        ["libxkbcommon0", "libxkbcommon", "libxkbcommon"],
    ),
    library(
        "libxkbcommon-x11.so.0",
        Display::X11,
        ["libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"],
    ),
    library("libX11.so.6", Display::X11, ["libx11-6", "libX11", "libx11"]),
    library("libX11-xcb.so.1", Display::X11, ["libx11-xcb1", "libX11-xcb", "libx11"]),
    library("libxcb.so.1", Display::X11, ["libxcb1", "libxcb", "libxcb"]),
    library(
        "libXcursor.so.1",
        Display::X11,
        ["libxcursor1", "libXcursor", "libxcursor"],
    ),
    library("libXi.so.6", Display::X11, ["libxi6", "libXi", "libxi"]),
    library(
        "libXrender.so.1",
        Display::X11,
        ["libxrender1", "libXrender", "libxrender"],
    ),
    // For the desktop's dialog for files.
    library("libdbus-1.so.3", Display::Any, ["libdbus-1-3", "dbus-libs", "dbus"]),
    library(
        "libwayland-client.so.0",
        Display::Wayland,
        ["libwayland-client0", "libwayland-client", "wayland"],
    ),
    library(
        "libwayland-egl.so.1",
        Display::Wayland,
        ["libwayland-egl1", "libwayland-egl", "wayland"],
    ),
];
/// What installs packages, in the order of [`Library::packages`].
const MANAGERS: [(&str, &str); 3] = [
    ("apt-get", "apt-get install"),
    ("dnf", "dnf install"),
    ("pacman", "pacman -S --needed"),
];

/// Those for `display`; without one all, of which nothing fails.
pub(super) fn libraries(display: Option<Display>) -> Check {
    of(&LIBRARIES, display, is_there)
}

fn of(all: &[Library], display: Option<Display>, is_there: impl Fn(&str) -> bool) -> Check {
    let needed = |library: &&Library| display.is_none_or(|display| [display, Display::Any].contains(&library.of));
    let (there, missing): (Vec<_>, Vec<_>) = all.iter().filter(needed).partition(|library| is_there(library.name));
    let names = |of: &[&Library]| of.iter().map(|library| library.name).collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        return Check::works("libraries", names(&there));
    }
    let found = format!("the window needs, and cannot open: {}", names(&missing));
    let remedy = install(&missing, on_path);
    match display {
        Some(_) => Check::fails("libraries", found, Some(remedy)),
        None => Check::limited("libraries", found, remedy),
    }
}

/// The command that installs them.
fn install(missing: &[&Library], is_program: impl Fn(&str) -> bool) -> String {
    let manager = MANAGERS.iter().position(|(program, _)| is_program(program));
    let mut packages: Vec<_> = missing
        .iter()
        .map(|library| library.packages[manager.unwrap_or(0)])
        .collect();
    packages.dedup();
    let packages = packages.join(" ");
    match manager {
        Some(index) => format!("Install them: sudo {} {packages}", MANAGERS[index].1),
        None => format!("Install what Debian calls {packages}."),
    }
}

fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Whether the loader finds it and all that it needs itself.
#[allow(
    unsafe_code,
    reason = "opening a library runs its initialisers; there is no other way to know"
)]
fn is_there(library: &str) -> bool {
    // SAFETY: these are the system's libraries that the window opens in the same way; nothing in them is called.
    unsafe { libloading::Library::new(library) }.is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package_and_fails_only_on_its_display() {
        let there = |name: &str| name != "libXi.so.6";
        for (display, state) in [
            (Some(Display::X11), State::Fails),
            (Some(Display::Wayland), State::Works),
            (None, State::Limited),
        ] {
            let check = of(&LIBRARIES, display, there);
            assert_eq!(check.state, state, "{check:?}");
            assert_eq!(check.found.ends_with("cannot open: libXi.so.6"), state != State::Works);
        }
        assert!(!is_there("libnothing-of-that-name.so.9"));
    }

    #[test]
    fn the_remedy_is_a_command_of_this_system() {
        let missing = [&LIBRARIES[4], &LIBRARIES[5]];
        let on = |manager: &'static str| install(&missing, move |program| program == manager);
        assert_eq!(on("apt-get"), "Install them: sudo apt-get install libx11-6 libx11-xcb1");
        assert_eq!(on("pacman"), "Install them: sudo pacman -S --needed libx11");
        assert_eq!(on("none"), "Install what Debian calls libx11-6 libx11-xcb1.");
    }

    #[test]
    fn the_script_that_installs_them_has_the_same_table() {
        let script = include_str!("../../../.ci/packages.sh");
        let rows: Vec<Vec<&str>> = script
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|row| row.first() == Some(&"window") && row[1].starts_with("library:"))
            .collect();
        let ours = LIBRARIES.map(|library| {
            let [apt, dnf, pacman] = library.packages;
            (format!("library:{}", library.name), apt, dnf, pacman)
        });
        let theirs: Vec<_> = rows
            .iter()
            .map(|row| (row[1].to_owned(), row[2], row[3], row[4]))
            .collect();
        assert_eq!(theirs, ours);
    }
}
