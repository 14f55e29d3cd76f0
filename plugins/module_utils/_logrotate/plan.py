# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What files the rules are to be, and what that changes. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.language import overlap, patterns
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.owners import (
    Logs,
    owner_of,
    problems_of_owners,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import (
    HEADER,
    Rule,
    is_looked_at_hourly,
    text_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.timer import DROP_IN
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.verdict import duplicated
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

# logrotate refuses what others than root can write to, and what it does is no secret.
ACCESS = Access(owner="root", group="root", mode=0o644)


@dataclass(frozen=True)
class Request:
    """What the user asked for, and where a host has it."""

    rules: Sequence[Rule]
    main: str = "/etc/logrotate.conf"
    directory: str = "/etc/logrotate.d"
    timer: str = "/etc/systemd/system/logrotate.timer.d"

    @property
    def drop_in(self) -> str:
        """What has logrotate look each hour."""
        return f"{self.timer}/shipshape.conf"

    def path(self, name: str) -> str:
        """The file of a rule."""
        return f"{self.directory}/{name}"


@dataclass(frozen=True)
class Present:
    """What is there."""

    main: FileState | None
    # The files of the rules that are asked for, and what is in all files of the directory.
    files: Mapping[str, FileState | None]
    texts: Mapping[str, str]
    # Of each rule that is wanted.
    logs: Mapping[str, Logs]
    drop_in: FileState | None
    has_systemd: bool
    # Only looked at where the file of the timer is there.
    is_hourly: bool


@dataclass(frozen=True)
class Plan:
    """What each file is to hold, by its path; None where there is to be none."""

    texts: Mapping[str, str | None]
    changes: Mapping[str, str | None]
    loads_timer: bool
    is_hourly: bool
    diff: Sequence[Diff]

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.changes) or self.loads_timer


def plan_rules(request: Request, present: Present) -> Plan:
    """What to do so that these rules are there as declared."""
    texts = {rule.name: _wanted(rule, present) for rule in request.rules}
    after = {name: text for name, text in {**present.texts, **texts}.items() if text is not None}
    is_hourly = present.has_systemd and any(map(is_looked_at_hourly, after.values()))
    files = {request.path(name): (present.files[name], text) for name, text in texts.items()}
    files[request.drop_in] = (present.drop_in, DROP_IN if is_hourly else None)
    changes = {path: text for path, (file, text) in files.items() if not _is_as_wanted(file, text)}
    return Plan(
        texts=texts,
        changes=changes,
        loads_timer=request.drop_in in changes or (is_hourly and not present.is_hourly),
        is_hourly=is_hourly,
        diff=[Diff(_shown(files[path][0]), text or "", path) for path, text in changes.items()],
    )


def _wanted(rule: Rule, present: Present) -> str | None:
    return text_of(rule, owner_of(rule, present.logs[rule.name])) if rule.is_wanted else None


def _is_as_wanted(file: FileState | None, text: str | None) -> bool:
    if file is None or text is None:
        return file is None and text is None
    return file.content == text.encode() and file.allows(ACCESS)


def _shown(file: FileState | None) -> str:
    return "" if file is None else file.content.decode("utf-8", "replace")


def problems_on_the_host(request: Request, present: Present, plan: Plan) -> list[str]:
    """What speaks against the rules on this host, before logrotate is asked."""
    return [
        *_foreign(request, present, plan),
        *_without_timer(request, present),
        *(
            problem
            for number, rule in enumerate(request.rules)
            if rule.is_wanted
            for problem in problems_of_owners(f"rules[{number}]", rule, present.logs[rule.name])
        ),
        *_duplicates(request, present, plan),
    ]


def _foreign(request: Request, present: Present, plan: Plan) -> Iterator[str]:
    """What has the file of a rule and is not of this collection, unless it says the same."""
    for name, file in present.files.items():
        said, wanted = _shown(file), plan.texts[name] or ""
        is_own = said.startswith(HEADER) or said.split() == wanted[len(HEADER) :].split()
        if file and not is_own:
            yield f"{request.path(name)} is there already and not of this collection: choose another name, or move it."


def _without_timer(request: Request, present: Present) -> Iterator[str]:
    for number, rule in enumerate(request.rules):
        if rule.is_wanted and rule.frequency == "hourly" and not present.has_systemd:
            yield f"rules[{number}].frequency: without systemd, logrotate looks once a day: daily is the most often."


def _duplicates(request: Request, present: Present, plan: Plan) -> Iterator[str]:
    """The logs for which two files have the same pattern, of which logrotate says nothing before there are some."""
    after = {name: text for name, text in {**present.texts, **plan.texts}.items() if text is not None}
    own = [rule for rule in request.rules if rule.is_wanted]
    for number, rule in enumerate(own):
        # Of two own ones, the first tells.
        done = {one.name for one in own[: number + 1]}
        for name in sorted(set(after) - done):
            there = patterns(after[name])
            for path in rule.paths or []:
                if any(overlap(path, one) for one in there):
                    yield duplicated(path, [request.path(rule.name), request.path(name)])


def unmatched(request: Request, present: Present) -> list[str]:
    """A warning for each rule that has no log yet."""
    return [
        f"rules[{number}]: no log is at {' or '.join(rule.paths or [])} yet."
        for number, rule in enumerate(request.rules)
        if rule.is_wanted and not present.logs[rule.name].files
    ]
