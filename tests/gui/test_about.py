from studio.gui.about import AboutDialog


def test_libraries_are_listed_and_their_licences_can_be_read(qtbot):
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.table.rowCount() > 20)
    names = [dialog.table.item(row, 0).text() for row in range(dialog.table.rowCount())]
    dialog.table.setCurrentCell(names.index("peft"), 0)
    assert "Apache License" in dialog.text.toPlainText()
    assert "torch" in dialog.versions.text()
    dialog.accept()
