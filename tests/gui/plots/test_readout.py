from studio.gui.plots.readout import Readout


def test_a_value_is_shown_whole_or_not_at_all(qtbot):
    readout = Readout()
    qtbot.addWidget(readout)
    readout.show()
    readout.say("step 7", "-0.001976")
    number = readout.fontMetrics().horizontalAdvance("-0.001976")
    readout.resize(400, 20)
    assert readout.text() == "step 7  ·  -0.001976"
    readout.resize(number + 4, 20)
    assert readout.text() == "-0.001976"
    readout.resize(number - 4, 20)
    assert readout.text() == ""
    readout.resize(400, 20)
    assert readout.text() == "step 7  ·  -0.001976"
