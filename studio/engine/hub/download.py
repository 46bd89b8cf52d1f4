"""Downloading a model: file by file into a folder of unfinished downloads, each resumed where it broke off and compared
with the checksum that the Hub names; then the folder is moved to its place as a whole.

huggingface_hub gives the addresses, the connection and the errors. Its own download begins anew in a new process, so
the bytes are read here.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from studio.core.errors import StudioError
from studio.engine.hub.models import HubFile, chosen, files_of, part_of
from studio.engine.hub.troubles import is_passing
from studio.engine.pipe import Interrupted, Pipe, Request
from studio.storage.files import disk_trouble, free_bytes, in_bytes
from studio.storage.hub_places import Download, partial_of, place_of, read_download, record_download
from studio.storage.trash import models_trash

_TRIES = 3  # in a row without a byte
_PAUSE = 0.1  # before the second try, as a part of the time that a server has to answer; before the third twice that
_REPORT_EVERY = 0.2  # seconds
_WINDOW = 5.0  # seconds over which the speed is told
_SPARE = 200_000_000  # bytes of disk that must stay free
_BLOCK = 1 << 20


def get(
    pipe: Pipe, request: Request, name: str, revision: str, models: Path, token: str | bool, *, newer: bool = False
) -> None:
    """Bring a model to its place, or go on with that; reply "got", or "stopped" when it was. Raises StudioError.

    newer: the version that is there is replaced, and goes to the trash; files that are the same are not fetched again.
    """
    place, making = place_of(models, name), partial_of(models, name)
    earlier = read_download(place)
    if os.path.lexists(place) and (earlier is None or not newer or earlier.revision == revision):
        raise StudioError(f"“{name}” is there already: {place}.", "Delete it first to download it again.")
    _, files = files_of(name, revision, token)
    wanted = chosen(files)
    watch = _Watch(pipe, request, sum(file.size for file in wanted))
    try:
        making.mkdir(parents=True, exist_ok=True)
        with _alone(making, name):
            _sweep(making, wanted)
            if earlier is not None:
                _use_again(place, earlier, making, wanted)
            _check_room(making, wanted)
            for file in wanted:
                watch.file = file.name
                _bring(file, making, name, revision, token, watch)
            checksums = {file.name: file.checksum for file in wanted}
            record_download(making, Download(name, revision, _endpoint(), checksums))
            place.parent.mkdir(parents=True, exist_ok=True)
            _put(making, place, models, earlier)
    except Interrupted:
        pipe.reply("stopped", id=request.values["id"], done=watch.done)
        raise
    except OSError as error:
        if error.errno is not None and not is_passing(error):
            raise disk_trouble(error, making) from error
        raise
    pipe.reply("got", id=request.values["id"], folder=str(place))


@contextmanager
def open_file(name: str, revision: str, file: str, token: str | bool, first: int = 0) -> Generator[Any]:
    """The Hub's answer to a request for a file, from a byte on. Raises the library's errors."""
    from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers

    # Packed on the way, a file could not be gone on with from its middle.
    headers = {**build_hf_headers(token=token), "Accept-Encoding": "identity"}
    if first:
        headers["Range"] = f"bytes={first}-"
    with get_session().stream("GET", hf_hub_url(name, file, revision=revision), headers=headers) as response:
        if response.status_code >= 400:
            response.read()
        hf_raise_for_status(response)
        yield response


class _Watch:
    """Counts bytes, tells of them, and ends the work when nobody wants it any more."""

    def __init__(self, pipe: Pipe, request: Request, total: int) -> None:
        self._pipe, self._request, self._total = pipe, request, total
        self._told = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self.done, self.file = 0, ""

    def add(self, count: int, *, fresh: bool = True) -> None:
        """So many bytes more; fresh ones came over the line. A negative number takes some back."""
        self.done += count
        moment = time.monotonic()
        self._recent.append((moment, count if fresh else 0))
        while self._recent and self._recent[0][0] < moment - _WINDOW:
            self._recent.popleft()
        if moment - self._told >= _REPORT_EVERY or self.done == self._total:
            self._told = moment
            span = max(moment - self._recent[0][0], _REPORT_EVERY)
            self._report(sum(size for _, size in self._recent) / span)
        self.look()

    def _report(self, speed: float) -> None:
        told = {"done": self.done, "total": self._total, "speed": round(max(speed, 0.0)), "file": self.file}
        self._pipe.reply("progress", id=self._request.values["id"], **told)

    def look(self) -> None:
        """Raise Interrupted when it was stopped."""
        if self._pipe.interrupted(self._request):
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Wait, unless it is stopped; nothing comes meanwhile."""
        self._recent.clear()
        self._report(0)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(0.05)


