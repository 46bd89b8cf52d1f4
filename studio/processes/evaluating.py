"""Having a model evaluated, or two models' answers judged by a third: by a worker that is waited for, so a window asks
in a thread. What comes out is kept in the project."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.evaluation import Answer, Evaluation, Heldout, JudgeContest, contest_of_odds
from studio.core.evaluation_plan import EvaluationPlan, Subject
from studio.core.messages import Message, turns_to_json
from studio.processes.asking import Asking, Report
from studio.storage.evaluations import (
    digest_of,
    harmful_prompts,
    new_id,
    read_heldout,
    read_prompts,
    save_evaluation,
)
from studio.storage.project import Project


def evaluate(
    worker: Asking, project: Project, subject: Subject, plan: EvaluationPlan, report: Report
) -> tuple[Evaluation, list[str]]:
    """Ask a model and keep what came out. Returns it, and what a person should know. Raises StudioError, Cancelled."""
    measures, began = plan.measures, time.monotonic()
    asked = read_prompts(project, plan.prompt_set, measures.prompts)
    if not asked.prompts:
        raise StudioError(f"“{asked.name}” has no prompts.", "Choose another prompt set.")
    harmful = harmful_prompts(measures.harmful) if measures.harmful else []
    heldout_name, heldout_digest, rows = "", "", []
    if measures.heldout:
        heldout_name, heldout_digest, rows = read_heldout(project, plan.heldout_set, measures.heldout)
    sampling = Sampling(temperature=measures.temperature, max_new_tokens=measures.longest)
    how = f"{sampling.temperature:g} {sampling.max_new_tokens}"
    reply = worker.ask(
        {
            "do": "evaluate",
            "base": str(subject.base),
            "adapter": str(subject.adapter) if subject.adapter else None,
            "origin": str(subject.origin) if subject.origin else None,
            "prompts": [_plain(turns) for turns in asked.prompts],
            "harmful": [_plain(turns) for turns in harmful],
            "heldout": [_plain(turns) for turns in rows],
            "sampling": asdict(sampling),
            "reward": plan.reward_request(),
        },
        "evaluated",
        report,
    )
    identity, made = new_id()
    heard = reply["heldout"]
    known = Evaluation(
        identity,
        made,
        subject.name,
        str(subject.base),
        str(subject.adapter or ""),
        subject.run,
        asked.name,
        digest_of(asked.prompts, how),
        tuple(_told(turns) for turns in asked.prompts),
        tuple(Answer(**answer) for answer in reply["answers"]),
        asked.checks,
        tuple(Answer(**answer) for answer in reply["refusals"]),
        digest_of(harmful, how) if harmful else "",
        Heldout(heldout_name, heldout_digest, heard["nll"], heard["tokens"], heard["rows"]) if heard else None,
        str(plan.reward[0]) if plan.reward else "",
        plan.rules,
        time.monotonic() - began,
        turns=tuple(turns_to_json(turns) if len(turns) > 1 else "" for turns in asked.prompts),
    )
    save_evaluation(project, known)
    return known, [str(note) for note in reply["notes"]]


def let_judge(
    worker: Asking, project: Project, first: Evaluation, second: Evaluation, judge: Subject, report: Report
) -> Evaluation:
    """Show a local model the answers of two evaluations side by side, in both orders, and keep what it says with the
    first. Raises StudioError, Cancelled."""
    if first.prompt_digest != second.prompt_digest:
        raise StudioError(
            f"“{first.name}” and “{second.name}” were not asked the same prompts.",
            "Evaluate both on the same prompt set, with the same settings.",
        )
    items = [
        {"messages": _plain(first.conversation(place)), "answers": [mine.text, theirs.text]}
        for place, (mine, theirs) in enumerate(zip(first.answers, second.answers, strict=True))
    ]
    adapter = str(judge.adapter) if judge.adapter else None
    request = {"do": "contest", "judge": {"base": str(judge.base), "adapter": adapter}, "items": items}
    reply = worker.ask(request, "judged", report)
    found = contest_of_odds([float(chance) for chance in reply["odds"]])
    told = JudgeContest(second.id, judge.name, found.wins, found.losses, found.ties, float(reply["both_ways"]))
    others = [one for one in first.contests if (one.against, one.judge) != (told.against, told.judge)]
    known = replace(first, contests=(*others, told))
    save_evaluation(project, known)
    return known


def _told(turns: tuple[Message, ...]) -> str:
    """A prompt as one text: what is asked, or the whole conversation that leads to it."""
    if len(turns) == 1:
        return turns[0].content
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in turns)


def _plain(turns: tuple[Message, ...]) -> list[dict[str, object]]:
    return [turn.as_dict() for turn in turns]
