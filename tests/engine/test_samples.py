"""Samples of real models: what was asked, at which steps, and that training does not notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.core.runs import EXIT_SAID
from studio.engine import training
from studio.storage.datasets import find_dataset, records_of
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.runs_for_tests import add_kind, events_of, project_with, run_in
from tests.engine.test_training import assert_same_result

pytestmark = pytest.mark.usefixtures("as_in_a_worker")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path / "project ü")


def samples_of(run: RunFolder) -> dict[tuple[int, int], str]:
    told = (event.values for event in events_of(run) if event.kind == "sample")
    return {(values["step"], values["number"]): values["answer"] for values in told}


def test_training_does_not_notice_and_held_out_rows_are_asked(
    project: Project, tiny_base: Path, stop_at: Callable[..., None]
) -> None:
    settings: dict[str, Any] = {"max_steps": 6, "lora_dropout": 0.3}
    without, run, broken = (run_in(project, tiny_base, samples=n, **settings) for n in (0, 3, 3))
    for one in (without, run):
        assert training.train(one.folder) == EXIT_SAID
    assert samples_of(without) == {}
    assert_same_result(without, run)
    assert sorted(samples_of(run)) == [(step, number) for step in (0, 2, 4, 6) for number in range(3)]
    info = find_dataset(project, "tiny")
    prompts = {record.cells[0] for record in records_of(project, info)}
    assert {event.values["prompt"] for event in events_of(run) if event.kind == "sample"} <= prompts
    assert samples_of(run)[0, 0] != samples_of(run)[6, 0]
    stop_at(3)
    assert training.train(broken.folder) == EXIT_SAID
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID
    assert_same_result(without, broken)
    assert samples_of(broken) == samples_of(run)


@pytest.mark.parametrize("method", ["pretrain", "dpo", "kto"])
def test_every_method_that_writes_can_be_asked_own_prompts(project: Project, tiny_base: Path, method: str) -> None:
    kind = {"pretrain": "passages", "dpo": "pairs", "kto": "labels"}[method]
    add_kind(project, kind)
    own = "Hello?\nWhat is this?"
    run = run_in(project, tiny_base, method, kind, max_steps=2, samples=1, sample_prompts=own)
    assert training.train(run.folder) == EXIT_SAID, run.log_tail()
    assert sorted(samples_of(run)) == [(0, 0), (0, 1), (2, 0), (2, 1)]
    assert {event.values["prompt"] for event in events_of(run) if event.kind == "sample"} == set(own.splitlines())


def test_samples_are_what_chat_would_answer(project: Project, tiny_base: Path) -> None:
    from studio.core.conversation import Sampling
    from studio.core.messages import Message
    from studio.core.samples import LONGEST
    from studio.engine.generation import Answer, stop_tokens_of
    from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision

    run = run_in(project, tiny_base, max_steps=3, samples=1, sample_prompts="Hello?")
    assert training.train(run.folder) == EXIT_SAID
    precision = pick_precision("fp32", "cpu", 1, training=False)
    model: Any = load_adapter(load_model(tiny_base, precision, "cpu"), run.adapter)
    encoder = load_encoder(tiny_base, "model", run.adapter)
    answer = Answer(
        model,
        encoder.tokenizer,
        encoder.prompt([Message("user", "Hello?")]),
        Sampling(temperature=0.0, max_new_tokens=LONGEST),
        stop_tokens=stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn),
        context=encoder.context or 0,
    )
    assert answer.write(60.0) == samples_of(run)[3, 0]
