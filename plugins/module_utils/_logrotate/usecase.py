# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring rules of logrotate's to what is wanted, or nothing at all. This module is private to the collection."""

from __future__ import annotations

import re
from contextlib import ExitStack

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.owners import Logs, observe_logs, owner_of
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.plan import (
    ACCESS,
    Plan,
    Present,
    Request,
    plan_rules,
    problems_on_the_host,
    unmatched,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Rule, refuse_invalid
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.timer import (
    expect_hourly,
    has_systemd,
    is_hourly,
    load,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.trial import approve
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.verdict import RulesError
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState


def ensure_rules(request: Request, *, world: World, check_mode: bool) -> Result:
    """Have logrotate go by these rules, and leave everything as it was if it would not."""
    refuse_invalid(request.rules)
    with world.locks.hold_directory(request.directory, wait=60):
        present = _observe(request, world)
        plan = plan_rules(request, present)
        problems = problems_on_the_host(request, present, plan)
        if problems:
            raise RulesError(problems)
        warnings = approve(request, present, plan, world)
        if plan.is_needed and not check_mode:
            _carry_out(request, present, plan, world)
    return Result(
        changed=plan.is_needed,
        data={"rules": [_told(request, rule, present, plan) for rule in request.rules], "hourly": plan.is_hourly},
        diffs=plan.diff,
        warnings=[*warnings, *unmatched(request, present), *_out_of_node(request)],
    )


def _observe(request: Request, world: World) -> Present:
    drop_in = world.files.read(request.drop_in)
    contents = world.trees.matching(f"{request.directory}/*")
    return Present(
        main=world.files.read(request.main),
        files={rule.name: world.files.read(request.path(rule.name)) for rule in request.rules},
        texts={path[len(request.directory) + 1 :]: text.decode("utf-8", "replace") for path, text in contents.items()},
        logs={rule.name: observe_logs(rule, world.paths) for rule in request.rules if rule.is_wanted},
        drop_in=drop_in,
        has_systemd=has_systemd(world),
        is_hourly=drop_in is not None and is_hourly(world),
    )


def _told(request: Request, rule: Rule, present: Present, plan: Plan) -> dict[str, object]:
    logs = present.logs.get(rule.name, Logs({}, {}))
    su = owner_of(rule, logs) if rule.is_wanted else None
    return {
        "name": rule.name,
        "state": rule.state,
        "changed": request.path(rule.name) in plan.changes,
        "su": su and {"user": su.user, "group": su.group},
        "logs": sorted(logs.files),
    }


def _carry_out(request: Request, present: Present, plan: Plan, world: World) -> None:
    before = {request.drop_in: present.drop_in, **{request.path(name): file for name, file in present.files.items()}}
    undo = ExitStack()
    try:
        if plan.loads_timer:
            undo.callback(load, world)
        for path, text in plan.changes.items():
            undo.callback(_put_back, request, path, before[path], world)
            if text is None:
                _remove(request, path, world)
            else:
                _write(request, path, text.encode(), ACCESS, world)
        if plan.loads_timer:
            load(world)
            if plan.is_hourly:
                expect_hourly(world)
    except BaseException as error:
        trouble = _undo(undo)
        if isinstance(error, ShipshapeError):
            error.add(trouble or "Everything is as it was before.")
        raise


def _undo(undo: ExitStack) -> str | None:
    """Put everything back, and why that did not succeed, if it did not."""
    try:
        undo.close()
    except ShipshapeError as error:
        return f"The way back failed too: {error.message} Run this again."
    return None


def _write(request: Request, path: str, content: bytes, access: Access, world: World) -> None:
    """From a directory in the same place: logrotate reads each file that is there, also a hidden one, half written."""
    if path == request.drop_in:
        world.folders.prepare(request.timer, mode=0o755)
    folder, name = path.rsplit("/", 1)
    with world.folders.temporary(folder) as room:
        world.files.write(f"{room}/{name}", content, access)
        world.folders.move(f"{room}/{name}", path)


def _remove(request: Request, path: str, world: World) -> None:
    world.folders.remove(path)
    if path == request.drop_in:
        world.trees.clear(request.timer)


def _put_back(request: Request, path: str, file: FileState | None, world: World) -> None:
    # On a disk that is full, what was never changed could not be written back.
    if world.files.read(path) == file:
        return
    if file is None:
        _remove(request, path, world)
    else:
        _write(request, path, file.content, file.access, world)


def _out_of_node(request: Request) -> list[str]:
    return [
        f"rules[{number}].after: the service logrotate lets no program make its own machine code, so that Node and PM2"
        " crash: start them with `systemd-run --quiet --wait --collect`."
        for number, rule in enumerate(request.rules)
        if rule.is_wanted and rule.after and _NODE.search(rule.after) and "systemd-run" not in rule.after
    ]


_NODE = re.compile(r"(?<![\w.@-])(?:node|npm|npx|pm2|pnpm|yarn)(?![\w.@/-])")
