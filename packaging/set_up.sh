#!/bin/sh
# Makes the checkout ready to run: a .venv with the pinned packages and, on Linux, the system libraries Qt needs.
# `make` calls it before everything else, so when nothing changed it says nothing and costs a few milliseconds.
# It never leaves a half-finished .venv behind: what was interrupted is made anew. PYTHON=... picks the Python.
set -eu

cd "$(dirname "$0")/.."
stamp=.venv/set-up-done          # what was installed: the inputs below, written last
unfinished=.venv/set-up-unfinished  # there while packages are being written

say() { printf '%s\n' "$*"; }
fail() { printf '\nSet-up stopped: %s\n' "$1" >&2; shift; for line; do printf '  %s\n' "$line" >&2; done; exit 1; }

# Everything that decides what the .venv holds: the folder, because a moved .venv points to where it was, and the
# project without the settings of its tools, which are nothing to install.
here=$(pwd -P)
inputs() {
    printf '%s\n' "$here"
    sed '/^\[tool\.ruff\]/,$d' pyproject.toml
    cat packaging/constraints.txt packaging/set_up.sh
}

if [ -x .venv/bin/python ] && [ ! -e "$unfinished" ] && inputs | cmp -s - "$stamp"; then exit 0; fi


# ------------------------------------------------------------------------------------------------- system packages

root_with_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The one line that installs the packages, for people who must type it.
apt_line() { say "sudo apt-get update && sudo apt-get install --no-install-recommends $*"; }

apt_install() {
    say "Installing system packages: $*"
    apt-get -qq update || fail "apt-get update failed." "Check the network and /etc/apt, then run this again."
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install: $*" "Its message is above. When it is solved, run this again."
}


# ---------------------------------------------------------------------------------------------------------- Python

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer."
        python=$PYTHON
        return
    fi
    for python in python3.11 python3.12 python3.13 python3; do
        if command -v "$python" >/dev/null && new_enough "$python"; then return; fi
    done
    fail "no Python 3.11 or newer was found." "Install one, or say where it is: make setup PYTHON=/path/to/python3"
}

# Debian and Ubuntu keep the part of venv that brings pip in a package of its own.
need_ensurepip() {
    "$python" -c 'import ensurepip' 2>/dev/null && return
    package=$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
    if root_with_apt; then
        apt_install "$package"
        "$python" -c 'import ensurepip' 2>/dev/null && return
        fail "$(command -v "$python") has no ensurepip module, and $package did not bring it." \
            "Pick another Python: make setup PYTHON=/path/to/python3"
    fi
    fail "$(command -v "$python") cannot make a .venv: its ensurepip module is missing. On Debian or Ubuntu run" \
        "$(apt_line "$package")" "and then this again."
}

make_venv() {
    if [ -e .venv ]; then
        if [ ! -e "$unfinished" ] && new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
            { [ ! -e "$stamp" ] || [ "$(head -n 1 "$stamp")" = "$here" ]; }; then return; fi
        say "The .venv is unfinished, broken or from another folder: making it anew."
    fi
    find_python
    need_ensurepip
    rm -rf .venv
    say "Making .venv with $("$python" --version)."
    "$python" -m venv .venv || { rm -rf .venv; fail "$python could not make .venv; its message is above."; }
}

install_packages() {
    say "Installing the packages into .venv; the first time this downloads a good deal and takes some minutes."
    : >"$unfinished"
    if ! .venv/bin/python -m pip install --disable-pip-version-check --constraint packaging/constraints.txt \
        --editable '.[dev]'; then
        # pip gave up by itself and has put back what it had begun; only a killed pip leaves the mark.
        rm -f "$unfinished"
        fail "pip could not install the packages; its message is above." \
            "Most often the network or the disk is the reason. When it is solved, run this again."
    fi
    rm -f "$unfinished"
}


# -------------------------------------------------------------------------------------------------- Qt's libraries

# Really starts Qt, without a screen; then loads its plug-in for X11, which a window needs. Prints what is missing.
qt_offscreen() { QT_QPA_PLATFORM=offscreen .venv/bin/python -c '
from PySide6.QtWidgets import QApplication
QApplication([])' 2>&1; }

qt_window() { .venv/bin/python -c '
import ctypes, pathlib, PySide6.QtGui
ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt/plugins/platforms/libqxcb.so"))' 2>&1; }

qt_packages() {
    glib=libglib2.0-0
    if command -v apt-cache >/dev/null && apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then glib=libglib2.0-0t64; fi
    say "$glib libegl1 libgl1 libdbus-1-3 libfontconfig1 libxkbcommon0 fonts-dejavu-core" \
        "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0"
}

check_qt() {
    [ "$(uname -s)" = Linux ] || return 0
    qt_offscreen >/dev/null && qt_window >/dev/null && return
    # shellcheck disable=SC2046  # one word per package
    if root_with_apt; then apt_install $(qt_packages); fi
    missing=$(qt_offscreen) ||
        fail "Qt does not start: $(say "$missing" | tail -n 1)" "On Debian or Ubuntu run" \
            "$(apt_line "$(qt_packages)")" "and then this again. Elsewhere install the packages that hold that file."
    # Commands, tests and Wayland work without it, so this is no reason to stop.
    missing=$(qt_window) || {
        say "Qt cannot open a window on X11 yet: $(say "$missing" | tail -n 1)"
        say "On Debian or Ubuntu run: $(apt_line "$(qt_packages)")"
    }
}


make_venv
rm -f "$stamp"
install_packages
check_qt
inputs >"$stamp.new"
mv "$stamp.new" "$stamp"
say "Set-up is done."
