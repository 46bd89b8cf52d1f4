import math

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.metrics import PLOTS, plots_of
from studio.gui import theme
from studio.gui.plots.key import RAW_ALPHA
from studio.gui.plots.run_plots import RunPlots
from studio.gui.plots.series import in_short


def feed(curves, first, last):
    for step in range(first, last + 1):
        values = {"step": step, "loss": 3.0 / step, "lr": 2e-4, "grad_norm": 1.0, "tokens_per_second": 5000.0}
        curves.feed(Event("step", 0.0, values))
        if step % 10 == 0:
            curves.feed(Event("evaluation", 0.0, {"step": step, "eval_loss": 4.0 / step}))


@pytest.fixture
def curves():
    made = Curves()
    feed(made, 1, 40)
    made.feed(Event("checkpoint", 0.0, {"step": 20}))
    return made


@pytest.fixture
def plots(qtbot, curves):
    made = RunPlots(0.6)
    qtbot.addWidget(made)
    made.layout().insertWidget(0, made.controls)
    made.resize(1000, 600)
    made.show()
    made.show_curves(curves)
    return made


def values_of(item):
    return list(item.getOriginalDataset()[1])


def drawn(plot):
    return len(plot.first.smooth.getOriginalDataset()[0])


def test_new_points_are_drawn_a_moment_later_and_then_nothing_runs(qtbot, plots, curves):
    assert drawn(plots.large) == 40
    feed(curves, 41, 45)
    for _ in range(50):
        plots.curves_changed()
    assert drawn(plots.large) == 40  # not at once: points come in batches
    qtbot.waitUntil(lambda: all(drawn(plot) == 45 for plot in plots.plots))
    qtbot.waitUntil(lambda: not plots._timer.isActive())


def test_hidden_plots_are_drawn_when_they_are_shown(plots, curves):
    plots.hide()
    feed(curves, 41, 50)
    plots.curves_changed()
    assert not plots._timer.isActive()
    assert drawn(plots.large) == 40
    plots.show()
    assert drawn(plots.large) == 50


def test_the_values_of_the_latest_step_are_told(plots):
    assert "step 40" in plots.large._readout.text()
    assert "0.075" in plots.large._readout.text()
    assert "eval loss 0.1" in plots.large._readout.text()
    assert "step 40" in plots.large.plot.accessibleDescription()


def test_one_crosshair_for_all_by_key(qtbot, plots):
    plots.large.plot.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(plots.large.plot, key)
    assert all(plot._step == 3.0 for plot in plots.plots)
    assert "step 3 " in plots.large._readout.text()
    qtbot.keyClick(plots.large.plot, Qt.Key.Key_End)
    assert all(plot._step == 40.0 for plot in plots.plots)


def test_one_crosshair_for_all_by_mouse(qtbot, plots):
    view = plots.large._view
    place = view.mapViewToScene(QPointF(20.2, 1.0)).toPoint()
    qtbot.mouseMove(plots.large.plot.viewport(), place)
    qtbot.waitUntil(lambda: all(plot._step == 20.0 for plot in plots.plots))


