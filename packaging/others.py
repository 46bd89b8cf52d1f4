"""Windows and macOS: the set-up that NSIS makes of a built program, and the disk image of the app.

Signed where keys are: Windows by PLUMBLINE_SIGN, a command that is given the file; macOS by PLUMBLINE_IDENTITY, the
name of a signing identity in the keychain.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def make_setup(folder: Path, version: str, out: Path) -> Path:
    """The Windows set-up. makensis runs on Linux too, which is how it is tried without Windows."""
    for program in folder.glob("*.exe"):
        sign_windows(program)
    target = out / f"Plumbline-{version}-setup.exe"
    told = {"VERSION": version, "PAYLOAD": str(folder), "OUT": str(target), "HERE": str(HERE)}
    defined = [f"-D{name}={value}" for name, value in told.items()]
    subprocess.run(["makensis", "-V2", *defined, str(HERE / "windows" / "setup.nsi")], check=True)
    sign_windows(target)
    return target


def sign_windows(file: Path) -> None:
    """Sign a program, if somebody has told how."""
    command = os.environ.get("PLUMBLINE_SIGN", "")
    if command:
        subprocess.run([*shlex.split(command, posix=False), str(file)], check=True)


def make_disk_image(app: Path, version: str, out: Path) -> Path:
    """The macOS disk image: the app, and the folder to drag it into. The spec has signed what is in the app; here it is
    sealed with what was added since."""
    identity = os.environ.get("PLUMBLINE_IDENTITY", "")
    signed = ["codesign", "--force", "--sign", identity or "-"]  # “-” is nobody's, which Apple Silicon demands
    if identity:
        signed += ["--options", "runtime", "--timestamp"]
    entitled = ["--entitlements", str(HERE / "macos" / "entitlements.plist")]
    subprocess.run([*signed, *entitled, str(app)], check=True)
    subprocess.run(["codesign", "--verify", "--deep", "--strict", str(app)], check=True)
    target = out / f"Plumbline-{version}-macos-arm64.dmg"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(app, Path(place) / app.name, symlinks=True)
        (Path(place) / "Applications").symlink_to("/Applications")
        words = ["-volname", "Plumbline", "-srcfolder", place, "-format", "UDZO", str(target)]
        subprocess.run(["hdiutil", "create", *words], check=True)
    if identity:
        subprocess.run([*signed, str(target)], check=True)
    return target
