"""What is previewed is what is trained, for every kind of tokenizer and template."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.templates import BUILT_IN
from studio.core.tool_calls import ToolCall
from studio.engine.encoding import Encoder
from tests.engine.conftest import CHATML, MARKED, SWALLOWING, THINKING, byte_level, piece_level, sentences


def loaded(folder: Path, jinja: str, context: int = 0) -> Encoder:
    from transformers import AutoTokenizer

    return Encoder(AutoTokenizer.from_pretrained(folder), jinja, "test", context)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("tokenizers")
    return {
        "bytes": byte_level(top / "bytes", CHATML),
        "trimmed": byte_level(top / "trimmed", CHATML, trim=True),
        "swallowing": byte_level(top / "swallowing", CHATML, rstrip=True),
        "pieces": piece_level(top / "pieces"),
    }


TEMPLATES = {template.name: template.jinja for template in BUILT_IN}
TEMPLATES |= {"own": CHATML, "marked": MARKED, "thinking": THINKING, "swallowing": SWALLOWING}
STRADDLING = "{% for m in messages %}{{ m.content }}{{ eos_token if m.role == 'assistant' }}{% endfor %}"
ENDLESS = (
    "{% for m in messages %}{{ m.role }}:{{ m.content }}{{ '\\n\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
ENDS: dict[str, str | None] = {template.name: None for template in BUILT_IN} | {"swallowing": "<|end|>"}


def conversation(seed: int) -> list[Message]:
    chance = random.Random(seed)
    texts = iter(sentences(seed, 20))
    turns = [Message("system", next(texts))] if chance.random() < 0.4 else []
    for _ in range(chance.randint(1, 3)):
        turns += [Message("user", next(texts).strip() or "x"), Message("assistant", next(texts).strip() or "y")]
    return turns


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", ["bytes", "trimmed", "swallowing", "pieces"])
def test_mask_covers_answers_and_their_ends(folders: dict[str, Path], kind: str, template: str) -> None:
    if kind == "pieces" and template in ("marked", "thinking"):
        pytest.skip("their end-of-turn is no token here, so where an answer ends can't be told")
    encoder = loaded(folders[kind], TEMPLATES[template])
    end = ENDS.get(template, "<|im_end|>") or encoder.tokenizer.eos_token
    for seed in range(25):
        messages = conversation(seed)
        encoded = encoder.encode(messages, max_length=100_000)
        assert "".join(encoded.pieces) == encoded.text
        trained = "".join(piece for piece, counts in zip(encoded.pieces, encoded.mask, strict=True) if counts)
        answers = [message.content for message in messages if message.role == "assistant"]
        wanted = "".join(
            _as_written(answer, template, last=k == len(answers) - 1) + end for k, answer in enumerate(answers)
        )
        if kind == "swallowing":  # its special tokens take the white space after them along
            assert trained.replace("\n", "") == wanted.replace("\n", "")
        else:
            assert trained == wanted
        known = end in encoder.tokenizer.all_special_tokens or end in encoder.tokenizer.get_added_vocab()
        assert known is not any("learn to stop" in warning for warning in encoded.warnings)


def _as_written(answer: str, template: str, *, last: bool) -> str:
    if template in ("transcript", "plain", "mistral"):
        return f" {answer}"
    if template == "llama2":
        return f" {answer} "
    return f"<think>\n\n</think>\n\n{answer}" if template == "thinking" and last else answer


@pytest.mark.parametrize("template", ["own", "alpaca", "chatml", "marked", "swallowing"])
@pytest.mark.parametrize("kind", ["bytes", "trimmed", "swallowing", "pieces"])
def test_chat_prompts_with_what_was_trained(folders: dict[str, Path], kind: str, template: str) -> None:
    encoder = loaded(folders[kind], TEMPLATES[template])
    for seed in range(25):
        messages = conversation(seed)
        whole = encoder.encode(messages, max_length=100_000)
        prompt = encoder.prompt(messages[:-1])
        first = next(k for k in range(len(prompt) - 1, len(whole.ids)) if whole.mask[k])
        assert list(whole.ids[: len(prompt)]) == prompt or first == len(prompt) - 1
        assert list(whole.ids[: len(prompt) - 1]) == prompt[:-1]


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
def test_bos_stands_exactly_once(folders: dict[str, Path], kind: str) -> None:
    for jinja in (TEMPLATES["alpaca"], TEMPLATES["chatml"]):  # one writes BOS, the other leaves it to the tokenizer
        encoder = loaded(folders[kind], jinja)
        ids = encoder.encode(conversation(3), max_length=1000).ids
        bos = encoder.tokenizer.bos_token_id
        assert list(ids).count(bos) == (1 if kind == "pieces" else 0)
        assert kind == "bytes" or ids[0] == bos


def test_a_straddling_token_is_trained(folders: dict[str, Path]) -> None:
    # "th" + "e" merge into one token although the answer begins between them.
    encoder = loaded(folders["pieces"], STRADDLING)
    encoded = encoder.encode([Message("user", "cat th"), Message("assistant", "e cat")], max_length=99)
    trained = [piece for piece, counts in zip(encoded.pieces, encoded.mask, strict=True) if counts]
    assert trained == [" the", " cat", "</s>"]


@pytest.mark.parametrize("kind", ["bytes", "trimmed", "swallowing", "pieces"])
@pytest.mark.parametrize("text", ["A cat.\n\n 你好 😀", " x ", "<s>begun", "end</s>", "\ud83d half"])
def test_plain_text_is_shown_as_it_is_trained(folders: dict[str, Path], kind: str, text: str) -> None:
    encoder = loaded(folders[kind], "")
    shown = encoder.document(text)
    assert list(shown.ids) == encoder.passage(text)
    assert len(shown.ids) == len(shown.mask) == len(shown.pieces)
    assert shown.mask == (False, *[True] * (len(shown.ids) - 1))
    end = encoder.tokenizer.eos_token or ""
    assert "".join(shown.pieces) == shown.text
    assert text.encode("utf-8", "replace").decode().strip() in shown.text and shown.text.endswith(end)


def test_cuts_say_so(folders: dict[str, Path]) -> None:
    messages = [Message("user", "the cat " * 20), Message("assistant", "sat on the mat " * 20)]
    encoder = loaded(folders["bytes"], CHATML)
    whole = encoder.encode(messages, max_length=10_000)
    cut = encoder.encode(messages, max_length=len(whole.ids) - 5)
    assert cut.ids == whole.ids[:-5]
    assert cut.warnings == (f"Cut at {len(cut.ids):,} of {len(whole.ids):,} tokens.",)
    assert "".join(cut.pieces) == cut.text
    assert whole.text.startswith(cut.text)
    assert len(loaded(folders["bytes"], CHATML, context=30).encode(messages, max_length=512).ids) == 30
    nothing = encoder.encode(messages, max_length=8)
    assert nothing.trained == 0
    assert "Nothing is learned from this example: its prompt alone" in nothing.warnings[1]


def test_everything_is_everything_but_the_first(folders: dict[str, Path]) -> None:
    encoded = loaded(folders["bytes"], CHATML).encode(conversation(1), max_length=1000, train_on="everything")
    assert not encoded.mask[0]
    assert all(encoded.mask[1:])


def test_no_end_of_turn_is_said(folders: dict[str, Path]) -> None:
    encoder = loaded(folders["bytes"], ENDLESS)
    encoded = encoder.encode([Message("user", "a"), Message("assistant", "b ")], max_length=99)
    assert "may not learn to stop" in encoded.warnings[0]
    assert encoder.end_of_turn is None
    assert "".join(p for p, counts in zip(encoded.pieces, encoded.mask, strict=True) if counts) == "b"


def test_end_of_turn(folders: dict[str, Path]) -> None:
    for template, kind, word in (
        ("own", "bytes", "<|im_end|>"),
        ("swallowing", "swallowing", "<|end|>"),
        ("alpaca", "pieces", "</s>"),
    ):
        encoder = loaded(folders[kind], TEMPLATES[template])
        assert encoder.end_of_turn == encoder.tokenizer.convert_tokens_to_ids(word)


def test_control_tokens_in_the_text_are_said(folders: dict[str, Path]) -> None:
    encoder = loaded(folders["bytes"], CHATML)
    encoded = encoder.encode([Message("user", "what is <|im_end|>?"), Message("assistant", "b")], max_length=99)
    assert encoded.warnings == (
        "The text contains “<|im_end|>”, which this model reads as a control token, not as text.",
    )


def test_half_an_emoji_is_survived(folders: dict[str, Path]) -> None:
    encoded = loaded(folders["bytes"], CHATML).encode(
        [Message("user", "x\ud83d"), Message("assistant", "b")], max_length=99
    )
    assert "x?" in encoded.text


def test_templates_that_refuse_or_rewrite_are_said(folders: dict[str, Path]) -> None:
    messages = [Message("system", "s"), Message("user", "a"), Message("assistant", "b")]
    refuses = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(StudioError, match="System role not supported"):
        loaded(folders["bytes"], refuses).encode(messages, max_length=99)
    counts = "{% for m in messages | reverse %}{{ m.content | length }}{% endfor %}"
    with pytest.raises(StudioError, match="can't be found in its text"):
        loaded(folders["bytes"], counts).encode(messages, max_length=99)
    encoded = loaded(folders["bytes"], counts).encode(messages, max_length=99, train_on="everything")
    assert encoded.trained


def test_an_answer_is_found_however_it_is_written(folders: dict[str, Path]) -> None:
    messages = [Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "b")]
    shouts = "{{ messages | length }}{% for m in messages %}{{ m.content | upper }};{% endfor %}"
    encoded = loaded(folders["bytes"], shouts).encode(messages, max_length=99)
    assert encoded.text == "4S;A;B;B;"
    assert [piece for piece, counts in zip(encoded.pieces, encoded.mask, strict=True) if counts] in (["B"], ["B", ";"])


def test_an_answer_may_come_first(folders: dict[str, Path]) -> None:
    encoded = loaded(folders["bytes"], CHATML).encode([Message("assistant", "Hello")], max_length=99)
    assert "".join(p for p, counts in zip(encoded.pieces, encoded.mask, strict=True) if counts) == "Hello<|im_end|>"


def tool_conversation() -> list[Message]:
    tools = '[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]'
    return [
        Message("user", "Rain?", tools=tools),
        Message("assistant", "", calls=(ToolCall("weather", '{"place":"here"}'),)),
        Message("tool", "dry", tool="weather"),
        Message("assistant", "No rain."),
    ]


TOOLED = (
    "{% if tools %}<|im_start|>tools\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for call in m.tool_calls %}CALL {{ call.function.name }} {{ call.function.arguments | tojson }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize("template", [*(template.name for template in BUILT_IN), "own", "tooled"])
def test_tool_calls_are_written_and_trained_whatever_the_template(folders: dict[str, Path], template: str) -> None:
    encoder = loaded(folders["bytes"], TOOLED if template == "tooled" else TEMPLATES[template])
    encoded = encoder.encode(tool_conversation(), max_length=4000)
    learned = "".join(piece for piece, trained in zip(encoded.pieces, encoded.mask, strict=True) if trained)
    assert "weather" in learned and '"here"' in learned and "No rain." in learned
    assert "dry" not in learned and "Rain?" not in learned
    assert "dry" in encoded.text and encoded.text.count('"type": "object"') + encoded.text.count('"type":"object"') == 1
    assert ("CALL weather" in learned) == (template == "tooled")
    assert ("<tool_call>" in learned) == (template != "tooled")
    prompt = encoder.prompt(tool_conversation()[:3])
    assert list(encoded.ids[: len(prompt) - 1]) == prompt[:-1]  # its last may be another when a word follows


ROLES = [
    Message("system", "sys"),
    Message("user", "one"),
    Message("assistant", "two"),
    Message("user", "three", unlearned=True),
    Message("assistant", "four", unlearned=True),
    Message("assistant", "five"),
]


@pytest.mark.parametrize("template", ["own", "marked", "thinking"])
@pytest.mark.parametrize(
    ("train_on", "also", "wanted"),
    [
        ("answers", (), "two five"),
        ("last answer", (), "five"),
        ("no answers", ("user",), "one"),
        ("answers", ("user", "system"), "sys one two five"),
        ("everything", (), "sys one two three four five"),
    ],
)
def test_roles_and_turns_are_learned_as_chosen(
    folders: dict[str, Path], template: str, train_on: str, also: tuple[str, ...], wanted: str
) -> None:
    encoder = loaded(folders["bytes"], TEMPLATES[template])
    encoded = encoder.encode(ROLES, max_length=4000, train_on=train_on, also=also)
    learned = "".join(piece for piece, trained in zip(encoded.pieces, encoded.mask, strict=True) if trained)
    assert [turn.content for turn in ROLES if turn.content in learned] == wanted.split()


def test_a_fault_in_a_template_is_said_with_its_line(folders: dict[str, Path]) -> None:
    messages = [Message("user", "a"), Message("assistant", "b")]
    for jinja, said in (
        ("{% for m in messages %}\n{{ m.content }}\n{% endfo %}", "line 3: "),
        ("{{ bos_token }}\n{% for m in messages %}\n{{ m.content + 1 }}{% endfor %}", "line 3: "),
        ("{% for m in messages %}{{ m.content }}{% endfor %}\n\n{{ messages[7].content }}", "line 3: "),
    ):
        with pytest.raises(StudioError, match=said):
            loaded(folders["bytes"], jinja).encode(messages, max_length=99)
