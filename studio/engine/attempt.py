"""What one attempt at a run does, from its dataset to its result: read, encode, train from the newest checkpoint if
there is one, publish.

What is trained and how is each method's own module (`engine.method`). How an attempt ends that doesn't get to its end
is `engine.training`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import __version__
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.forecast import recomputes
from studio.core.methods import TrainSettings
from studio.core.recipes import Recipe
from studio.core.records import KINDS, prompt_of
from studio.core.samples import SampledSettings
from studio.core.training_settings import AUTO, usual_rate
from studio.core.ways import refuse_what_is_unavailable
from studio.engine.checkpoints import About, complete, publish, sweep
from studio.engine.journal import Journal, StopBell
from studio.engine.keeping import Keeping
from studio.engine.method import TrainingMethod, method_module
from studio.storage.datasets import find_dataset, longest_record, records_of
from studio.storage.fingerprints import changed_since, fingerprint
from studio.storage.machine import read_device
from studio.storage.model_shapes import read_shape
from studio.storage.models import check_model
from studio.storage.project import Project
from studio.storage.revisions import at_hash
from studio.storage.reward_models import print_of_rewards
from studio.storage.runs import MANIFEST, Checkpoint, RunFolder, StopRequest, seal

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder
    from studio.engine.examples import EncodedRows
    from studio.engine.loading import Precision
    from studio.engine.samples import Sampler
    from studio.engine.supervision import Supervision
    from studio.engine.trainers import Place

_JUDGED = ("pairs", "rankings", "ratings", "labels")  # kinds with several rows to one prompt
_TOLD = ("torch", "transformers", "trl", "peft")


def settings_in_force(run: RunFolder) -> TrainSettings:
    """The recipe's settings, in the passes that are in force."""
    settings = run.recipe().settings
    passes = run.passes(settings)
    return replace(settings, batch_size=passes.batch_size, accumulate=passes.accumulate)


