"""Builds packaged programs: `python packaging/build.py offline thin`. What a system can't make it leaves out.

Linux: a .deb and a portable archive of each. Windows: the thin set-up. macOS: the thin disk image.
Beside them come checksums and an SBOM. `make package` calls it; packaging/README.md has the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import bundle
import linux
import make_icons
import others
import third_party

ROOT = bundle.ROOT
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
MB = 1000**2
# Installed and packed, in bytes. A GitHub asset and an NSIS set-up end at 2 GiB, far away from these.
LIMITS = {"offline": (900 * MB, 300 * MB), "thin": (260 * MB, 80 * MB)}


def build_folder(kind: str, work: Path) -> Path:
    """The program as a folder, stripped, with the licences of all that is in it."""
    dist = work / kind
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", str(dist), "--workpath", str(work / f"{kind}-work")]
    if sys.platform != "linux":
        make_icons.main()
    spec = ROOT / "packaging" / "plumbline.spec"
    subprocess.run([sys.executable, "-m", "PyInstaller", *words, str(spec), "--", kind], check=True, cwd=ROOT)
    folder = dist / "plumbline"
    strip(folder)
    contents = [Path(line) for line in (dist / "contents.txt").read_text(encoding="utf-8").splitlines()]
    parts = third_party.parts_of(contents, ROOT)
    without = third_party.write_licences(parts, folder / "licences")
    if without:
        print(f"{kind}: no licence text came with {', '.join(without)}")
    app = folder.with_name("Plumbline.app")
    if app.is_dir():
        shutil.copytree(folder / "licences", app / "Contents" / "Resources" / "licences")
    third_party.write_sbom(parts, VERSION, dist / "sbom.json")
    return folder


def what_is_missing(kinds: list[str]) -> str:
    """Why this can't be built here; empty when it can."""
    if sys.platform == "linux" and not shutil.which("objdump"):
        return "PyInstaller needs objdump. On Debian or Ubuntu: sudo apt-get install binutils"
    if "offline" in kinds:
        torch = importlib.util.find_spec("torch")
        library = Path(torch.origin or "").parent / "lib" if torch else Path()
        if any((library / name).is_file() for name in ("libtorch_cuda.so", "torch_cuda.dll")):
            return "The offline program is for the processor, and torch here is for graphics cards: set up another."
    return ""


def strip(folder: Path) -> None:
    """Take the symbols out of the libraries, which is a sixth of them. Linux only."""
    tool = shutil.which("strip")
    if tool is None or sys.platform != "linux":
        return
    inside = folder / "_internal"
    for file in inside.rglob("*"):
        name = file.relative_to(inside).as_posix()
        if file.is_symlink() or not file.is_file() or not bundle.can_be_stripped(name):
            continue
        with file.open("rb") as start:
            if start.read(4) == b"\x7fELF":
                subprocess.run([tool, "--strip-unneeded", str(file)], check=False, stderr=subprocess.DEVNULL)


def size_of(folder: Path) -> int:
    """What a folder's files take, in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def pack(kind: str, folder: Path, out: Path, quick: bool) -> list[Path]:
    """The files that people download, as far as this system can make them."""
    if sys.platform == "linux":
        deb = linux.make_deb(kind, folder, VERSION, out, quick=quick)
        return [deb, linux.make_archive(kind, folder, VERSION, out, quick=quick)]
    if sys.platform == "win32":
        return [others.make_setup(folder, VERSION, out)] if kind == "thin" else []
    return [others.make_disk_image(folder.with_name("Plumbline.app"), VERSION, out)] if kind == "thin" else []


def main() -> int:
    """Build what is asked for. The exit status: 1 when something became too large."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="offline, thin (default: what this system can make)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the packages go")
    parser.add_argument("--work", type=Path, default=ROOT / "build", help="where the building happens")
    parser.add_argument("--folder-only", action="store_true", help="make the program's folder and no packages of it")
    parser.add_argument("--quick", action="store_true", help="pack quickly instead of small")
    arguments = parser.parse_args()
    kinds = arguments.kinds or (["offline", "thin"] if sys.platform == "linux" else ["thin"])
    if unknown := set(kinds) - set(LIMITS):
        parser.error(f"there is no build “{unknown.pop()}”")
    if problem := what_is_missing(kinds):
        print(problem, file=sys.stderr)
        return 1
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    too_large, made = False, list[Path]()
    for kind in kinds:
        began = time.monotonic()
        folder = build_folder(kind, arguments.work.resolve())
        installed, packed = LIMITS[kind]
        said = [(f"{kind} program in {folder}", size_of(folder), installed)]
        if not arguments.folder_only:
            files = pack(kind, folder, out, arguments.quick)
            sbom = out / f"plumbline-{VERSION}-{kind}-{sys.platform}.sbom.json"
            shutil.copyfile(folder.parent / "sbom.json", sbom)
            made += [*files, sbom]
            said += [(file.name, file.stat().st_size, packed) for file in files]
        for name, size, limit in said:
            too_large |= size > limit
            print(f"{name}: {size / MB:.0f} MB{f', more than {limit / MB:.0f} MB' if size > limit else ''}")
        print(f"{kind}: {time.monotonic() - began:.0f} s")
    if made:
        sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(made))
        (out / f"SHA256SUMS-{sys.platform}.txt").write_text(sums, encoding="utf-8", newline="\n")
    return int(too_large)


if __name__ == "__main__":
    sys.exit(main())
