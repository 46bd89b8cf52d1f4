"""The program's own settings: one dataclass, kept by `storage.settings` as JSON with numbered migrations."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.fields import setting
from studio.core.updates import RELEASES

FORMAT = 1
# Set where they are used: by the slider of the plots, a tick box under Train, and its cards.
SET_ELSEWHERE = frozenset({"smoothing", "advanced", "method"})
# Each has a complete translation in resources/languages; their own names, so that who reads no other finds theirs.
LANGUAGES = {"system": "As the desktop", "en": "English", "zh_CN": "简体中文"}


@dataclass(frozen=True)
class AppSettings:
    """What the window remembers between starts. Lists are tuples of paths, newest first."""

    theme: str = setting(
        "system",
        "Theme",
        "Light, dark, or as the desktop is set.",
        choices={"system": "As the desktop", "light": "Light", "dark": "Dark"},
    )
    language: str = setting(
        "system",
        "Language",
        "What the window speaks, from the next start on. Logs and the command line speak English.",
        choices=LANGUAGES,
    )
    smoothing: float = setting(0.6, "Smoothing", "How much of the past the drawn curves keep.", low=0.0, high=0.99)
    advanced: bool = setting(False, "Advanced settings", "Show every training setting.")
    notify: bool = setting(
        True, "Notify when a run ends", "A desktop notification when the window isn't the one in front."
    )
    tensorboard: bool = setting(
        False,
        "Write TensorBoard files",
        "While it trains, a run also writes its curves into a folder “tensorboard” beside it.",
    )
    method: str = setting("sft", "Method", "The way to train that was chosen last.")
    labeller: str = setting(
        "", "Your name", "Under this name your verdicts are kept; empty is the name that you have on this computer."
    )
    place: str = setting(
        "",
        "New projects are kept in",
        "Data, models and runs of a project are one folder in here. Projects that there are stay where they are.",
        folder=True,
    )
    models_folder: str = setting(
        "",
        "Downloaded models are kept in",
        "All projects share them. Models that there are stay where they are.",
        folder=True,
    )
    hub_mirror: str = setting(
        "",
        "Mirror of the Hugging Face Hub",
        "An address that is asked instead, as https://host; empty for the Hub.",
    )
    updates: bool = setting(
        False,
        "Look for new versions",
        "At each start, asks the address below which version is the newest. Off, nothing is asked.",
    )
    releases: str = setting(
        RELEASES,
        "Address of new versions",
        "Where they are announced, as https://host/…, in the way of GitHub's releases/latest. Plumbline has no address "
        "of its own yet.",
    )
    recent_projects: tuple[str, ...] = ()
    recent_models: tuple[str, ...] = ()
    window: str = ""