@contextmanager
def _alone(making: Path, name: str) -> Generator[None]:
    """Two programs that write into one file would spoil it."""
    lock = FileLock(making.with_name(f"{making.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StudioError(f"“{name}” is being downloaded by another window.", "Wait for it.") from error
    try:
        yield
    finally:
        lock.release()


def _check_room(making: Path, wanted: list[HubFile]) -> None:
    kept = (path for file in wanted for path in (making / file.name, part_of(making, file)))
    there = sum(path.stat().st_size for path in kept if path.is_file())
    missing, free = max(0, sum(file.size for file in wanted) - there), free_bytes(making)
    if free is not None and missing and free < missing + min(_SPARE, missing):
        raise StudioError(
            f"The download needs {in_bytes(missing)}, and the disk of “{making.parent.parent}” has {in_bytes(free)} "
            "free.",
            "Free some space, or choose another folder for models.",
        )


def _bring(file: HubFile, making: Path, name: str, revision: str, token: str | bool, watch: _Watch) -> None:
    """Have one file whole in the folder."""
    target, part = making / file.name, part_of(making, file)
    if target.is_file() and target.stat().st_size == file.size:
        if _digest_of(target, file, watch).hexdigest() == file.checksum:
            return
        watch.add(-file.size, fresh=False)
    target.unlink(missing_ok=True)
    digest = _digest_of(part, file, watch) if part.is_file() else file.new_digest()
    with part.open("ab") as out:
        if out.tell() > file.size:
            digest = _begin_anew(file, out, watch)
        tries = 0
        while out.tell() < file.size:
            before = out.tell()
            try:
                digest = _read_on(file, out, digest, name, revision, token, watch)
                if out.tell() < file.size:
                    raise ConnectionError(f"the line ended after {out.tell()} of {file.size} bytes")
            except Exception as error:
                tries = tries + 1 if out.tell() <= before else 0
                if tries >= _TRIES or not is_passing(error):
                    raise
                watch.wait(_PAUSE * _patience() * max(tries, 1))
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != file.checksum:
        part.unlink()
        raise StudioError(
            f"“{file.name}” of “{name}” came damaged: its checksum is not the one that the Hub names.",
            "Download it again; it is fetched anew. If that doesn't help, do without the mirror.",
        )
    os.replace(part, target)


def _read_on(file: HubFile, out: Any, digest: Any, name: str, revision: str, token: str | bool, watch: _Watch) -> Any:
    """Add to a file what is missing. Its digest, which begins anew when the server does."""
    with open_file(name, revision, file.name, token, out.tell()) as response:
        if out.tell() and response.status_code != 206:  # it doesn't know how to go on
            digest = _begin_anew(file, out, watch)
        for chunk in response.iter_bytes():
            if out.tell() + len(chunk) > file.size:
                raise StudioError(
                    f"“{file.name}” of “{name}” is longer than the Hub says.",
                    "Download it again. If that doesn't help, do without the mirror.",
                )
            out.write(chunk)
            digest.update(chunk)
            watch.add(len(chunk))
    return digest


def _begin_anew(file: HubFile, out: Any, watch: _Watch) -> Any:
    watch.add(-out.tell(), fresh=False)
    out.seek(0)
    out.truncate()
    return file.new_digest()


def _digest_of(path: Path, file: HubFile, watch: _Watch) -> Any:
    """The digest of what is there; its bytes are counted as done."""
    digest = file.new_digest()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            watch.add(len(block), fresh=False)
    return digest


def _sweep(making: Path, wanted: list[HubFile]) -> None:
    """Leave nothing in the folder but what is wanted, and the beginnings of that; the rest is of an earlier version."""
    names = {name for file in wanted for name in (file.name, part_of(making, file).name)}
    for entry in making.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name not in names:
            entry.unlink()


def _use_again(place: Path, earlier: Download, making: Path, wanted: list[HubFile]) -> None:
    """Take the files that are the same in the version that is there; they are compared as all others are."""
    for file in wanted:
        known, target = place / file.name, making / file.name
        if earlier.checksums.get(file.name) == file.checksum and known.is_file() and not target.exists():
            try:
                os.link(known, target)
            except OSError:  # a disk that knows no links
                shutil.copyfile(known, target)


def _put(making: Path, place: Path, models: Path, earlier: Download | None) -> None:
    """Move a whole model to its place, and what was there to the trash."""
    if earlier is None:
        os.replace(making, place)
        return
    trash = models_trash(models)
    thrown = trash.throw(place, f"Version {earlier.revision[:10]} of “{earlier.name}”")
    try:
        os.replace(making, place)
    except OSError:
        trash.put_back(thrown)
        raise


def _patience() -> float:
    from huggingface_hub import constants

    return constants.HF_HUB_DOWNLOAD_TIMEOUT


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT
