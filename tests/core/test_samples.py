import random

import pytest

from studio.core.events import Event
from studio.core.methods import METHODS, DpoSettings, SftSettings
from studio.core.samples import SampleBook, SampledSettings, changed_spans


def said(step, number, answer):
    return Event("sample", 0.0, {"step": step, "number": number, "prompt": "p", "answer": answer, "ended": True})


def test_a_book_keeps_the_last_answer_of_each_step():
    book = SampleBook()
    for event in (said(0, 0, "a"), said(0, 1, "b"), said(10, 0, "c"), said(10, 0, "d"), Event("step", 0.0, {})):
        book.feed(event)
    assert book.steps() == [0, 10]
    assert book.before(10) == 0
    assert book.before(0) is None
    assert book.at(0, 10).answer == "d"
    assert book.at(1, 10) is None
    assert book.revision == 4


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("the cat sat", "the cat sat", []),
        ("the cat sat", "the dog sat", ["dog"]),
        ("", "all new", ["all new"]),
        ("a b c", "", []),
        ("a b", "a x\n y b", ["x\n y"]),
        ("naïve 😀 end", "naïve 😀 😀 end", ["😀"]),
    ],
)
def test_what_changed_is_found_word_by_word(before, after, changed):
    assert [after[start:end] for start, end in changed_spans(before, after)] == changed


def test_spans_are_in_order_and_inside():
    chance = random.Random(1)
    for _ in range(200):
        before, after = (" ".join(chance.choices(["a", "b", "cc", "\n", "é"], k=chance.randint(0, 12))) for _ in "12")
        places = [place for span in changed_spans(before, after) for place in span]
        assert places == sorted(places)
        assert all(0 <= place <= len(after) for place in places)


def test_methods_that_write_text_have_samples_and_judges_do_not():
    assert isinstance(SftSettings(), SampledSettings)
    assert DpoSettings(sample_prompts=" one \n\n two").prompts() == ["one", "two"]
    for method in METHODS.values():
        if not method.talks:
            assert not issubclass(method.settings, SampledSettings)
