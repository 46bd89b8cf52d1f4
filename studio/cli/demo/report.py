"""The demo's report: what every stage can do, the same prompts answered by all of them, and the curves of each run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.cli.demo.measuring import Asked, Stage
from studio.core.curves import Curves
from studio.core.methods import METHODS
from studio.core.report import page
from studio.core.report.run import run_section
from studio.core.reward_report import Report
from studio.storage.files import write_whole
from studio.storage.runs import RunFolder

FILE = "report.html"
_ABOUT = (
    "A base model has read much and been told nothing: it goes on with text. Fine-tuning on examples (SFT) teaches it "
    "to follow; a reward model learns from pairs which answers people like; preferences then shift the fine-tuned "
    "model towards those. Everything below was trained on this computer, just now."
)
_JUDGE = (
    "Who follows, and whose answer is better, is said by a judge in code that nothing is trained on, over prompts that "
    "training never saw. A plain right answer gets 6 points, a kind one 8, a rude one 4; the reward is what the reward "
    "model, which only learned from labelled pairs, gives the same answers. Intervals are 95 % (Wilson)."
)
_FAMILIES = ("explain", "passage_span", "list", "translate", "safety")


def write_report(
    file: Path,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    stages: Sequence[Stage],
    asked: Sequence[Asked],
    runs: Sequence[RunFolder],
    closing: Sequence[str],
) -> None:
    """Write the report. table: its head and rows, as the terminal shows them. Raises StudioError."""
    head, rows = table
    parts = [
        page.paragraph(_ABOUT),
        page.heading("What each stage can do"),
        page.table(head, rows, f"{len(asked)} held-out prompts"),
        page.paragraph(_JUDGE, soft=True),
        *(page.paragraph(sentence) for sentence in closing),
        page.heading("The same prompts, answered by every stage"),
        page.paragraph("The first prompt of five kinds, and what each stage says to it, to the letter.", soft=True),
        *(_side_by_side(number, asked, stages) for number in shown(asked)),
        *(_run(run) for run in runs),
    ]
    write_whole(file, page.page("Plumbline demo: a base model, aligned", parts))


def shown(asked: Sequence[Asked]) -> list[int]:
    """The first prompt of each of five kinds, whatever is answered to it."""
    families = [row["family"] for row in asked]
    return [families.index(family) for family in _FAMILIES if family in families]


def _side_by_side(number: int, asked: Sequence[Asked], stages: Sequence[Stage]) -> str:
    answers = "".join(_answer(stage, number) for stage in stages)
    prompt = page.text(asked[number]["prompt"])
    return f'<section class="asked"><div class="prompt">{prompt}</div><div class="answers">{answers}</div></section>'


def _answer(stage: Stage, number: int) -> str:
    verdict, answer = stage.verdicts[number], stage.answers[number]
    reward = f", reward {stage.rewards[number]:.2f}" if stage.rewards else ""
    end = "" if answer.ended else " It was cut off."
    told = f"{'Follows' if verdict.follows else 'Does not follow'}: {', '.join(verdict.reasons)}. "
    scores = f"Judge {verdict.score:+.0f}{reward}.{end}"
    said = page.text(answer.text) if answer.text.strip() else '<span class="soft">(nothing)</span>'
    return (
        f'<div class="answer{" right" if verdict.follows else ""}"><h3>{page.text(stage.name)}</h3>'
        f'<div class="said">{said}</div><div class="soft small">{page.text(told + scores)}</div></div>'
    )


def _run(run: RunFolder) -> str:
    recipe, story, curves = run.recipe(), run.story(), Curves()
    for event in run.all_events():
        curves.feed(event)
    sentences = [f"{METHODS[recipe.method].about} It took {story.elapsed:.0f} s, {story.step:,} steps."]
    if run.report.is_file():
        judging = Report.from_json(run.report.read_text(encoding="utf-8"))
        sentences += judging.sentences() if judging else ()
    return run_section(recipe.name, recipe.method, curves, sentences)
