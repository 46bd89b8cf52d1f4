import pytest

from studio.core.scripts import NONE, OTHER, SCRIPTS, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello, world", "Latin"),
        ("Grüße – naïve café", "Latin"),
        ("Привет, мир! ok", "Cyrillic"),
        ("Καλημέρα", "Greek"),
        ("مرحبا بالعالم", "Arabic"),
        ("שלום עולם", "Hebrew"),
        ("你好，世界", "Chinese"),
        ("日本語を学ぶ", "Japanese"),
        ("カタカナ", "Japanese"),
        ("안녕하세요", "Korean"),
        ("नमस्ते दुनिया", "Devanagari"),
        ("สวัสดี", "Thai"),
        ("ᚠᚢᚦᚨᚱᚲ", OTHER),
        ("1 + 1 = 2 😀", NONE),
        ("", NONE),
    ],
)
def test_the_script_of_most_letters_counts(text, script):
    assert script_of(text) == script
    assert script in SCRIPTS
