"""Stands in for uv: makes a folder that passes for a virtual environment, and does what FAKE_UV says."""

import os
import pathlib
import sys
import time

words, does = sys.argv[1:], os.environ.get("FAKE_UV", "")
log = os.environ.get("FAKE_LOG")
if log:
    with open(log, "a") as file:
        print(*words, file=file)
if words[0] == "venv":
    folder = pathlib.Path(words[-1])
    for name in ("bin/python", "Scripts/python.exe"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (pathlib.Path(os.environ["UV_PYTHON_INSTALL_DIR"]) / "cpython-3.11").mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11.7\n")
    sys.exit(0)
(pathlib.Path(os.environ["UV_CACHE_DIR"]) / "wheels").mkdir(parents=True, exist_ok=True)
print("Resolved 2 packages in 3ms\nDownloading torch (858.1MiB)", file=sys.stderr, flush=True)
if does == "wait":
    time.sleep(60)
elif does:
    print(does, file=sys.stderr)
    sys.exit(2)