def say_end(journal: Journal, request: StopRequest, step: int, total: int, *, saved: bool) -> None:
    """Tell that an attempt ended because that was asked for. total: 0 when it isn't known yet."""
    saved = saved and request.save
    if not request.pause:
        journal.say("stopped", step=step, saved=saved)
        return
    at = f"step {step:,} of {total:,}" if total else f"step {step:,}" if step else "the beginning"
    kept = "everything is saved, and its memory is free" if saved else "its memory is free; nothing was to be saved yet"
    journal.say("paused", step=step, what=f"Paused at {at}: {kept}.", hint="Resume goes on exactly from here.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained on where, and how far.

    total: the step after which it is over. before: about the checkpoint that it goes on from. rewards: a fingerprint of
    what it is rewarded by, or "".
    """

    place: Place
    encoder: Encoder
    rows: EncodedRows[Any]
    held_out: frozenset[int]
    total: int
    before: About | None
    keeping: Keeping
    rewards: str


class Attempt:
    """One attempt at a run, from its newest checkpoint if there is one.

    Making one reads the recipe and what it names; StudioError says what of that is missing.
    """

    def __init__(self, run: RunFolder, journal: Journal, bell: StopBell) -> None:
        self._run, self._journal, self._bell = run, journal, bell
        self._recipe = run.recipe()
        self._recipe.check()
        self._last = sweep(run)
        self._project = Project.open(run.folder.parent.parent, lock=False)
        self._info = dataset_of(self._recipe, self._project)
        self._base = check_model(Path(self._recipe.base_model))
        self._settings = settings_in_force(run)

    def make(self, still_here: Callable[[], None]) -> None:
        """Train to the end and publish the result, or to where the run is stopped or has no room; each is told.

        still_here: called when everything heavy is imported, in which time another program may have thought this
        process dead. Raises Stopped before training has begun, StudioError, and what libraries raise.
        """
        device, precision = self._begin()
        still_here()
        self._say_phase("loading")
        self._bell.check()
        plan = self._plan(self._place(device, precision))
        trained = plan.before is not None and plan.before.is_last
        if (trained and self._is_evaluated(plan)) or self._train(plan, trained=trained):
            self._finish(plan)

    def _begin(self) -> tuple[str, Precision]:
        settings = self._settings
        if settings.needs_bitsandbytes:
            from studio.engine.quantised import allow_bitsandbytes

            allow_bitsandbytes()

        import torch

        from studio.engine.loading import device_name, pick_device, pick_precision

        device = pick_device()
        refuse_what_is_unavailable(settings, device)
        precision = pick_precision(settings.precision, device, self._base.parameters, training=True, full=settings.full)
        self._journal.say(
            "started",
            pid=os.getpid(),
            attempt=self._run.story().attempt + 1,
            plumbline=__version__,
            **{name: version(name) for name in _TOLD},
            device=device_name(device),
            precision=str(precision),
            threads=torch.get_num_threads(),
            base=fingerprint(self._base.folder),
        )
        return device, precision

    def _place(self, device: str, precision: Precision) -> Place:
        """Where it computes and what it starts from; warns of what is unusual in it."""
        from studio.engine.trainers import Place

        settings, recipe = self._settings, self._recipe
        adapter = self._start_adapter()
        usual = usual_rate(recipe.how.settings().learning_rate, full=True)
        if settings.full and settings.learning_rate > 2 * usual:
            self._warn(
                f"A learning rate of {settings.learning_rate:g} is high for training all weights; about {usual:g} is "
                "usual.",
                "If the loss jumps, start again with a lower one.",
            )
        longest = longest_record(self._project, self._info) if self._info.kind.templated else 0
        shape = read_shape(self._base.folder)
        recompute = recomputes(shape, settings, read_device(), method=recipe.method, longest=longest)
        if recompute and settings.checkpointing == AUTO:
            what = (
                "Activations are computed again on the way back, so that the run fits into memory; steps take longer."
            )
            self._warn(what, "“Activation checkpointing: never” turns this off.")
        parts = self._run.passes(settings).parts
        return Place(device, precision, self._run.checkpoints, adapter, recompute, recipe.rewards, parts)

    def _start_adapter(self) -> Path | None:
        from studio.engine.adapters import check_base

        if not self._recipe.adapter:
            return None
        adapter = Path(self._recipe.adapter)
        check_base(adapter, self._base.folder)
        changed = changed_since(self._base.folder, adapter)
        if changed:
            self._warn(changed, "")
        return _kept(self._run, adapter) if self._settings.merges else adapter

    def _plan(self, place: Place) -> Plan:
        from studio.engine.budget import token_budget
        from studio.engine.loading import load_encoder

        settings = self._settings
        encoder = load_encoder(self._base.folder, self._recipe.template, place.adapter)
        rows, held_out = self._encode(encoder)
        self._say_phase("loading")
        budget, passes = token_budget(settings, rows.train), self._run.passes(settings)
        if budget is not None and passes.parts > 1:  # so that who makes them smaller again knows when it is enough
            passes = passes.counted(budget.most)
            self._run.set_passes(passes)
            place = replace(place, parts=passes.parts)
        total = settings.steps_for(len(rows.train), len(budget) if budget else None)
        before = About.of(self._last.folder) if self._last else None
        rewards = print_of_rewards(self._recipe.rewards)
        if before is not None and before.rewards and rewards not in ("", before.rewards):
            raise StudioError(
                "The reward model or the judge of this run is another than when it stopped, so what it learned before "
                "would no longer count.",
                "Put the old one back, or begin a new run from this run's adapter.",
            )
        keeping = Keeping(settings, before.best_step, before.best, before.waited) if before else Keeping(settings)
        return Plan(place, encoder, rows, held_out, total, before, keeping, rewards)

    def _encode(self, encoder: Encoder) -> tuple[EncodedRows[Any], frozenset[int]]:
        """The dataset as the method's rows, and the places of the records that are held out."""
        from studio.engine.examples import Reading, held_out_positions

        settings, info = self._settings, self._info

        def report(done: int, total: int) -> None:
            self._bell.check()
            self._journal.say("progress", phase="encoding", done=done, total=total)

        self._say_phase("encoding")
        judged = info.kind_name in _JUDGED and settings.held_out > 0
        prompts = [hash(prompt_of(record)) for record in records_of(self._project, info)] if judged else None
        held_out = held_out_positions(info.rows, settings.held_out_of(info.rows), settings.seed, prompts)
        reading = Reading(records_of(self._project, info), info.kind, info.rows, held_out, report)
        rows = self._method.encode(reading, encoder, settings)
        for what, hint in rows.warnings:
            self._warn(what, hint)
        return rows, held_out

    def _train(self, plan: Plan, *, trained: bool) -> bool:
        """Train, or only evaluate when it has been `trained`. Returns False when that ended before its end, and says
        why."""
        supervision, tokenizer = self._supervision(plan), plan.encoder.tokenizer
        tokenizer.chat_template = plan.encoder.jinja  # saved with every checkpoint, so that chat asks as was trained
        model = self._method.load(self._base.folder, plan.place, self._settings)
        self._bell.check()
        rows = plan.rows
        trainer = self._method.build_trainer(
            model, tokenizer, rows.train, rows.held_out, self._settings, plan.place, supervision
        )
        last = self._last
        if last is not None:
            self._journal.say("resumed", step=last.step)
        if last is not None and trained:  # it was stopped in its last evaluation
            trainer.evaluate_checkpoint(last.folder)
        else:
            self._say_phase("training")
            if trainer.slower_because is not None:
                why = f"This model is trained with padding, which is slower: {trainer.slower_because}."
                self._warn(why, "Nothing needs to be done.")
            trainer.train(resume_from_checkpoint=str(last.folder) if last else None)
        if supervision.failure is not None:
            raise supervision.failure
        if supervision.no_room is not None:
            last = self._run.last_checkpoint()
            what, hint = supervision.no_room.what, supervision.no_room.hint
            self._journal.say("paused", step=last.step if last else 0, what=what, hint=hint)
            return False
        if supervision.stopped is not None:
            say_end(self._journal, supervision.stopped, trainer.state.global_step, plan.total, saved=True)
            return False
        return True

    def _supervision(self, plan: Plan) -> Supervision:
        from studio.engine.supervision import Supervision, evaluation_steps

        settings, before = self._settings, plan.before
        return Supervision(
            self._journal,
            self._bell,
            partial(self._complete, plan),
            settings=settings,
            evaluate_at=evaluation_steps(plan.total, settings.evaluations) if plan.rows.held_out else frozenset(),
            checkpoint_seconds=settings.checkpoint_minutes * 60,
            keeping=plan.keeping,
            elapsed=before.elapsed if before else 0.0,
            tokens=before.tokens if before else 0,
            sampler=self._sampler(plan),
            sample_at=evaluation_steps(plan.total, getattr(settings, "samples", 0)),
            parts=plan.place.parts,
        )

    def _complete(self, plan: Plan, folder: Path, step: int, elapsed: float, tokens: int) -> None:
        """Make what was written into `folder` a checkpoint, and let older ones go."""
        recipe, settings, keeping = self._recipe, self._settings, plan.keeping
        if plan.place.adapter is not None and settings.merges and not settings.full:
            from studio.engine.merging import compose

            compose(folder, plan.place.adapter)
        name = recipe.name or self._run.id
        about = About(
            name=name if step >= plan.total else f"{name}, step {step:,}",
            run=self._run.id,
            base=str(self._base.folder),
            dataset=recipe.dataset,
            dataset_hash=self._info.content_hash,
            template=plan.encoder.label,
            step=step,
            total=plan.total,
            elapsed=round(elapsed, 3),
            tokens=tokens,
            method=recipe.method,
            adapter=recipe.adapter,
            merged=bool(recipe.adapter) and settings.merges,
            way=settings.way,
            done=keeping.exhausted,
            best_step=keeping.step if keeping.keeps else 0,
            best=keeping.value,
            waited=keeping.waited,
            rewards=plan.rewards,
        )
        complete(folder, about)
        self._journal.say("checkpoint", step=step, path=folder.relative_to(self._run.folder).as_posix())
        sweep(self._run)

    def _sampler(self, plan: Plan) -> Sampler | None:
        """What writes samples on prompts of the recipe or, without any, of held-out rows, or else of the first ones."""
        settings = self._settings
        if not isinstance(settings, SampledSettings) or not settings.samples:
            return None

        from studio.engine.samples import Sampler, prompts_for

        everything = enumerate(records_of(self._project, self._info))
        records = (record for place, record in everything if place in plan.held_out or not plan.held_out)
        prompts = prompts_for(plan.encoder, settings.prompts(), records, plain=not self._info.kind.templated)
        return Sampler(plan.encoder, prompts, partial(self._journal.say, "sample")) if prompts else None

    def _finish(self, plan: Plan) -> None:
        """Publish the last checkpoint, or the best."""
        run, keeping = self._run, plan.keeping
        self._say_phase("saving")
        final = _final(run, plan.total)
        ended, wanted = About.of(final.folder), keeping.step if keeping.keeps else 0
        best = next((one for one in run.complete_checkpoints() if one.step == wanted), final)
        result = publish(run, best.folder, self._recipe.name or run.id)
        self._journal.say(
            "finished",
            step=final.step,
            adapter=result.name,
            **({"best": best.step} if best.step == wanted else {}),
            **({"early": keeping.waited} if final.step < ended.total else {}),
        )

    def _is_evaluated(self, plan: Plan) -> bool:
        """Whether its newest checkpoint was, if anything is held out."""
        if not plan.rows.held_out or self._last is None:
            return True
        step, events = self._last.step, self._run.all_events()
        return any(event.kind == "evaluation" and event.number("step") == step for event in events)

    @property
    def _method(self) -> TrainingMethod:
        return method_module(self._recipe.method)  # imported when it is first needed, which takes seconds

    def _say_phase(self, phase: str) -> None:
        self._journal.say("phase", phase=phase)

    def _warn(self, what: str, hint: str) -> None:
        self._journal.say("warning", what=what, hint=hint)


def _kept(run: RunFolder, adapter: Path) -> Path:
    """A copy of the adapter to start from in the run's folder: resuming must not depend on another run."""
    kept = run.folder / "start"
    if not (kept / MANIFEST).is_file():
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(adapter, kept, ignore=shutil.ignore_patterns(MANIFEST))
        seal(kept)
    return kept


def dataset_of(recipe: Recipe, project: Project) -> DatasetInfo:
    """The recipe's dataset as it was when the run was made, whatever was changed in it since.

    Raises StudioError when that is gone, or when it holds what the method can't learn from.
    """
    newest = find_dataset(project, recipe.dataset)
    info = at_hash(project, newest, recipe.dataset_hash) if recipe.dataset_hash else newest
    if info is None:
        raise StudioError(
            f"The dataset “{newest.name}” is no longer the one that this run was started with.",
            "Start a new run with it, or import the earlier file again.",
        )
    if info.kind_name not in recipe.how.needs:
        wanted = " or ".join(KINDS[name].rows for name in recipe.how.needs)
        raise StudioError(
            f"“{info.name}” holds {info.kind.rows} ({info.kind.about}), which this method can't learn from.",
            f"Choose a dataset of {wanted}.",
        )
    return info


def _final(run: RunFolder, total: int) -> Checkpoint:
    last = run.last_checkpoint()
    if last is None or not About.of(last.folder).is_last:
        raise StudioError(
            f"The checkpoint of step {total:,} is not there.", "Press Resume to train the last steps again."
        )
    return last
