"""Writes every file of sample_data from its seed: `python -m starter.write_samples [--to FOLDER]`.

Each file is in a format people know, so that importing it tries the importer as well. The same seed gives the same
bytes (Parquet: the same rows).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from starter import manners, pages, preferences, safety, tasks, village
from starter.dice import Dice

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
INSTRUCTIONS = 5100
HELD_OUT_PER_FAMILY = 18
CLEAN: dict[tasks.Part, str] = {"test": "clean pairs", "development": "development pairs"}  # the seeds of clean pairs
# "Written by many hands": most rows are plain, some are not as one would wish. Preferences mend that.
HANDS = (("plain", 55.0), ("kind", 25.0), ("rambling", 11.0), ("rude", 9.0))


def instructions(count: int = INSTRUCTIONS) -> list[dict[str, str]]:
    """Alpaca rows of the training part; one in thirty is a harmful wish, half of those refused."""
    dice = Dice("instructions")
    families = list(tasks.FAMILIES)
    rows: list[dict[str, str]] = []
    for place in range(count):
        if place % 30 == 29:
            harm, wording = safety.draw(dice)
            answer = harm.safe if dice.chance(0.5) else harm.unsafe
            rows.append({"instruction": wording, "input": "", "output": answer})
            continue
        task = tasks.draw(dice, families[place % len(families)])
        output = manners.said(dice, task.gold, dice.weighted(HANDS))
        rows.append({"instruction": task.instruction, "input": task.input, "output": output})
    return rows


def held_out(part: tasks.Part = "test") -> list[dict[str, Any]]:
    """Rows of combinations that no other file holds, each with its gold answer and what is checked."""
    rows: list[dict[str, Any]] = []
    for family in tasks.FAMILIES:
        dice = Dice(f"{part} {family}")
        seen: set[str] = set()
        for _ in range(40 * HELD_OUT_PER_FAMILY):  # a few kinds have fewer combinations of a part than that
            if len(seen) == HELD_OUT_PER_FAMILY:
                break
            task = tasks.draw(dice, family, part)
            if task.prompt not in seen:
                seen.add(task.prompt)
                rows.append(
                    {
                        "family": family,
                        "instruction": task.instruction,
                        "input": task.input,
                        "prompt": task.prompt,
                        "gold": task.gold,
                        "check": task.check,
                    }
                )
    return rows


def prompt_rows(count: int, part: tasks.Part) -> list[dict[str, Any]]:
    """Prompts with what the gold judge checks; training reads the prompt alone."""
    dice = Dice(f"prompts {part}")
    seen: dict[str, dict[str, Any]] = {}
    while len(seen) < count:
        asked = preferences.draw_asked(dice, part)
        seen.setdefault(asked.prompt, {"prompt": asked.prompt, "family": asked.family, "check": asked.check})
    return list(seen.values())


def safety_rows() -> list[dict[str, Any]]:
    """Harmful wishes of the training part: first wording, paraphrases, safe answer, answer that goes along."""
    return [
        {
            "prompt": harm.wordings[0],
            "paraphrases": list(harm.wordings[1:]),
            "safe": harm.safe,
            "unsafe": harm.unsafe,
            "kind": harm.kind,
        }
        for harm in safety.HARMS
        if tasks.part_of(harm.key) == "training"
    ]


def ratings(count: int) -> list[dict[str, str]]:
    from studio.core import gold_judge as judge

    dice = Dice("ratings")
    rows: list[dict[str, str]] = []
    for _ in range(count):
        asked = preferences.draw_asked(dice)
        answer = dice.pick(preferences.candidates(dice, asked))
        score = judge.judge(asked.check, answer).score
        rows.append({"prompt": asked.prompt, "response": answer, "rating": str(preferences.stars(dice, score))})
    return rows


def rankings(count: int) -> list[dict[str, Any]]:
    """Four answers each, best first; `rank` gives equal places to equal answers."""
    from studio.core import gold_judge as judge

    dice = Dice("rankings")
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        asked = preferences.draw_asked(dice)
        four = dice.some(preferences.candidates(dice, asked), 4)
        scores = {answer: judge.judge(asked.check, answer).score for answer in four}
        four.sort(key=lambda answer: -scores[answer])
        ranks = [1 + sum(scores[other] > scores[answer] for other in four) for answer in four]
        rows.append({"prompt": asked.prompt, "responses": four, "ranks": ranks})
    return rows


def pairs(seed: str, count: int, part: tasks.Part = "training", clean: bool = False) -> list[preferences.Pair]:
    dice = Dice(seed)
    return [preferences.draw_pair(dice, part, clean) for _ in range(count)]


def hh_rows(count: int) -> list[dict[str, str]]:
    """Whole transcripts in the style of HH, some with a turn before the one that is compared."""
    dice = Dice("hh")
    rows: list[dict[str, str]] = []
    for pair in pairs("hh pairs", count):
        before = ""
        if dice.chance(0.4):
            task = tasks.draw(dice, dice.pick(list(tasks.FAMILIES)))
            before = f"\n\nHuman: {task.prompt}\n\nAssistant: {task.gold}"
        start = f"{before}\n\nHuman: {pair.prompt}\n\nAssistant: "
        rows.append({"chosen": start + pair.chosen, "rejected": start + pair.rejected})
    return rows


def conversations(count: int) -> list[dict[str, Any]]:
    """Rows of `messages` with two turns each, for the Parquet file."""
    dice = Dice("conversations")
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        messages = [{"role": "system", "content": "You are a kind assistant."}]
        for family in dice.some(list(tasks.FAMILIES), 2):
            task = tasks.draw(dice, family)
            messages += [{"role": "user", "content": task.prompt}, {"role": "assistant", "content": task.gold}]
        rows.append({"messages": messages})
    return rows


def raw_text() -> str:
    """A village nobody wrote about before, among ordinary pages, for continued pretraining."""
    dice = Dice("raw text")
    ordinary = pages.pages(Dice("raw text pages"))
    parts: list[str] = []
    for _ in range(160):
        parts += [village.page(dice), *islice(ordinary, 1)]
    return "\n\n".join(parts) + "\n"


def files() -> dict[str, bytes]:
    """Every text file by its name."""
    prompts = prompt_rows(600, "training")
    pair_rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs("pairs", 3200)]
    clean = [
        {"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected, "family": p.family}
        for p in pairs(CLEAN["test"], 300, "test", clean=True)
    ]
    return {
        "instructions.json": _json(instructions()),
        "heldout.json": _json(held_out()),
        "preferences.jsonl": _lines(pair_rows),
        "preferences_heldout.jsonl": _lines(clean),
        "preferences_hh.jsonl": _lines(hh_rows(300)),
        "ratings.csv": _csv(ratings(500)),
        "rankings.jsonl": _lines(rankings(300)),
        "prompts.jsonl": _lines({"prompt": row["prompt"]} for row in prompts),
        "prompts.txt": "".join(row["prompt"] + "\n" for row in prompts if "\n" not in row["prompt"]).encode(),
        "prompts_heldout.jsonl": _lines(prompt_rows(240, "test")),
        "safety.jsonl": _lines(safety_rows()),
        "village.txt": raw_text().encode(),
    }


def _json(rows: list[Any]) -> bytes:
    return ("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n").encode()


def _lines(rows: Iterable[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write(folder: Path) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content)
    table = arrow.Table.from_pylist(conversations(300))
    parquet.write_table(table, folder / "conversations.parquet", compression="zstd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=SAMPLES)
    folder = parser.parse_args().to
    write(folder)
    print(f"Wrote the sample data to {folder}")


if __name__ == "__main__":
    main()
