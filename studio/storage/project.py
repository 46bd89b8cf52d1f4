"""A project: a folder with `project.db` (SQLite), `runs/`, `models/`, `recipes/` and `logs/`.

A window holds the project's lock while it is open; workers and the command line read and write beside it through
SQLite's own locking. What is in the tables is `storage.datasets` and `storage.models`; a run is `storage.runs`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from studio.core.errors import StudioError
from studio.storage.files import disk_full, disk_trouble, is_full, reading_trouble, whole_path
from studio.storage.migrations import migrate

DATABASE = "project.db"
LOCK = "project.lock"


def now() -> str:
    """The time as it is kept in the database: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Project:
    """An open project. Every thread takes its own connection with `connect`; `close` gives up the lock."""

    def __init__(self, folder: Path, lock: FileLock | None) -> None:
        self.folder = folder
        self._lock = lock

    @staticmethod
    def create(folder: Path) -> Project:
        """Make a project in a new or empty folder and open it with the lock. Raises StudioError."""
        folder = whole_path(folder)
        try:
            if (folder / DATABASE).exists():
                raise _already(folder)
            if folder.exists() and not folder.is_dir():
                raise StudioError(f"“{folder}” is a file, not a folder.", "Choose another name for the project.")
            if folder.is_dir() and any(folder.iterdir()):
                raise StudioError(
                    f"“{folder}” is not empty.", "Choose a new or empty folder, so that nothing is mixed up."
                )
            there = folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_trouble(error, folder) from error
        try:
            return Project._opened(folder, lock=True, new=True)
        except BaseException:
            if not there:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # only when nothing is in it: another window may have been first
            raise

    @staticmethod
    def open(folder: Path, *, lock: bool = True) -> Project:
        """Open a project. `lock` is for windows: a second one gets a sentence. Raises StudioError."""
        folder = whole_path(folder)
        try:
            if folder.is_file():
                raise StudioError(
                    f"“{folder}” is a file, and a project is a folder.", "Choose the folder that holds project.db."
                )
            if not folder.is_dir():
                raise StudioError(
                    f"There is no folder “{folder}”.",
                    "It may have been moved or its disk unplugged; choose it again.",
                )
            if not (folder / DATABASE).is_file():
                raise StudioError(
                    f"“{folder}” is not a Plumbline project.",
                    f"Choose a folder that holds {DATABASE}, or make a new project.",
                )
        except OSError as error:
            raise reading_trouble(error, folder) from error
        return Project._opened(folder, lock=lock)

    @staticmethod
    def _opened(folder: Path, *, lock: bool, new: bool = False) -> Project:
        if not os.access(folder, os.W_OK):
            raise StudioError(
                f"The project in “{folder}” can't be written, so nothing could be saved in it.",
                "Change the folder's permissions, or copy the project to a folder that is yours and open the copy.",
            )
        held = _take_lock(folder) if lock else None
        project = Project(folder, held)
        try:
            with project._begun() if new else contextlib.nullcontext():
                for part in project._parts:
                    part.mkdir(exist_ok=True)
                with project.connect() as connection:
                    connection.execute("PRAGMA journal_mode = WAL")
                    migrate(connection, project.name)
        except OSError as error:
            project.close()
            raise disk_trouble(error, folder) from error
        except BaseException:
            project.close()
            raise
        return project

    @contextlib.contextmanager
    def _begun(self) -> Generator[None]:
        """A new project is made inside, under the lock. When anything is raised, what was made goes, and nothing else:
        half a project would stand in the way of the next try."""
        if (self.folder / DATABASE).exists():  # another window was first, and closed it again
            raise _already(self.folder)
        try:
            (self.folder / DATABASE).touch()
            yield
        except BaseException:
            for name in (*(DATABASE + suffix for suffix in ("", "-journal", "-wal", "-shm")), LOCK):
                with contextlib.suppress(OSError):  # the lock's file goes with the lock on Windows
                    (self.folder / name).unlink()
            for part in self._parts:
                with contextlib.suppress(OSError):
                    part.rmdir()
            raise

    @property
    def _parts(self) -> tuple[Path, ...]:
        return self.runs, self.models, self.recipes, self.logs

    @property
    def name(self) -> str:
        """The folder's name, which is the project's."""
        return self.folder.name

    @property
    def runs(self) -> Path:
        """Where run folders are."""
        return self.folder / "runs"

    @property
    def models(self) -> Path:
        """Where models that belong to the project are."""
        return self.folder / "models"

    @property
    def recipes(self) -> Path:
        """Where recipes written by "Copy as command" are."""
        return self.folder / "recipes"

    @property
    def exports(self) -> Path:
        """Where models are written that are taken away, unless another place was chosen."""
        return self.folder / "exports"

    @property
    def logs(self) -> Path:
        """Where chat and preview workers log."""
        return self.folder / "logs"

    @property
    def database(self) -> Path:
        """The database's file. Raises StudioError when it is gone."""
        database = self.folder / DATABASE
        if not os.path.isfile(database):  # SQLite would make a new, empty one
            raise StudioError(
                f"The project in “{self.folder}” is gone: its {DATABASE} is not there.",
                "It may have been moved, deleted or its disk unplugged. Put it back, or open another project.",
            )
        return database

    @contextlib.contextmanager
    def told(self) -> Generator[None]:
        """Turns SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.Error as error:
            raise database_trouble(error, self.folder) from error
        except UnicodeEncodeError as error:
            raise StudioError(
                "A name or path holds half of a character, which can't be kept.",
                "Give another name, or rename the file or folder.",
                str(error),
            ) from error

    @contextlib.contextmanager
    def connect(self) -> Generator[sqlite3.Connection]:
        """A connection for the calling thread, closed at the end of the block. SQLite's errors become sentences.

        Connections are in autocommit mode: writers say BEGIN IMMEDIATE and COMMIT, or use `writing`.
        """
        with self.told():
            connection = sqlite3.connect(self.database, timeout=30, isolation_level=None)
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA synchronous = FULL")  # a committed label survives a power cut
                yield connection
            finally:
                connection.close()

    @contextlib.contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """A connection inside one transaction: committed at the end, rolled back when anything is raised."""
        with self.connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give up the lock. Workers go on."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _already(folder: Path) -> StudioError:
    return StudioError(f"There is already a project in “{folder}”.", "Open it, or choose another folder.")


def _take_lock(folder: Path) -> FileLock:
    # The operating system drops the lock when the window dies, however it dies: a lock is never stale.
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StudioError(
            f"The project “{folder.name}” is already open in another Plumbline window.",
            "Close that window first, or open another project.",
        ) from error
    except OSError as error:
        raise disk_trouble(error, folder) from error
    return lock


def database_trouble(error: sqlite3.Error, folder: Path) -> StudioError:
    """The sentence for an SQLite error in the project of `folder`."""
    text = str(error)
    details = f"{type(error).__name__}: {text}"
    # SQLite calls it an I/O error when there is no room for its index of the journal.
    if "full" in text or ("disk I/O" in text and is_full(folder)):
        return disk_full(folder, details)
    if "readonly" in text or "unable to open" in text:
        return StudioError(
            f"The project in “{folder}” can't be written.",
            "Change the folder's permissions, or copy it to a folder that is yours.",
            details,
        )
    if "malformed" in text or "not a database" in text:
        return StudioError(
            f"The database of “{folder.name}” is damaged ({text}).",
            "Restore project.db from a backup; runs and models in the folder are unharmed.",
            details,
        )
    if "locked" in text or "busy" in text:
        return StudioError(
            f"The database of “{folder.name}” has been busy for 30 seconds.",
            "Wait for the other program to finish and try again.",
            details,
        )
    return StudioError(
        f"The database of “{folder.name}” gave an error: {text}.",
        "Try again; if it stays, restart Plumbline.",
        details,
    )
