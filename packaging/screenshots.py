"""Takes the README's pictures: trains the lessons of the starter model, opens the window on them, and plays it.

    python packaging/screenshots.py [STEPS]     with STEPS each lesson ends after so many

The pictures are what the program shows, nothing is drawn in; resources/screenshots/*.png, a few dozen kilobytes each.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from studio.cli.demo.school import School
from studio.core.lessons import DPO, LESSONS, REWARD, SFT
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.preferences import Preferences
from studio.storage.models import starter_model
from studio.storage.resources import carried

_ALBUM = Path(__file__).parent.parent / "resources" / "screenshots"
_SIZE = (1280, 800)
_SOON = 120.0  # seconds
_QUESTION = "How many legs does a lion have?"


def main(arguments: list[str]) -> int:
    """Train, play, and keep the pictures. The exit status."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["PLUMBLINE_HOME"] = home
        folder = Path(home) / "projects" / "Village"
        _train(folder, int(arguments[0]) if arguments else 0)
        app = QApplication([])
        Collector(app)
        for look in ("light", "dark"):
            theme.apply(app, look)
            preferences = Preferences(app)
            preferences.change(theme=look)
            studio = Studio(preferences, app)
            studio.window.resize(*_SIZE)
            studio.window.show()
            if look == "light":
                _play(studio, folder)
            else:
                _play_in_the_dark(studio, folder)
            studio.window.close()
    return 0


def _train(folder: Path, steps: int) -> None:
    folder.parent.mkdir(parents=True)
    starter = starter_model()
    assert starter is not None, "the starter model is missing"
    school = School(folder, starter, carried("sample_data"))
    for lesson in LESSONS:
        if lesson.name in (SFT, REWARD, DPO):
            school.train(replace(lesson, settings=replace(lesson.settings, max_steps=steps)), title=lesson.label)
    school.project.close()


def _play(studio: Studio, folder: Path) -> None:
    window = studio.window
    _until(lambda: "free now" in window.start.machine.lines[1].text())
    _keep(window, "start")
    window.start.first_button.click()
    guide = studio.guiding
    _until(lambda: guide.panel.step is not None)
    guide.panel.act.click()
    _until(lambda: guide.pointer.isVisible())
    _keep(window, "guide")
    studio.open_folder(str(folder))
    assert studio.runs is not None
    runs = studio.runs
    _until(lambda: len(runs.records()) == 3)
    data = studio.pages["data"]
    for row in range(data.list.count()):
        if data.list.item(row).text().startswith("instructions"):
            data.list.setCurrentRow(row)
    _rest(4)
    data.view.table.selectRow(2)
    _rest(6)
    _keep(window, "data")
    studio.show_page("train")
    studio.pages["train"].form.choose_dataset(data.dataset().id, "sft")
    _rest(3)
    _keep(window, "train")


def _play_in_the_dark(studio: Studio, folder: Path) -> None:
    window = studio.window
    studio.open_folder(str(folder))
    assert studio.runs is not None
    runs = studio.runs
    _until(lambda: len(runs.records()) == 3)
    of = {record.recipe.method: record for record in runs.records() if record.recipe}
    studio.show_page("runs")
    studio.pages["runs"].open_run(of["dpo"].id)
    _rest(4)
    _keep(window, "runs")
    studio.show_page("label")
    label = studio.pages["label"]
    label.begin_with(next(info.id for info in _datasets(studio) if info.kind_name == "pairs"))
    label.set_up.begin.click()
    _until(lambda: label.judge.takes_keys)
    _rest(1)
    _keep(window, "label")
    studio.show_page("chat")
    chat = studio.pages["chat"]
    chat.open_run(of["dpo"].id)
    chat.composer.edit.setPlainText(_QUESTION)
    chat.composer.edit.sent.emit()
    _until(lambda: all(pane.turns and pane.turns[-1].ended for pane in chat.panes))
    _rest(1)
    _keep(window, "chat")


def _datasets(studio: Studio) -> list:
    from studio.storage.datasets import list_datasets

    assert studio.project is not None
    return list_datasets(studio.project)


def _keep(window: QWidget, name: str) -> None:
    """Keep a picture with as many colours as a palette holds: a quarter of the size, and hardly a difference."""
    focused = window.focusWidget()
    if focused is not None:
        focused.clearFocus()
    _rest(0.3)
    _ALBUM.mkdir(parents=True, exist_ok=True)
    picture = _few_colours(window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32))
    file = _ALBUM / f"{name}.png"
    assert picture.save(str(file), "PNG", 0), file
    print(f"{file.name}: {file.stat().st_size // 1024} KB", flush=True)


def _few_colours(picture: QImage) -> QImage:
    """The picture in its 256 most frequent colours; the others become the nearest of them."""
    seen = Counter(memoryview(picture.constBits()).cast("I").tolist())
    table = [colour for colour, _ in seen.most_common(256)]
    return picture.convertToFormat(QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.ThresholdDither)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _SOON
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the program did not come to what was to be shown")
        _rest(0.05)


def _rest(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
