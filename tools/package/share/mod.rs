//! What packages have beside the program, as files below `share`: man pages, shell completions, icons, desktop files,
//! licences, the bill of materials.
//!
//! In: the command line, `assets/desktop`, the dependencies. Out: files. Thread: any.

mod licences;
mod linked;
mod materials;

use attune::cli::Args;
use attune::ui::APP_ID;
use clap::CommandFactory;
use clap_complete::Shell;
use linked::Linked;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

/// Sides of the icons in pixels.
pub(crate) const ICON_SIDES: [u32; 8] = [16, 24, 32, 48, 64, 128, 256, 512];

/// Writes all of it for the workspace in `root` into `share`.
///
/// # Errors
/// If a drawing cannot be read, or a file cannot be written.
pub(crate) fn write(root: &Path, share: &Path) -> Result<()> {
    let assets = root.join("assets/desktop");
    let folder = |name: &str| {
        let folder = share.join(name);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    let mut command = Args::command();
    clap_mangen::generate_to(command.clone(), folder("man/man1")?)?;
    for (shell, of_shell, name) in [
        (Shell::Bash, "bash-completion/completions", "attune"),
        (Shell::Zsh, "zsh/site-functions", "_attune"),
        (Shell::Fish, "fish/vendor_completions.d", "attune.fish"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "attune", &mut script);
        fs::write(folder(of_shell)?.join(name), script)?;
    }
    let icons = |size: &str| folder(&format!("icons/hicolor/{size}/apps"));
    let drawing = fs::read(assets.join(format!("{APP_ID}.svg")))?;
    for side in ICON_SIDES {
        let png = draw(&drawing, side)?;
        fs::write(icons(&format!("{side}x{side}"))?.join(format!("{APP_ID}.png")), png)?;
    }
    for (folder, file) in [
        (icons("scalable")?, format!("{APP_ID}.svg")),
        (icons("symbolic")?, format!("{APP_ID}-symbolic.svg")),
        (folder("applications")?, format!("{APP_ID}.desktop")),
        (folder("metainfo")?, format!("{APP_ID}.metainfo.xml")),
    ] {
        fs::copy(assets.join(&file), folder.join(&file))?;
    }
    let (documents, linked) = (folder("doc/attune")?, Linked::of(root)?);
    fs::write(documents.join("third-party.txt"), licences::text(&linked)?)?;
    fs::write(documents.join("attune.cdx.json"), materials::json(root, &linked)?)
}

fn draw(drawing: &[u8], side: u32) -> Result<Vec<u8>> {
    let tree = Tree::from_data(drawing, &Options::default()).map_err(Error::other)?;
    let mut pixmap = Pixmap::new(side, side).ok_or_else(|| Error::other("an icon without pixels"))?;
    let scale = side as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(Error::other)
}
