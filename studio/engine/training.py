"""Training: one attempt at a run, from its folder to its last event, resumed from the newest checkpoint if any.

What is trained and how is each method's own module (`engine.method`). Every way in which an attempt can end is an
event, so that nobody has to read a log: finished, stopped, or failed with a sentence.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from studio import __version__
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.forecast import recomputes
from studio.core.methods import TrainSettings
from studio.core.recipes import Recipe
from studio.core.records import KINDS, prompt_of
from studio.core.recovery import out_of_memory
from studio.core.runs import EXIT_DISK_FULL, EXIT_FAILED, EXIT_SAID, EXIT_UNWRITABLE
from studio.core.samples import SampledSettings
from studio.core.training_settings import AUTO, usual_rate
from studio.core.ways import refuse_what_is_unavailable
from studio.engine.checkpoints import About, complete, publish, sweep
from studio.engine.failures import as_sentence, explain, is_disk_full, is_out_of_memory, log
from studio.engine.journal import Journal, StopBell, Stopped
from studio.engine.keeping import Keeping
from studio.engine.machine_watch import MachineWatch
from studio.engine.method import method_module
from studio.storage.datasets import find_dataset, longest_record, records_of
from studio.storage.fingerprints import changed_since, fingerprint
from studio.storage.machine import read_device
from studio.storage.model_shapes import read_shape
from studio.storage.models import check_model
from studio.storage.project import Project
from studio.storage.recovery import take_smaller_passes
from studio.storage.revisions import at_hash
from studio.storage.reward_models import print_of_rewards
from studio.storage.runs import MANIFEST, Checkpoint, RunFolder, StopRequest, seal
from studio.storage.settings import load_settings
from studio.storage.tensorboard import TensorboardWriter
from studio.storage.workers import worker_of

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder
    from studio.engine.samples import Sampler

EXIT_AGAIN = -1  # not for the world outside: memory ran out, and a fresh process is to go on
_JUDGED = ("pairs", "rankings", "ratings", "labels")  # kinds with several rows to one prompt
_TOLD = ("torch", "transformers", "trl", "peft")


def train(folder: Path) -> int:
    """Make one attempt at the run in `folder`. Returns an exit code of `core.runs`, or EXIT_AGAIN when the next attempt
    is to be made at once, by another process; StudioError when there is no run."""
    run = RunFolder(folder.absolute())
    if not run.folder.is_dir():
        raise StudioError(f"There is no run in “{run.folder}”.", "It may have been deleted.")
    lock = FileLock(run.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        # Not an event: the journal belongs to the worker that holds the lock.
        log(f"The run “{run.id}” is being trained already by another process.")
        return EXIT_FAILED
    with lock:
        bell = StopBell(run)
        bell.listen()
        try:
            heard = run.heard
            _record_this_process(run, heard)
            journal = Journal(run.events, _tensorboard(run))
        except (OSError, StudioError) as trouble:
            return _unsaid(run, trouble)
        try:
            with MachineWatch(journal):
                _attempt(run, journal, bell, heard)
        except Stopped as stopped:
            last = run.last_checkpoint()
            _say_end(journal, stopped.request, last.step if last else 0, 0, saved=last is not None)
        except BaseException as error:
            return _fail(run, journal, error)
        finally:
            journal.close()
        return EXIT_SAID


def _tensorboard(run: RunFolder) -> TensorboardWriter | None:
    """What writes the curves for TensorBoard, if the settings say so; what goes wrong there ends no run."""
    try:
        return TensorboardWriter(run) if load_settings().tensorboard else None
    except StudioError as trouble:
        log(trouble.sentence)
        return None


def _record_this_process(run: RunFolder, heard: int) -> None:
    """Who started it has written the same, unless that program died before it could."""
    worker = worker_of(os.getpid(), heard)
    if worker is not None and worker != run.worker():
        run.set_worker(worker)


def _say_end(journal: Journal, request: StopRequest, step: int, total: int, *, saved: bool) -> None:
    saved = saved and request.save
    if not request.pause:
        journal.say("stopped", step=step, saved=saved)
        return
    at = f"step {step:,} of {total:,}" if total else f"step {step:,}" if step else "the beginning"
    kept = "everything is saved, and its memory is free" if saved else "its memory is free; nothing was to be saved yet"
    journal.say("paused", step=step, what=f"Paused at {at}: {kept}.", hint="Resume goes on exactly from here.")


def _fail(run: RunFolder, journal: Journal, error: BaseException) -> int:
    """Go on in smaller passes when memory ran out; else say why the attempt ends, if need be by the exit code."""
    try:
        if is_out_of_memory(error):
            log(explain(error))
            retry = take_smaller_passes(run)
            if retry is not None:
                journal.pass_on(retry)
                return EXIT_AGAIN
            error = out_of_memory(_settings(run), explain(error))
        said = as_sentence(error, run.folder)
        log(f"{said.details}\n{said.sentence}")
        sweep(run)  # half a checkpoint takes the room that the sentence needs
        journal.reopen()
        journal.say("failed", what=said.what, hint=said.hint, details=said.details)
    except (OSError, StudioError) as trouble:
        return _unsaid(run, trouble)
    return EXIT_FAILED


def _unsaid(run: RunFolder, trouble: OSError | StudioError) -> int:
    """The exit code that says why nothing could be written; the log's last line says it more exactly, if it can."""
    cause = trouble.__cause__ if isinstance(trouble, StudioError) and trouble.__cause__ else trouble
    log(str(trouble))
    return EXIT_DISK_FULL if is_disk_full(cause, run.folder) else EXIT_UNWRITABLE


