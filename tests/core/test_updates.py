import json

import pytest

from studio.core.errors import StudioError
from studio.core.updates import Release, is_newer, release_in, releases_at

AT = "https://host.example/latest"


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.2.0", "0.1.0", True),
        ("v0.10", "0.9.9", True),
        ("0.1.0", "0.1.0", False),
        ("0.1", "0.1.0", False),
        ("1.0rc1", "1.0", False),
        ("1.0", "1.0rc1", True),
        ("0.0.9", "0.1", False),
    ],
)
def test_which_version_is_newer(version, than, newer):
    assert is_newer(version, than) is newer


def test_what_a_release_says():
    answer = {"tag_name": "v1.2", "html_url": "https://host.example/r", "body": "…"}
    assert release_in(json.dumps(answer).encode(), AT) == Release("1.2", "https://host.example/r")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff\xfe",
        b"<html>",
        b"[]",
        b"{}",
        b'{"tag_name": 3}',
        b'{"tag_name": "newest", "html_url": "https://host.example"}',
        b'{"tag_name": "1.0"}',
        b'{"tag_name": "1.0", "html_url": "file:///etc/passwd"}',
        b'{"tag_name": "1.0", "html_url": "javascript:alert(1)"}',
        b'{"tag_name": "1.0", "html_url": "https://host.example@other.example/r"}',
    ],
)
def test_what_is_no_release_is_a_sentence(answer):
    with pytest.raises(StudioError) as raised:
        release_in(answer, AT)
    assert raised.value.what.endswith(".") and raised.value.hint


def test_addresses():
    assert releases_at("host.example/latest ") == AT
    assert releases_at("http://127.0.0.1:80/x") == "http://127.0.0.1:80/x"
    for wrong in ("", "  ", "http://host.example", "file:///x", "https://", "https://me:word@host", "https://h:x/"):
        with pytest.raises(StudioError):
            releases_at(wrong)
