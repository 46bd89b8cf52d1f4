"""The picture is true: what is drawn of a recorded run is what was logged, torn lines and second attempts included."""

import json
import math

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog

from studio.core.history import RunHistory
from studio.gui.plots.run_plots import RunPlots
from studio.gui.plots.saving import save_drawing, save_picture
from studio.storage.runs import EventReader


def line(kind, **values):
    return json.dumps({"v": 1, "event": kind, "time": 1.0, **values}) + "\n"


def step(number, attempt=0.0, **values):
    figures = {"loss": 3.0 / number + attempt, "lr": 1e-3 / number, "grad_norm": 1.0, "tokens_per_second": 100.0}
    return line("step", step=number, total=60, elapsed=number * 2.0, tokens=number * 100, **{**figures, **values})


@pytest.fixture
def recording(tmp_path):
    """A run that was killed, ran out of memory, and was resumed twice; its journal was torn and is out of order."""
    parts = [line("started", attempt=1), line("phase", phase="training")]
    parts += [step(number) for number in range(1, 20)]
    parts.insert(8, '{"v":1,"event":"step","step":99,"lo\n')  # torn by a crash
    parts[12], parts[14] = parts[14], parts[12]  # out of order
    parts += [line("checkpoint", step=10, path="x"), step(20, loss="nan"), step(21, loss="inf"), step(22)]
    parts += [line("evaluation", step=10, eval_loss=0.9), line("evaluation", step=20, eval_loss=0.8)]
    parts += ["not json at all\n", line("unknown", step=5), '{"v":99,"event":"step","time":1,"step":3,"loss":77}\n']
    parts += [line("retry", step=23, back_to=10, what="Memory ran out.", hint="")]
    parts += [line("started", attempt=2), line("resumed", step=10)]
    parts += [step(number, attempt=0.5) for number in range(11, 41)]
    parts += [line("checkpoint", step=30, path="y"), line("evaluation", step=30, eval_loss=0.7)]
    parts += [line("evaluation", step=40, eval_loss=0.75), step(41, attempt=0.5)[:40]]  # torn: the machine lost power
    file = tmp_path / "events.jsonl"
    file.write_text("".join(parts))
    # What a reader with patience would note down by hand: the last word on each step.
    logged = {number: 3.0 / number for number in range(1, 11)}
    logged |= {number: 3.0 / number + 0.5 for number in range(11, 41)}
    return file, logged, {20: 0.8, 10: 0.9, 30: 0.7, 40: 0.75}


def read(file, chunk):
    """As a watch reads it: in parts that end anywhere."""
    reader, history = EventReader(file, chunk=chunk), RunHistory()
    while events := reader.read():
        history.feed_all(events)
    return history, reader


@pytest.fixture
def plots(qtbot):
    made = RunPlots(0.0)
    qtbot.addWidget(made)
    made.resize(1100, 900)
    made.show()
    return made


def drawn(item):
    steps, values = item.getOriginalDataset()
    return {int(step): value for step, value in zip(steps, values, strict=True)}


@pytest.mark.parametrize("chunk", [50, 997, 1_000_000])
def test_what_is_drawn_is_what_was_logged(plots, recording, chunk):
    file, logged, measured = recording
    history, reader = read(file, chunk)
    assert reader.skipped == 4
    plots.show_curves(history.curves, "sft")
    assert drawn(plots.large.first.raw) == logged
    assert drawn(plots.large.first.smooth) == pytest.approx(logged)  # without smoothing it is the same curve
    del measured[20]  # it was measured after the checkpoint that the run went on from
    assert drawn(plots.large.second.smooth) == measured
    assert plots.large.second.best_at is not None
    assert drawn(plots.large.second.best) == {30: 0.7}
    assert "0.7 at step 30" in plots.large.key["best"].accessibleName()
    assert list(plots.large._checkpoints.xvals) == [10, 30]
    assert list(plots.large._resumes.xvals) == [10]
    assert list(plots.large._retries.xvals) == [23]


def test_a_gap_is_where_a_value_was_no_number(plots, recording, tmp_path):
    file, _, _ = recording
    text = file.read_text()
    whole = text[: text.index('"event": "retry"')].rsplit("\n", 1)[0] + "\n"  # before the second attempt
    file.write_text(whole)
    history, _ = read(file, 1000)
    plots.show_curves(history.curves, "sft")
    values = drawn(plots.large.first.raw)
    assert math.isnan(values[20])
    assert math.isnan(values[21])
    assert math.isfinite(values[22])
    assert list(values) == list(range(1, 23))


@pytest.mark.parametrize(("kind", "factor"), [("tokens", 100.0), ("elapsed", 2.0)])
def test_over_tokens_and_time_points_are_where_they_were_logged(plots, recording, kind, factor):
    history, _ = read(recording[0], 1000)
    plots.show_curves(history.curves, "sft")
    plots.over.setCurrentIndex(plots.over.findData(kind))
    plots.over.activated.emit(0)
    steps = np.array(history.curves.by_name["loss"].steps)
    np.testing.assert_array_equal(plots.large.first.raw.getOriginalDataset()[0], steps * factor)
    plots._point_at(30.0)
    assert plots.large._cross.value() == 30 * factor
    assert "step 30" in plots.large._readout.text()


def test_a_plot_is_saved_as_picture_drawing_and_table(qtbot, plots, recording, tmp_path):
    history, _ = read(recording[0], 1000)
    plots.show_curves(history.curves, "sft")
    save_picture(plots.large, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    save_drawing(plots.large, tmp_path / "p.svg")
    assert "<svg" in (tmp_path / "p.svg").read_text(encoding="utf-8")
    plots.saver.ask(plots.large, plots.curves, 0.0)
    plots.findChild(QFileDialog).reject()
    with qtbot.waitSignal(plots.said) as told:
        plots.saver.save(str(tmp_path / "p.csv"))
    assert "p.csv" in told.args[0]
    rows = (tmp_path / "p.csv").read_text().splitlines()
    assert rows[0] == "step,tokens,elapsed,loss,eval_loss"
    assert len(rows) == 41
    plots.saver.close_down()
