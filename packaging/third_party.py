"""Whose work is in a packaged program: every licence text, collected into a folder, and the list of parts as an SBOM
(CycloneDX 1.6). Read from what was really collected, not from what is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

_TEXTS = re.compile(r"(^|[-_.])(licen[cs]e|copying|notice|authors?|thirdparty|third_party)", re.IGNORECASE)
_QT = """\
Qt and Qt for Python (PySide6) are used under the GNU Lesser General Public License version 3. Their libraries lie
unchanged and replaceable in the folder PySide6 of this program; their sources are offered by The Qt Company.
"""


_OF_QT = ("pyside6_essentials", "shiboken6")


@dataclass(slots=True)
class Part:
    """A package in the program. kind: pypi, deb or generic, as package URLs have it."""

    kind: str
    name: str
    version: str
    licence: str = ""
    texts: list[Path] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its package URL."""
        return f"pkg:{self.kind}/{'debian/' if self.kind == 'deb' else ''}{self.name.lower()}@{self.version}"


def parts_of(contents: Iterable[Path], root: Path) -> list[Part]:
    """The packages that own these files; those of the checkout at `root` are the program's own."""
    wanted = {path.resolve() for path in contents}
    owners: dict[Path, Distribution] = {}
    for distribution in distributions():
        for file in distribution.files or ():
            owners[Path(str(distribution.locate_file(file))).resolve()] = distribution
    found: dict[str, Part] = {}
    system: set[Path] = set()
    for path in wanted:
        owner = owners.get(path)
        if owner is not None:
            if owner.name not in found:
                found[owner.name] = _from_distribution(owner)
        elif not path.is_relative_to(root) and path.suffix != ".py" and not path.is_relative_to(sys.base_prefix):
            system.add(path)
    found.pop("plumbline-studio", None)
    python = Part("generic", "python", ".".join(map(str, sys.version_info[:3])), "PSF-2.0", _python_licence())
    return sorted([python, *found.values(), *_from_debian(system)], key=lambda part: (part.kind, part.name.lower()))


def _from_distribution(distribution: Distribution) -> Part:
    told = distribution.metadata
    licence = told.get("License-Expression") or told.get("License") or ""
    if not licence or len(licence) > 80:  # some put the whole text there
        classes = [line for line in told.get_all("Classifier") or () if line.startswith("License ::")]
        named = "; ".join(line.rpartition(" :: ")[2] for line in classes)
        licence = named or (licence.strip().splitlines() or [""])[0][:80]
    texts = [
        Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if _TEXTS.search(file.name) and file.suffix not in (".py", ".pyc", ".pyi", ".so", ".h")
    ]
    return Part("pypi", distribution.name, distribution.version, licence, [text for text in texts if text.is_file()])


def _python_licence() -> list[Path]:
    places = (Path(sys.base_prefix, "LICENSE.txt"), *Path(sys.base_prefix, "lib").glob("python3*/LICENSE.txt"))
    return [place for place in places if place.is_file()][:1]


def _from_debian(files: set[Path]) -> list[Part]:
    """The system's packages that libraries came from; none where dpkg isn't what installed them."""
    if not files or not shutil.which("dpkg-query"):
        return []
    # /lib is a link to /usr/lib there, and dpkg knows some files by one name and some by the other.
    names = [str(path) for path in files] + [str(path).removeprefix("/usr") for path in files]
    said = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True, check=False).stdout
    packages = {line.split(": ")[0].split(":")[0] for line in said.splitlines() if ": /" in line}
    parts: list[Part] = []
    for package in sorted(packages):
        form = "--showformat=${Version}\n"
        shown = subprocess.run(["dpkg-query", "--show", form, package], capture_output=True, text=True, check=False)
        text = Path("/usr/share/doc", package, "copyright")
        parts.append(Part("deb", package, shown.stdout.splitlines()[0] if shown.stdout else "", "", [text]))
    return parts


def write_licences(parts: list[Part], folder: Path) -> list[str]:
    """Copy every licence text into `folder`, with an index. Returns the parts that came without a text."""
    folder.mkdir(parents=True)
    without: list[str] = []
    index = ["Plumbline contains the work of others, each part under its own licence.", "", _QT]
    for part in parts:
        index.append(f"{part.name} {part.version}  {part.licence}".rstrip())
        taken: set[str] = set()
        for text in part.texts:
            name = text.name if text.name not in taken else f"{text.parent.name}-{text.name}"
            if text.is_file() and name not in taken:
                taken.add(name)
                (folder / part.name).mkdir(exist_ok=True)
                shutil.copyfile(text, folder / part.name / name)
        if not taken and "apache" in part.licence.lower():  # a text that is the same for everybody, and ours too
            (folder / part.name).mkdir()
            shutil.copyfile(Path(__file__).resolve().parent.parent / "LICENSE", folder / part.name / "LICENSE")
        elif not taken and part.name.lower() not in _OF_QT:
            without.append(part.name)
    for text in sorted((Path(__file__).parent / "licences").iterdir()):  # that Qt is under, and names
        shutil.copyfile(text, folder / text.name)
    (folder / "INDEX.txt").write_text("\n".join(index) + "\n", encoding="utf-8")
    return without


def write_sbom(parts: list[Part], version: str, file: Path) -> None:
    """Write the list of parts. The same parts give the same file."""
    components = [
        {
            "type": "library", "bom-ref": part.url, "name": part.name, "version": part.version, "purl": part.url,
            **({"licenses": [{"license": {"name": part.licence}}]} if part.licence else {}),
        }
        for part in parts
    ]  # fmt: skip
    told = json.dumps(components, sort_keys=True)
    program = {"type": "application", "bom-ref": "plumbline", "name": "Plumbline", "version": version}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, version + told)}",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": [{"ref": "plumbline", "dependsOn": [part.url for part in parts]}],
    }
    file.write_text(json.dumps(bom, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