def _settings(run: RunFolder) -> TrainSettings:
    """The recipe's settings, in the passes that are in force."""
    settings = run.recipe().settings
    passes = run.passes(settings)
    return replace(settings, batch_size=passes.batch_size, accumulate=passes.accumulate)


def _attempt(run: RunFolder, journal: Journal, bell: StopBell, heard: int) -> None:
    recipe = run.recipe()
    recipe.check()
    last = sweep(run)
    project = Project.open(run.folder.parent.parent, lock=False)
    info = _dataset(project, recipe)
    base = check_model(Path(recipe.base_model))
    adapter = Path(recipe.adapter) if recipe.adapter else None
    settings = _settings(run)
    if settings.needs_bitsandbytes:
        from studio.engine.quantised import allow_bitsandbytes

        allow_bitsandbytes()

    import torch

    from studio.engine.loading import device_name, load_encoder, pick_device, pick_precision

    device = pick_device()
    refuse_what_is_unavailable(settings, device)
    precision = pick_precision(settings.precision, device, base.parameters, training=True, full=settings.full)
    journal.say(
        "started",
        pid=os.getpid(),
        attempt=run.story().attempt + 1,
        plumbline=__version__,
        **{name: version(name) for name in _TOLD},
        device=device_name(device),
        precision=str(precision),
        threads=torch.get_num_threads(),
        base=fingerprint(base.folder),
    )
    _record_this_process(run, heard)  # importing took a while, in which another program may have thought it dead
    journal.say("phase", phase="loading")
    bell.check()

    from studio.engine.adapters import check_base
    from studio.engine.budget import token_budget
    from studio.engine.examples import Reading, held_out_positions
    from studio.engine.trainers import Place

    if adapter is not None:
        check_base(adapter, base.folder)
        changed = changed_since(base.folder, adapter)
        if changed:
            journal.say("warning", what=changed, hint="")
        if settings.merges:
            adapter = _kept(run, adapter)
    usual = usual_rate(recipe.how.settings().learning_rate, full=True)
    if settings.full and settings.learning_rate > 2 * usual:
        what = (
            f"A learning rate of {settings.learning_rate:g} is high for training all weights; about {usual:g} is usual."
        )
        journal.say("warning", what=what, hint="If the loss jumps, start again with a lower one.")
    longest = longest_record(project, info) if info.kind.templated else 0
    recompute = recomputes(read_shape(base.folder), settings, read_device(), method=recipe.method, longest=longest)
    if recompute and settings.checkpointing == AUTO:
        what = "Activations are computed again on the way back, so that the run fits into memory; steps take longer."
        journal.say("warning", what=what, hint="“Activation checkpointing: never” turns this off.")
    method = method_module(recipe.method)
    passes = run.passes(settings)
    place = Place(device, precision, run.checkpoints, adapter, recompute, recipe.rewards, passes.parts)
    encoder = load_encoder(base.folder, recipe.template, adapter)

    def report(done: int, total: int) -> None:
        bell.check()
        journal.say("progress", phase="encoding", done=done, total=total)

    journal.say("phase", phase="encoding")
    judged = info.kind_name in _JUDGED and settings.held_out > 0
    prompts = [hash(prompt_of(record)) for record in records_of(project, info)] if judged else None
    held_out = held_out_positions(info.rows, settings.held_out_of(info.rows), settings.seed, prompts)
    reading = Reading(records_of(project, info), info.kind, info.rows, held_out, report)
    rows = method.encode(reading, encoder, settings)
    for what, hint in rows.warnings:
        journal.say("warning", what=what, hint=hint)

    journal.say("phase", phase="loading")

    from studio.engine.supervision import Supervision, evaluation_steps

    budget = token_budget(settings, rows.train)
    if budget is not None and passes.parts > 1:  # so that who makes them smaller again knows when it is enough
        passes = passes.counted(budget.most)
        run.set_passes(passes)
        place = replace(place, parts=passes.parts)
    total = settings.steps_for(len(rows.train), len(budget) if budget else None)
    before = About.of(last.folder) if last else None
    rewards = print_of_rewards(recipe.rewards)
    if before is not None and before.rewards and rewards not in ("", before.rewards):
        raise StudioError(
            "The reward model or the judge of this run is another than when it stopped, so what it learned before "
            "would no longer count.",
            "Put the old one back, or begin a new run from this run's adapter.",
        )
    keeping = Keeping(settings, before.best_step, before.best, before.waited) if before else Keeping(settings)

    def completed(folder: Path, step: int, elapsed: float, tokens: int) -> None:
        if adapter is not None and settings.merges and not settings.full:
            from studio.engine.merging import compose

            compose(folder, adapter)
        about = About(
            name=_name(recipe.name or run.id, step, total),
            run=run.id,
            base=str(base.folder),
            dataset=recipe.dataset,
            dataset_hash=info.content_hash,
            template=encoder.label,
            step=step,
            total=total,
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
            rewards=rewards,
        )
        complete(folder, about)
        journal.say("checkpoint", step=step, path=folder.relative_to(run.folder).as_posix())
        sweep(run)

    trained = before is not None and before.is_last
    if not trained or (rows.held_out and last is not None and not _was_evaluated(run, last.step)):
        supervision = Supervision(
            journal,
            bell,
            completed,
            settings=settings,
            evaluate_at=evaluation_steps(total, settings.evaluations) if rows.held_out else frozenset(),
            checkpoint_seconds=settings.checkpoint_minutes * 60,
            keeping=keeping,
            elapsed=before.elapsed if before else 0.0,
            tokens=before.tokens if before else 0,
            sampler=_sampler(project, info, encoder, settings, held_out, journal),
            sample_at=evaluation_steps(total, getattr(settings, "samples", 0)),
            parts=place.parts,
        )
        encoder.tokenizer.chat_template = encoder.jinja  # saved with every checkpoint, so that chat asks as was trained
        model = method.load(base.folder, place, settings)
        bell.check()
        trainer = method.build_trainer(
            model, encoder.tokenizer, rows.train, rows.held_out, settings, place, supervision
        )
        if last is not None:
            journal.say("resumed", step=last.step)
        if last is not None and trained:  # it was stopped in its last evaluation
            trainer.evaluate_checkpoint(last.folder)
        else:
            journal.say("phase", phase="training")
            if trainer.slower_because is not None:
                why = f"This model is trained with padding, which is slower: {trainer.slower_because}."
                journal.say("warning", what=why, hint="Nothing needs to be done.")
            trainer.train(resume_from_checkpoint=str(last.folder) if last else None)
        if supervision.failure is not None:
            raise supervision.failure
        if supervision.no_room is not None:
            last = run.last_checkpoint()
            what, hint = supervision.no_room.what, supervision.no_room.hint
            journal.say("paused", step=last.step if last else 0, what=what, hint=hint)
            return
        if supervision.stopped is not None:
            step = trainer.state.global_step
            _say_end(journal, supervision.stopped, step, total, saved=True)
            return
    journal.say("phase", phase="saving")
    final = _final(run, total)
    ended, wanted = About.of(final.folder), keeping.step if keeping.keeps else 0
    best = next((one for one in run.complete_checkpoints() if one.step == wanted), final)
    result = publish(run, best.folder, recipe.name or run.id)
    journal.say(
        "finished",
        step=final.step,
        adapter=result.name,
        **({"best": best.step} if best.step == wanted else {}),
        **({"early": keeping.waited} if final.step < ended.total else {}),
    )


