"""A real worker evaluates tiny models: what it measures is what a slow and plain way measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.contests import Contest
from studio.core.errors import Cancelled, StudioError
from studio.core.evaluation import contests_of, figures
from studio.core.evaluation_plan import EvaluationPlan, Measures, Subject
from studio.core.labelling import Candidate, Verdict
from studio.core.messages import Message
from studio.core.rules import Rule
from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision
from studio.processes.asking import Asking
from studio.processes.evaluating import evaluate, let_judge
from studio.storage.evaluations import (
    BLIND_VOTES,
    SEEN_VOTES,
    delete_evaluation,
    heldout_sets,
    list_evaluations,
    newest_of,
    prompt_sets,
    read_heldout,
    read_prompts,
    table_of,
    votes_between,
)
from studio.storage.label_votes import keep_vote
from studio.storage.project import Project
from tests.engine.conftest import CHATML, byte_level, tiny_llama

PLAN = EvaluationPlan(measures=Measures(prompts=5, longest=12, heldout=4, harmful=3), rules=(Rule("ends"),))


def quiet(_done: int, _total: int, _what: str) -> None:
    pass


def adapter_on(base: Path, folder: Path, seed: int, **config: Any) -> Path:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    model = load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    words = {"r": 2, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **config}
    get_peft_model(model, LoraConfig(init_lora_weights=False, **words)).save_pretrained(str(folder))
    return folder


@pytest.mark.timeout(600)  # a busy machine takes its time to start a worker
def test_an_evaluation_from_end_to_end(tmp_path: Path) -> None:
    base = tiny_llama(byte_level(tmp_path / "tiny base é", CHATML), context=512)
    adapter = adapter_on(base, tmp_path / "adapter", 1)
    from peft import LoraConfig, get_peft_model

    from studio.engine.loading import load_scorer

    scorer = load_scorer(base, pick_precision("fp32", "cpu", 1, training=False), "cpu", seed=1)
    config = LoraConfig(r=2, target_modules="all-linear", modules_to_save=["score"], task_type="SEQ_CLS")
    get_peft_model(scorer, config).save_pretrained(str(tmp_path / "reward"))
    project = Project.create(tmp_path / "Projekt ü")
    tuned = Subject("tiny + tuned", base, adapter, "run")
    plan = replace(PLAN, reward=(tmp_path / "reward", base))
    told: list[str] = []
    with Asking("evaluate", project.logs / "evaluate.log") as worker:
        with pytest.raises(StudioError, match="nowhere"):
            evaluate(worker, project, Subject("x", tmp_path / "nowhere"), plan, quiet)
        first, notes = evaluate(worker, project, tuned, plan, lambda _d, _t, what: told.append(what))
        second, _ = evaluate(worker, project, Subject("tiny", base), plan, quiet)
        judged = let_judge(worker, project, first, second, Subject("judge", base), quiet)
        other, _ = evaluate(worker, project, tuned, replace(plan, measures=replace(plan.measures, prompts=4)), quiet)
        with pytest.raises(StudioError, match="same prompts"):
            let_judge(worker, project, other, second, Subject("judge", base), quiet)
        worker.stop()
        with pytest.raises(Cancelled):
            evaluate(worker, project, tuned, plan, quiet)
    assert notes == [] and {"Answering prompts", "Comparing with the base", "Scoring answers"} <= set(told)

    encoder = load_encoder(base, "model", adapter)
    plain = load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    model: Any = load_adapter(plain, adapter)
    asked = read_prompts(project, "", 5)
    for turns, answer in zip(asked.prompts, first.answers, strict=True):
        assert answer.reward is not None
        if not answer.text or "\ufffd" in answer.text:
            continue  # bytes that are no text can't be read again as they were
        encoded = encoder.encode((*turns, Message("assistant", answer.text)), max_length=1000)
        places = [k for k, trained in enumerate(encoded.mask) if trained]
        ids = torch.tensor([encoded.ids])
        with torch.no_grad():
            own = model(input_ids=ids).logits[0].log_softmax(-1)[[k - 1 for k in places]]
            with model.disable_adapter():
                beside = model(input_ids=ids).logits[0].log_softmax(-1)[[k - 1 for k in places]]
        kl = float((own.exp() * (own - beside)).sum())
        assert answer.kl == pytest.approx(kl, rel=1e-3)
    nll, tokens = 0.0, 0
    for turns in read_heldout(project, "", 4)[2]:
        encoded = encoder.encode(turns, max_length=1000)
        ids = torch.tensor([encoded.ids])
        with torch.no_grad():
            logs = model(input_ids=ids).logits[0].log_softmax(-1)
        for k, trained in enumerate(encoded.mask):
            if trained:
                nll, tokens = nll - float(logs[k - 1, encoded.ids[k]]), tokens + 1
    assert first.heldout is not None and first.heldout.tokens == tokens
    assert first.heldout.nll == pytest.approx(nll, rel=1e-4)
    assert all(answer.kl is None for answer in second.answers) and len(first.harmful) == 3

    assert {one.id for one in list_evaluations(project)} == {first.id, second.id, other.id}
    contests = contests_of(judged, second)
    assert set(contests) == {"rules in code", "reward model", "judge"}
    assert judged.contests[0].wins + judged.contests[0].losses + judged.contests[0].ties == 5
    assert newest_of(project, adapter) == other and newest_of(project, base) == second
    assert table_of(second)[0][1].startswith("On 5 prompts") and figures(second)["perplexity"].value is not None
    delete_evaluation(project, second)
    assert [one.contests for one in list_evaluations(project) if one.id == first.id] == [()]
    (project.folder / "evaluations" / "broken.json").write_text("{")
    assert len(list_evaluations(project)) == 2
    project.close()


def test_what_can_be_asked(tmp_path: Path) -> None:
    from studio.storage.interchange import import_file
    from studio.storage.resources import carried

    project = Project.create(tmp_path / "p")
    import_file(project, carried("sample_data", "prompts.jsonl"), "prompts")
    import_file(project, carried("sample_data", "instructions.json"), "examples")
    import_file(project, carried("sample_data", "village.txt"), "village")
    names = [name for _, name in prompt_sets(project)]
    assert len(names) == 3 and names[0].startswith("Held-out") and not any("village" in name for name in names)
    assert len(heldout_sets(project)) == 2
    key = next(key for key, name in prompt_sets(project) if name.startswith("prompts"))
    asked = read_prompts(project, key, 7)
    assert len(set(asked.prompts)) == 7 and asked.checks == ()
    assert len(read_prompts(project, "", 10).checks) == 10
    project.close()


def test_votes_are_counted_by_who_answered_and_how_they_were_cast(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    for number, ranks in enumerate(((1, 2, 3), (1, 1, 2), (2, 1, 3), (2, 1, 1))):
        answers = [Candidate(0, f"{name} {number}", name) for name in ("base", "tuned", "third")]
        keep_vote(project, "me", (Message("user", f"question {number}"),), answers, Verdict(ranks), blind=number > 0)
    seen = {SEEN_VOTES: Contest(1, 0, 0)}
    assert votes_between(project, "base", "tuned") == {BLIND_VOTES: Contest(0, 2, 1), **seen}
    assert votes_between(project, "tuned", "base")[BLIND_VOTES] == Contest(2, 0, 1)
    assert votes_between(project, "base", "nobody") == {}
    project.close()
