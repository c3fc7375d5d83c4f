#!/usr/bin/env bash
# Builds packages of Attune for the processor of this machine: .deb, .rpm and a tarball, with the same files.
#   tools/package.sh [--quick] [--out FOLDER] [--binary FILE --share FOLDER]
# They go to target/packages if --out names no other folder. --binary packs this program instead of building one, --share
# what `attune-package` wrote, --quick compresses little. ATTUNE_MAINTAINER ("Name <address>") is who answers for the packages, and
# SOURCE_DATE_EPOCH (that of the last commit) the time of all that is in them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=.ci/packages.sh
. "$root/.ci/packages.sh"

out=${CARGO_TARGET_DIR:-$root/target}/packages
binary='' share='' quick=false
while [ $# -gt 0 ]; do
    case $1 in
        --quick)
            quick=true
            shift
            continue
            ;;
        --out) out=$2 ;;
        --binary) binary=$(realpath "$2") ;;
        --share) share=$(realpath "$2") ;;
        *)
            echo "unknown option $1; see the head of tools/package.sh" >&2
            exit 2
            ;;
    esac
    shift 2
done
ensure_packages package

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$binary" ] || [ -z "$share" ]; then
    ensure_packages build
    ensure_cargo
    # No path of this machine is to be in the program, so that the same sources give the same one wherever they lie.
    target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}/reproducible")
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    # shellcheck disable=SC2206 # several words
    remap=(${RUSTFLAGS:-} --remap-path-prefix="$root=/attune" --remap-path-prefix="$target=/target"
        --remap-path-prefix="$cargo_home=/cargo")
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${remap[*]}") \
        CFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$target=/target ${CFLAGS:-}" \
        CXXFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$target=/target ${CXXFLAGS:-}" \
        cargo build --locked --release --target-dir "$target" --manifest-path "$root/Cargo.toml" -p attune \
        -p attune-package --bins >&2
    built=$target/release
    binary=${binary:-$built/attune}
    if [ -z "$share" ]; then
        share=$work/share
        "$built/attune-package" "$root" "$share"
    fi
fi

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
maintainer=${ATTUNE_MAINTAINER:-The Attune authors <attune@users.noreply.github.com>}
summary='classifies the genre of music as it plays'
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
processor=$(uname -m)
case $processor in
    x86_64) deb_processor=amd64 ;;
    aarch64) deb_processor=arm64 ;;
    *) deb_processor=$processor ;;
esac

# One column of what the window needs: KIND (library, file) COLUMN (2 its name, 3 Debian's package, 4 Fedora's).
window_needs() {
    package_table | awk -v kind="^$1:" -v column="$2" '$1 == "window" && sub(kind, "", $2) {print $column}' | sort -u
}

joined() { # SEPARATOR, lines on standard input
    awk -v separator="$1" 'NR > 1 {printf "%s", separator} {printf "%s", $0}'
}

if $quick; then
    gzip_level=-1 deb_compression='-Zgzip -z1' rpm_payload=w1.gzdio
else
    gzip_level=-9 deb_compression=-Zxz rpm_payload=w6.xzdio
fi

