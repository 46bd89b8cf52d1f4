"""`plumbline` as a packaged program: the window and the command line, without torch."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

from start import start

start()


class _NoPandas(MetaPathFinder):
    """The worker's part of pandas lies in the same folder, and pyarrow, which would use pandas, takes it for whole."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _NoPandas())

from studio.__main__ import main  # noqa: E402 - after `start`, which may never return
from studio.storage.runtimes import lend_packages  # noqa: E402

lend_packages()
sys.exit(main())
