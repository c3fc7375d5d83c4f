# The system packages that Attune needs, by distribution. Sourced by run.sh, test.sh and .ci/run:
#   ensure_packages GROUP...      groups: build, window, package, test
# shellcheck shell=bash

# Each line: group, a probe for what is really needed (it may be installed under another package name), and the packages
# for apt, dnf and pacman, several joined by +. A dash: no package for that distribution (Fedora and Arch use PipeWire,
# which a test must not replace by PulseAudio).
package_table() {
    cat <<'TABLE'
build   command:cc                              gcc+libc6-dev         gcc                      gcc
build   command:cmake                           cmake                 cmake                    cmake
build   command:make                            make                  make                     make
build   command:pkg-config                      pkg-config            pkgconf-pkg-config       pkgconf
build   module:alsa                             libasound2-dev        alsa-lib-devel           alsa-lib
window  library:libEGL.so.1                     libegl1               libglvnd-egl             libglvnd
window  library:libGL.so.1                      libgl1                libglvnd-glx             libglvnd
window  library:libxkbcommon.so.0               libxkbcommon0         libxkbcommon             libxkbcommon
window  library:libxkbcommon-x11.so.0           libxkbcommon-x11-0    libxkbcommon-x11         libxkbcommon-x11
window  library:libX11.so.6                     libx11-6              libX11                   libx11
window  library:libX11-xcb.so.1                 libx11-xcb1           libX11-xcb               libx11
window  library:libxcb.so.1                     libxcb1               libxcb                   libxcb
window  library:libXcursor.so.1                 libxcursor1           libXcursor               libxcursor
window  library:libXi.so.6                      libxi6                libXi                    libxi
window  library:libXrender.so.1                 libxrender1           libXrender               libxrender
window  library:libdbus-1.so.3                  libdbus-1-3           dbus-libs                dbus
window  library:libwayland-client.so.0          libwayland-client0    libwayland-client        wayland
window  library:libwayland-egl.so.1             libwayland-egl1       libwayland-egl           wayland
window  file:/usr/lib*/{,*/}dri/*_dri.so        libgl1-mesa-dri       mesa-dri-drivers         mesa
package command:dpkg-deb                        dpkg                  dpkg                     dpkg
package command:rpmbuild                        rpm                   rpm-build                rpm-tools
package command:readelf                         binutils              binutils                 binutils
test    command:pulseaudio                      pulseaudio            -                        -
test    command:pactl                           pulseaudio-utils      pulseaudio-utils         libpulse
test    file:/usr/lib*/{,*/}alsa-lib/libasound_module_pcm_pulse.so  libasound2-plugins  alsa-plugins-pulseaudio  alsa-plugins
test    command:Xvfb                            xvfb                  xorg-x11-server-Xvfb     xorg-server-xvfb
test    command:openbox                         openbox               openbox                  openbox
test    command:xwininfo                        x11-utils             xwininfo                 xorg-xwininfo
test    command:xdotool                         xdotool               xdotool                  xdotool
test    command:import                          imagemagick           ImageMagick              imagemagick
test    command:ffmpeg                          ffmpeg                ffmpeg-free              ffmpeg
test    command:chromium                        chromium              chromium                 chromium
test    python:venv+ensurepip                   python3+python3-venv  python3                  python
test    command:man                             man-db                man-db                   man-db
test    command:desktop-file-validate           desktop-file-utils    desktop-file-utils       desktop-file-utils
test    command:appstreamcli                    appstream             appstream                appstream
test    command:lintian                         lintian               -                        -
test    command:ip                              iproute2              iproute                  iproute2
test    library:libvulkan.so.1                  libvulkan1            vulkan-loader            vulkan-icd-loader
test    file:/usr/share/vulkan/icd.d/lvp_icd*.json  mesa-vulkan-drivers  mesa-vulkan-drivers   vulkan-swrast
TABLE
}

is_there() {
    local kind=${1%%:*} name=${1#*:}
    case $kind in
        command) command -v "$name" >/dev/null ;;
        module) pkg-config --exists "$name" 2>/dev/null ;;
        python) python3 -c "import ${name//+/, }" 2>/dev/null ;;
        library) /sbin/ldconfig -p 2>/dev/null | grep -F "$name " >/dev/null ;;
        # Braces and stars in the table are patterns for compgen.
        file) files_fit "$name" ;;
    esac
}

files_fit() {
    local pattern
    # "{,*/}": here or one folder further down.
    for pattern in "${1/'{,*/}'/}" "${1/'{,*/}'/*/}"; do
        if compgen -G "$pattern" >/dev/null; then
            return 0
        fi
    done
    return 1
}

missing_packages() { # manager GROUP...
    local manager=$1 group probe apt dnf pacman packages
    shift
    while read -r group probe apt dnf pacman; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        if is_there "$probe"; then
            continue
        fi
        packages=$apt
        case $manager in
            dnf) packages=$dnf ;;
            pacman) packages=$pacman ;;
        esac
        if [ "$packages" != - ]; then
            tr + '\n' <<<"$packages"
        fi
    done < <(package_table) | sort -u
}

ensure_packages() {
    # Linux only: elsewhere the system provides audio and windows.
    if [ "$(uname -s)" != Linux ]; then
        return 0
    fi
    local manager=none candidate
    for candidate in apt-get dnf pacman; do
        if command -v "$candidate" >/dev/null; then
            manager=$candidate
            break
        fi
    done
    local missing
    mapfile -t missing < <(missing_packages "$manager" "$@")
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if [ "$manager" = none ]; then
        echo "Attune may need system packages that are not installed (Debian names): ${missing[*]}" >&2
        echo "None of apt-get, dnf and pacman was found. Please install the equivalents; continuing without them." >&2
        return 0
    fi
    echo "Attune needs these system packages: ${missing[*]}" >&2
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "sudo is not available. Please install them as root with $manager, then run this again." >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing them with ${as_root[*]:+sudo }$manager." >&2
    case $manager in
        apt-get)
            "${as_root[@]}" apt-get -qq update >&2
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
            ;;
        dnf) "${as_root[@]}" dnf -q install -y "${missing[@]}" >&2 ;;
        pacman) "${as_root[@]}" pacman -S --needed --noconfirm "${missing[@]}" >&2 ;;
    esac
}

# Python tools that read in tests what Attune writes, in a folder of their own; made anew when the list of them changes.
ensure_python_tools() {
    local list=tests/library/requirements.txt folder=${CARGO_TARGET_DIR:-target}/test-tools
    if cmp -s "$list" "$folder/installed.txt"; then
        return 0
    fi
    echo "Attune's tests need Python packages: installing those of $list into $folder." >&2
    python3 -m venv --clear "$folder" &&
        "$folder/bin/pip" --quiet --disable-pip-version-check install -r "$list" >&2 &&
        cp "$list" "$folder/installed.txt"
}

ensure_cargo() {
    if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
        # shellcheck disable=SC1091 # made by rustup, not ours
        . "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        echo "cargo was not found. Install Rust from https://rustup.rs, then run this again." >&2
        return 1
    fi
}
