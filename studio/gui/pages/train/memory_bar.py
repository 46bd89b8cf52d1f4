"""The memory that a run will need: a bar of its parts beside what is free, one sentence, and “Make it fit”.

The model's measures and the free memory are read in threads, the free memory again every few seconds while the bar is
in sight; the forecast itself (`core.forecast`) takes microseconds, so the bar moves as one types.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QHideEvent, QPainter, QPainterPath, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.fitting import Fit, Verdict, cannot_work, judge, make_it_fit
from studio.core.forecast import Device, Forecast, ModelShape, Part, forecast_memory
from studio.core.forecast_rewards import Roles
from studio.core.methods import Method, TrainSettings
from studio.core.rewards import Rewards
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.datasets import longest_record
from studio.storage.files import in_bytes
from studio.storage.machine import read_device
from studio.storage.model_shapes import read_shape
from studio.storage.project import Project
from studio.storage.reward_models import roles_of

_LOOK_EVERY = 3000  # ms between looks at the free memory
_WORTH = 0.01  # of all memory: smaller changes of what is free are not shown
_SHOWN = 0.01  # of the whole: smaller parts are in the bar, but not in the key
_ROLES = {Verdict.FITS: "muted", Verdict.TIGHT: "warning", Verdict.TOO_MUCH: "warning"}


def colour_of(part: str, tokens: theme.Tokens) -> QColor:
    """A part's colour, in the bar and in its key."""
    places = {"weights": 0, "activations": 4, "logits": 2, "adapters": 3, "gradients": 1, "optimiser": 5}
    places |= {"roles": 3, "answers": 1, "beside": 0}  # never next to the part of the same colour
    return QColor(tokens.plot[places[part]] if part in places else tokens.special_line)