def test_the_wheel_zooms_all_along_the_steps_and_double_click_shows_all(qtbot, plots):
    pane = plots.large.plot.viewport()
    middle = QPointF(pane.rect().center())
    whole = plots.others[0]._view.viewRange()[0]
    wheel = QWheelEvent(
        middle,
        QPointF(pane.mapToGlobal(middle.toPoint())),
        QPoint(0, 0),
        QPoint(0, 480),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(pane, wheel)
    ranges = [plot._view.viewRange()[0] for plot in plots.plots]
    assert ranges[0][1] - ranges[0][0] < whole[1] - whole[0]
    assert all(shown == pytest.approx(ranges[0]) for shown in ranges)
    assert plots.fit.isVisible()
    qtbot.mouseDClick(pane, Qt.MouseButton.LeftButton, pos=pane.rect().center())
    assert not plots.is_zoomed
    assert not plots.fit.isVisible()


def test_keys_zoom_and_escape_shows_all(qtbot, plots):
    plots.others[1].plot.setFocus()
    qtbot.keyClick(plots.others[1].plot, Qt.Key.Key_Plus)
    first, last = plots.large._view.viewRange()[0]
    assert last - first < 35
    qtbot.keyClick(plots.others[1].plot, Qt.Key.Key_Escape)
    assert not plots.is_zoomed


def test_smoothing_is_redrawn_at_once_and_remembered_when_it_rests(qtbot, plots):
    before = list(plots.large.first.smooth.getOriginalDataset()[1])
    with qtbot.waitSignal(plots.smoothing_changed) as told:
        plots.slider.setValue(95)
        plots.slider.setValue(90)
    assert told.args == [0.9]
    qtbot.waitUntil(lambda: list(plots.large.first.smooth.getOriginalDataset()[1]) != before)


def test_the_learning_rate_is_not_smoothed(qtbot, plots, curves):
    for step in range(41, 80):
        curves.feed(Event("step", 0.0, {"step": step, "loss": float(step % 2), "lr": float(step % 2)}))
    plots.slider.setValue(90)
    lr = plots.others[0]
    qtbot.waitUntil(lambda: drawn(lr) == drawn(plots.large) == 79)
    assert values_of(lr.first.smooth) == values_of(lr.first.raw)
    assert values_of(plots.large.first.smooth) != values_of(plots.large.first.raw)


def test_nan_and_log_axis_draw_without_a_word(qtbot, plots, curves, recwarn):
    for step, loss in ((41, math.nan), (42, math.inf), (43, 0.0), (44, -1.0), (45, 0.5)):
        curves.feed(Event("step", 0.0, {"step": step, "loss": loss}))
    plots.log.setChecked(True)
    plots.curves_changed()
    qtbot.waitUntil(lambda: drawn(plots.large) == 45)
    plots.grab()
    assert not [warning for warning in recwarn if "studio" in str(warning.filename)]


def test_a_single_point_can_be_seen(qtbot):
    curves, plots = Curves(), RunPlots()
    qtbot.addWidget(plots)
    qtbot.addWidget(plots.controls)
    plots.show()
    plots.show_curves(curves)
    plots.grab()
    feed(curves, 1, 1)
    plots.show_curves(curves)
    assert plots.large.first.smooth.opts["symbol"] == "o"
    feed(curves, 2, 2)
    plots.show_curves(curves)
    assert plots.large.first.smooth.opts["symbol"] is None


def test_marks_and_their_key(plots, curves):
    assert list(plots.large._checkpoints.xvals) == [20]
    assert plots.large.key["checkpoint"].isVisible()
    assert not plots.large.key["resume"].isVisible()
    curves.feed(Event("resumed", 0.0, {"step": 20}))
    plots.show_curves(curves)
    assert plots.large.key["resume"].isVisible()
    assert drawn(plots.large) == 20


def test_colours_follow_the_theme(qapp, plots):
    light = plots.large.first.smooth.opts["pen"].color().name()
    theme.apply(qapp, "dark")
    try:
        assert plots.large.first.smooth.opts["pen"].color().name() == theme.DARK.plot[0] != light
    finally:
        theme.apply(qapp, "light")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (2e-4, "2e-4"),
        (1.5e-5, "1.5e-5"),
        (0.25, "0.25"),
        (-3.0, "-3"),
        (5123.4, "5,123"),
        (12345678.0, "12,345,678"),
    ],
)
def test_numbers_in_short(value, text):
    assert in_short(value) == text


# ------------------------------------------------------------------------------------------------------- other methods


def preference_curves(steps=30):
    made = Curves()
    for step in range(1, steps + 1):
        rewards = {"chosen": -0.01 * step, "rejected": -0.03 * step, "margin": 0.02 * step, "kl": 0.1 * step}
        made.feed(Event("step", 0.0, {"step": step, "loss": 0.7 - 0.01 * step, "accuracy": 0.8, "lr": 1e-4, **rewards}))
    made.feed(Event("evaluation", 0.0, {"step": 30, "eval_loss": 0.5, "eval_accuracy": 0.66}))
    return made


