#!/usr/bin/env bash
# Installs the .deb in fresh Debian systems, runs it there and removes it: what docs/packages.md reports.
#   tools/package_roots.sh DEB [SUITE...]
# SUITE: bookworm and trixie if not given. Needs mmdebstrap and some hundred MB of Debian packages for each; the systems
# are gone afterwards.
set -euo pipefail
deb=$(realpath "$1")
shift
suites=("$@")
if [ ${#suites[@]} -eq 0 ]; then
    suites=(bookworm trixie)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$deb" "$work/attune.deb"

cat >"$work/check.sh" <<'CHECK'
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8
said() { echo "$suite: $*" >&2; }
quietly() { "$@" >/tmp/log 2>&1 || { cat /tmp/log >&2; said "failed: $*"; exit 1; }; }

find / -xdev -name '*attune*' | sort >/tmp/before
quietly apt-get install -y --no-install-recommends /tmp/attune.deb
said "installed: $(dpkg-query -W -f '${Package} ${Version}, ${Installed-Size} KB' attune)"
said "$(attune --version)"
if ldd /usr/bin/attune | grep 'not found'; then exit 1; fi

# Without a display the window is a limit; its libraries, models and the folders must be there.
attune doctor --json >/tmp/doctor.json || { cat /tmp/doctor.json >&2; exit 1; }
for name in models libraries settings history cache temporary; do
    grep -q "{\"name\":\"$name\",\"state\":\"works\"" /tmp/doctor.json || { cat /tmp/doctor.json >&2; exit 1; }
done
said "doctor: models, libraries and folders work"
said "demo: $(attune demo | sed -n 's,^\(Right[^.]*\)\..*,\1,p')"

quietly apt-get install -y --no-install-recommends xvfb xauth libgl1-mesa-dri desktop-file-utils
xvfb-run -a attune doctor >/tmp/doctor.txt 2>/tmp/errors || { cat /tmp/doctor.txt /tmp/errors >&2; exit 1; }
said "on a screen: $(grep ' window ' /tmp/doctor.txt)"
desktop-file-validate /usr/share/applications/*attune.desktop
quietly dpkg --verify attune

quietly apt-get purge -y attune
# What the program kept when it ran: proofs of its models, and the demo beside other temporary files.
rm -rf /root/.cache/attune /tmp/attune-[0-9]*
find / -xdev -name '*attune*' | sort >/tmp/after
diff /tmp/before /tmp/after >&2
said "removed: nothing is left"
CHECK

for suite in "${suites[@]}"; do
    mmdebstrap --quiet --variant=apt --format=null \
        --customize-hook="copy-in $work/attune.deb $work/check.sh /tmp" \
        --customize-hook='rm -f "$1"/etc/dpkg/dpkg.cfg.d/*exclude*' \
        --customize-hook="chroot \"\$1\" env suite=$suite sh /tmp/check.sh" \
        "$suite" - >/dev/null
done
