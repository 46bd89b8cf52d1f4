"""plumbline runtime: set up the torch that a small packaged program needs, look at it, repair or remove it.

A checkout and the program that has everything in it need none of this.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.torch_builds import BUILDS, CPU, Card, Computer, choose
from studio.processes.launch import runtime_worker
from studio.processes.probing import probe
from studio.processes.runtimes import Plan, plan_for, set_up
from studio.processes.trial import train_two_steps
from studio.storage.files import in_bytes, whole_path
from studio.storage.runtimes import current_runtime, forget_runtime, has_lock, is_needed, lock_file, system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    doing = parser.add_subparsers(dest="doing", required=True, metavar="WHAT")
    doing.add_parser("show", help="what is set up, and what would suit this computer")
    chosen = doing.add_parser("choose", help="which build of torch would suit the computers that a file describes")
    chosen.add_argument("file", type=Path, help="JSON: a list of {system, machine, cards, amd}")
    make = doing.add_parser("setup", help="set it up (or anew, which repairs it)")
    make.add_argument("--build", choices=list(BUILDS), help="another build of torch than the one that suits")
    make.add_argument("--place", type=Path, metavar="FOLDER", help="where runtimes go, on another drive for instance")
    make.add_argument("--wheels", type=Path, metavar="FOLDER", help="a folder that holds every package: no network")
    make.add_argument("--packages", default="", metavar="ADDRESS", help="a mirror of the package index")
    make.add_argument("--torch", default="", metavar="ADDRESS", help="a mirror, or a folder, of torch's own index")
    make.add_argument("--python", default="", metavar="PYTHON", help="a Python on this computer, not a fetched one")
    make.add_argument("--yes", action="store_true", help="don't ask before downloading")
    doing.add_parser("check", help="train two steps with it")
    doing.add_parser("remove", help="delete it; projects and models stay")


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises StudioError."""
    match arguments.doing:
        case "choose":
            return _choose(arguments.file)
        case "show":
            return _show()
        case "setup":
            return _set_up(arguments)
        case "check":
            return _check()
        case _:
            forget_runtime()
            print("Removed. Projects, models and settings are where they were.")
            return 0


def _choose(file: Path) -> int:
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
        computers = [_computer(told) for told in described]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudioError(
            f"“{file}” describes no computers ({error}).", "See plumbline runtime choose --help."
        ) from error
    for computer in computers:
        choice = choose(computer)
        print(json.dumps({"build": choice.build.key, "reason": choice.reason}, ensure_ascii=False))
    return 0


def _computer(told: dict[str, object]) -> Computer:
    known = {key: value for key, value in told.items() if key in ("system", "machine", "note")}
    cards = tuple(
        Card(card["name"], card["driver"], (card["capability"][0], card["capability"][1]), card.get("memory", 0))
        for card in told.get("cards", [])  # pyright: ignore[reportGeneralTypeIssues]  # what is wrong in it is said
    )
    return Computer(**known, cards=cards, amd=tuple(told.get("amd", ())))  # pyright: ignore


def _show() -> int:
    runtime, computer = current_runtime(), probe()
    choice = choose(computer)
    if not is_needed():
        print("This program has torch of its own; nothing needs to be set up.")
    elif runtime is None:
        print("Nothing is set up yet.")
    if runtime is not None:
        print(f"{_label(runtime.build)}, Python {runtime.python}, computes on {runtime.device}: {runtime.folder}")
        if not runtime.is_current:
            print("This version of Plumbline wants other packages: plumbline runtime setup")
    for card in computer.cards:
        print(f"Card: {card.name}, driver {card.driver}, compute capability {card.capability[0]}.{card.capability[1]}")
    print(f"Suits: {choice.build.label}. {choice.reason}")
    if is_needed() and not has_lock(choice.build.key):
        print("This copy of Plumbline has no list of files for it, though; a released copy has one.")
    return 0


def _label(build: str) -> str:
    """A runtime of an older version may have a build that there is no more."""
    return BUILDS[build].label if build in BUILDS else build


def _set_up(arguments: argparse.Namespace) -> int:
    choice = choose(probe())
    key = arguments.build or choice.build.key
    lock_file(key)  # says so where there is none
    plan: Plan = plan_for(key)
    if arguments.place:
        plan = replace(plan, place=whole_path(arguments.place))
    if arguments.wheels:
        plan = replace(plan, wheels=str(whole_path(arguments.wheels)))
    plan = replace(plan, packages=arguments.packages, torch=arguments.torch, python=arguments.python)
    build = BUILDS[key]
    print(f"{build.label}. {choice.reason if key == choice.build.key else 'Chosen by hand.'}")
    if not arguments.yes and not plan.wheels:
        download = in_bytes(build.download_on(system()))
        print(f"About {download} will be downloaded into {plan.place}. Go on? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("Nothing was done.")
            return 1
    said = ""

    def report(done: int, total: int, note: str) -> None:
        nonlocal said
        if note != said:
            said = note
            print(f"{100 * done // max(total, 1):3d} %  {note}", flush=True)

    runtime = set_up(plan, report)
    print(f"Set up: {build.label}, computes on {runtime.device}.")
    if key != CPU.key and runtime.device == "processor":
        print("The graphics card was not used: update its driver, then plumbline runtime check.")
    return 0


def _check() -> int:
    runtime = current_runtime()
    if runtime is None:
        raise StudioError("Nothing is set up.", "Run plumbline runtime setup.")
    trial = train_two_steps(runtime_worker(Path(runtime.folder)))
    print(f"Two steps trained on {trial.device} in {trial.seconds:.1f} s, loss {trial.loss:.3f}.")
    return 0