@pytest.mark.parametrize("method", PLOTS)
def test_the_plots_are_the_methods(plots, method):
    plots.show_curves(preference_curves(), method)
    shown = [[series.metric.name for series in plot.series] for plot in plots.plots]
    assert shown == [list(group) for group in PLOTS[method]]
    assert all(plot.isVisible() for plot in plots.plots)
    measured = [plot for plot in plots.plots if len(plots.curves.by_name[plot.first.metric.name])]
    assert measured
    assert all(drawn(plot) == 30 for plot in measured if not plot.first.metric.is_held_out)


def rewarded_curves(steps=30):
    made = Curves()
    for step in range(1, steps + 1):
        figures = {"score": 0.1 * step, "score_sd": 0.5, "kl": 0.2 * step, "kl_budget": 10.0, "reward": 0.05 * step}
        made.feed(Event("step", 0.0, {"step": step, "loss": 0.0, "reward_sd": 0.3, **figures}))
    return made


def test_a_spread_is_a_band_around_the_smoothed_curve(plots):
    plots.slider.setValue(0)
    plots.show_curves(rewarded_curves(), "ppo")
    series = plots.large.first
    low, high = (edge.getOriginalDataset()[1] for edge in series._edges)
    assert list(high - low) == pytest.approx([1.0] * 30)
    assert list((high + low) / 2) == pytest.approx(values_of(series.smooth))
    assert "3 ± 0.5" in plots.large._readout.text()


def test_a_limit_is_a_dashed_line_and_not_smoothed(plots):
    plots.show_curves(rewarded_curves(), "ppo")
    limit = plots.others[0].second
    assert limit.mark == "limit"
    assert list(limit.smooth.getOriginalDataset()[1]) == [10.0] * 30
    assert limit.smooth.opts["pen"].style() == Qt.PenStyle.DashLine
    assert limit.raw.getOriginalDataset()[0] is None


def test_what_a_run_never_measures_has_no_plot(plots):
    plots.show_curves(rewarded_curves(), "ppo", frozenset({"eval_judge"}))
    names = [plot.first.metric.name for plot in plots.plots]
    assert "eval_judge" not in names
    assert len(names) == len(PLOTS["ppo"]) - 1


def test_another_method_and_back_keeps_zoom_and_smoothing_in_step(plots, curves):
    plots.slider.setValue(20)
    plots.show_curves(preference_curves(), "dpo")
    sft = plots._arrangements[plots_of("sft")]
    assert not sft.isVisible()
    assert plots.large.first.trace.weight == 0.2
    plots.slider.setValue(70)
    plots.show_curves(curves, "sft")
    assert sft.isVisible()
    assert plots.large is sft.large
    assert plots.large.first.trace.weight == 0.7
    assert drawn(plots.large) == 40


def test_a_second_metric_shares_the_plot_and_has_its_own_value(plots):
    plots.show_curves(preference_curves(), "dpo")
    rewards = next(plot for plot in plots.plots if plot.first.metric.name == "chosen")
    assert len(rewards.second.smooth.getOriginalDataset()[0]) == 30
    assert rewards._readout.text() == "-0.3"
    assert rewards._second_readout.text() == "-0.9"
    assert "reward of rejected -0.9" in rewards.plot.accessibleDescription()
    accuracy = next(plot for plot in plots.plots if plot.first.metric.name == "accuracy")
    assert accuracy.second.smooth.opts["symbol"] == "d"
    assert accuracy._second_readout.text() == "0.66"


def test_the_state_of_the_run_is_said_under_the_large_plot(plots):
    plots.show_curves(preference_curves(), "dpo")
    assert "usual for DPO" in plots.large.state.text()
    assert plots.large.state.isVisible()
    broken = preference_curves()
    broken.feed(Event("step", 0.0, {"step": 31, "loss": math.nan}))
    plots.show_curves(broken, "dpo")
    assert "not a finite number" in plots.large.state.text()
    assert plots.large.state.property("role") == "warning"
    plots.show_curves(Curves(), "dpo")
    assert "not a finite number" not in plots.large.state.text()
    assert plots.large.state.property("role") == ""


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_lines_are_as_wide_at_any_scaling(plots, monkeypatch, ratio):
    """Cosmetic pens count the screen's pixels, of which a logical one has several."""
    large = plots.large
    monkeypatch.setattr(large, "devicePixelRatioF", lambda: ratio)
    QApplication.sendEvent(large, QEvent(QEvent.Type.DevicePixelRatioChange))
    assert large.first.smooth.opts["pen"].widthF() == large.second.smooth.opts["pen"].widthF() == 2 * ratio
    assert large.first.raw.opts["pen"].widthF() == 0.0  # the fast one, at any scaling
    assert large.first.raw.opts["pen"].color().alpha() == round(RAW_ALPHA * ratio)


