"""A run that goes on in smaller passes, written down where every later attempt finds it."""

from __future__ import annotations

import time
from dataclasses import asdict

from studio.core.events import Event
from studio.core.recovery import retry_sentence
from studio.storage.runs import RunFolder


def take_smaller_passes(run: RunFolder) -> Event | None:
    """Halve how many examples the next attempts take at a time. Returns the event that says so, for the journal.

    None, and nothing is done, when they can't be fewer. Raises StudioError.
    """
    recipe, story, last = run.recipe(), run.recent_story(), run.last_checkpoint()
    before = run.passes(recipe.settings)
    after = before.smaller(recipe.how.least_batch, recipe.settings.budget)
    if after is None:
        return None
    step, back_to = story.step + (story.phase == "training"), last.step if last else 0
    what, hint = retry_sentence(before, after, step, back_to, recipe.how)
    run.set_passes(after)
    divided = {name: value for name, value in asdict(after).items() if name != "most"}
    values = {"step": step, "back_to": back_to, **divided, "what": what, "hint": hint}
    return Event("retry", time.time(), values)
