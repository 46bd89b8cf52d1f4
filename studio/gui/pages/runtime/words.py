"""What the page that sets up training says of a choice, of what comes from where, and of what is in use."""

from __future__ import annotations

from studio.core.torch_builds import BUILDS
from studio.gui.language import paragraph, tr, translated
from studio.gui.pages.runtime.found import Found
from studio.processes.runtimes import Plan
from studio.storage.files import in_bytes
from studio.storage.runtimes import Runtime

PROCESSOR = "processor"  # what a worker calls it


def of_choice(found: Found, key: str | None) -> str:
    """What the build `key` has to do with this computer. None: there is none for it."""
    suited = found.choice.build
    label, reason = translated(suited.label), translated(found.choice.reason)
    if key is None:
        return reason
    chosen = translated(BUILDS[key].label)
    if key == suited.key:
        return tr("{build}. {reason}", build=label, reason=reason)
    if suited.key not in [build.key for build in found.builds]:
        lacking = tr(
            "This copy of Plumbline has no list of files for “{build}”, though; a released copy has one.", build=label
        )
        return paragraph(reason, lacking, tr("With this copy, “{build}” is set up.", build=chosen))
    return tr("{chosen}, chosen by you. Suited would be {suited}: {reason}", chosen=chosen, suited=label, reason=reason)


def of_plan(plan: Plan, found: Found) -> str:
    """What is fetched, from where and where to."""
    build = BUILDS[plan.build]
    sizes = {"disk": in_bytes(build.disk), "place": plan.place}
    if plan.wheels:
        said = [tr("Installed from the folder “{wheels}” into “{place}”, about {disk}.", wheels=plan.wheels, **sizes)]
    else:
        sizes["download"] = in_bytes(build.download_on(found.computer.system))
        said = [
            tr(
                "About {download} are downloaded from the mirrors that you named into “{place}”, where they take about "
                "{disk}.",
                **sizes,
            )
            if plan.packages or plan.torch
            else tr(
                "About {download} are downloaded from the official package indexes into “{place}”, where they take "
                "about {disk}.",
                **sizes,
            ),
            tr("Every file is checked against a list that came with Plumbline."),
        ]
    if found.free is not None and plan.place == found.place:
        said.insert(1, tr("{free} are free there.", free=in_bytes(found.free)))
    return paragraph(*said)


def of_present(runtime: Runtime) -> str:
    """What is in use."""
    said = tr(
        "In use: {build}, computes on {device}, in “{folder}”.",
        build=translated(BUILDS[runtime.build].label) if runtime.build in BUILDS else runtime.build,
        device=device_words(runtime.device),
        folder=runtime.folder,
    )
    return said if runtime.is_current else f"{said} {tr('This version of Plumbline wants newer packages: update it.')}"


def of_trial(runtime: Runtime) -> str:
    """That a set-up is ready, and that it does not use the card when it does not."""
    ready = tr("Ready: two steps were trained on {device}.", device=device_words(runtime.device))
    if runtime.device != PROCESSOR or runtime.build == "cpu":
        return ready
    return (
        f"{ready} {tr('The graphics card was not used: update its driver, then press Check, or set up another build.')}"
    )


def device_words(device: str) -> str:
    """A worker's name of what it computed on."""
    return tr("the processor") if device == PROCESSOR else device
