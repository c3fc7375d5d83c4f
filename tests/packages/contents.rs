//! What is in the packages.

use crate::{Packages, root, run, share};
use attune::ui::APP_ID;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Paths as the .deb has them, without folders and documents.
fn listed(text: &str) -> BTreeSet<String> {
    let paths = text.lines().filter_map(|line| line.split_whitespace().last());
    let paths = paths.map(|path| {
        let path = path.trim_start_matches('.').trim_start_matches('/');
        let path = match path.split_once("usr/") {
            Some((_, path)) => path,
            None => path.split_once('/').map_or("", |(_, path)| path),
        };
        path.replace("zsh/site-functions", "zsh/vendor-completions")
    });
    paths
        .filter(|path| !path.ends_with('/') && !path.is_empty())
        .filter(|path| !path.contains("/doc/attune"))
        .collect()
}

#[test]
fn all_three_hold_the_same_files() {
    let packages = Packages::built();
    let deb = listed(&run(Command::new("dpkg-deb").arg("-c").arg(packages.file("deb"))));
    let rpm = listed(&run(Command::new("rpm").args(["-qlp"]).arg(packages.file("rpm"))));
    let tar = listed(&run(Command::new("tar").arg("-tzf").arg(packages.file("tar.gz"))));
    assert_eq!(deb, rpm);
    assert_eq!(deb, tar);
    for path in [
        "bin/attune".to_owned(),
        format!("share/applications/{APP_ID}.desktop"),
        format!("share/metainfo/{APP_ID}.metainfo.xml"),
        format!("share/icons/hicolor/scalable/apps/{APP_ID}.svg"),
        format!("share/icons/hicolor/symbolic/apps/{APP_ID}-symbolic.svg"),
        "share/man/man1/attune.1.gz".to_owned(),
        "share/man/man1/attune-analyze.1.gz".to_owned(),
        "share/man/man1/attune-lab-memory.1.gz".to_owned(),
        "share/bash-completion/completions/attune".to_owned(),
        "share/zsh/vendor-completions/_attune".to_owned(),
        "share/fish/vendor_completions.d/attune.fish".to_owned(),
    ] {
        assert!(deb.contains(&path), "{path} in {deb:?}");
    }
}

#[test]
fn every_package_has_the_licence_and_whose_the_recordings_are() {
    let packages = Packages::built();
    for (ending, list) in [
        ("deb", &["dpkg-deb", "-c"]),
        ("rpm", &["rpm", "-qlp"]),
        ("tar.gz", &["tar", "-tzf"]),
    ] {
        let files = run(Command::new(list[0]).arg(list[1]).arg(packages.file(ending)));
        let licence = if ending == "deb" { "copyright" } else { "LICENSE" };
        for name in [licence, "demo-recordings.md", "third-party.txt.gz", "attune.cdx.json"] {
            assert!(
                files.contains(&format!("doc/attune/{name}")),
                "{name} in {ending}: {files}"
            );
        }
    }
    let copyright = fs::read_to_string(packages.root().join("usr/share/doc/attune/copyright")).unwrap();
    let licence = fs::read_to_string(root().join("LICENSE")).unwrap();
    let bare = |text: &str| {
        text.split_whitespace()
            .filter(|word| *word != ".")
            .collect::<Vec<_>>()
            .join(" ")
    };
    let terms = licence.split_once("\n\nPermission").unwrap().1;
    assert!(bare(&copyright).ends_with(&bare(terms)), "{copyright}");
}

#[test]
fn the_bill_of_materials_names_what_is_linked_with_checksums() {
    let documents = Packages::built().root().join("usr/share/doc/attune");
    let bill: serde_json::Value =
        serde_json::from_slice(&fs::read(documents.join("attune.cdx.json")).unwrap()).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"]),
        (&"CycloneDX".into(), &"1.5".into())
    );
    let components = bill["components"].as_array().unwrap();
    let of = |name: &str| components.iter().find(|it| it["name"] == name);
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in ["candle-core", "cpal", "egui", "symphonia"] {
        let component = of(name).unwrap();
        let [version, checksum] =
            [&component["version"], &component["hashes"][0]["content"]].map(|it| it.as_str().unwrap());
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        let after = lock.split_once(&locked).unwrap().1;
        assert!(after.lines().nth(1).unwrap().contains(checksum), "{name} {version}");
        assert_eq!(component["purl"], format!("pkg:cargo/{name}@{version}"));
    }
    assert!(of("divan").is_none() && of("proptest").is_none(), "only tests use them");
    for component in components {
        assert!(
            component["hashes"][0]["content"]
                .as_str()
                .is_some_and(|sum| sum.len() == 64),
            "{component}"
        );
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
    }
}

