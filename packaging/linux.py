"""Linux: a Debian package of a built program, and an archive that runs from any folder and keeps its data there.

The package needs Debian 12, Ubuntu 24.04 or newer: its libraries come from the system that it is built on.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# All else is in the program. Mesa, and through it most of X11 and Wayland, come with these.
DEPENDS = "libc6 (>= 2.36), libgl1, libegl1, libxcb1, libwayland-client0, fontconfig-config, fonts-dejavu-core"
RECOMMENDS = "libwayland-cursor0, libwayland-egl1, xdg-utils"
SUGGESTS = "fonts-noto-cjk"  # for the window in Chinese, where a desktop has no such letters yet
# Both kinds are the same program, so that one takes the other's place.
PACKAGES = {"offline": "plumbline", "thin": "plumbline-thin"}
_LEVEL = 12  # of zstd: 282 MB in half a minute; 19 makes 263 in seven
_ABOUT = {
    "offline": "Everything is in the package: a window, torch for the processor, a small model to begin with, and\n"
    " help. Nothing is downloaded.",
    "thin": "The window and its help. At first start it says what graphics card it found and fetches the torch that\n"
    " suits it, after asking.",
}
_PORTABLE_NOTE = """\
Plumbline keeps its settings, projects and runtimes in this folder as long as it is here, beside the program.
Delete or rename it, and they are kept in your home folder instead, as with an installed program.
"""


def make_deb(kind: str, folder: Path, version: str, out: Path, *, quick: bool = False) -> Path:
    """Pack the program of `folder` as a Debian package."""
    name = PACKAGES[kind]
    target = out / f"{name}_{version}_amd64.deb"
    with tempfile.TemporaryDirectory(dir=out) as place:
        root = Path(place) / "root"
        _lay_out(name, folder, version, root)
        size = sum(-(-file.lstat().st_size // 4096) * 4 for file in (root / "usr").rglob("*"))
        control = root / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(_control(kind, version, size), encoding="utf-8")
        (root / "DEBIAN" / "md5sums").write_text(_sums(root), encoding="utf-8")
        for path in (root, *root.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        how = ["-Zzstd", "-z3"] if quick else ["-Zxz", "-z6"] if kind == "thin" else ["-Zzstd", f"-z{_LEVEL}"]
        subprocess.run(["dpkg-deb", "--root-owner-group", *how, "--build", str(root), str(target)], check=True)
    return target


def make_archive(kind: str, folder: Path, version: str, out: Path, *, quick: bool = False) -> Path:
    """Pack the program to be unpacked anywhere, with the folder beside it that keeps its data there."""
    name = f"{PACKAGES[kind]}-{version}-linux-x86_64"
    ending, compress = ("xz", "xz -6 -T0") if kind == "thin" else ("zst", f"zstd -{_LEVEL} -T0 -q")
    if quick:
        ending, compress = "zst", "zstd -3 -T0 -q"
    target = out / f"{name}.tar.{ending}"
    with tempfile.TemporaryDirectory(dir=out) as place:
        root = Path(place) / name
        shutil.copytree(folder, root, symlinks=True)
        (root / "Plumbline data").mkdir()
        (root / "Plumbline data" / "README.txt").write_text(_PORTABLE_NOTE, encoding="utf-8")
        words = ["--owner=0", "--group=0", "--sort=name", "-C", place, "-I", compress, "-cf", str(target), name]
        subprocess.run(["tar", *words], check=True)
    return target


def _lay_out(name: str, folder: Path, version: str, root: Path) -> None:
    shared = root / "usr" / "share"
    icons = shared / "icons" / "hicolor"
    shutil.copytree(folder, root / "usr" / "lib" / "plumbline", symlinks=True)
    (root / "usr" / "bin").mkdir()
    (root / "usr" / "bin" / "plumbline").symlink_to("../lib/plumbline/plumbline")
    for source, place in (
        ("plumbline.desktop", shared / "applications" / "plumbline.desktop"),
        ("icon/plumbline.svg", icons / "scalable" / "apps" / "plumbline.svg"),
        *(
            (f"icon/plumbline-{size}.png", shared / f"icons/hicolor/{size}x{size}/apps/plumbline.png")
            for size in (48, 128, 256)
        ),
        ("debian_copyright", shared / "doc" / name / "copyright"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / source, place)
    changes = f"{name} ({version}) stable; urgency=low\n\n  * See CHANGELOG.md of this version.\n"
    with (shared / "doc" / name / "changelog.gz").open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(changes.encode())


def _control(kind: str, version: str, size: int) -> str:
    other = PACKAGES["thin" if kind == "offline" else "offline"]
    return (
        f"Package: {PACKAGES[kind]}\nVersion: {version}\nArchitecture: amd64\n"
        "Maintainer: The Plumbline developers <developers@plumbline.invalid>\n"
        f"Installed-Size: {size}\nDepends: {DEPENDS}\nRecommends: {RECOMMENDS}\nSuggests: {SUGGESTS}\n"
        f"Conflicts: {other}\nReplaces: {other}\nSection: science\nPriority: optional\n"
        "Description: desktop studio in which a language model is made your own\n"
        f" Import data, label answers, train (SFT, reward model, DPO, PPO) and compare, by clicking.\n {_ABOUT[kind]}\n"
    )


def _sums(root: Path) -> str:
    lines: list[str] = []
    for file in sorted((root / "usr").rglob("*")):
        if file.is_file() and not file.is_symlink():
            digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
            lines.append(f"{digest}  {file.relative_to(root).as_posix()}\n")
    return "".join(lines)
