"""What comes in by drag and drop or from the clipboard, as a file."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QMimeData

from studio.gui.language import tr
from studio.storage.files import write_whole
from studio.storage.project import DATABASE
from studio.storage.rows.pasted import ending_of


def local_file(data: QMimeData | None) -> Path | None:
    """The first local file or folder; none for a project's folder, which is the window's to open."""
    for url in data.urls() if data is not None else []:
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            return None if os.path.isfile(path / DATABASE) else path
    return None


def text_file(folder: Path, text: str) -> Path:
    """Rows that were copied as text, written into a folder. Raises StudioError."""
    path = folder / tr("pasted text{ending_of}", ending_of=ending_of(text))
    write_whole(path, text)
    return path