# The tree that all three hold.
tree=$work/tree
usr=$tree/usr
mkdir -p "$usr/bin" "$usr/share/doc/attune"
install -m 755 "$binary" "$usr/bin/attune"
strip --strip-unneeded "$usr/bin/attune"
cp -r "$share/." "$usr/share/"
sed -i "s/@VERSION@/$version/; s/@DATE@/$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)/" "$usr"/share/metainfo/*.xml
gzip -9n "$usr"/share/man/man1/*.1 "$usr/share/doc/attune/third-party.txt"
cp "$root/assets/demo/README.md" "$usr/share/doc/attune/demo-recordings.md"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE" "$usr/share/doc/attune/"
find "$tree" -type d -exec chmod 755 {} +
find "$tree" -type f ! -path "$usr/bin/*" -exec chmod 644 {} +
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"

build_tarball() {
    tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --transform "s,^usr,attune-$version," \
        -cf - usr | gzip "$gzip_level" -n >"$out/attune-$version-linux-$processor.tar.gz"
}

build_deb() {
    local deb=$work/deb doc=$work/deb/usr/share/doc/attune libc
    cp -a "$tree" "$deb"
    mkdir -p "$deb/DEBIAN" "$deb/usr/share/zsh"
    mv "$deb/usr/share/zsh/site-functions" "$deb/usr/share/zsh/vendor-completions"
    libc=$(readelf -V --wide "$usr/bin/attune" | grep -o 'GLIBC_2[.0-9]*' | sort -Vu | tail -1)
    copyright >"$doc/copyright"
    rm "$doc/LICENSE"
    gzip -9n "$doc/CHANGELOG.md"
    gzip -9n >"$doc/changelog.gz" <<CHANGES
attune ($version) unstable; urgency=medium

  * Version $version: see CHANGELOG.md.gz.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGES
    cat >"$deb/DEBIAN/control" <<CONTROL
Package: attune
Version: $version
Section: sound
Priority: optional
Architecture: $deb_processor
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$deb/usr" | cut -f1)
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1, libasound2t64 | libasound2, $(window_needs library 3 | joined ', ')
Recommends: $(window_needs file 3 | joined ', '), pipewire-pulse | pulseaudio
Suggests: ffmpeg
Description: $summary
$(description | sed 's/^$/./; s/^/ /')
CONTROL
    (cd "$deb" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$deb" -type d -exec chmod 755 {} +
    find "$deb" -type f ! -path '*/bin/*' -exec chmod 644 {} +
    # shellcheck disable=SC2086 # several words
    dpkg-deb $deb_compression --root-owner-group --build "$deb" "$out/attune_${version}_$deb_processor.deb" >&2
}

build_rpm() {
    # Libraries that are linked are found by rpmbuild; those that are opened are named as it would name them.
    cat >"$work/attune.spec" <<SPEC
%global _binary_payload $rpm_payload
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost attune
Name: attune
Version: $version
Release: 1
Summary: $summary
License: MIT
Packager: $maintainer
$(window_needs library 2 | sed 's/.*/Requires: &()(64bit)/')
$(window_needs file 4 | sed 's/^/Recommends: /')
Suggests: ffmpeg
AutoReqProv: yes
%description
$(description)
%install
cp -a "$tree/usr" "%{buildroot}/usr"
%files
%license /usr/share/doc/attune/LICENSE
%license /usr/share/doc/attune/third-party.txt.gz
%doc /usr/share/doc/attune/attune.cdx.json
%doc /usr/share/doc/attune/*.md
$(cd "$tree" && find usr \( -type f -o -type d -name attune \) ! -path '*/doc/attune/*' | sort | sed 's,^,/,; /doc\/attune$/s,^,%dir ,')
SPEC
    rpmbuild --quiet --define "_topdir $work/rpm" --define "_rpmdir $work/rpms" --target "$processor-linux" \
        -bb "$work/attune.spec" >&2
    mv "$work/rpms/$processor/"attune-*.rpm "$out/"
}

description() {
    cat <<'TEXT'
Attune classifies the genre of music from a microphone, from whatever the
computer is playing, or from a file, and shows what its answer rests on:
what every moment contributes, the effect of hiding each half second, and
what attention weighs.

It has a window and commands for the terminal, and analyses libraries of
music. Everything runs on this computer; nothing is sent anywhere.
TEXT
}

copyright() {
    cat <<'TEXT'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: attune
Comment: Whose the recordings of the demo in the program are, and under which
 licences: demo-recordings.md in this folder, or attune demo --credits.
 The licences of the libraries that are linked in: third-party.txt.gz.

Files: *
Copyright: 2026 The Attune authors
License: MIT

License: MIT
TEXT
    sed '1,4d; s/^$/./; s/^/ /' "$root/LICENSE"
}

build_tarball
build_deb
build_rpm
ls "$out"/attune*"$version"*
