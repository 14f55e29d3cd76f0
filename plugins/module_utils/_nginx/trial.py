# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration tried by nginx itself before it is in use. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import (
    NOTHING,
    Change,
    read_configuration,
    staged,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import MARKER, Plan, Request
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.verdict import (
    Problem,
    SitesError,
    judged,
    problems_of,
    problems_of_gixy,
    told,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.world import World

# Names of hosts may have to be looked up.
_LONGEST_TEST = 60


@dataclass(frozen=True)
class _Trial:
    problems: Sequence[Problem]
    is_failure: bool
    # All that nginx has read, as it shows it.
    shown: str = ""
    findings: Sequence[Problem] = ()


def approve(request: Request, plan: Plan, world: World) -> list[str]:
    """Refuse what nginx, or gixy if asked, would not take; what else they say of it comes back."""
    programs = (request.program, "gixy") if request.gixy else (request.program,)
    for program in programs:
        if world.commands.find(program) is None:
            raise CommandError(f"{program} is not installed on this host: install it. Nothing was changed.")
    trial = _try(request, plan.change, world, examines=request.gixy)
    before = _try(request, NOTHING, world) if trial.problems else trial
    new = judged(trial.problems, before.problems, request.is_own) if trial.problems else []
    _refuse_broken_before(request, trial, before)
    _refuse(request, "nginx does not take it", [one for one in new if one.is_grave])
    if trial.is_failure:
        raise SitesError(f"nginx does not take the files of {request.name} and does not say why. Nothing was changed.")
    _refuse_unread(request, plan, trial)
    own = [one for one in trial.findings if one.file is None or request.is_own(one.file)]
    _refuse(request, "gixy finds what an attacker could use", own)
    return [str(one) for one in (*new, *(one for one in trial.findings if one not in own))]


def _try(request: Request, change: Change, world: World, *, examines: bool = False) -> _Trial:
    """What nginx says of a private copy of its configuration with the change."""
    directory = request.directory
    configuration = read_configuration(directory, world.trees.matching, change)
    new = [path for path in configuration.made_by_a_test() if world.paths.facts(path) is None]
    with world.folders.temporary(world.room()) as room:
        stage = f"{room}/nginx"
        without = posixpath.relpath(change.replaced, directory) if change.replaced else None
        world.trees.mirror(directory, stage, staged(configuration, stage, change), without)
        # Otherwise a test would make the file of a server that does not run.
        pid = () if configuration.pid() else ("-g", f"pid {stage}/nginx.pid;")
        try:
            said = world.commands.run([request.program, "-T", "-c", f"{stage}/nginx.conf", *pid], timeout=_LONGEST_TEST)
        finally:
            for path in new:
                world.trees.clear(path)
        findings = _findings(stage, directory, world) if examines and said.code == 0 else []
    return _Trial(
        problems_of(said.stderr.replace(stage, directory), configuration, request.is_own),
        said.code != 0,
        said.stdout.replace(stage, directory),
        findings,
    )


def _findings(stage: str, directory: str, world: World) -> list[Problem]:
    said = world.commands.run(["gixy", "-f", "json", f"{stage}/nginx.conf"], timeout=_LONGEST_TEST)
    try:
        return problems_of_gixy(said.stdout.replace(stage, directory))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CommandError(
            f"gixy could not examine the configuration: {(said.stderr or said.stdout).strip()[-500:]}"
        ) from None


def _refuse_broken_before(request: Request, trial: _Trial, before: _Trial) -> None:
    broken = next((one for one in before.problems if one.is_grave), None)
    if trial.is_failure and before.is_failure and broken and not (broken.file and request.is_own(broken.file)):
        place = f"{broken.file}:{broken.line}" if broken.file else "something else"
        raise SitesError(
            f"{request.directory} was broken already by {place}, not by {request.name}: {broken.message}. Repair that"
            " first; nothing was written.",
            [broken],
        )


def _refuse(request: Request, why: str, problems: Sequence[Problem]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise SitesError(f"{request.name}: {why}: {count}, nothing was changed. {told(problems)}", problems)


def _refuse_unread(request: Request, plan: Plan, trial: _Trial) -> None:
    heading = f"# configuration file {request.place}/{MARKER}:"
    if plan.generation and heading not in trial.shown.splitlines():
        raise SitesError(
            f"nginx does not read {request.place}: add the line `include applications/*/*.conf;` to the http block of"
            f" {request.main_file}. Nothing was changed."
        )