def _kept(run: RunFolder, adapter: Path) -> Path:
    """A copy of the adapter to start from in the run's folder: resuming must not depend on another run."""
    kept = run.folder / "start"
    if not (kept / MANIFEST).is_file():
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(adapter, kept, ignore=shutil.ignore_patterns(MANIFEST))
        seal(kept)
    return kept


def _sampler(
    project: Project,
    info: DatasetInfo,
    encoder: Encoder,
    settings: TrainSettings,
    held_out: frozenset[int],
    journal: Journal,
) -> Sampler | None:
    """What writes samples on prompts of the recipe or, without any, of held-out rows, or else of the first ones."""
    if not isinstance(settings, SampledSettings) or not settings.samples:
        return None

    from studio.engine.samples import Sampler, prompts_for

    everything = enumerate(records_of(project, info))
    records = (record for place, record in everything if place in held_out or not held_out)
    prompts = prompts_for(encoder, settings.prompts(), records, plain=not info.kind.templated)
    return Sampler(encoder, prompts, partial(journal.say, "sample")) if prompts else None


def _was_evaluated(run: RunFolder, step: int) -> bool:
    return any(event.kind == "evaluation" and event.number("step") == step for event in run.all_events())


def _dataset(project: Project, recipe: Recipe) -> DatasetInfo:
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


def _name(name: str, step: int, total: int) -> str:
    return name if step >= total else f"{name}, step {step:,}"


def _final(run: RunFolder, total: int) -> Checkpoint:
    last = run.last_checkpoint()
    if last is None or not About.of(last.folder).is_last:
        raise StudioError(
            f"The checkpoint of step {total:,} is not there.", "Press Resume to train the last steps again."
        )
    return last
