import dataclasses

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QSpinBox

from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.glossary import GLOSSARY
from studio.core.methods import SftSettings
from studio.gui.widgets.form import SettingsForm


@pytest.fixture
def form(qtbot):
    made = SettingsForm(SftSettings)
    qtbot.addWidget(made)
    made.show()
    return made


def type_over(qtbot, line, text):
    line.selectAll()
    qtbot.keyClicks(line, text)


def test_it_begins_with_the_defaults(form):
    assert form.values() == SftSettings()
    assert form.problems() == {}


def test_values_go_in_and_come_out(form, qtbot):
    wanted = dataclasses.replace(
        SftSettings(),
        learning_rate=3e-6,
        epochs=0.25,
        lora_rank=64,
        train_on="everything",
        seed=2**31 - 1,
        sample_prompts="one\ntwo",
    )
    with qtbot.waitSignal(form.changed):
        form.set_values(wanted)
    assert form.values() == wanted


@pytest.mark.parametrize(("typed", "value"), [("2e-5", 2e-5), ("0,001", 0.001), (" 1E-4 ", 1e-4), (".5", 0.5)])
def test_a_rate_can_be_typed_as_people_write_it(form, qtbot, typed, value):
    type_over(qtbot, form.rows["learning_rate"].editor, typed)
    assert form.values().learning_rate == value


@pytest.mark.parametrize("typed", ["", "fast", "7", "-1", "nan", "inf", "1e-4e"])
def test_what_cannot_be_used_is_said_under_the_field(form, qtbot, typed):
    row = form.rows["learning_rate"]
    row.editor.clear()
    type_over(qtbot, row.editor, typed)
    sentence = form.problems()["learning_rate"]
    assert sentence.startswith("Learning rate is ")
    assert row.about.text() == sentence
    with pytest.raises(StudioError, match="Learning rate"):
        form.values()
    type_over(qtbot, row.editor, "0.001")
    assert row.about.text() == row.known.about


def test_every_setting_has_the_editor_of_its_kind_and_its_real_range(form):
    for known in settings_of(SftSettings):
        editor = form.rows[known.name].editor
        assert editor.accessibleName() == known.label
        if known.choices:
            assert isinstance(editor, QComboBox)
            assert [editor.itemData(n) for n in range(editor.count())] == list(known.choices)
        elif known.kind is int:
            assert isinstance(editor, QSpinBox)
            assert editor.minimum() == known.low
            assert editor.maximum() == (known.high or 2**31 - 1)
        elif known.lines:
            assert isinstance(editor, QPlainTextEdit)
        elif known.kind is bool:
            assert isinstance(editor, QCheckBox)
        else:
            assert isinstance(editor, QLineEdit)


def test_advanced_settings_are_shown_on_demand(form, qtbot):
    assert form.rows["learning_rate"].editor.isVisible()
    assert not form.rows["seed"].editor.isVisible()
    form.advanced.setFocus()
    with qtbot.waitSignal(form.advanced_toggled) as toggled:
        qtbot.keyClick(form.advanced, Qt.Key.Key_Space)
    assert toggled.args == [True]
    assert form.rows["seed"].editor.isVisible()


def test_scrolling_past_a_field_changes_nothing(form):
    editor = form.rows["max_length"].editor
    form.rows["epochs"].editor.setFocus()
    centre = QPointF(editor.rect().center())
    wheel = QWheelEvent(
        centre, editor.mapToGlobal(centre), QPoint(0, 120), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(editor, wheel)
    assert form.values() == SftSettings()


def test_what_a_setting_means_unfolds_by_its_button_and_by_f1(qtbot):
    form = SettingsForm(SftSettings, glossary=GLOSSARY, advanced=True)
    qtbot.addWidget(form)
    form.show()
    with qtbot.waitActive(form):
        form.activateWindow()
    for row in form.rows.values():
        assert row.help.accessibleName() == f"What “{row.known.label}” means"
    row = form.rows["learning_rate"]
    texts = [label for label in row.field.findChildren(QLabel) if label.text().startswith("What it does: How far")]
    (text,) = texts
    assert not text.isVisible()
    qtbot.mouseClick(row.help, Qt.MouseButton.LeftButton)
    assert text.isVisible()
    assert "Raise it: " in text.text()
    qtbot.keyClick(row.help, Qt.Key.Key_Space)
    assert not text.isVisible()
    row.editor.setFocus()
    qtbot.keyClick(row.editor, Qt.Key.Key_F1)
    assert text.isVisible()


def choose(row, value):
    row.editor.setCurrentIndex(row.editor.findData(value))


def test_what_changes_nothing_is_hidden_and_no_problem(form, qtbot):
    form.advanced.setChecked(True)
    assert form.rows["lora_rank"].editor.isVisible()
    assert not form.rows["lora_names"].editor.isVisible()  # until layers are named by the user
    choose(form.rows["lora_targets"], "own")
    assert form.rows["lora_names"].editor.isVisible()
    form.rows["lora_names"].editor.clear()
    assert "lora_names" in form.problems()
    form.rows["lora_dropout"].editor.setText("half")
    with qtbot.waitSignal(form.changed):
        choose(form.rows["way"], "full")
    assert not any(form.rows[name].editor.isVisible() for name in ("lora_rank", "lora_names", "lora_dropout", "dora"))
    assert form.problems() == {}
    assert form.values() == SftSettings(way="full", lora_targets="own")
    form.rows["held_out"].editor.setText("0")
    assert not any(form.rows[name].editor.isVisible() for name in ("evaluations", "keep", "patience"))
    choose(form.rows["way"], "lora")
    assert form.rows["lora_dropout"].editor.isVisible()
    assert "lora_dropout" in form.problems()


def test_a_choice_that_cannot_be_had_is_grey_and_says_why(form):
    row = form.rows["optimiser"]
    choose(row, "paged_adamw8bit")
    form.set_unavailable({"optimiser": {"paged_adamw8bit": "Only on cards."}, "unknown": {}})
    assert not row.editor.model().item(row.editor.findData("paged_adamw8bit")).isEnabled()
    assert form.problems() == {"optimiser": "Only on cards."}
    assert row.about.text() == "Only on cards."
    choose(row, "adamw")
    assert form.problems() == {}
    form.set_unavailable({"optimiser": {}})
    assert row.editor.model().item(row.editor.findData("paged_adamw8bit")).isEnabled()


def test_what_does_not_matter_here_is_left_out(form):
    form.advanced.setChecked(True)
    assert form.rows["start"].editor.isVisible()
    form.leave_out({"start", "no such setting"})
    assert not form.rows["start"].editor.isVisible()
    form.leave_out(())
    assert form.rows["start"].editor.isVisible()
