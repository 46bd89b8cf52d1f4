import pytest

from studio.core.hints import KINDS, hints_in

SEEN = {
    "private key": "-----BEGIN RSA PRIVATE KEY-----",
    "AWS key": "AKIA" + "A1B2C3D4" * 2,
    "GitHub token": "ghp_" + "a1B2" * 9,
    "Hugging Face token": "hf_" + "aB3d" * 8,
    "API key": "sk-" + "abCD12" * 6,
    "Google key": "AIza" + "aB3-_" * 7,
    "Slack token": "xoxb-123456789012-abc",
    "web token": "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12,
    "password": "password: hunter22",
    "e-mail address": "write to jo.do+x@mail.example.org now",
    "payment card": "4111 1111 1111 1111",
    "bank account": "DE89 3704 0044 0532 0130 00",
    "US social security number": "123-45-6789",
    "phone number": "+1 (555) 010-4477",
    "IP address": "at 93.184.216.34 it is",
}


def test_every_kind_has_a_case():
    assert set(SEEN) == set(KINDS)


@pytest.mark.parametrize(("what", "text"), SEEN.items())
def test_it_is_seen_and_shown_shortened(what, text):
    found = {hint.what: hint.shown for hint in hints_in(f"Hello,\n{text}\nbye")}
    assert what in found
    assert len(found[what]) < len(text) or len(text) < 8


@pytest.mark.parametrize(
    "text",
    [
        "", "The year 2024, chapter 12.5, and 3.14159265358979", "a user@ symbol", "4111 1111 1111 1112",
        "127.0.0.1 and", "999.1.1.1", "GB82 WEST 1234 5698 7654 33", "000-45-6789",
        "Ask me about tokens and keys.", "0" * 16,
    ],
)  # fmt: skip
def test_what_is_none_is_not(text):
    assert hints_in(text) == []


def test_a_long_text_is_read_quickly():
    import time

    for text in ("a1" * 500_000, "1 " * 500_000, "@." * 500_000, "A" * 1_000_000, "secret=" * 100_000):
        start = time.process_time()
        hints_in(text)
        assert time.process_time() - start < 5