def test_the_handle_of_the_smoothing_is_whole(plots):
    """It was flat at the top where its slider was no taller than itself."""
    picture = plots.slider.grab().toImage()
    colour = QColor(theme.tokens().accent)
    pixels = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
    rows = {y for x, y in pixels if picture.pixelColor(x, y) == colour}
    assert len(rows) >= 14
    assert min(rows) > 0 and max(rows) < picture.height() - 1


def test_the_best_point_is_one_that_could_be_kept(plots):
    """What was measured before training has no checkpoint; the run's result is the best of the others."""
    curves = rewarded_curves()
    for step, score in ((0, 0.9), (10, 0.6), (20, 0.7), (30, 0.7)):
        curves.feed(Event("evaluation", 0.0, {"step": step, "eval_score": score}))
    plots.show_curves(curves, "grpo")
    assert plots.large.key["best"].accessibleName() == "best: 0.7 at step 20"
    untrained = Curves()
    untrained.feed(Event("evaluation", 0.0, {"step": 0, "eval_score": 0.9}))
    untrained.feed(Event("evaluation", 0.0, {"step": 10, "eval_score": math.nan}))
    plots.show_curves(untrained, "grpo")
    assert plots.large.second.best_at is None


def test_a_plot_without_points_says_so(plots):
    plots.show_curves(Curves(), "reward")
    assert "first one" in plots.large.state.text()
    assert {plot._readout.text() for plot in plots.plots} == {"not measured"}
    started = Curves()
    started.feed(Event("step", 0.0, {"step": 1, "loss": 1.0, "accuracy": 0.5}))
    plots.show_curves(started, "reward")
    accuracy = plots.others[0]
    assert (accuracy._readout.text(), accuracy._second_readout.text()) == ("0.5", "not measured")


def test_the_log_scale_is_offered_only_where_values_are_positive(qtbot, plots, curves):
    assert plots.log.isVisible()
    plots.log.setChecked(True)
    assert plots.large.plot.left.logMode
    curves.feed(Event("step", 0.0, {"step": 41, "loss": -0.5}))
    plots.curves_changed()
    qtbot.waitUntil(lambda: not plots.large.plot.left.logMode)
    assert plots.others[0].plot.left.logMode  # the learning rate still is
    plots.show_curves(Curves(), "ppo")


def test_pointing_while_a_new_smoothing_waits_to_be_drawn(plots):
    plots.slider.setValue(90)
    plots._point_at(7.0)
    assert "step 7" in plots.large._readout.text()


def test_small_plots_stand_in_as_many_columns_as_there_is_room_for(qtbot, plots):
    plots.show_curves(preference_curves(), "dpo")
    tops = [plot.y() for plot in plots.others]
    assert len(set(tops)) == 2  # three and two
    assert plots.minimumSizeHint().width() < 600
    plots.resize(560, 1200)
    qtbot.waitUntil(lambda: len({plot.y() for plot in plots.others}) >= 3)
    assert all(plot.width() <= 560 for plot in plots.plots)


def test_ticks_are_told_apart_and_what_is_the_same_is_a_level_line(qtbot, plots):
    axis = plots.large.plot.left
    assert axis.tickStrings([0.0, 0.5, 1.0], 1.0, 0.5) == ["0", "0.5", "1"]
    assert axis.tickStrings([1.00001, 1.00002], 1.0, 1e-5) == ["1.00001", "1.00002"]
    curves = Curves()
    for step in range(1, 30):
        curves.feed(Event("step", 1.0, {"step": step, "loss": 1.0}))
    plots.show_curves(curves, "sft")
    low, high = plots.large._view.viewRange()[1]
    assert high - low > 0.05  # and not the rounding of what was smoothed
