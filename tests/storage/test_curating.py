"""Duplicates, splits and lengths: what is found in a dataset beside its words."""

import json
import random

import pytest

from studio.core.errors import Cancelled, StudioError
from studio.core.messages import Example, Message
from studio.core.records import Passage
from studio.storage.datasets import add_dataset, find_dataset, records_of
from studio.storage.duplicates import find_duplicates, shared
from studio.storage.lengths import lengths_of
from studio.storage.revisions import delete_records, order_of
from studio.storage.splits import split_dataset


def example(asked, answer):
    return Example((Message("user", asked), Message("assistant", answer)))


def sentence(chance, words=30):
    return " ".join(f"word{chance.randrange(5000)}" for _ in range(words))


def test_the_same_and_nearly_the_same_are_found_and_nothing_else(project):
    chance = random.Random(3)
    texts = [sentence(chance) for _ in range(200)]
    records = [example(f"q {k}: {text}", text) for k, text in enumerate(texts)]
    copies = [Example(records[5].messages), example(f"q  5:\n{texts[5]}", texts[5])]
    words = texts[9].split()
    words[15] = "changed"
    near = example(f"q 9: {texts[9]}", " ".join(words))
    info = add_dataset(project, "a", "a", [*records, *copies, near])
    order = order_of(project, info)
    groups = find_duplicates(project, info)
    assert [(group.ids, group.exact) for group in groups] == [
        ((order[5], order[200], order[201]), True),
        ((order[9], order[202]), False),
    ]
    assert [group.exact for group in find_duplicates(project, info, near=False)] == [True]
    info = delete_records(project, info, [identity for group in groups for identity in group.ids[1:]])
    assert find_duplicates(project, info) == [] and info.rows == 200
    with pytest.raises(Cancelled):
        find_duplicates(project, info, cancelled=lambda: True)


def test_most_that_share_nine_tenths_of_their_words_are_found(project):
    chance, pairs = random.Random(4), 150
    records = []
    for _ in range(pairs):
        words = sentence(chance, 60).split()
        records.append(Passage(" ".join(words)))
        words[chance.randrange(60)] = "x"
        records.append(Passage(" ".join(words)))
    info = add_dataset(project, "a", "a", records, kind="passages")
    groups = find_duplicates(project, info)
    assert len(groups) > 0.95 * pairs
    first = order_of(project, info)[0]
    assert all(one - first == (other - first) ^ 1 for one, other in (group.ids for group in groups))


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_a_split_loses_nothing_and_leaks_nothing(project, seed):
    records = [example(f"question {k % 80}" if k % 2 else f"Question  {k % 80}", f"a {k}") for k in range(240)]
    info = add_dataset(project, "a", "a", records)
    train, held_out = split_dataset(project, info, 0.2, seed=seed)
    assert (train.name, held_out.name) == ("a (train)", "a (eval)")
    assert sorted(r.answer for half in (train, held_out) for r in records_of(project, half)) == sorted(
        record.answer for record in records
    )
    assert shared(project, train, held_out) == []
    assert abs(held_out.rows - 48) <= (3 if seed is not None else 30)
    assert find_dataset(project, "a").rows == 240
    again = split_dataset(project, info, 0.2, seed=seed)[1]
    assert again.content_hash == held_out.content_hash


def test_a_prompts_hash_sends_it_the_same_way_in_every_dataset(project):
    small = add_dataset(project, "a", "a", [example(f"q {k}", "a") for k in range(50)])
    large = add_dataset(project, "b", "b", [example(f"q {k}", "b") for k in range(100)])
    (_, one), (_, other) = split_dataset(project, small, 0.3), split_dataset(project, large, 0.3)
    prompts = {record.prompt for record in records_of(project, other)}
    assert {record.prompt for record in records_of(project, one)} <= prompts


def test_what_can_not_be_split_is_a_sentence(project):
    info = add_dataset(project, "a", "a", [example("q", f"a {k}") for k in range(5)])
    for share in (0, 1, 0.5):
        with pytest.raises(StudioError, match="one side"):
            split_dataset(project, info, share)


def test_shared_prompts_are_found(project):
    one = add_dataset(project, "a", "a", [example(f"q {k}", "a") for k in range(5)])
    other = add_dataset(project, "b", "b", [example("Q  3", "x"), example("else", "x")])
    assert shared(project, one, other) == [order_of(project, one)[3]]


def test_lengths_in_characters_and_tokens(project, tmp_path):
    info = add_dataset(
        project, "a", "a", [Passage("one two three"), Passage("one"), Passage("two one")], kind="passages"
    )
    lengths = lengths_of(project, info)
    assert (lengths.unit, lengths.values) == ("characters", (3, 7, 13))
    assert sum(many for _, _, many in lengths.bars()) == 3
    with pytest.raises(StudioError, match=r"no tokenizer\.json"):
        lengths_of(project, info, tmp_path)
    words = {"type": "WordLevel", "vocab": {"one": 0, "?": 1}, "unk_token": "?"}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "model": words,
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert lengths_of(project, info, tmp_path).values == (1, 2, 3)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(StudioError, match="can't be read"):
        lengths_of(project, info, tmp_path)


def test_bars_hold_everything_whatever_the_spread():
    from studio.storage.lengths import Lengths

    for values in ([5], [1, 1, 1], list(range(1000)), [1] * 500 + [10**9]):
        bars = Lengths("characters", tuple(sorted(values))).bars()
        assert sum(many for _, _, many in bars) == len(values)
        assert bars[0][0] == min(values) and bars[-1][1] >= max(values) and len(bars) <= 40
