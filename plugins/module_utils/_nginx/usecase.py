# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the files of one application to what is wanted, and nginx to read them, or neither.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import (
    Configuration,
    read_configuration,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import (
    Answer,
    Plan,
    Present,
    Request,
    is_read,
    plan_sites,
    previous_target,
    refuse_invalid,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.running import (
    Died,
    NotTaken,
    Server,
    ask,
    find_master,
    observe_server,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.trial import approve
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.verdict import (
    SitesError,
    is_final,
    placed,
    told,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

_NEW_MAIN = Access(mode=0o644)

# Seconds until nginx serves again what it served before, whatever the user would wait for something new.
_WAY_BACK = 30


def ensure_sites(request: Request, *, world: World, check_mode: bool) -> Result:
    """Have nginx read exactly these files of the application, and leave everything as it was if it cannot."""
    refuse_invalid(request)
    # The directory of applications is not there before the first of them.
    with world.locks.hold_directory(request.directory, wait=60):
        configuration = read_configuration(request.directory, world.trees.matching)
        present = _observe(request, configuration, world)
        plan = plan_sites(request, present)
        warnings = approve(request, plan, world) if plan.is_needed else []
        if plan.is_needed and not check_mode:
            _carry_out(request, present, plan, configuration, world)
    return Result(
        changed=plan.is_needed,
        data={
            "name": request.name,
            "generation": plan.generation,
            "files": {"added": plan.added, "changed": plan.changed, "removed": plan.removed},
            "reloaded": plan.reloads,
            "running": present.master is not None,
        },
        diffs=plan.diff,
        warnings=warnings,
    )


def _observe(request: Request, configuration: Configuration, world: World) -> Present:
    target = world.trees.target(request.place)
    if target and not target.startswith(f".{request.name}."):
        raise FileError(
            f"{request.place} leads to {target} and so was not made by this collection: move it away.",
            path=request.place,
        )
    master = find_master(request, configuration, world)
    return Present(
        target=target,
        files=(world.trees.read(f"{request.applications}/{target}") or {}) if target else {},
        main=None if request.main is None else world.files.read(request.main_file),
        generations=[
            one.name for one in world.folders.entries(request.applications) if one.name.startswith(f".{request.name}.")
        ],
        has_original=world.paths.facts(request.original) is not None,
        master=master,
        answer=ask(request, world) if master else None,
    )


def _carry_out(request: Request, present: Present, plan: Plan, before: Configuration, world: World) -> None:
    after = read_configuration(request.directory, world.trees.matching, plan.change)
    logs = list(dict.fromkeys([*before.error_logs(), *after.error_logs()]))
    server = observe_server(request, present.master, logs, world) if present.master else None
    exchange = _Exchange(request, present, plan, world)
    try:
        exchange.go()
        if server:
            server.reload(lambda answer: is_read(request, plan.generation, answer), timeout=request.timeout)
    except BaseException as error:
        trouble = _undo(exchange, server, error)
        if not isinstance(error, ShipshapeError):
            raise
        raise _explained(request, after, error, trouble) from None
    exchange.finish()


class _Exchange:
    """The files, put in place with one act each and taken back in the same way."""

    def __init__(self, request: Request, present: Present, plan: Plan, world: World) -> None:
        self._request = request
        self._present = present
        self._plan = plan
        self._world = world
        self._undo = ExitStack()
        self.is_complete = False

    def go(self) -> None:
        """Put the wanted files in place."""
        request, present, plan, trees = self._request, self._present, self._plan, self._world.trees
        if plan.writes_files and plan.target:
            if self._world.paths.facts(request.applications) is None:
                self._undo.callback(trees.clear, request.applications)
                self._world.folders.prepare(request.applications)
            path = f"{request.applications}/{plan.target}"
            self._undo.callback(trees.remove, path)
            trees.write(path, plan.files)
        previous = previous_target(request, present)
        if plan.target != previous:
            self._undo.callback(self._point, previous)
        if plan.target != present.target:
            self._point(plan.target)
        if plan.writes_main and request.main is not None:
            self._write_main(request.main.encode(), present.main)
        self.is_complete = True

    def back(self) -> None:
        """Take back what was done, the last thing first."""
        self._undo.close()

    def finish(self) -> None:
        """Remove what is not in use any more."""
        for name in self._present.generations:
            if name != self._plan.target:
                self._world.trees.remove(f"{self._request.applications}/{name}")

    def is_as_before(self, answer: Answer | None) -> bool:
        """Whether this is what nginx answered before."""
        known = self._present.answer
        if known and known.name == self._request.name:
            return answer == known
        return answer is None or (answer.name, answer.generation) != (self._request.name, self._plan.generation)

    def _point(self, target: str | None) -> None:
        trees, place = self._world.trees, self._request.place
        # On a disk that is full, what was never changed could not be written back.
        if target is None:
            trees.remove(place)
        elif trees.target(place) != target:
            trees.point(place, target)

    def _write_main(self, content: bytes, present: FileState | None) -> None:
        world, path, original = self._world, self._request.main_file, self._request.original
        if present and not self._present.has_original:
            self._undo.callback(world.folders.remove, original)
            world.folders.link(path, original)
        self._undo.callback(self._write_main_back, present)
        world.files.write(path, content, present.access if present else _NEW_MAIN)

    def _write_main_back(self, present: FileState | None) -> None:
        files, path = self._world.files, self._request.main_file
        if present is None:
            self._world.folders.remove(path)
        elif files.read(path) != present:
            files.write(path, present.content, present.access)


def _undo(exchange: _Exchange, server: Server | None, error: BaseException) -> str | None:
    """Put everything back, and why that did not succeed, if it did not."""
    was_complete = exchange.is_complete
    try:
        exchange.back()
        if server and was_complete:
            _bring_back(server, exchange.is_as_before, error)
    except ShipshapeError as trouble:
        return trouble.message
    return None


def _bring_back(server: Server, is_as_before: Callable[[Answer | None], bool], error: BaseException) -> None:
    """Have nginx serve what it served before, with as little as does it."""
    try:
        gave_up = isinstance(error, NotTaken) and any(map(is_final, error.words))
        # One that still tries could succeed at last, with what it has read already.
        if not (gave_up and server.is_untouched()):
            server.reload(is_as_before, timeout=_WAY_BACK)
    except Died:
        server.revive(is_as_before, timeout=_WAY_BACK)


def _explained(
    request: Request, configuration: Configuration, error: ShipshapeError, trouble: str | None
) -> ShipshapeError:
    if isinstance(error, NotTaken) and error.words:
        words = [one for one in error.words if not is_final(one)] or error.words
        problems = [placed("emerg", one, configuration, request.is_own) for one in words]
        error = SitesError(f"{request.name}: nginx does not take it: {told(problems)}", problems)
    error.details.setdefault("problems", [])
    error.details["restored"] = trouble is None
    if trouble is None:
        error.add("Everything is as it was before.")
    else:
        error.add(f"The way back failed too: {trouble} Look at nginx and run this again.")
    return error
