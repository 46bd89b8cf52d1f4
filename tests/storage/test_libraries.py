"""The libraries of the about box come from their own metadata."""

import pytest

from studio.storage.libraries import Library, libraries, licence_text


def test_what_the_program_stands_on_is_listed_with_its_licence():
    found = {library.name.lower().replace("_", "-"): library for library in libraries()}
    assert {"torch", "transformers", "trl", "peft", "pyside6-essentials", "numpy", "lucide"} <= set(found)
    assert "plumbline-studio" not in found
    untold = [name for name, library in found.items() if not library.licence or not library.version]
    assert len(untold) <= len(found) // 10, untold
    assert "Apache" in licence_text(found["transformers"])
    assert "ISC" in licence_text(found["lucide"])


@pytest.mark.parametrize("name", ["no-such-library-at-all"])
def test_a_library_that_is_gone_is_a_sentence(name):
    with pytest.raises(Exception, match=name):
        licence_text(Library(name, "1", ""))
