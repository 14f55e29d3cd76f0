# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the rules of one application to what is wanted, and Prometheus to go by them, or neither.

This module is private to the collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    HttpError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.alerts import Alert, Table, alerts_of
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.rules import (
    HEADER,
    group_of,
    rules_text,
    trial_files,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import get
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Completed, FileState

# Prometheus reads them with its own rights, and nothing in them is secret.
_ACCESS = Access(owner="root", group="root", mode=0o644)

_SOON = 10


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    table: Table
    is_wanted: bool = True
    directory: str = "/etc/prometheus/rules"
    host: str = "127.0.0.1"
    port: int = 9090
    unit: str = "prometheus"
    timeout: float = 30

    @property
    def path(self) -> str:
        """The file of the rules."""
        return f"{self.directory}/{self.table.name}.yml"


def ensure_rules(request: Request, *, world: World, check_mode: bool) -> Result:
    """Have Prometheus go by these rules, and leave everything as it was if it would not."""
    alerts = alerts_of(request.table)
    text = rules_text(request.table.name, alerts) if request.is_wanted else None
    group = group_of(request.table.name, alerts) if text else None
    with world.locks.hold_directory(request.directory, wait=60):
        present = world.files.read(request.path)
        _refuse_foreign(request, present)
        is_there = _is_as_wanted(present, text)
        # Where it does not answer, nothing can be said of what it goes by.
        read = _groups(request, world)
        changed = not is_there or (read is not None and not _goes_by(group, read))
        if text and not is_there:
            _try(request, alerts, text, world)
        if changed and not check_mode:
            _carry_out(request, present, text, group, read, world)
    return Result(
        changed=changed,
        data={
            "name": request.table.name,
            "path": request.path,
            "group": group,
            "alerts": [one.name for one in alerts] if text else [],
            "tests": sum(one.tests for one in alerts) if text else 0,
            "running": read is not None,
        },
        diff=None if is_there else Diff(_shown(present), text or "", request.path),
        warnings=_untried(alerts) if text else [],
    )


def _refuse_foreign(request: Request, present: FileState | None) -> None:
    if present and not present.content.startswith(HEADER.encode()):
        raise FileError(
            f"{request.path} is there already and not of this collection: choose another name, or move it.",
            path=request.path,
        )


def _is_as_wanted(present: FileState | None, text: str | None) -> bool:
    if present is None or text is None:
        return present is None and text is None
    return present.content == text.encode() and present.allows(_ACCESS)


def _shown(present: FileState | None) -> str:
    return present.content.decode("utf-8", "replace") if present else ""


def _untried(alerts: Sequence[Alert]) -> list[str]:
    names = [one.name for one in alerts if not one.tests]
    return [f"{', '.join(names)}: without an example, nothing shows that it ever fires."] if names else []


def _try(request: Request, alerts: Sequence[Alert], text: str, world: World) -> None:
    """Refuse what promtool does not take, and what does not fire when it has to, or does when it must not."""
    with world.folders.temporary(world.room()) as room:
        access = Access()
        files = {"all.yml": text, **trial_files(alerts)}
        for name, content in files.items():
            world.files.write(f"{room}/{name}", content.encode(), access)
        tests = [f"{room}/{name}" for name in files if name.startswith("test")]
        _refuse(request, world.commands.run(["promtool", "check", "rules", f"{room}/all.yml"], timeout=60), room)
        if tests:
            _refuse(request, world.commands.run(["promtool", "test", "rules", *tests], timeout=300), room)


def _refuse(request: Request, ended: Completed, room: str) -> None:
    if ended.code == 0:
        return
    words = [line.strip() for line in f"{ended.stdout}\n{ended.stderr}".replace(f"{room}/", "").splitlines()]
    said = [re.sub(r"\s+", " ", line) for line in words if line and not _IS_NOISE.match(line)]
    raise InvalidInput(f"The alerts of {request.table.name}, as promtool sees them", said[:20] or ["It said nothing."])


_IS_NOISE = re.compile(r"(Checking|Unit Testing:|SUCCESS|FAILED:?$|[0-9]+ rules found)")


def _groups(request: Request, world: World) -> list[str] | None:
    """The groups of rules that Prometheus has from the file; None if it does not answer."""
    try:
        status, body = get(
            world.network, (request.host, request.port), "/api/v1/rules", host="localhost", timeout=_SOON
        )
        groups = json.loads(body)["data"]["groups"] if status == 200 else None
    except (HttpError, ValueError, KeyError):
        return None
    if groups is None:
        return None
    return [one["name"] for one in groups if one["file"] == request.path]


def _goes_by(group: str | None, read: Sequence[str]) -> bool:
    return list(read) == ([] if group is None else [group])


def _carry_out(
    request: Request,
    present: FileState | None,
    text: str | None,
    group: str | None,
    before: list[str] | None,
    world: World,
) -> None:
    try:
        _put(request, None if text is None else text.encode(), _ACCESS, world)
        if before is not None:
            _reload(request, lambda read: _goes_by(group, read), world)
    except BaseException as error:
        trouble = _back(request, present, before, world)
        if isinstance(error, ShipshapeError):
            error.add(trouble or "Everything is as it was before.")
        raise


def _back(request: Request, present: FileState | None, before: list[str] | None, world: World) -> str | None:
    """Put everything back, and why that did not succeed, if it did not."""
    try:
        if world.files.read(request.path) != present:
            _put(request, present.content if present else None, present.access if present else _ACCESS, world)
        if before is not None:
            _reload(request, lambda read: read == before, world)
    except ShipshapeError as error:
        return f"The way back failed too: {error.message} Look at Prometheus and run this again."
    return None


def _put(request: Request, content: bytes | None, access: Access, world: World) -> None:
    if content is None:
        world.folders.remove(request.path)
    else:
        world.files.write(request.path, content, access)


def _reload(request: Request, is_right: Callable[[list[str]], bool], world: World) -> None:
    """Have Prometheus read its rules, and return once it goes by the right ones."""
    # It answers to the signal in its log alone, and goes on with the old rules if it does not like another file.
    world.commands.run(["systemctl", "reload", request.unit], timeout=60).succeeded("Having Prometheus read its rules")
    deadline = world.clock() + request.timeout
    while True:
        read = _groups(request, world)
        if read is not None and is_right(read):
            return
        if world.clock() > deadline:
            raise CommandError(
                f"Prometheus does not go by {request.path} after {request.timeout:g} seconds: look with `journalctl -u "
                f"{request.unit}` for what it says, and whether its configuration names {request.directory}/*.yml."
            )
        world.pause(0.2)
