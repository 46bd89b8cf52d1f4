"""The look for new versions against a stand-in on the loopback, well and badly behaved."""

import json
import traceback
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from studio.core.errors import StudioError
from studio.core.updates import Release
from studio.processes import updates
from studio.processes.updates import newest_release

GOOD = json.dumps({"tag_name": "v9.1", "html_url": "https://host.example/9.1"}).encode()


@contextmanager
def stand_in(status=200, body=GOOD, headers=None, raw=None, drip=False):
    """A web server that answers everything alike. Gives its address, and what it was asked."""
    asked, done = [], Event()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            if drip:
                self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
                with suppress(OSError):
                    while not done.wait(0.02):
                        self.wfile.write(b" ")
                return
            if raw is not None:
                self.wfile.write(raw)
                return
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/latest", asked
    finally:
        done.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_newest_release_and_all_that_is_sent():
    with stand_in() as (address, asked):
        assert newest_release(address) == Release("9.1", "https://host.example/9.1")
    ((path, headers),) = asked
    assert path == "/latest"
    assert set(headers) == {"Accept-Encoding", "Host", "User-Agent", "Accept", "Connection"}
    assert headers["User-Agent"] == "Plumbline"


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"status": 404}, "HTTP 404"),
        ({"status": 500}, "HTTP 500"),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, "points to elsewhere.example"),
        ({"body": b"<html>not here</html>"}, "tells of no version"),
        ({"body": GOOD[:30], "headers": {"Content-Length": str(len(GOOD))}}, "tells of no version"),
        ({"raw": b"SSH-2.0-hello\r\n"}, "something else than a web server"),
        ({"body": b"x" * 1_000_010}, "too long"),
    ],
)
def test_every_failure_is_a_sentence(behaviour, said):
    with stand_in(**behaviour) as (address, asked), pytest.raises(StudioError) as raised:
        newest_release(address)
    assert said in raised.value.what and raised.value.hint
    assert len(asked) == 1


def test_a_reply_that_points_elsewhere_is_closed():
    with stand_in(302, headers={"Location": "https://elsewhere.example/"}) as (address, _):
        with pytest.raises(StudioError) as raised:
            newest_release(address)
        held = [frame.f_locals.get("fp") for frame, _line in traceback.walk_tb(raised.tb)]
    replies = [reply for reply in held if reply is not None]
    assert replies and all(reply.closed for reply in replies)


def test_nobody_there_and_nobody_who_answers(monkeypatch):
    with stand_in() as (address, _):
        pass
    with pytest.raises(StudioError, match="could not be asked"):
        newest_release(address)
    monkeypatch.setattr(updates, "_PATIENCE", 0.05)
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StudioError, match="could not be asked"):
            newest_release(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_host_that_drips_its_answer_is_given_up_on(monkeypatch):
    monkeypatch.setattr(updates, "_PATIENCE", 0.2)
    with stand_in(drip=True) as (address, _), pytest.raises(StudioError, match="could not be asked"):
        newest_release(address)
