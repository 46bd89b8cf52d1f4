"""Candidates and machine judges: a batch writes what each answer alone would be, and both orders are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from studio.core.candidates import Author, Writing, unlike
from studio.core.conversation import Sampling, Voice
from studio.core.errors import StudioError
from studio.core.judging import margin_of, mark_of_scores, verdict_of
from studio.core.labelling import LabelPlan, Verdict
from studio.core.messages import Message
from studio.engine.batch_generation import write_all
from studio.engine.candidates import Desk
from studio.engine.generation import Answer, stop_tokens_of
from studio.engine.judging import ModelJudge, RewardJudge
from studio.engine.loading import load_adapter, load_encoder, load_model, load_scorer, pick_precision
from studio.engine.pipe import Request
from studio.engine.voices import Base, Voices
from studio.engine.writers import Pane, writers_of

PROMPTS = ["What?", "Who is it, and what does it want from all of us?", "a", "Count from one to ten, slowly."]


class FakePipe:
    """Keeps what is replied."""

    def __init__(self) -> None:
        self.replies: list[dict[str, Any]] = []

    def reply(self, kind: str, **values: Any) -> None:
        self.replies.append({"reply": kind, **values})

    def fail(self, error: StudioError, request_id: Any = None) -> None:
        self.replies.append({"reply": "failed", "id": request_id, "what": error.what})

    def interrupted(self, _request: Request) -> bool:
        return False


@pytest.fixture(scope="module")
def adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    torch.manual_seed(1)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    folder = tmp_path_factory.mktemp("run") / "adapter"
    tuned.save_pretrained(str(folder))
    return folder


def base_of(folder: Path, adapter: Path | None = None) -> Base:
    voices = Voices(lambda what: None, lambda: None)
    voices.load({"one": Voice(folder, adapter)}, "cpu")
    return voices.base_of(voices["one"])


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("tuned", [False, True])
def test_a_batch_writes_what_each_would_write_alone(
    tiny_base: Path, adapter: Path, temperature: float, *, light: bool, tuned: bool
) -> None:
    base, encoder = base_of(tiny_base, adapter if tuned else None), load_encoder(tiny_base, "model")
    assert base.is_light(base.adapters.get(adapter))
    if not light:
        base.decoder = None
    samplings = [
        Sampling(temperature=temperature, top_p=0.9, top_k=20, max_new_tokens=5 + 9 * n, seed=n)
        for n in range(len(PROMPTS))
    ]
    asked = [((Message("user", text),), sampling) for text, sampling in zip(PROMPTS, samplings, strict=True)]
    together = write_all(base, base.adapters.get(adapter), encoder, asked)
    model: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    model = load_adapter(model, adapter) if tuned else model
    stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
    for (prompt, sampling), found in zip(asked, together, strict=True):
        ids, context = encoder.prompt(prompt), encoder.context
        alone = Answer(
            model.get_base_model() if tuned else model,
            encoder.tokenizer,
            ids,
            sampling,
            stop_tokens=stops,
            context=context,
        )
        assert found is not None
        assert (found.text, found.ended) == (alone.write(100.0), alone.ended)


@pytest.mark.parametrize("more", [{"modules_to_save": ["lm_head"]}, {"target_modules": ["q_proj", "lm_head"]}])
def test_an_adapter_that_reaches_further_than_the_layers_writes_as_itself(
    tiny_base: Path, adapter: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    torch.manual_seed(2)
    model: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    tuned = get_peft_model(
        model, LoraConfig(**{"r": 4, "target_modules": ["q_proj"], "init_lora_weights": False, **more})
    )
    for name, weight in tuned.named_parameters():
        if "modules_to_save" in name:
            weight.data += torch.randn_like(weight)
    tuned.save_pretrained(str(tmp_path / "odd"))
    voices = Voices(lambda what: None, lambda: None)
    wanted = {"odd": tmp_path / "odd", "usual": adapter, "base": None}
    voices.load({name: Voice(tiny_base, folder) for name, folder in wanted.items()}, "cpu")
    asked = [((Message("user", text),), Sampling(temperature=0.0, max_new_tokens=8)) for text in PROMPTS]
    for light in (True, False):
        for name in ("odd", "usual", "odd", "base"):
            base, encoder = voices.switch_to(voices[name]), voices[name].encoder
            base.decoder = base.decoder if light else None
            plain: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
            folder = wanted[name]
            alone = plain if folder is None else load_adapter(plain, folder)
            stops = stop_tokens_of(plain, encoder.tokenizer, encoder.end_of_turn)
            found = write_all(base, base.adapters[folder] if folder else None, encoder, asked)
            panes = {name: Pane(voices[name], encoder.prompt(asked[0][0]), [], asked[0][1])}
            (writer,) = writers_of(voices, panes)
            for (prompt, sampling), one in zip(asked, found, strict=True):
                ids, context = encoder.prompt(prompt), encoder.context
                answer = Answer(alone, encoder.tokenizer, ids, sampling, stop_tokens=stops, context=context)
                wrote = answer.write(100.0)
                assert one is not None
                assert one.text == wrote, (light, name)
                if prompt is asked[0][0]:
                    assert writer.write(100.0)[name] == wrote


def test_an_answer_that_has_ended_leaves_the_batch(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, encoder, in_memory = base_of(tiny_base), load_encoder(tiny_base, "model"), list[int]()
    assert base.decoder is not None
    write = base.decoder.write

    def counted(rows: Any, tokens: torch.Tensor, layers: Any) -> torch.Tensor:
        in_memory.append(len(rows.layers[0][0]))
        return write(rows, tokens, layers)

    def taken(*_: Any) -> None:
        raise AssertionError("copied, though nobody goes on with it")

    monkeypatch.setattr(base.decoder, "write", counted)
    monkeypatch.setattr("studio.engine.decoding.rows.Rows.take", taken)
    lengths = [2, 4, 6]
    asked = [
        ((Message("user", text),), Sampling(temperature=0.0, max_new_tokens=length, min_new_tokens=length))
        for text, length in zip(PROMPTS, lengths, strict=False)
    ]
    found = write_all(base, None, encoder, asked)
    assert all(found)
    assert in_memory == [3, 2, 2, 1, 1]  # the first token comes with the prompt


def test_a_prompt_that_cannot_be_read_whole_is_left_out(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    asked = [((Message("user", text),), Sampling(max_new_tokens=3)) for text in ("x " * 900, "short")]
    found = write_all(base_of(tiny_base), None, encoder, asked)
    assert found[0] is None
    assert found[1] is not None


def test_several_authors_write_different_answers_and_their_names_are_kept(tiny_base: Path, adapter: Path) -> None:
    pipe: Any = FakePipe()
    desk = Desk(pipe)
    writing = Writing(
        count=4,
        max_new_tokens=12,
        authors=(Author("base", str(tiny_base)), Author("tuned", str(tiny_base), str(adapter))),
    )
    authors = [{"name": a.name, "base": a.base, "adapter": a.adapter or None} for a in writing.authors]
    desk.handle(Request(1, {"do": "load", "authors": authors}))
    assert pipe.replies[-1]["reply"] == "loaded"

    def ask(number: int, texts: list[str]) -> dict[str, Any]:
        voices = [{"author": author, **vars(sampling)} for author, sampling in writing.voices(number)]
        return {"id": number, "messages": [{"role": "user", "content": "Say it."}], "texts": texts, "voices": voices}

    desk.handle(Request(2, {"do": "write", "prompts": [ask(1, []), ask(2, []), {"id": 3, "messages": []}]}))
    failed, *written = pipe.replies[-3:]
    assert (failed["reply"], failed["id"]) == ("failed", 3)
    assert [reply["id"] for reply in written] == [1, 2]
    answers = written[0]["answers"]
    assert [answer["author"] for answer in answers] == ["base", "tuned", "base", "tuned"]
    assert [answer["sampling"]["temperature"] for answer in answers] == [0.7, 0.7, 1.0, 1.0]
    texts = [answer["text"] for answer in answers]
    assert len(set(texts)) == 4
    assert texts != [answer["text"] for answer in written[1]["answers"]]

    desk.handle(Request(3, {"do": "write", "prompts": [ask(1, texts[:2])]}))
    again = [answer["text"] for answer in pipe.replies[-1]["answers"]]
    assert len(again) == 4  # with other seeds, since the known answers are not written twice
    assert not set(again) & set(texts[:2])
    assert again[2:] == texts[2:]


def test_greedy_answers_are_all_alike_and_given_once(tiny_base: Path) -> None:
    pipe: Any = FakePipe()
    desk = Desk(pipe)
    desk.handle(Request(1, {"do": "load", "authors": [{"name": "base", "base": str(tiny_base)}]}))
    voices = [{"author": 0, "temperature": 0.0, "max_new_tokens": 6}] * 3
    prompt = {"id": 1, "messages": [{"role": "user", "content": "x"}], "voices": voices}
    desk.handle(Request(2, {"do": "write", "prompts": [prompt]}))
    assert len(pipe.replies[-1]["answers"]) == 1


def test_temperatures_are_spread_for_each_author() -> None:
    one = Writing(count=3, lowest=0.5, highest=1.5, authors=(Author("a", "/a"),))
    assert [(author, sampling.temperature) for author, sampling in one.voices(1)] == [(0, 0.5), (0, 1.0), (0, 1.5)]
    two = Writing(count=2, lowest=0.5, highest=1.5, authors=(Author("a", "/a"), Author("b", "/b")))
    assert [(author, sampling.temperature) for author, sampling in two.voices(1)] == [(0, 1.0), (1, 1.0)]
    assert len({sampling.seed for number in range(9) for _, sampling in one.voices(number)}) == 27
    own = Writing(count=3, own="0.2 1 0; 1.3", authors=(Author("a", "/a"),))
    assert [sampling.temperature for _, sampling in own.voices(1)] == [0.2, 1.3, 0.2]
    assert Writing.from_json(own.to_json()) == own


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"authors": ()}, "No model is chosen"),
        ({"count": 1, "authors": (Author("a", "/a"), Author("b", "/b"))}, "can't share"),
        ({"lowest": 2.0}, "above the highest"),
        ({"own": "warm"}, "“warm” can't be read"),
        ({"own": "0.5 0.9 0 7"}, "can't be read"),
        ({"own": "0.5 7"}, "Top-p"),
        ({"count": 10}, "Answers to a prompt"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(StudioError, match=words):
        Writing(**{"authors": (Author("a", "/a"),), **changed}).check()


def test_white_space_makes_no_difference() -> None:
    assert unlike([" a", "b", "a\n", "", "c"], ["c "]) == [True, True, False, False, False]


# -------------------------------------------------------------------------------------------- judges


def test_a_model_is_asked_in_both_orders(tiny_base: Path) -> None:
    judge = ModelJudge(tiny_base, None)
    prompt = (Message("user", "Hello?"),)
    answers = ["Good day to you!", "no", "Well, well."]
    scores, both_ways = judge.scores(prompt, answers, "listwise", ["", "kind"])
    turned, again = judge.scores(prompt, answers[::-1], "listwise", ["", "kind"])
    assert set(scores) == {"", "kind"}
    for name in scores:
        assert scores[name] == pytest.approx(turned[name][::-1], abs=1e-5)
        assert sum(scores[name]) == pytest.approx(1.5, abs=1e-5)  # of three pairs, each won by one of them
    assert both_ways == again
    rated, none = judge.scores(prompt, answers[:1], "pointwise", [""])
    assert 1.0 <= rated[""][0] <= 5.0
    assert none is None
    with pytest.raises(StudioError, match="longer than the 256 tokens"):
        judge.scores(prompt, ["x " * 900, "y"], "pairwise", [""])


def test_a_reward_model_scores(tiny_base: Path, tmp_path: Path) -> None:
    scorer = load_scorer(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu", seed=1)
    config = LoraConfig(r=4, task_type="SEQ_CLS", target_modules="all-linear", modules_to_save=["score"])
    get_peft_model(scorer, config).save_pretrained(str(tmp_path / "judge"))
    scores, both_ways = RewardJudge(tiny_base, tmp_path / "judge").scores(
        (Message("user", "Hello?"),), ["a", "b b b"], "pairwise", ["kind"]
    )
    assert len(scores["kind"]) == 2
    assert scores["kind"][0] != scores["kind"][1]
    assert both_ways is None


def test_scores_become_verdicts() -> None:
    assert verdict_of([0.2, 0.9], LabelPlan()) == Verdict((2, 1))
    assert verdict_of([0.5, 0.5], LabelPlan()) == Verdict((1, 1))
    assert verdict_of([3.0, 1.0, 3.0], LabelPlan(way="listwise")) == Verdict((1, 2, 1))
    rate = LabelPlan(way="pointwise")
    ladder = [float(n) for n in range(100)]
    assert [verdict_of([s], rate, ladder).rating for s in (0.0, 19.5, 50.0, 99.0)] == [1, 2, 3, 5]
    plan = LabelPlan(criteria="kind, true")
    assert mark_of_scores({"kind": [1.0, 2.0]}, plan, {}).verdicts == {"kind": Verdict((2, 1)), "true": Verdict((2, 1))}
    assert margin_of({"a": [1.0, 5.0, 4.5], "b": [0.0, 3.0, 1.0]}) == 0.5
    assert margin_of({"a": [1.0]}) is None
