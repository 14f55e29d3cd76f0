# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files jobs need, and what of that is not yet so. This module is private to the collection."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.jobs import HEADER, PROGRAM, Job
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

CRON = "/etc/cron.d"
DEFINITIONS = "/etc/shipshape/jobs"
METRICS = "/var/lib/shipshape/metrics"


@dataclass(frozen=True)
class Change:
    """A file as it is, and as it is to be."""

    path: str
    before: FileState | None
    content: bytes | None
    access: Access
    job: str | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the file is not yet so."""
        if self.before is None or self.content is None:
            return self.before is not None or self.content is not None
        return self.before.content != self.content or not self.before.allows(self.access)

    @property
    def diff(self) -> Diff:
        """Both for people; of the program no more than which one it is."""
        before = self.before.access.heading() + self._shown(self.before.content) if self.before else ""
        after = "" if self.content is None else self.access.heading() + self._shown(self.content)
        return Diff(before, after, self.path)

    def _shown(self, content: bytes) -> str:
        if self.path == PROGRAM:
            return f"the program that runs jobs, {hashlib.sha256(content).hexdigest()[:12]}\n"
        return content.decode(errors="replace")


def files_of(jobs: Sequence[Job]) -> list[str]:
    """All files that say anything of these jobs."""
    return [PROGRAM, *(path for job in jobs for path in (_cron_file(job), _definition_file(job), _metrics_file(job)))]


def plan_jobs(jobs: Sequence[Job], program: bytes, present: Mapping[str, FileState | None]) -> list[Change]:
    """What to change, in an order in which cron never starts what is not there."""
    foreign = [path for path in map(_cron_file, jobs) if _is_foreign(present[path])]
    taken = [_cron_file(job) for job in jobs if job.is_wanted and _cron_file(job) in foreign]
    if taken:
        raise InvalidInput(
            "cron_jobs",
            [f"{path} was not written by this module: move it away, or name the job otherwise." for path in taken],
        )
    changes = [
        Change(path, present[path], content if content is None else content.encode(), access, job)
        for path, content, access, job in _wanted(jobs)
        if path not in foreign
    ]
    if any(job.is_wanted for job in jobs):
        changes.insert(0, Change(PROGRAM, present[PROGRAM], program, Access("root", "root", 0o755)))
    return [change for change in changes if change.is_needed]


def foreign_files(jobs: Sequence[Job], present: Mapping[str, FileState | None]) -> list[str]:
    """The files of others that have the name of a job; where the job is wanted, plan_jobs has refused it."""
    return [_cron_file(job) for job in jobs if _is_foreign(present[_cron_file(job)])]


def _wanted(jobs: Sequence[Job]) -> Iterator[tuple[str, str | None, Access, str]]:
    private, public = Access("root", "root", 0o600), Access("root", "root", 0o644)
    for job in jobs:
        if job.is_wanted:
            yield _definition_file(job), job.definition, private, job.name
            yield _cron_file(job), job.line, public, job.name
        else:
            yield _cron_file(job), None, public, job.name
            yield _definition_file(job), None, private, job.name
            yield _metrics_file(job), None, public, job.name


def _is_foreign(file: FileState | None) -> bool:
    return file is not None and not file.content.startswith(HEADER.encode())


def _cron_file(job: Job) -> str:
    return f"{CRON}/{job.name}"


def _definition_file(job: Job) -> str:
    return f"{DEFINITIONS}/{job.name}.json"


def _metrics_file(job: Job) -> str:
    return f"{METRICS}/job_{job.name}.prom"
