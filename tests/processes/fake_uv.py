"""Stands in for uv: makes a folder that passes for a virtual environment, and does what FAKE_UV says; what is
said of lending, only when packages for another Python are installed."""

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
    folder, python = pathlib.Path(words[-1]), words[words.index("--python") + 1]
    for name in ("bin/python", "Scripts/python.exe"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (pathlib.Path(os.environ["UV_PYTHON_INSTALL_DIR"]) / "cpython-3.11").mkdir(parents=True, exist_ok=True)
    version = python if python.startswith("3.") else "2.7"  # the path of an old one
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {version}.7\n")
    sys.exit(0)
(pathlib.Path(os.environ["UV_CACHE_DIR"]) / "wheels").mkdir(parents=True, exist_ok=True)
print("Resolved 2 packages in 3ms\nDownloading torch (858.1MiB)", file=sys.stderr, flush=True)
lends = "--target" in words
if lends:
    pathlib.Path(words[words.index("--target") + 1], "pyarrow").mkdir(parents=True)
if does.startswith("lending: "):
    does = does.removeprefix("lending: ") if lends else ""
if does == "wait":
    time.sleep(60)
elif does:
    print(does, file=sys.stderr)
    sys.exit(2)
