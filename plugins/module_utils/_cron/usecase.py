# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have exactly these jobs as they are declared, or all as they were. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.jobs import PROGRAM, Job, read_jobs
from ansible_collections.shipshape.webapp.plugins.module_utils._cron.plan import (
    CRON,
    DEFINITIONS,
    Change,
    files_of,
    foreign_files,
    plan_jobs,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    FileState,
    Folders,
    Locks,
    Paths,
)


@dataclass(frozen=True)
class Host:
    """All that the use case reaches of a host."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    paths: Paths


def ensure_jobs(given: Sequence[Mapping[str, Any]], program: bytes, host: Host, *, check_mode: bool) -> Result:
    """Bring cron to run these jobs by this program; jobs that are not named stay as they are."""
    jobs = read_jobs(given)
    missing = _missing(jobs, host)
    if missing and not check_mode:
        raise InvalidInput("cron_jobs", missing)
    with host.locks.hold_directory(CRON, wait=60):
        present = {path: host.files.read(path) for path in files_of(jobs)}
        changes = plan_jobs(jobs, program, present)
        if changes and not check_mode:
            _carry_out(changes, host)
    changed = {change.job for change in changes}
    return Result(
        changed=bool(changes),
        data={
            "jobs": [
                {"name": job.name, "state": "present" if job.is_wanted else "absent", "changed": job.name in changed}
                for job in jobs
            ]
        },
        diffs=[change.diff for change in changes],
        warnings=[*missing, *(f"{path} is not this module's and stays." for path in foreign_files(jobs, present))],
    )


def _missing(jobs: Sequence[Job], host: Host) -> list[str]:
    """What the jobs need and a check may come before."""
    missing = []
    if host.paths.facts(CRON) is None:
        missing.append(f"There is no {CRON} on this host: install cron first.")
    users = sorted({job.user for job in jobs if job.user})
    if users:
        known = host.commands.run(["getent", "passwd", *users]).stdout.splitlines()
        missing += [
            f"There is no user {user} on this host: create it first."
            for user in users
            if user not in [line.split(":")[0] for line in known]
        ]
    return missing


def _carry_out(changes: Sequence[Change], host: Host) -> None:
    for directory, mode in ((posixpath.dirname(DEFINITIONS), 0o755), (DEFINITIONS, 0o700)):
        host.folders.prepare(directory, mode=mode)
    host.folders.prepare(posixpath.dirname(PROGRAM), mode=0o755)
    undo = ExitStack()
    try:
        for change in changes:
            undo.callback(_put, host, change.path, change.before)
            _put(host, change.path, None if change.content is None else change)
    except BaseException as error:
        trouble = _undone(undo)
        if isinstance(error, ShipshapeError):
            error.add(f"The way back failed too: {trouble}" if trouble else "All jobs are as they were before.")
        raise


def _undone(undo: ExitStack) -> str | None:
    try:
        undo.close()
    except ShipshapeError as trouble:
        return trouble.message
    return None


def _put(host: Host, path: str, wanted: Change | FileState | None) -> None:
    """Have the file so, unless it is: on a full disk, what was never changed could not be written again."""
    present = host.files.read(path)
    if wanted is None:
        host.folders.remove(path)
    elif present is None or present.content != wanted.content or not present.allows(wanted.access):
        host.files.write(path, wanted.content or b"", wanted.access)