#[test]
fn the_desktop_finds_window_name_and_icons() {
    let share = Packages::built().root().join("usr/share");
    let desktop = share.join(format!("applications/{APP_ID}.desktop"));
    run(Command::new("desktop-file-validate").arg(&desktop));
    let metainfo = share.join(format!("metainfo/{APP_ID}.metainfo.xml"));
    run(Command::new("appstreamcli")
        .args(["validate", "--pedantic", "--no-net"])
        .arg(&metainfo));
    let (desktop, metainfo) = (
        fs::read_to_string(desktop).unwrap(),
        fs::read_to_string(metainfo).unwrap(),
    );
    // GNOME and KDE compare the window's id (Wayland: app_id, X11: WM_CLASS) with these.
    for line in [
        format!("Icon={APP_ID}"),
        format!("StartupWMClass={APP_ID}"),
        "Exec=attune %f".to_owned(),
    ] {
        assert!(desktop.lines().any(|it| it == line), "{line} in {desktop}");
    }
    for tag in [
        format!("<id>{APP_ID}</id>"),
        format!("<launchable type=\"desktop-id\">{APP_ID}.desktop</launchable>"),
        format!("<release version=\"{}\" date=\"2", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(metainfo.contains(&tag), "{tag} in {metainfo}");
    }
    for side in share::ICON_SIDES {
        let file = share.join(format!("icons/hicolor/{side}x{side}/apps/{APP_ID}.png"));
        let icon = png::Decoder::new(std::io::BufReader::new(fs::File::open(&file).unwrap()));
        let info = icon.read_info().unwrap();
        assert_eq!(info.info().size(), (side, side), "{}", file.display());
    }
}

#[test]
fn every_command_has_a_page_and_man_has_nothing_to_say_about_it() {
    let man = Packages::built().root().join("usr/share/man/man1");
    let mut pages = 0;
    for page in fs::read_dir(man).unwrap() {
        let output = Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"])
            .arg(page.unwrap().path())
            .envs([("LC_ALL", "C.UTF-8"), ("MANROFFSEQ", ""), ("MANWIDTH", "80")])
            .output()
            .expect("man is installed (test.sh does it)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        pages += 1;
    }
    let commands = <attune::cli::Args as clap::CommandFactory>::command()
        .get_subcommands()
        .count();
    assert!(pages > commands, "{pages} pages for {commands} commands");
}

#[test]
fn bash_completes_commands_and_options() {
    let script = Packages::built()
        .root()
        .join("usr/share/bash-completion/completions/attune");
    let complete = |words: &str, last: usize| {
        let asked = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD={last}; _attune attune ${{COMP_WORDS[{last}]}} \
             ${{COMP_WORDS[{last} - 1]}}; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        run(Command::new("bash").arg("-c").arg(asked)).trim().to_owned()
    };
    assert_eq!(complete("attune anal", 1), "analyze");
    assert_eq!(complete("attune doctor --js", 2), "--json");
}

#[test]
fn lintian_finds_no_error() {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !has("lintian") && !has("apt-get") {
        println!("lintian is Debian's: not looked at here");
        return;
    }
    let said = run(Command::new("lintian")
        .args(["--fail-on", "error", "--allow-root"])
        .arg(Packages::built().file("deb")));
    println!("{said}");
}

#[test]
fn the_licences_of_what_is_linked_in_are_told() {
    let texts = run(Command::new("gzip")
        .arg("-dc")
        .arg(Packages::built().root().join("usr/share/doc/attune/third-party.txt.gz")));
    let lines: Vec<&str> = texts.lines().collect();
    for start in ["candle-core 0.", "symphonia 0.", "eframe 0.", "libsqlite3-sys 0."] {
        let line = lines
            .iter()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start}"));
        let (_, licence) = line.split_once(": ").unwrap();
        assert!(
            ["MIT", "MPL", "Apache"].iter().any(|name| licence.starts_with(name)),
            "{line}"
        );
    }
    assert!(texts.contains("Mozilla Public License Version 2.0"));
    let test_only = lines
        .iter()
        .any(|line| line.starts_with("egui_kittest ") || line.starts_with("divan "));
    assert!(!test_only, "what only tests use is not in the program");
}
