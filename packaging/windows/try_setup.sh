#!/bin/sh
# Tries the Windows set-up on Linux: compiles it with makensis and, under wine64, installs, upgrades and uninstalls it
# silently. What is installed stands in for the program, which can only be built on Windows.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
export WINEPREFIX="$work/wine" WINEDEBUG=-all WINEARCH=win64
fail() { echo "FAILED  $1"; exit 1; }

payload=$work/payload
mkdir -p "$payload/_internal/sub" "$payload/licences"
for file in plumbline.exe plumbline-cli.exe _internal/sub/module.pyd licences/INDEX.txt; do echo x >"$payload/$file"; done
setup=$work/Plumbline-setup.exe
makensis -V2 -DVERSION=0.0.1 -DPAYLOAD="$payload" -DOUT="$setup" -DHERE="$here" "$here/windows/setup.nsi" || fail "compile"
echo "ok      compiled"
[ -x "$wine" ] || { echo "Without wine64 it is not run."; exit 0; }

"$wine" wineboot -i >/dev/null 2>&1
"$wine" "$setup" /S || fail "silent installation"
user=$WINEPREFIX/drive_c/users/$(id -un)
place="$user/AppData/Local/Programs/Plumbline"
[ -f "$place/_internal/sub/module.pyd" ] && [ -f "$place/uninstall.exe" ] || fail "files are missing"
[ -f "$user/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Plumbline.lnk" ] || fail "no link in the Start menu"
echo "ok      installed"

echo x >"$place/_internal/of the version before.pyd"
mkdir -p "$place/Plumbline data" "$user/AppData/Local/Plumbline/runtimes/cpu"
for file in "$place/Plumbline data/mine" "$user/AppData/Local/Plumbline/settings.json"; do echo mine >"$file"; done
"$wine" "$setup" /S || fail "upgrade"
[ ! -e "$place/_internal/of the version before.pyd" ] || fail "a module of the version before is still there"
echo "ok      upgraded"

"$wine" "$place/uninstall.exe" /S || fail "silent uninstallation"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$place/uninstall.exe" ] || break; sleep 1; done
[ "$(find "$place" -type f)" = "$place/Plumbline data/mine" ] || fail "more or less than the user's data is left"
[ -f "$user/AppData/Local/Plumbline/settings.json" ] || fail "settings are gone"
[ -d "$user/AppData/Local/Plumbline/runtimes/cpu" ] || fail "the runtime is gone, and nobody was asked"
echo "ok      uninstalled; what is the user's is there"
