from studio.jobs.service import WorkerService


def test_replies_are_signals_and_closing_is_silent(qtbot, tmp_path, fake_service):
    service = WorkerService("chat", tmp_path / "chat.log", command=fake_service)
    with qtbot.waitSignal(service.reply_arrived) as ready:
        service.start()
    assert ready.args == [{"reply": "ready"}]
    with qtbot.waitSignal(service.reply_arrived) as echo:
        assert service.send({"text": "ü"})
    assert echo.args[0]["request"] == {"text": "ü"}
    with qtbot.waitSignal(service.ended) as end:
        service.close()
    assert end.args == [None]
    assert service.wait(5000)


def test_a_crash_is_a_signal_with_a_sentence(qtbot, tmp_path, fake_service):
    service = WorkerService("chat", tmp_path / "chat.log", command=fake_service)
    with qtbot.waitSignal(service.ended) as end:
        service.start()
        service.send({"mode": "crash"})
    assert "out of words" in end.args[0].what
    assert service.wait(5000)
