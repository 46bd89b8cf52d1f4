"""The window starts without torch, whichever of its modules is imported."""

import json
import subprocess
import sys

_PROGRAM = """
import importlib, json, pkgutil, sys
import studio.gui
names = [module.name for module in pkgutil.walk_packages(studio.gui.__path__, "studio.gui.")]
for name in names:
    importlib.import_module(name)
heavy = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "pyarrow", "pandas", "scipy")
print(json.dumps({"names": names, "heavy": [name for name in heavy if name in sys.modules]}))
"""


def test_importing_the_whole_window_leaves_torch_out():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert "studio.gui.app" in told["names"]
    assert told["heavy"] == []


def test_the_window_comes_up_without_the_plots():
    program = "import sys, studio.gui.app, studio.gui.pages.data; print('pyqtgraph' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