class MemoryBar(QWidget):
    """Tells what a run needs. Hidden until a model is chosen and its measures are read.

    fit_requested(settings): the user wants these, which fit. judged(): what `refusal` says may have changed.
    device_known(kind): where a run would compute, once it is known (core.forecast.Device.kind).
    """

    fit_requested = Signal(object)
    judged = Signal()
    device_known = Signal(str)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._folder: Path | None = None
        self._dataset: DatasetInfo | None = None
        self._longest: dict[str, int] = {}  # of datasets, by id: bytes
        self._shapes: dict[Path, ModelShape | None] = {}  # None: it can't be told
        self._device: Device | None = None
        self._method: Method | None = None
        self._settings: TrainSettings | None = None
        self._fit: Fit | None = None
        self._beside = ("", "", False)  # folders of reward model and judge, and whether it starts from an adapter
        self._roles: dict[tuple[Path, tuple[str, str, bool]], Roles] = {}
        self._tasks: dict[str, BackgroundTask] = {}
        self.refusal = ""
        self.bar = StackedBar()
        self.heading, self.amount, self.sentence = QLabel(tr("Memory")), QLabel(), QLabel()
        theme.set_role(self.heading, "muted")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.button = QPushButton(tr("Make it fit"))
        self.button.clicked.connect(self._ask)
        self._keys: dict[str, _Key] = {}
        self._key_place = QGridLayout()
        self._key_place.setHorizontalSpacing(8)
        self._key_place.setVerticalSpacing(4)
        head = QHBoxLayout()
        head.addWidget(self.heading)
        head.addStretch()
        head.addWidget(self.amount)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.bar)
        layout.addLayout(self._key_place)
        layout.addWidget(self.sentence)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY)
        self._timer.timeout.connect(self._look)
        self.hide()

    def reward_by(self, rewards: Rewards, *, from_adapter: bool) -> None:
        """What holds models beside the policy, at the next `show_plan`. Rules and code need no memory."""
        self._beside = (rewards.model, rewards.judge, from_adapter)

    def show_plan(
        self, folder: Path | None, method: Method, dataset: DatasetInfo | None, settings: TrainSettings | None
    ) -> None:
        """Forecast for a model's folder and these settings; None while a setting can't be used keeps what is shown."""
        if settings is not None or method is not self._method:  # one method's settings are nothing to another
            self._settings = settings
        self._folder, self._method = folder, method
        # Plain text is cut into blocks as long as is allowed, whatever its rows are.
        self._dataset = dataset if dataset is not None and dataset.kind.templated else None
        if folder is not None and folder not in self._shapes:
            self._start(f"shape of {folder}", lambda _task: _measures(folder), self._take_shape)
        if self._dataset is not None and self._dataset.id not in self._longest:
            project, info = self._project, self._dataset
            self._start(
                f"length of {info.id}", lambda _task: (info.id, longest_record(project, info)), self._take_longest
            )
        if folder is not None and any(self._beside) and (folder, self._beside) not in self._roles:
            key, rewards = (folder, self._beside), Rewards(model=self._beside[0], judge=self._beside[1])
            self._start(
                f"roles {key}",
                lambda _task: (key, roles_of(rewards, folder, from_adapter=key[1][2])),
                self._take_roles,
            )
        if self._device is None:
            self._look()
        self._tell()

    def close_down(self) -> None:
        """Wait for what is under way."""
        self._timer.stop()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the free memory for as long as it is seen."""
        self._look()
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        self._timer.stop()
        super().hideEvent(event)

    # ------------------------------------------------------------------------------------------------------- reading

    @Slot()
    def _look(self) -> None:
        self._start("device", lambda _task: read_device(), self._take_device)

    def _start(self, name: str, work: Callable[[BackgroundTask], object], take: Callable[[Any], None]) -> None:
        if name in self._tasks:
            return
        task = BackgroundTask(work, self)
        task.setObjectName(name)
        task.succeeded.connect(take)
        task.finished.connect(self._forget)
        self._tasks[name] = task
        task.start()

    @Slot()
    def _forget(self) -> None:
        done = self.sender()
        if done is not None:
            self._tasks.pop(done.objectName(), None)

    @Slot(object)
    def _take_shape(self, found: tuple[Path, ModelShape | None]) -> None:
        self._shapes[found[0]] = found[1]
        self._tell()

    @Slot(object)
    def _take_longest(self, found: tuple[str, int]) -> None:
        self._longest[found[0]] = found[1]
        self._tell()

    @Slot(object)
    def _take_roles(self, found: tuple[tuple[Path, tuple[str, str, bool]], Roles]) -> None:
        self._roles[found[0]] = found[1]
        self._tell()

    @Slot(object)
    def _take_device(self, device: Device) -> None:
        before, self._device = self._device, device
        if before is None or before.kind != device.kind:
            self.device_known.emit(device.kind)
        # What is free trembles all the time; the bar stays until it is worth a look.
        if before is None or before.kind != device.kind or abs(before.free - device.free) > _WORTH * device.total:
            self._tell()
        else:
            self._device = before

    # ------------------------------------------------------------------------------------------------------- telling

    def _tell(self) -> None:
        shape = self._shapes.get(self._folder) if self._folder else None
        device, settings, method = self._device, self._settings, self._method
        refused, self.refusal = self.refusal, ""
        if shape is None or device is None or settings is None or method is None:
            self.hide()
        else:
            self._show(shape, device, settings, method.name)
            self.show()
        if refused != self.refusal:
            self.judged.emit()

    def _show(self, shape: ModelShape, device: Device, settings: TrainSettings, method: str) -> None:
        longest = self._longest.get(self._dataset.id, 0) if self._dataset else 0
        roles = self._roles.get((self._folder, self._beside)) if self._folder else None
        forecast = forecast_memory(shape, settings, device, method=method, longest=longest, roles=roles)
        verdict = judge(forecast, device)
        self._fit = None
        if verdict is not Verdict.FITS:
            self._fit = make_it_fit(shape, settings, device, method=method, longest=longest, roles=roles)
        if cannot_work(shape, settings, device):
            self.refusal = tr(
                "Even the smallest run needs more than the {in_bytes} that {device} has in all. Choose a smaller "
                "model.",
                in_bytes=in_bytes(device.total + device.swap),
                device=_where(device),
            )
        self.amount.setText(
            tr("{total} needed, {free} free", total=in_bytes(forecast.total), free=in_bytes(device.free))
        )
        self.bar.show_parts(forecast.parts, device.free)
        self._show_key(forecast)
        sentence = self.refusal or _sentence(forecast, device, verdict, self._fit)
        self.sentence.setText(sentence)
        theme.set_role(self.sentence, "error" if self.refusal else _ROLES[verdict])
        self.button.setVisible(self._fit is not None and not self.refusal)
        parts = ", ".join(f"{translated(part.label)} {in_bytes(part.size)}" for part in forecast.parts if part.size)
        self.bar.setAccessibleDescription(f"{self.amount.text()}: {parts}. {sentence}")

    def _show_key(self, forecast: Forecast) -> None:
        shown = [part for part in forecast.parts if part.size >= _SHOWN * forecast.total]
        for key in self._keys.values():
            key.hide()
        for number, part in enumerate(shown):
            if part.name not in self._keys:
                self._keys[part.name] = _Key(part.name)
            key = self._keys[part.name]
            key.show_part(part)
            self._key_place.addWidget(key, number // 2, number % 2)
            key.show()

    @Slot()
    def _ask(self) -> None:
        if self._fit is not None:
            self.fit_requested.emit(self._fit.settings)


class StackedBar(QWidget):
    """Parts side by side, what is free behind them, and a line where it ends when they need more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[Part, ...] = ()
        self._free = 0
        self.setAccessibleName(tr("Memory forecast"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._repaint)

    def show_parts(self, parts: tuple[Part, ...], free: int) -> None:
        """Show these parts beside so many bytes that are free."""
        self._parts, self._free = parts, free
        self.setToolTip(
            "\n".join(
                f"{translated(part.label)}: {in_bytes(part.size)}, {translated(part.about)}"
                for part in parts
                if part.size
            )
        )
        self.update()

    @Slot()
    def _repaint(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect()).adjusted(0.5, 3.5, -0.5, -3.5)
        outline = QPainterPath()
        outline.addRoundedRect(whole, 4, 4)
        painter.setClipPath(outline)
        painter.fillPath(outline, QColor(tokens.raised))
        total = sum(part.size for part in self._parts)
        scale = whole.width() / max(total, self._free, 1)
        left = whole.left()
        for part in self._parts:
            width = part.size * scale
            painter.fillRect(QRectF(left, whole.top(), width, whole.height()), colour_of(part.name, tokens))
            left += width
            if width > 3:  # a gap tells neighbours apart without their colours
                painter.fillRect(QRectF(left - 1, whole.top(), 1, whole.height()), QColor(tokens.surface))
        end = whole.left() + self._free * scale
        if total > self._free:
            beyond = QRectF(end, whole.top(), whole.right() - end, whole.height())
            painter.fillRect(beyond, QBrush(QColor(tokens.surface), Qt.BrushStyle.BDiagPattern))
        painter.setClipping(False)
        painter.setPen(QPen(QColor(tokens.outline), 1))
        painter.drawPath(outline)
        if total > self._free:
            painter.fillRect(QRectF(end - 1.5, 0, 3, self.height()), QColor(tokens.danger))


class _Key(QWidget):
    """A part's colour, its name and its size."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.text = QLabel()
        theme.set_role(self.text, "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 0, 0, 0)
        layout.addWidget(self.text)
        theme.watcher().theme_changed.connect(self._repaint)

    def show_part(self, part: Part) -> None:
        """Say how large it is."""
        self.text.setText(f"{translated(part.label)} {in_bytes(part.size)}")
        self.setToolTip(translated(part.about))

    @Slot()
    def _repaint(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour_of(self._name, theme.tokens()))
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 6, 12, 12), 3, 3)


def _measures(folder: Path) -> tuple[Path, ModelShape | None]:
    try:
        return folder, read_shape(folder)
    except StudioError:  # the page says so when it checks the model
        return folder, None


def _where(device: Device) -> str:
    return tr("the {name}", name=device.name) if device.kind == "cuda" else tr("this computer")


def _sentence(forecast: Forecast, device: Device, verdict: Verdict, fit: Fit | None) -> str:
    about = tr("Roughly guessed for this kind of model. ") if forecast.rough else ""
    if forecast.recomputes:
        about += tr("Activations are computed again instead of kept, so a step takes longer. ")
    if verdict is Verdict.FITS:
        return tr(
            "{about}Fits into {device}, even when the longest examples come together.",
            about=about,
            device=_where(device),
        )
    if verdict is Verdict.TIGHT:
        need = tr("It just fits; close other programs to be safe.")
    else:
        need = tr(
            "It may run out of memory on {device} when the longest examples come together.", device=_where(device)
        )
    if fit is None:
        return tr(
            "{about}{need} No setting here changes that: close other programs, or choose a smaller model.",
            about=about,
            need=need,
        )
    return tr("{about}{need} To fit: {sentence}", about=about, need=need, sentence=translated(fit.sentence))
