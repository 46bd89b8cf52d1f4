from studio.gui.widgets.narrow_combo import NarrowCombo


def test_what_does_not_fit_is_shortened_with_a_sign(qtbot):
    combo = NarrowCombo(4)
    combo.addItems(["starter (comes with Plumbline)", "b"])
    qtbot.addWidget(combo)
    combo.show()
    combo.resize(110, combo.sizeHint().height())
    assert combo.shown_text().startswith("st") and combo.shown_text().endswith("…")
    combo.resize(600, combo.height())
    assert combo.shown_text() == combo.currentText()
    combo.resize(110, combo.height())
    combo.setCurrentIndex(1)
    assert combo.shown_text() == "b"
    assert combo.minimumSizeHint().width() < 150
