"""How long the window's event loop is kept waiting while four panes of the Chat page stream.

    python -m tests.bench.chat_window [SECONDS]

The worker is the real one with the starter model in all four panes. A timer asks to fire every millisecond; a delay is
how much later than that it fired. The last line is a JSON object with the delays in milliseconds, and those of the same
page with nothing going on.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from studio.core.conversation import Sampling, Voice
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.pages.chat.worker import Phase
from studio.gui.preferences import Preferences
from studio.storage.project import Project
from studio.storage.resources import carried
from tests.bench import event_loop
from tests.bench.event_loop import Heart, figures, wait

SECONDS = 15.0


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    event_loop.flags_wait = QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        Project.create(Path(name) / "project").close()
        app = QApplication([])
        Collector(app)
        studio = Studio(Preferences())
        theme.apply(app, "light")
        studio.window.resize(1440, 900)
        studio.window.show()
        studio.open_folder(str(Path(name) / "project"))
        studio.show_page("chat")
        page = studio.pages["chat"]
        starter = Voice(carried("resources", "starter"))
        page.open_voice(starter)
        for _ in range(3):
            page.panes.add(starter)
        page.memory.follow()
        wait(app, 120, lambda: page.worker.phase is Phase.READY and len(page.worker.model.names) == 4)
        heart = Heart()
        idle = figures(heart.measure(app, min(5.0, seconds)))
        wild = Sampling(temperature=1.2, top_p=1.0, min_new_tokens=400, max_new_tokens=400)
        page.sampling.form.set_values(wild)
        delays: list[float] = []
        answers = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            page.composer.edit.setPlainText(f"Write a long **list** of things, number {answers}.")
            page.composer.button.click()
            while not page.talk.is_idle:
                delays += heart.measure(app, 0.25)
            answers += 1
            if answers % 4 == 0:
                page.top.fresh.click()
        studio.window.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    told = {"bench": "chat_window", "panes": 4, "answers": 4 * answers, "streaming": figures(delays), "idle": idle}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
