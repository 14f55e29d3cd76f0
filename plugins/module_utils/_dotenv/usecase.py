# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one environment file to what its schema and values say. This module is private to the collection."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.plan import Plan, plan_environment
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import parse_schema
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import parse
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Files, FileState, Locks

# Enough to tell two contents apart, and too little to find out a secret from.
_FINGERPRINT = 8


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    path: str
    schema: Mapping[str, object]
    values: Mapping[str, object]
    unknown: str
    access: Access
    return_secrets: bool
    is_result_hidden: bool


def ensure_environment(
    request: Request, *, files: Files, locks: Locks, random: Callable[[int], bytes], check_mode: bool
) -> Result:
    """Write the file unless it is already exactly as wanted."""
    _refuse_unsafe(request)
    fields = parse_schema(request.schema)
    # Held over reading and writing, so that two runs at once do not each make a secret of their own.
    with locks.hold_directory(posixpath.dirname(request.path), wait=30):
        present = files.read(request.path)
        plan = plan_environment(
            fields=fields,
            values=request.values,
            present=parse(_decoded(request.path, present.content if present else b"")),
            unknown=request.unknown,
            random=random,
            subject=request.path,
        )
        content = plan.content.encode()
        is_as_wanted = present is not None and present.content == content and present.allows(request.access)
        if not is_as_wanted and not check_mode:
            files.write(request.path, content, request.access)
    data: dict[str, object] = {
        "path": request.path,
        "fingerprint": hashlib.sha256(content).hexdigest()[:_FINGERPRINT],
        "changes": plan.changes,
        "dropped": list(plan.dropped),
        "generated": sorted(plan.generated),
    }
    if request.return_secrets:
        data["secrets"] = plan.shareable
    return Result(changed=not is_as_wanted, data=data, diff=_diff(request, present, plan, is_as_wanted))


def _refuse_unsafe(request: Request) -> None:
    if not posixpath.isabs(request.path):
        raise InvalidInput(request.path, ["path is not absolute: which file it names depends on who runs the module."])
    if request.return_secrets and not request.is_result_hidden:
        raise InvalidInput(request.path, ["return_secrets needs no_log: true on the task, or all would see them."])


def _diff(request: Request, present: FileState | None, plan: Plan, is_as_wanted: bool) -> Diff:
    before, after = plan.shown()
    if present is None:
        after = request.access.heading() + after
    else:
        before = present.access.heading() + before
        after = present.access_after(request.access).heading() + after
    if before == after and not is_as_wanted:
        before += "# in another order, with other quotes or other comments\n"
    return Diff(before=before, after=after, path=request.path)


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 text at byte {error.start}: repair or remove it.", path=path) from None
